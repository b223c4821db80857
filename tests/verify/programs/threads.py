import functools
from concurrent.futures import ThreadPoolExecutor

import openai

openai.api_key = "sk-threads"


def ask(text, temperature):
    reply = openai.ChatCompletion.create(
        model="gpt-4", messages=[{"role": "user", "content": text}], temperature=temperature
    )
    return reply["choices"][0]["message"]["content"]


with ThreadPoolExecutor(3) as pool:
    for answer in pool.map(functools.partial(ask, temperature=0), ["a", "b", "c", "d"]):
        print(answer)
