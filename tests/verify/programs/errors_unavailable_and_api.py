# differs: two clauses, 503 and other failures, become one
# reply: {"model": "m500", "status": 500, "error": "broken"}
# reply: {"model": "m503", "status": 503, "error": "overloaded"}
# reply: {"model": "m422", "status": 422, "error": "unprocessable"}
# reply: {"model": "m400", "status": 400, "error": "wrong"}
import sys

import openai
from openai.error import APIError, InvalidRequestError, ServiceUnavailableError

openai.api_key = "sk-503"


def outcome(model):
    try:
        openai.ChatCompletion.create(model=model, messages=[{"role": "user", "content": "x"}])
    except ServiceUnavailableError:
        return "wait"
    except APIError as e:
        return f"failure {e.http_status}"
    except InvalidRequestError:
        return "mistake"
    return "fine"


for model in ("ok", "m500", "m503", "m422", "m400"):
    print(model, outcome(model))
sys.exit(3)
