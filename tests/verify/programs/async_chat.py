import asyncio

import openai

openai.api_key = "sk-async"


async def ask(text):
    response = await openai.ChatCompletion.acreate(model="gpt-4", messages=[{"role": "user", "content": text}])
    return response["choices"][0]["message"]["content"]


async def main():
    print(await ask("first"))
    print(await ask("second"))
    embedding = await openai.Embedding.acreate(model="text-embedding-ada-002", input=["async"])
    print(embedding["data"][0]["embedding"][0])
    moderation = await openai.Moderation.acreate("fine")
    print(moderation["results"][0]["flagged"])


asyncio.run(main())
