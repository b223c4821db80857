# reply: {"contains": "flaky", "times": 2, "status": 429, "error": "slow down"}
# reply: {"contains": "broken", "status": 500, "error": "broken"}
import functools
import time

import openai

openai.api_key = "sk-retry"
RETRIED = (openai.error.RateLimitError, openai.error.APIError, openai.error.Timeout, openai.error.ServiceUnavailableError)


def retry(attempts=3, delay=0.01, errors=RETRIED):
    def wrap(func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            for attempt in range(attempts):
                try:
                    return func(*args, **kwargs)
                except errors:
                    print("attempt", attempt + 1, "failed")
                    time.sleep(delay)
            raise RuntimeError("gave up")

        return wrapper

    return wrap


@retry(attempts=4)
def chat(**kwargs):
    return openai.ChatCompletion.create(**kwargs)


def ask(text):
    return chat(model="gpt-4", messages=[{"role": "user", "content": text}])["choices"][0]["message"]["content"]


print(ask("fine"))
print(ask("flaky"))
try:
    print(ask("broken"))
except RuntimeError as error:
    print(error)
