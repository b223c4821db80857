"""What the pages show as the robust way runs as it stands there, against a server that answers.

`tests/test_idioms.py` checks the names without importing anything; this runs the lines, inside every SDK.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from oaimigrate.runtime.client import close_clients

from .answers import AnswerServer, says
from .encodings import encodings_folder
from .faults import FaultServer

FENCE = re.compile(r"^```python runtime\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RULES = Path(__file__).parents[2] / "rules"  # read here: the environments of the SDKs have no analyser
SHOWN = {p.name[:6]: FENCE.findall(p.read_text(encoding="utf-8")) for p in sorted(RULES.glob("OAI[2-9]*.md"))}
MESSAGES = [{"role": "user", "content": "Hi"}]


@dataclass
class Invoice:
    total: int = 0


async def answer_to(prompt: str) -> str:
    return prompt


def names(base_url: str, *, asynchronous: bool) -> dict[str, Any]:
    """What the lines of a page take as given."""
    make = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    return {
        "ask": answer_to,
        "client": make(base_url=base_url, api_key="test", max_retries=0),
        "history": MESSAGES,
        "log": logging.getLogger(__name__),
        "logging": logging,
        "messages": MESSAGES,
        "model": "gpt-4.1",
        "openai": openai,
        "prompts": ["a", "b"],
        "shortened": lambda messages: messages[1:],
        "show": print,
        "text": "it ends with <|endoftext|>",
        "tools": [],
        "user": "u1",
        "Invoice": Invoice,
        "Palette": Invoice,
    }


def run(source: str, namespace: dict[str, Any]) -> None:
    """Run lines, with `await` among them or not, and call the functions that they define with messages."""
    given = dict(namespace)
    code = compile(source, "page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if not code.co_flags & inspect.CO_COROUTINE:
        exec(code, namespace)
    found = [namespace.get(name) for name in ("ask", "answer")]
    made = [f for f in found if inspect.isfunction(f) and f.__globals__ is namespace]

    async def finish() -> None:
        if code.co_flags & inspect.CO_COROUTINE:
            await eval(code, namespace)
        for function in made:
            if inspect.iscoroutinefunction(function):
                assert (await function(MESSAGES)).id
        if isinstance(given["client"], openai.AsyncOpenAI):
            await given["client"].close()

    asyncio.run(finish())
    for function in made:
        if not inspect.iscoroutinefunction(function):
            assert function(MESSAGES).choices


@pytest.mark.parametrize("code", SHOWN)
def test_the_robust_way_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [source] = SHOWN[code]
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "test")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(encodings_folder()))
    server = AnswerServer(says('{"total": 3}')) if "runtime.structured" in source else FaultServer()
    with server as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        try:
            run(source, names(running.base_url, asynchronous="await " in source or "async with" in source))
        finally:
            close_clients()
