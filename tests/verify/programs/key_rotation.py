import itertools

import openai

KEYS = itertools.cycle(["sk-first", "sk-second", "sk-third"])


def ask(text):
    openai.api_key = next(KEYS)
    reply = openai.ChatCompletion.create(model="gpt-3.5-turbo", messages=[{"role": "user", "content": text}])
    return reply["choices"][0]["message"]["content"]


for i in range(4):
    print(ask(f"question {i}"))
