# differs: two clauses, 503 and other failures, become one
# reply: {"model": "m429", "status": 429, "error": "slow down"}
# reply: {"model": "m500", "status": 500, "error": "broken"}
# reply: {"model": "m503", "status": 503, "error": "overloaded"}
# reply: {"model": "m400", "status": 400, "error": "wrong"}
import openai

openai.api_key = "sk-order"


def outcome(model):
    try:
        openai.Completion.create(model=model, prompt="p", request_timeout=0.5)
        return "fine"
    except openai.error.APIError:
        return "api error"
    except openai.error.APIConnectionError:
        return "connection"
    except openai.error.Timeout:
        return "timeout"
    except openai.error.RateLimitError:
        return "rate limit"
    except openai.error.ServiceUnavailableError:
        return "unavailable"
    except openai.error.OpenAIError:
        return "other"


for model in ("ok", "m429", "m500", "m503", "m400"):
    print(model, outcome(model))
