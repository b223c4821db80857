# reply: {"model": "m429", "status": 429, "error": "slow down"}
# reply: {"model": "m404", "status": 404, "error": "no such model"}
# reply: {"model": "m401", "status": 401, "error": "bad key"}
import openai
import openai.error
from openai.error import InvalidRequestError, OpenAIError, RateLimitError as Limit

openai.api_key = "sk-imported"
FATAL = (openai.error.AuthenticationError, InvalidRequestError)


def outcome(model):
    try:
        return openai.Embedding.create(model=model, input="x")["data"][0]["object"]
    except Limit as e:
        return f"limit {isinstance(e, OpenAIError)} {isinstance(e, InvalidRequestError)}"
    except FATAL as e:
        return "fatal" if isinstance(e, openai.error.AuthenticationError) else "wrong"


for model in ("ok", "m429", "m404", "m401"):
    print(model, outcome(model))
