import asyncio
import functools

import openai

openai.api_key = "sk-executor"


async def complete(prompt):
    loop = asyncio.get_running_loop()
    call = functools.partial(openai.Completion.create, model="davinci", prompt=prompt, request_timeout=10)
    response = await loop.run_in_executor(None, call)
    return response["choices"][0]["text"]


async def main():
    print(await complete("one"))
    result = await asyncio.get_running_loop().run_in_executor(
        None, lambda: openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": "two"}])
    )
    print(result["choices"][0]["message"]["content"])


asyncio.run(main())
