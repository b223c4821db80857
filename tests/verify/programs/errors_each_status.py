# differs: two clauses, 503 and other failures, become one
# reply: {"model": "m400", "status": 400, "error": {"message": "too long", "code": "context_length_exceeded", "param": "messages"}}
# reply: {"model": "m401", "status": 401, "error": {"message": "bad key", "code": "invalid_api_key"}}
# reply: {"model": "m403", "status": 403, "error": "not allowed"}
# reply: {"model": "m404", "status": 404, "error": {"message": "no such model", "code": "model_not_found"}}
# reply: {"model": "m429", "status": 429, "error": {"message": "slow down", "type": "requests"}}
# reply: {"model": "m500", "status": 500, "error": "broken"}
# reply: {"model": "m502", "status": 502, "error": "bad gateway"}
# reply: {"model": "m503", "status": 503, "error": "overloaded"}
import openai

openai.api_key = "sk-errors"


def outcome(model):
    try:
        response = openai.ChatCompletion.create(model=model, messages=[{"role": "user", "content": "hi"}])
        return response["choices"][0]["message"]["content"]
    except openai.error.InvalidRequestError:
        return "invalid request"
    except openai.error.AuthenticationError:
        return "authentication"
    except openai.error.PermissionError:
        return "permission"
    except openai.error.RateLimitError:
        return "rate limit"
    except openai.error.ServiceUnavailableError:
        return "unavailable"
    except openai.error.APIError:
        return "api error"


for status in ("m200", "m400", "m401", "m403", "m404", "m429", "m500", "m502", "m503"):
    print(status, outcome(status))
