# reply: {"model": "gone", "drop": true}
# reply: {"model": "late", "delay": 1.2}
import openai

openai.api_key = "sk-network"


def outcome(model):
    try:
        openai.ChatCompletion.create(model=model, messages=[{"role": "user", "content": "x"}], request_timeout=0.4)
    except openai.error.Timeout:
        return "too late"
    except openai.error.APIConnectionError:
        return "no connection"
    return "fine"


for model in ("ok", "gone", "late"):
    print(model, outcome(model))
