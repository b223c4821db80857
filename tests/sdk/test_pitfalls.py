"""What rules about the modern SDK say happens, does happen: each program below is reported, and fails as its page says.

The programs run inside every SDK that the rule speaks of, against a server that answers as the API does. What stands in
`good` is what the page recommends: it is not reported, and does not fail.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sdk_envs

from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.engine import check_source, fix_source
from oaimigrate.source import Source

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Pitfall:
    """A program that `code` reports. What happens: `raised`, or `paths` asked for, or `printed`, or `most` at once.

    `good` is the same without the mistake; "fix" stands for what the rule's own fix makes of it.
    """

    name: str
    code: str
    bad: str
    good: str
    raised: str = ""
    paths: int | str = 0
    printed: str = ""
    most: int = 0
    sdks: tuple[str, ...] = sdk_envs.NEW


SYNC = "from openai import OpenAI\n\nclient = OpenAI()\n"
ASYNC = "import asyncio\nfrom openai import AsyncOpenAI\n\nclient = AsyncOpenAI()\n"
ONCE = ASYNC.replace("()", "(max_retries=0)")  # openai 1 and 2 repeat the request, and hide it
AZURE = "import os\nfrom openai import AzureOpenAI\n\nclient = AzureOpenAI(azure_endpoint=os.environ['SERVER'])\n"
STREAM = 'client.chat.completions.create(model="m", messages=[], stream=True)'
USAGE = STREAM.replace("stream=True", 'stream=True, stream_options={"include_usage": True}')
RUN = "asyncio.run(main())\n"
ASK = 'client.chat.completions.create(model="m", messages=[])'
SHOW = '    print(chunk.choices[0].delta.content or "")\n'
GUARD = "    if not chunk.choices:\n        continue\n"

PITFALLS = [
    Pitfall("the last chunk has only usage", "OAI401", f"{SYNC}for chunk in {USAGE}:\n{SHOW}", "fix", "IndexError"),
    Pitfall(
        "the first chunk of Azure has no choices",
        "OAI401",
        f"{AZURE}for chunk in {STREAM}:\n{SHOW}",
        "fix",
        "IndexError",
    ),
    Pitfall(
        "the last content is None",
        "OAI402",
        f'{SYNC}text = ""\nfor chunk in {STREAM}:\n    text += chunk.choices[0].delta.content\n',
        "fix",
        "TypeError",
    ),
    Pitfall(
        "None among the parts",
        "OAI402",
        f'{SYNC}print("".join(chunk.choices[0].delta.content for chunk in {STREAM}))\n',
        "fix",
        "TypeError",
    ),
    Pitfall(
        "a chunk has no message",
        "OAI403",
        f"{SYNC}for chunk in {STREAM}:\n    print(chunk.choices[0].message)\n",
        "fix",
        "AttributeError",
    ),
    Pitfall(
        "usage that nobody asked for",
        "OAI404",
        f"{SYNC}for chunk in {STREAM}:\n    if chunk.usage:\n        print(chunk.usage.total_tokens)\n",
        f"{SYNC}for chunk in {USAGE}:\n    if chunk.usage:\n        print(chunk.usage.total_tokens)\n",
        printed="3\n",
    ),
    Pitfall(
        "usage that is skipped",
        "OAI404",
        f"{SYNC}for chunk in {USAGE}:\n{GUARD}    if chunk.usage:\n        print(chunk.usage.total_tokens)\n",
        f"{SYNC}for chunk in {USAGE}:\n    if chunk.usage:\n        print(chunk.usage.total_tokens)\n{GUARD}",
        printed="3\n",
    ),
    Pitfall(
        "streams left early keep their connections",
        "OAI405",
        f"""import httpx
import openai

http = openai.DefaultHttpxClient(limits=httpx.Limits(max_connections=1))
client = openai.OpenAI(http_client=http, timeout=1, max_retries=0)


def first():
    for chunk in {STREAM.replace('"m"', '"long"')}:
        return chunk


print(first().id, first().id)
""",
        f"""import httpx
import openai

http = openai.DefaultHttpxClient(limits=httpx.Limits(max_connections=1))
client = openai.OpenAI(http_client=http, timeout=1, max_retries=0)


def first():
    with {STREAM.replace('"m"', '"long"')} as stream:
        for chunk in stream:
            return chunk


print(first().id, first().id)
""",
        "APITimeoutError",
        sdks=("1.109.1",),
    ),
    Pitfall(
        "content is None beside a call of a tool",
        "OAI302",
        f"{SYNC}reply = {ASK.replace('[]', '[], tools=[{}]')}\nprint(reply.choices[0].message.content.strip())\n",
        "fix",
        "AttributeError",
    ),
    Pitfall("a method of pydantic 1", "OAI303", f"{SYNC}print({ASK}.dict())\n", "fix", "PydanticDeprecatedSince20"),
    Pitfall(
        "an answer that was cut",
        "OAI310",
        """import json
from openai import OpenAI

reply = OpenAI().chat.completions.create(model="cut", messages=[])
print(json.loads(reply.choices[0].message.content))
""",
        """import json
from openai import OpenAI

reply = OpenAI().chat.completions.create(model="cut", messages=[])
if reply.choices[0].finish_reason == "stop":
    print(json.loads(reply.choices[0].message.content))
""",
        "JSONDecodeError",
    ),
    Pitfall(
        "the model refuses",
        "OAI315",
        """from openai import OpenAI
from pydantic import BaseModel


class Answer(BaseModel):
    text: str


reply = OpenAI().beta.chat.completions.parse(model="m", messages=[], response_format=Answer)
print(reply.choices[0].message.parsed.text)
""",
        """from openai import OpenAI
from pydantic import BaseModel


class Answer(BaseModel):
    text: str


reply = OpenAI().beta.chat.completions.parse(model="m", messages=[], response_format=Answer)
message = reply.choices[0].message
print(message.refusal if message.refusal else message.parsed.text)
""",
        "AttributeError",
    ),
    Pitfall(
        "an argument that is misspelt", "OAI306", f"{SYNC}{ASK.replace('messages', 'mesages')}\n", "fix", "TypeError"
    ),
    Pitfall(
        "an argument of older clients",
        "OAI202",
        "import openai\n\nopenai.OpenAI(proxies='http://127.0.0.1:9')\n",
        "fix",
        "TypeError",
    ),
    Pitfall(
        "a base address without a slash",
        "OAI205",
        "import openai\n\nopenai.base_url = 'http://127.0.0.1:9/v1'\nprint(openai.models._client._prepare_url('models'))\n",
        "fix",
        printed="http://127.0.0.1:9/v1/models\n",
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


@cache
def outcomes(sdk: str) -> dict[str, dict[str, Any]]:
    """What the programs did in one SDK, by name."""
    programs = {}
    for pitfall in PITFALLS:
        if sdk in pitfall.sdks:
            programs |= {f"bad {pitfall.name}": pitfall.bad, f"good {pitfall.name}": good(pitfall)}
    found: dict[str, dict[str, Any]] = sdk_envs.run(sdk, HERE / "in_pitfalls.py", json.dumps(programs))
    return found


def config(pitfall: Pitfall) -> Config:
    return Config(select=frozenset({pitfall.code}), target=1)


def good(pitfall: Pitfall) -> str:
    if pitfall.good != "fix":
        return pitfall.good
    return fix_source(Source.from_text(pitfall.bad, "app.py"), config(pitfall), safety=Safety.UNSAFE).text


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda p: f"{p.code} {p.name}")
def test_the_mistake_is_reported_and_its_answer_is_not(pitfall: Pitfall) -> None:
    found = check_source(Source.from_text(pitfall.bad, "app.py"), config(pitfall)).diagnostics
    assert {d.code for d in found} == {pitfall.code}
    assert not check_source(Source.from_text(good(pitfall), "app.py"), config(pitfall)).diagnostics


@pytest.mark.parametrize("sdk", sdk_envs.NEW)
@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda p: f"{p.code} {p.name}")
def test_the_mistake_does_what_its_page_says(pitfall: Pitfall, sdk: str) -> None:
    if sdk not in pitfall.sdks:
        pytest.skip("the rule speaks of other versions")
    bad, well = outcomes(sdk)[f"bad {pitfall.name}"], outcomes(sdk)[f"good {pitfall.name}"]
    assert bad["raised"] in (pitfall.raised.split() or [""]), bad
    if pitfall.raised and not pitfall.paths:
        assert well["raised"] == "", well
    if pitfall.paths:
        assert len(bad["paths"]) == pitfall.paths > len(well["paths"])
    if pitfall.printed:
        assert well["printed"] == pitfall.printed != bad["printed"]
    if pitfall.most:
        assert bad["most"] > pitfall.most > well["most"]
