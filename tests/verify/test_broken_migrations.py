"""Migrations that are wrong on purpose are caught, with what is wrong and the lines that did it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import proving
import pytest
from warm import Warm

from oaimigrate.verify import twins
from oaimigrate.verify.process import Command
from oaimigrate.verify.twins import Report, Verdict

SDK = "2.54.0"
ASK = 'model="gpt-4", messages=[{"role": "user", "content": "hi"}]'
NEW = f"r = client.chat.completions.create({ASK})\nprint(r.choices[0].message.content)\n"
OLD = f'r = openai.ChatCompletion.create({ASK})\nprint(r["choices"][0]["message"]["content"])\n'


@dataclass(frozen=True)
class Case:
    """A program before and after a wrong migration; where they differ first, and the two values, or parts of them."""

    before: str
    after: str
    what: str
    old: str = ""
    new: str = ""
    replies: tuple[str, ...] = ()


def settings(before: str, after: str, what: str, old: str = "", new: str = "") -> Case:
    """A program that makes one request after some settings."""
    return Case(f"import openai\n{before}\n{OLD}", f"import openai\n{after}\n{NEW}", what, old, new)


def clauses(*handlers: str) -> str:
    """A `try` statement with the new SDK's request."""
    lines = [f"except {name}:\n    print('{said}')" for name, said in (h.split(" → ") for h in handlers)]
    request = f"client.chat.completions.create({ASK}, timeout=0.4)"
    return "import openai\nclient = openai.OpenAI()\ntry:\n    " + "\n".join([f"r = {request}", *lines])


OLD_CLAUSES = dedent(f"""\
    import openai
    try:
        r = openai.ChatCompletion.create({ASK}, request_timeout=0.4)
    except openai.error.Timeout:
        print('late')
    except openai.error.APIConnectionError:
        print('offline')
    except openai.error.RateLimitError:
        print('limited')
    """)
AZURE = dedent("""\
    openai.api_type = "azure"
    openai.api_base = "https://a.openai.azure.com"
    openai.api_version = "2023"
    openai.api_key = "k"
    """)
LATE = '{"delay": 1}'
LIMITED = '{"status": 429, "error": "slow down"}'

CASES = {
    "wrong base URL": settings(
        'openai.api_base = "https://gateway.example/llm/v1"',
        'client = openai.OpenAI(base_url="https://gateway.example/v1")',
        "request 1: path",
        "/llm/v1/chat/completions",
        "/v1/chat/completions",
    ),
    "lost base URL": settings(
        'openai.api_base = "https://gateway.example/v1"',
        "client = openai.OpenAI()",
        "request 1: host",
        "https://gateway.example",
        "https://api.openai.com",
    ),
    "base URL set where nobody looks": settings(
        'openai.api_base = "https://gateway.example/v1"',
        'openai.api_base = "https://gateway.example/v1"\nclient = openai',
        "request 1: host",
    ),
    "lost organisation": settings(
        'openai.organization = "org-1"',
        "client = openai.OpenAI()",
        "request 1: header openai-organization",
        "org-1",
        "(not sent)",
    ),
    "lost key": settings(
        'openai.api_key = "sk-mine"', "client = openai.OpenAI()", "request 1: header authorization", "Bearer sk-mine"
    ),
    "lost proxy": settings(
        'openai.proxy = "http://proxy.example:3128"',
        "client = openai.OpenAI()",
        "request 1: proxy",
        "http://proxy.example:3128",
        "(none)",
    ),
    "lost header": Case(
        f'import openai\nopenai.ChatCompletion.create({ASK}, headers={{"X-Team": "search"}})',
        f"import openai\nopenai.OpenAI().chat.completions.create({ASK})",
        "request 1: header x-team",
        "search",
        "(not sent)",
    ),
    "lost argument": Case(
        f"import openai\nopenai.ChatCompletion.create({ASK}, max_tokens=20)",
        f"import openai\nopenai.OpenAI().chat.completions.create({ASK})",
        "request 1: body.max_tokens",
        "20",
        "(not sent)",
    ),
    "number that became a text": Case(
        f"import openai\nopenai.ChatCompletion.create({ASK}, n=1)",
        f'import openai\nopenai.OpenAI().chat.completions.create({ASK}, n="1")',
        "request 1: body.n",
        "1",
        '"1"',
    ),
    "wrong message": Case(
        f"import openai\nopenai.ChatCompletion.create({ASK})",
        f"import openai\nopenai.OpenAI().chat.completions.create({ASK})".replace("hi", "Hi"),
        "request 1: body.messages[0].content",
        '"hi"',
        '"Hi"',
    ),
    "engine that was lost": Case(
        'import openai\nopenai.Completion.create(engine="davinci-2", prompt="p")',
        'import openai\nopenai.OpenAI().completions.create(model="davinci", prompt="p")',
        "request 1: body.model",
        '"davinci-2"',
        '"davinci"',
    ),
    "wrong Azure deployment": settings(
        f"{AZURE}openai.ChatCompletion.create(engine='gpt-35', messages=[])\nraise SystemExit",
        'client = openai.AzureOpenAI(azure_endpoint="https://a.openai.azure.com", api_version="2023", api_key="k")',
        "request 1: path",
        "/openai/deployments/gpt-35/chat/completions",
        "/openai/deployments/gpt-4/chat/completions",
    ),
    "Azure client that became a plain one": settings(
        f"{AZURE}openai.ChatCompletion.create(engine='gpt-4', messages=[])\nraise SystemExit",
        "client = openai.OpenAI()",
        "request 1: host",
        "https://a.openai.azure.com",
        "https://api.openai.com",
    ),
    "wrong file name": Case(
        'import openai\nopen("a.bin", "wb").close()\n'
        'openai.File.create(open("a.bin", "rb"), "fine-tune", user_provided_filename="b.jsonl")',
        'import openai\nopen("a.bin", "wb").close()\n'
        'openai.OpenAI().files.create(file=open("a.bin", "rb"), purpose="fine-tune")',
        "request 1: body field file (filename)",
        "b.jsonl",
        "a.bin",
    ),
    "wrong handler": Case(
        OLD_CLAUSES,
        clauses(
            "openai.APITimeoutError → late", "openai.APIConnectionError → offline", "openai.ConflictError → limited"
        ),
        "standard output, line 1",
        "limited",
        "(nothing)",
        (LIMITED,),
    ),
    "wrong order of handlers": Case(
        OLD_CLAUSES,
        clauses(
            "openai.APIConnectionError → offline", "openai.APITimeoutError → late", "openai.RateLimitError → limited"
        ),
        "standard output, line 1",
        "late",
        "offline",
        (LATE,),
    ),
    "handler that cannot catch": Case(
        OLD_CLAUSES,
        clauses("openai.Timeout → late", "openai.RateLimitError → limited"),
        "standard output, line 1",
        "limited",
        "(nothing)",
        (LIMITED,),
    ),
    "changed text": Case(
        f"import openai\n{OLD}",
        f"import openai\nclient = openai.OpenAI()\n{NEW.replace('content)', 'content + chr(32))')}",
        "standard output, line 1",
        "Reply to: hi",
        "Reply to: hi ",
    ),
    "test that is always false": Case(
        f"import openai\n{OLD}\nif 'usage' in r: print('counted')",
        f"import openai\nclient = openai.OpenAI()\n{NEW}\nif 'usage' in r: print('counted')",
        "standard output, line 2",
        "counted",
        "(nothing)",
    ),
    "lost request": Case(
        f"import openai\n{OLD}{OLD}",
        f"import openai\nclient = openai.OpenAI()\n{NEW}",
        "request 2",
        "POST",
        "(no request)",
    ),
    "one request more": Case(
        f"import openai\n{OLD}",
        f"import openai\nclient = openai.OpenAI()\n{NEW}{NEW}",
        "request 2",
        "(no request)",
        "POST",
    ),
    "other exit status": Case(
        f"import openai\n{OLD}raise SystemExit(3)",
        f"import openai\nclient = openai.OpenAI()\n{NEW}",
        "exit status",
        "3",
        "0",
    ),
    "crash": Case(
        f"import openai\n{OLD}", "import openai\nopenai.OpenAI(engine=1)", "request 1", "POST", "(no request)"
    ),
}


def verify(case: Case, folder: Path, warm: Warm, *, timeout: float = 20) -> Report:
    for name, text in (("before", case.before), ("after", case.after)):
        (folder / name).mkdir()
        (folder / name / "main.py").write_text(text, encoding="utf-8")
    command = Command(("python", "main.py"), timeout=timeout, hosts=("gateway.example",))
    plan = twins.Plan(
        command, folder / "after", before=folder / "before", sdks=(SDK,), replies=proving.answers(list(case.replies))
    )
    return twins.verify(plan, runner=warm)


@pytest.mark.parametrize("name", CASES)
def test_caught(name: str, tmp_path: Path, warm: Warm) -> None:
    case = CASES[name]
    found = verify(case, tmp_path, warm)
    assert found.verdict is Verdict.DIFFERENT, found
    difference = found.twins[0].difference
    assert difference is not None
    assert difference.what == case.what
    assert case.old in difference.old
    assert case.new in difference.new
    if case.what.startswith("request"):
        assert difference.old_source.startswith("main.py:") or difference.new_source.startswith("main.py:")


def test_endless_program_is_different(tmp_path: Path, warm: Warm) -> None:
    case = Case(f"import openai\n{OLD}", f"import openai\nclient = openai.OpenAI()\n{NEW}while True: pass", "")
    found = verify(case, tmp_path, warm, timeout=6)
    assert found.verdict is Verdict.DIFFERENT
    assert "still running after 6 s" in found.twins[0].reason


def test_new_host_is_different(tmp_path: Path, warm: Warm) -> None:
    wrong = f'import openai\nclient = openai.OpenAI(base_url="https://wrong.example/v1")\n{NEW}'
    found = verify(Case(f"import openai\n{OLD}", wrong, ""), tmp_path, warm)
    assert found.verdict is Verdict.DIFFERENT
    assert "wants to reach wrong.example (main.py:3)" in found.twins[0].reason


def test_equal_is_equal(tmp_path: Path, warm: Warm) -> None:
    """Or else everything would be caught."""
    right = clauses(
        "openai.APITimeoutError → late", "openai.APIConnectionError → offline", "openai.RateLimitError → limited"
    )
    found = verify(Case(OLD_CLAUSES, right, "", replies=(LATE,)), tmp_path, warm)
    assert found.verdict is Verdict.EQUAL
