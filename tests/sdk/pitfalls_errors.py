"""Programs with mistakes about errors, concurrency and what is recorded (OAI5xx to OAI9xx).

What stands in `good` is what the page recommends, without the mistake.
"""

from __future__ import annotations

from pitfall import ASK, ASYNC, BROKEN, ONCE, RETRY, RUN, STREAM, SYNC, TICKS, TOO_LONG, Pitfall

ERRORS = [
    Pitfall(
        "a clause that another one hides",
        "OAI501",
        "import openai\n\ntry:\n"
        "    openai.OpenAI(timeout=0.01, max_retries=0).chat.completions.create(model='m', messages=[])\n"
        "except openai.APIConnectionError:\n    print('gone')\nexcept openai.APITimeoutError:\n    print('slow')\n",
        "fix",
        printed="slow\n",
    ),
    Pitfall(
        "an error class that is not there",
        "OAI502",
        "import openai\n\ntry:\n    openai.chat.completions.create(model='too-long', messages=[])\n"
        "except openai.TimeoutError:\n    pass\nexcept openai.BadRequestError:\n    pass\n",
        "fix",
        "AttributeError",
    ),
    Pitfall(
        "retries of a decorator on top of those of the client",
        "OAI503",
        f"{RETRY}{SYNC}\n\n@retry(stop=stop_after_attempt(2))\ndef ask():\n    return {BROKEN}\n\n\n"
        "try:\n    ask()\nexcept openai.InternalServerError:\n    pass\n",
        "fix",
        paths=6,
    ),
    Pitfall(
        "the text of an error says less than its code",
        "OAI504",
        f"import openai\n\ntry:\n    openai.{TOO_LONG}\nexcept openai.BadRequestError as error:\n"
        "    print('context_length_exceeded' in str(error))\n",
        "fix",
        printed="True\n",
        sdks=("3",),  # from 3.38 on
    ),
    Pitfall(
        "a refusal comes back",
        "OAI505",
        f"""import time
import openai


def ask():
    for attempt in range(3):
        try:
            return openai.{TOO_LONG}
        except openai.BadRequestError:
            time.sleep(0)


ask()
""",
        f"""import openai


def ask():
    for attempt in range(3):
        try:
            return openai.{TOO_LONG}
        except openai.BadRequestError:
            return None


ask()
""",
        paths=3,
    ),
    Pitfall(
        "an outage and a bug look alike",
        "OAI507",
        f"{SYNC}\n\ndef ask():\n    try:\n        return {BROKEN}.choices\n"
        "    except Exception:\n        return None\n\n\nprint(ask())\n",
        f"import openai\n{SYNC}\n\ndef ask():\n    try:\n        return {BROKEN}.choices\n"
        "    except openai.APIError as error:\n        return type(error).__name__\n\n\nprint(ask())\n",
        printed="InternalServerError\n",
    ),
    Pitfall(
        "errors of another library",
        "OAI509",
        "import httpx\nimport openai\n\ntry:\n"
        "    openai.OpenAI(base_url='http://127.0.0.1:9', max_retries=0).models.list()\n"
        "except httpx.ConnectError:\n    print('caught')\n",
        "import openai\n\ntry:\n"
        "    openai.OpenAI(base_url='http://127.0.0.1:9', max_retries=0).models.list()\n"
        "except openai.APIConnectionError:\n    print('caught')\n",
        "APIConnectionError",
        sdks=("1.109.1", "2.54.0"),  # openai 3 comes without httpx
    ),
    Pitfall(
        "a request that is too long is refused each time",
        "OAI511",
        """import time
import openai


def ask():
    for attempt in range(3):
        try:
            return openai.chat.completions.create(model="too-long", messages=[])
        except openai.BadRequestError as error:
            if error.code == "context_length_exceeded":
                time.sleep(0)
                continue
            raise


ask()
""",
        """import openai


def ask():
    for attempt in range(3):
        try:
            return openai.chat.completions.create(model="too-long", messages=[])
        except openai.BadRequestError as error:
            if error.code == "context_length_exceeded":
                return None
            raise


ask()
""",
        paths=3,
    ),
    Pitfall(
        "a blocking call stops the loop",
        "OAI601",
        TICKS.format(client="OpenAI()", ask=ASK),
        TICKS.format(client="AsyncOpenAI()", ask=f"await {ASK}"),
        printed="True\n",
    ),
    Pitfall(
        "a coroutine has no choices",
        "OAI602",
        f"{ASYNC}\n\nasync def main():\n    print({ASK}.choices)\n\n\n{RUN}",
        "fix",
        "AttributeError",
    ),
    Pitfall(
        "a coroutine is no stream",
        "OAI603",
        f"{ASYNC}\n\nasync def main():\n    async for chunk in {STREAM}:\n        print(chunk.id)\n\n\n{RUN}",
        "fix",
        "TypeError",
    ),
    Pitfall(
        "an answer cannot be awaited",
        "OAI604",
        f"import asyncio\n{SYNC}\n\nasync def main():\n    print(await {ASK})\n\n\n{RUN}",
        "fix",
        "TypeError",
    ),
    Pitfall(
        "a sleep stops the loop",
        "OAI605",
        TICKS.format(client="AsyncOpenAI()", ask=f"await {ASK}\n    ticks.clear()\n    time.sleep(0.1)"),
        "fix",
        printed="True\n",
    ),
    Pitfall(
        "all at once",
        "OAI606",
        f"{ASYNC}\n\nasync def ask(n):\n    return await {ASK}\n\n\n"
        f"async def main():\n    await asyncio.gather(*[ask(n) for n in range(24)])\n\n\n{RUN}",
        f"{ASYNC}\n\nasync def ask(n, gate):\n    async with gate:\n        return await {ASK}\n\n\n"
        "async def main():\n    gate = asyncio.Semaphore(3)\n"
        f"    await asyncio.gather(*[ask(n, gate) for n in range(24)])\n\n\n{RUN}",
        most=4,
    ),
    Pitfall(
        "one client under two loops",
        "OAI607",
        ONCE + f"\n\nasync def ask():\n    return await {ASK}\n\n\nfor n in range(2):\n    asyncio.run(ask())\n",
        ONCE + f"\n\nasync def ask():\n    return await {ASK}\n\n\nasync def main():\n"
        f"    for n in range(2):\n        await ask()\n\n\n{RUN}",
        "APIConnectionError RuntimeError",
    ),
    Pitfall(
        "the id of an answer is not that of the request",
        "OAI901",
        f"{SYNC}reply = {ASK}\nrequest_id = reply.id\nprint(request_id)\n",
        "fix",
        printed="req_1\n",
    ),
    Pitfall(
        "the date of an answer is in whole seconds",
        "OAI902",
        f"import time\n{SYNC}reply = {ASK}\nprint(time.time() - reply.created, isinstance(reply.created, int))\n",
        f"import time\n{SYNC}start = time.monotonic()\nreply = {ASK}\nprint(time.monotonic() - start)\n",
    ),
]
