# differs: openai 3 wants a client for each event loop
import asyncio

import openai

openai.api_key = "sk-twice"


async def ask(text):
    response = await openai.ChatCompletion.acreate(model="gpt-4", messages=[{"role": "user", "content": text}])
    return response.choices[0].message.content


def answer(text):
    return asyncio.run(ask(text))


print(answer("one"))
print(answer("two"))
