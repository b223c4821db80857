"""Programs about which nothing can be said get a clear verdict: never a traceback, never a false "equal"."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from warm import Warm

from oaimigrate.verify import twins
from oaimigrate.verify.command import verify_command
from oaimigrate.verify.process import Command
from oaimigrate.verify.twins import Report, Verdict

SDK = "2.54.0"
ASK = 'openai.ChatCompletion.create(model="m", messages=[{"role": "user", "content": "hi"}])'


@dataclass(frozen=True)
class Bad:
    """A program in 0.28 style and a part of the reason why it says nothing."""

    program: str
    reason: str
    timeout: float = 20
    options: tuple[str, ...] = field(default=())


CASES = {
    "fails on the old side": Bad(
        f"import openai\n{ASK}\nraise ValueError('bad data')", "fails on openai 0.28.1 already: ValueError: bad data"
    ),
    "fails before its first request": Bad(
        f"import openai, os\nkey = os.environ['NOT_SET']\n{ASK}",
        "before its first request, with exit status 1: KeyError",
    ),
    "asks for nothing": Bad(
        f"import openai, sys\nif sys.argv[1:]:\n    {ASK}\nprint('usage: main.py PROMPT')", "asks the API for nothing"
    ),
    "hangs": Bad(f"import openai\n{ASK}\nimport time\ntime.sleep(60)", "still running after 3 s on openai 0.28.1", 3),
    "needs a missing package": Bad(
        f"import openai\n{ASK}\nimport notthere.part", "needs the package that provides `notthere"
    ),
    "random output": Bad(
        f"import openai, random\n{ASK}\nprint(random.random())",
        "does not do the same twice, so it cannot be compared; standard",
    ),
    "output that depends on the time": Bad(
        f"import openai, time\n{ASK}\nprint(time.time_ns())",
        "does not do the same twice, so it cannot be compared; standard",
    ),
    "random requests": Bad(
        f"import openai, uuid\n{ASK.replace('hi', chr(34) + ' + str(uuid.uuid4()) + ' + chr(34))}",
        "does not do the same twice, so it cannot be compared; request 1: body.messages[0].content",
    ),
    "serves on a port": Bad(
        f"import http.server, openai\n{ASK}\n"
        "http.server.HTTPServer(('127.0.0.1', 0), http.server.BaseHTTPRequestHandler).serve_forever()",
        "serves on port",
        4,
    ),
    "another host through requests": Bad(
        f"import openai, requests\n{ASK}\nrequests.get('https://example.org/x')",
        "wants to reach example.org (main.py:3) and was stopped",
    ),
    "another host through a socket": Bad(
        f"import openai, socket\n{ASK}\nsocket.create_connection(('192.0.2.7', 80))",
        "wants to reach 192.0.2.7 (main.py:3)",
    ),
    "another host, and does not want to know": Bad(
        f"import openai, urllib.request\n{ASK}\ntry:\n    urllib.request.urlopen('http://example.org')\n"
        "except BaseException:\n    pass\nprint('went on')",
        "wants to reach example.org (main.py:4)",
    ),
    "another API host": Bad(
        f"import openai\nopenai.api_base = 'https://llm.example/v1'\n{ASK}", "add --host llm.example"
    ),
}


def verify(bad: Bad, folder: Path, warm: Warm) -> Report:
    (folder / "main.py").write_text(bad.program + "\n", encoding="utf-8")
    command = Command(("python", "main.py"), timeout=bad.timeout)
    return twins.verify(twins.Plan(command, folder, migrate=True, sdks=(SDK,)), runner=warm)


@pytest.mark.parametrize("name", CASES)
def test_cannot_be_said(name: str, tmp_path: Path, warm: Warm) -> None:
    found = verify(CASES[name], tmp_path, warm)
    assert CASES[name].reason in found.reason
    assert found.verdict is Verdict.UNKNOWN
    assert "\n" not in found.reason


def run(folder: Path, *arguments: str) -> Result:
    """The command, in a folder."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        return CliRunner().invoke(verify_command, list(arguments), prog_name="oaimigrate verify")
    finally:
        os.chdir(here)


def error(result: Result) -> str:
    assert result.exit_code == 2, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("Error")]
    assert len(lines) == 1, result.output
    return lines[0]


def test_nothing_to_compare(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print(1)\n")
    assert "nothing to compare" in error(run(tmp_path, "--", "python", "main.py"))


def test_file_that_does_not_parse(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import openai\nprint 'x'\n")
    assert "main.py:2 OAI001" in error(run(tmp_path, "--", "python", "main.py"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the command to run after `--`"),
        (["--"], "name the command to run after `--`"),
        (["--before", "nowhere", "--", "python", "main.py"], "nowhere"),
        (["nowhere.py", "--", "python", "main.py"], "nowhere.py: there is no such file or folder"),
        (["--sdk", "two", "--", "python", "main.py"], "--sdk two: give a version"),
        (["--sdk", "0.28.1", "--", "python", "main.py"], "--sdk 0.28.1: give a version"),
        (["--env", "NAME", "--", "python", "main.py"], "--env NAME: give NAME=VALUE"),
        (["--timeout", "0", "--", "python", "main.py"], "'--timeout'"),
        (["--replies", "main.py", "--", "python", "main.py"], "main.py is not JSON"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(f"import openai\n{ASK}\n")
    assert message in error(run(tmp_path, *arguments))


def test_environment_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text(f"import openai\n{ASK}\n")
    monkeypatch.setenv("OAIMIGRATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_OFFLINE", "1")
    said = error(run(tmp_path, "--", "python", "main.py"))
    assert "cannot make an environment with openai==0.28.1" in said
    assert "ERROR: " in said
    assert not list((tmp_path / "cache" / "envs").glob("*/.ready"))


def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text(f"import openai\n{ASK}\n")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OAIMIGRATE_CACHE", str(tmp_path / "file"))
    assert "cannot write to the cache" in error(run(tmp_path, "--", "python", "main.py"))


def test_command_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(f"import openai\n{ASK}\n")
    result = run(tmp_path, "--sdk", SDK, "--", "no-such-command")
    assert result.exit_code == 2
    assert "cannot be said: no-such-command: No such file or directory" in result.output


def test_no_process_is_left(tmp_path: Path) -> None:
    """A program that has started others takes them with it."""
    (tmp_path / "main.py").write_text(
        "import openai, subprocess, sys, time\n"
        f"{ASK}\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(99)\n"
    )
    result = run(tmp_path, "--sdk", SDK, "--timeout", "5", "--", "python", "main.py")
    assert result.exit_code == 2
    pid = (tmp_path / "pid").read_text()
    state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout.strip()
    assert state[:1] in ("", "Z")
