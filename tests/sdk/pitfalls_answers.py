"""Programs with mistakes about clients, requests, answers and streams (OAI2xx to OAI4xx).

What stands in `good` is what the page recommends, without the mistake.
"""

from __future__ import annotations

from pitfall import ASK, AZURE, GATEWAY, GUARD, LIMITS, ROUTER, SHOW, STREAM, SYNC, TIMEOUT, USAGE, Pitfall

ANSWERS = [
    Pitfall(
        "an argument of older clients",
        "OAI202",
        "import openai\n\nopenai.OpenAI(proxies='http://127.0.0.1:9')\n",
        "fix",
        "TypeError",
    ),
    Pitfall(
        "no limit at all",
        "OAI203",
        TIMEOUT.format("timeout=None, "),
        TIMEOUT.format(""),
        printed="True\n",
    ),
    Pitfall(
        "a client for each question",
        "OAI204",
        f"from openai import OpenAI\n\nfor n in range(3):\n    client = OpenAI()\n    {ASK}\n",
        f"{SYNC}for n in range(3):\n    {ASK}\n",
        connections=3,
    ),
    Pitfall(
        "a base address without a slash",
        "OAI205",
        "import openai\n\nopenai.base_url = 'http://127.0.0.1:9/v1'\nprint(openai.models._client._prepare_url('models'))\n",
        "fix",
        printed="http://127.0.0.1:9/v1/models\n",
    ),
    Pitfall(
        "two addresses of Azure",
        "OAI206",
        "import os\nfrom openai import AzureOpenAI\n\n"
        "AzureOpenAI(azure_endpoint=os.environ['SERVER'], base_url=f'https://{1}.example/')\n",
        "import os\nfrom openai import AzureOpenAI\n\nAzureOpenAI(azure_endpoint=os.environ['SERVER'])\n",
        "ValueError",
    ),
    Pitfall(
        "an HTTP client without the SDK's defaults",
        "OAI207",
        "import httpx\nfrom openai import OpenAI\n\nclient = OpenAI(http_client=httpx.Client())\n" + LIMITS,
        "import openai\n\nclient = openai.OpenAI(http_client=openai.DefaultHttpxClient())\n" + LIMITS,
        printed="1000 True\n",
        sdks=("1.109.1", "2.54.0"),  # openai 3 comes without httpx
    ),
    Pitfall(
        "no key when the module is imported",
        "OAI210",
        "import os\nfrom openai import OpenAI\n\nos.environ.pop('OPENAI_API_KEY')\nclient = OpenAI()\n",
        "import os\nfrom openai import OpenAI\n\nos.environ.pop('OPENAI_API_KEY')\n\n\n"
        "def get_client():\n    return OpenAI()\n",
        "OpenAIError",
    ),
    Pitfall(
        "an answer without choices",
        "OAI301",
        f"{SYNC}reply = {GATEWAY}\nprint(reply.choices[0])\n",
        f"{SYNC}reply = {GATEWAY}\nif reply.choices:\n    print(reply.choices[0])\n",
        "TypeError",
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
        "an argument that is misspelt", "OAI306", f"{SYNC}{ASK.replace('messages', 'mesages')}\n", "fix", "TypeError"
    ),
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
        "a gateway that answers 200 without choices",
        "OAI316",
        f"{ROUTER}reply = {GATEWAY}\nprint(reply.choices[0])\n",
        f"{ROUTER}reply = {GATEWAY}\nif reply.choices:\n    print(reply.choices[0])\n",
        "TypeError",
    ),
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
]
