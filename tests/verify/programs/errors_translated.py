# reply: {"contains": "forbidden", "status": 403, "error": "no"}
# reply: {"contains": "overload", "status": 503, "error": "busy"}
import openai

openai.api_key = "sk-translated"


class ServiceError(Exception):
    def __init__(self, status, retry):
        super().__init__(f"service error {status}")
        self.retry = retry


def ask(text):
    try:
        return openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": text}])
    except (openai.error.ServiceUnavailableError, openai.error.RateLimitError) as exc:
        raise ServiceError(exc.http_status, True) from exc
    except openai.error.PermissionError as exc:
        raise ServiceError(exc.http_status, False) from exc


for text in ("allowed", "forbidden", "overload"):
    try:
        print(ask(text).choices[0].message.content)
    except ServiceError as error:
        print(error, error.retry, type(error.__cause__).__name__ != "ServiceError")
