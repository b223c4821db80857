"""What a pitfall is, and the lines that programs with pitfalls share."""

from __future__ import annotations

from dataclasses import dataclass

import sdk_envs


@dataclass(frozen=True)
class Pitfall:
    """A program that `code` reports, and what happens: `raised`, `paths` asked for, `printed`, `most` at once …

    `good` is the same without the mistake; "fix" stands for what the rule's own fix makes of it. In the SDKs of `well`
    it is no mistake yet: there, too, what is recommended must do what the program did.
    """

    name: str
    code: str
    bad: str
    good: str
    raised: str = ""
    paths: int | str = 0
    printed: str = ""
    most: int = 0
    connections: int = 0
    sdks: tuple[str, ...] = sdk_envs.NEW
    well: tuple[str, ...] = ()
    target: int = 1


SYNC = "from openai import OpenAI\n\nclient = OpenAI()\n"
ASYNC = "import asyncio\nfrom openai import AsyncOpenAI\n\nclient = AsyncOpenAI()\n"
ONCE = ASYNC.replace("()", "(max_retries=0)")  # openai 1 and 2 repeat the request, and hide it
AZURE = "import os\nfrom openai import AzureOpenAI\n\nclient = AzureOpenAI(azure_endpoint=os.environ['SERVER'])\n"
STREAM = 'client.chat.completions.create(model="m", messages=[], stream=True)'
USAGE = STREAM.replace("stream=True", 'stream=True, stream_options={"include_usage": True}')
RUN = "asyncio.run(main())\n"
ASK = 'client.chat.completions.create(model="m", messages=[])'
GATEWAY = ASK.replace('"m"', '"gateway"')
BROKEN = ASK.replace('"m"', '"broken"')
TOO_LONG = ASK.replace('"m"', '"too-long"').removeprefix("client.")
ROUTER = """import os
from openai import OpenAI

client = OpenAI(base_url="https://openrouter.ai/api/v1")
client.base_url = os.environ["OPENAI_BASE_URL"]  # of the server that stands in for it
"""
TIMEOUT = """import openai

seen = []
http = openai.DefaultHttpxClient(event_hooks={{"request": [lambda request: seen.append(request.extensions)]}})
client = openai.OpenAI({}http_client=http)
client.chat.completions.create(model="m", messages=[])
print(seen[0]["timeout"]["read"] is not None)
"""
LIMITS = """pool = client._client._transport._pool
print(pool._max_connections, client._client.follow_redirects)
"""
RETRY = """import sys
import types


def again(stop):
    def decorate(function):
        def run():
            for _ in range(stop):
                try:
                    return function()
                except openai.InternalServerError as error:
                    last = error
            raise last

        return run

    return decorate


sys.modules["tenacity"] = types.SimpleNamespace(retry=again, stop_after_attempt=int)  # it is not installed here
import openai
from tenacity import retry, stop_after_attempt

"""
TICKS = """import asyncio
import time

from openai import AsyncOpenAI, OpenAI

client = {client}
ticks = []


async def tick():
    while True:
        ticks.append(1)
        await asyncio.sleep(0.005)


async def main():
    task = asyncio.create_task(tick())
    await asyncio.sleep(0)
    ticks.clear()
    {ask}
    print(len(ticks) > 3)
    task.cancel()


asyncio.run(main())
"""
SHOW = '    print(chunk.choices[0].delta.content or "")\n'
GUARD = "    if not chunk.choices:\n        continue\n"
