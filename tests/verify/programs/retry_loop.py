# reply: {"contains": "flaky", "times": 3, "status": 429, "headers": {"Retry-After": "0"}, "error": "slow down"}
import time

import openai

openai.api_key = "sk-loop"


def ask(messages, tries=5):
    wait = 0.01
    while True:
        try:
            return openai.ChatCompletion.create(model="gpt-3.5-turbo", messages=messages)
        except openai.error.RateLimitError as e:
            tries -= 1
            if not tries:
                raise
            print("limited", e.http_status, tries)
            time.sleep(wait)
            wait *= 2


print(ask([{"role": "user", "content": "flaky"}])["choices"][0]["message"]["content"])
