# reply: {"contains": "question 1", "status": 500, "error": "The server had an error"}
import asyncio

import openai

openai.api_key = "sk-gather"
semaphore = asyncio.Semaphore(2)


async def ask(text):
    async with semaphore:
        return await openai.ChatCompletion.acreate(
            model="gpt-3.5-turbo", messages=[{"role": "user", "content": text}], request_timeout=20
        )


async def main():
    results = await asyncio.gather(*(ask(f"question {i}") for i in range(4)), return_exceptions=True)
    for result in results:
        if isinstance(result, openai.error.OpenAIError):
            print("failed")
        else:
            print(result["choices"][0]["message"]["content"], result["usage"]["total_tokens"])


asyncio.run(main())
