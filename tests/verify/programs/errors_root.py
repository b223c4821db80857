# reply: {"model": "m429", "status": 429, "error": "slow down"}
# reply: {"model": "m418", "status": 418, "error": "teapot"}
import openai
from openai import error

openai.api_key = "sk-root"

for model in ("ok", "m429", "m418"):
    try:
        openai.ChatCompletion.create(model=model, messages=[{"role": "user", "content": "x"}])
    except error.OpenAIError:
        print(model, "failed")
    else:
        print(model, "worked")
    finally:
        print("next")
