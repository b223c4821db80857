"""Programs that ran on older releases and fail on newer ones: mostly on openai 3, beside httpx."""

from __future__ import annotations

import sdk_envs
from pitfall import ASK, Pitfall

OLDER = ("1.109.1", "2.54.0")
THREE = (sdk_envs.BOTH_HTTPX,)
HTTPX = "import httpx\nimport openai\n\n"
MOCK = """

def answer(request):
    return {0}.Response(200, json={{"choices": []}})


http = openai.DefaultHttpxClient(transport={0}.MockTransport(answer))
client = openai.OpenAI(http_client=http, max_retries=0)
print(client.chat.completions.create(model="m", messages=[]).choices)
"""
READ = """client = openai.OpenAI(timeout=0.3, max_retries=0)
stream = client.chat.completions.create(model="{}", messages=[], stream=True)
try:
    for chunk in stream:
        pass
except {}:
    print("caught")
"""


def upgrade(
    name: str,
    code: str,
    bad: str,
    good: str = "fix",
    raised: str = "TypeError",
    printed: str = "",
    *,
    both: bool = True,
) -> Pitfall:
    """A mistake in openai 3 alone; with `both`, the answer is one for the older versions too."""
    return Pitfall(name, code, bad, good, raised, printed=printed, sdks=THREE, well=OLDER if both else (), target=3)


UPGRADES = [
    upgrade(
        "a timeout of another library",
        "OAI801",
        f"{HTTPX}http = openai.DefaultHttpxClient(timeout=httpx.Timeout(60, connect=5))\n"
        f"client = openai.OpenAI(http_client=http)\nprint({ASK}.choices[0].message.content)\n",
    ),
    upgrade(
        "a timeout of another library in a client of that",
        "OAI801",
        f"{HTTPX}http = httpx.Client(timeout=openai.Timeout(60, connect=5))\n"
        f"client = openai.OpenAI(http_client=http)\nprint({ASK}.choices[0].message.content)\n",
    ),
    upgrade(
        "a timeout of another library in an asynchronous client",
        "OAI801",
        f"import asyncio\n{HTTPX}http = openai.DefaultAsyncHttpxClient(timeout=httpx.Timeout(60, connect=5))\n"
        "client = openai.AsyncOpenAI(http_client=http)\n\n\n"
        f"async def main():\n    print((await {ASK}).choices[0].message.content)\n\n\nasyncio.run(main())\n",
    ),
    upgrade(
        "an address of another library",
        "OAI801",
        f"import os\n{HTTPX}address = httpx.URL(os.environ['OPENAI_BASE_URL'])\n"
        f"client = openai.OpenAI(base_url=address)\nprint({ASK}.choices[0].message.content)\n",
    ),
    upgrade(
        "a transport of another library",
        "OAI801",
        f"{HTTPX}{MOCK.format('httpx')}",
        f"import httpx2\nimport openai\n{MOCK.format('httpx2')}",
        "AssertionError",
        both=False,
    ),
    upgrade(
        "a stream that falls silent",
        "OAI802",
        HTTPX + READ.format("silent", "httpx.ReadTimeout"),
        raised="APITimeoutError",
    ),
    upgrade(
        "a stream that breaks off",
        "OAI802",
        HTTPX + READ.format("gone", "(httpx.RemoteProtocolError, httpx.ReadError)"),
        raised="APIConnectionError",
    ),
    upgrade(
        "a stream that breaks off, or falls silent",
        "OAI802",
        HTTPX + READ.format("silent", "httpx.TransportError"),
        raised="APITimeoutError",
    ),
    upgrade(
        "a logger that nothing writes to",
        "OAI803",
        f"""import logging
import sys
import openai

root = logging.getLogger()
root.handlers, root.level = [logging.StreamHandler(sys.stdout)], logging.INFO
logging.getLogger("httpx").setLevel(logging.WARNING)
client = openai.OpenAI()
{ASK}
print("quiet")
""",
        raised="",
        printed="quiet\n",
    ),
    Pitfall(
        "vector stores are no longer in beta",
        "OAI804",
        "from openai import OpenAI\n\nprint(OpenAI().beta.vector_stores.file_batches.create)\n",
        "fix",
        "AttributeError",
    ),
    Pitfall(
        "types of vector stores are no longer in beta",
        "OAI804",
        "from openai.types.beta import VectorStore, VectorStoreDeleted\n\nprint(VectorStore, VectorStoreDeleted)\n",
        "fix",
        "ImportError",
    ),
]
