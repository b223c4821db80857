"""The fixture projects: what is in `before` on 0.28.1 does the same as what is in `after` on the newer SDKs.

Each is driven by a few lines, as its users would; the driver stands in both folders and knows nothing of the SDK.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import proving
import pytest
from warm import Warm

from oaimigrate.verify import report, twins
from oaimigrate.verify.process import Command
from oaimigrate.verify.twins import Verdict

FIXTURES = Path(__file__).parents[2] / "fixtures"
KEY = "azure-key-0123456789abcdef"


@dataclass(frozen=True)
class Drive:
    """How a fixture is run: the lines of the driver, its arguments, what it reads, what is in its environment."""

    code: str
    arguments: tuple[str, ...] = ()
    stdin: str = ""
    env: tuple[tuple[str, str], ...] = ()
    replies: tuple[str, ...] = ()


def script(name: str) -> str:
    return f"import runpy\nrunpy.run_path({name!r}, run_name='__main__')\n"


AZURE = (("USE_AZURE", "1"), ("AZURE_OPENAI_ENDPOINT", "https://a.openai.azure.com"), ("AZURE_OPENAI_KEY", KEY))
LIMIT = '{"contains": "limit", "times": 1, "status": 429, "error": "slow down"}'
DRIVES = {
    "script": Drive(script("summarise.py"), ("notes.txt",)),
    "class-wrapper": Drive(script("run.py")),
    "settings-module": Drive(script("main.py")),
    "packages": Drive(script("run.py")),
    "settings-module on Azure": Drive(
        "from app.llm import ask_text\nprint(ask_text([{'role': 'user', 'content': 'Hello'}]))\n", env=AZURE
    ),
    "streaming-cli": Drive(script("chat.py"), ("--key", "sk-cli"), "Hello\nfails\nAnd again?\n"),
    "streaming-cli completing": Drive(script("chat.py"), ("--key", "sk-cli", "--complete", "Once upon a time")),
    "retry-wrapper": Drive(script("client.py"), replies=(LIMIT.replace("limit", "Hello"),)),
    "azure-service": Drive(
        "import llm, service, types\n"
        "texts = ['red shoes', 'a blue hat', 'green socks', 'a scarf']\n"
        "vectors = llm.embed(texts)\n"
        "print(vectors.shape, llm.nearest('a hat', texts, vectors, 2))\n"
        "for text in ('where is my hat?', 'limit'):\n"
        "    print(service.reply(types.SimpleNamespace(text=text), texts, vectors))\n",
        env=AZURE,
        replies=('{"path": "/chat/completions", ' + LIMIT[1:],),
    ),
    "async-worker": Drive(
        "import asyncio, worker\n"
        "batch = [{'text': 'my bill is wrong'}, {'text': 'it crashes'}, {'text': 'limit'}]\n"
        "async def main():\n"
        "    await worker.run_safely(batch)\n"
        "    print([(job['text'], job.get('label'), 'error' in job) for job in batch])\n"
        "    print(await worker.run(batch[:2]))\n"
        "asyncio.run(main())\n",
        replies=(LIMIT,),
    ),
    "flask-app": Drive(
        "import app\n"
        "client = app.app.test_client()\n"
        "for text in ('hello', 'kill', 'limit', 'wrong'):\n"
        "    r = client.post('/chat', json={'messages': [{'role': 'user', 'content': text}]})\n"
        "    print(r.status_code, (r.json or {}).get('content'))\n"
        "print(client.post('/image', json={'prompt': 'a cat'}).json)\n",
        env=(("OPENAI_ORG", "org-flask"),),
        replies=(
            '{"path": "/chat/completions", ' + LIMIT[1:],
            '{"path": "/chat/completions", "contains": "wrong", "status": 400, "error": "wrong"}',
        ),
    ),
    "fastapi-app": Drive(
        "import asyncio, fastapi, main\n"
        "def question(text, stream=False):\n"
        "    return main.Question(messages=[main.Message(role='user', content=text)], stream=stream)\n"
        "async def run():\n"
        "    print(await main.chat(question('hello')))\n"
        "    print([part async for part in main.tokens([{'role': 'user', 'content': 'stream it'}])])\n"
        "    print(len(await main.embed(['a', 'b'])))\n"
        "    try:\n"
        "        await main.chat(question('overload'))\n"
        "    except fastapi.HTTPException as error:\n"
        "        print(error.status_code)\n"
        "asyncio.run(run())\n",
        env=(("OPENAI_URL", "https://gateway.example/v1"),),
        replies=('{"contains": "overload", "status": 503, "error": "busy"}',),
    ),
}


@pytest.mark.parametrize("name", DRIVES)
def test_fixture(name: str, tmp_path: Path, warm: Warm) -> None:
    drive = DRIVES[name]
    for side in ("before", "after"):
        shutil.copytree(FIXTURES / name.partition(" ")[0] / side, tmp_path / side)
        (tmp_path / side / "notes.txt").write_text("Light travels in straight lines.\n", encoding="utf-8")
        (tmp_path / side / "drive.py").write_text(drive.code, encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("\n".join(proving.PACKAGES), encoding="utf-8")
    command = Command(
        ("python", "drive.py", *drive.arguments),
        timeout=proving.TIMEOUT,
        hosts=("gateway.example",),
        variables=dict(drive.env),
        stdin=drive.stdin.encode(),
    )
    plan = twins.Plan(
        command,
        tmp_path / "after",
        before=tmp_path / "before",
        requirements=tmp_path / "requirements.txt",
        replies=proving.answers(list(drive.replies)),
    )
    found = twins.verify(plan, runner=warm)
    assert found.verdict is Verdict.EQUAL, report.text(found)
