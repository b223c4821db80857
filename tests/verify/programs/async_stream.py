import asyncio

import openai

openai.api_key = "sk-async-stream"


async def tokens(prompt):
    response = await openai.ChatCompletion.acreate(
        model="gpt-4", messages=[{"role": "user", "content": prompt}], stream=True
    )
    async for chunk in response:
        content = chunk["choices"][0]["delta"].get("content", "")
        if content:
            yield content


async def main():
    print([token async for token in tokens("stream to me")])
    async for event in await openai.Completion.acreate(model="davinci", prompt="go", stream=True):
        print(event["choices"][0]["text"], end="")
    print()


asyncio.run(main())
