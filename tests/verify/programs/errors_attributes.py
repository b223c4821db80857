# reply: {"model": "m400", "status": 400, "error": {"message": "too long", "code": "context_length_exceeded", "param": "messages"}}
# reply: {"model": "m404", "status": 404, "error": {"message": "no such model", "code": "model_not_found"}}
# reply: {"model": "m429", "status": 429, "headers": {"Retry-After": "1"}, "error": {"message": "slow down"}}
import openai

openai.api_key = "sk-error-attributes"
MESSAGES = [{"role": "user", "content": "x"}]

for model in ("m400", "m404"):
    try:
        openai.ChatCompletion.create(model=model, messages=MESSAGES)
    except openai.error.InvalidRequestError as e:
        print(e.http_status, e.code, e.param, e.json_body["error"]["message"], e.user_message)
try:
    openai.ChatCompletion.create(model="m429", messages=MESSAGES)
except openai.error.RateLimitError as e:
    print(e.http_status, e.headers.get("Retry-After"), e.error["message"], e.json_body["error"]["type"])
    print("slow" in str(e))
