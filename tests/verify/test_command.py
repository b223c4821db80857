"""`python -m oaimigrate.verify` as a user runs it: a git repository, pytest, requirements, the server alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import proving
import pytest
from test_layout import git

SDK = ("--sdk", "2.54.0")
APP = """\
import openai

openai.api_key = "sk-app"


def ask(text):
    try:
        return openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": text}])
    except openai.error.RateLimitError:
        return None


if __name__ == "__main__":
    print(ask("hello")["choices"][0]["message"]["content"])
"""
TESTS = """\
from unittest import mock

import app


def test_ask():
    assert app.ask("hello")["choices"][0]["message"]["content"] == "Reply to: hello"


def test_limit():
    assert app.ask("too much") is None
"""
RETRYING = """\
import backoff
import openai
import tenacity


@tenacity.retry(
    retry=tenacity.retry_if_exception_type((openai.error.RateLimitError, openai.error.APIError)),
    stop=tenacity.stop_after_attempt(3),
    wait=tenacity.wait_fixed(0.01),
)
def complete(prompt):
    print("asking", prompt)
    return openai.Completion.create(model="davinci", prompt=prompt)["choices"][0]["text"]


@backoff.on_exception(backoff.constant, openai.error.RateLimitError, max_tries=3, interval=0.01, jitter=None)
def chat(**kwargs):
    print("asking")
    return openai.ChatCompletion.create(**kwargs)


print(complete("flaky"))
print(chat(model="gpt-4", messages=[{"role": "user", "content": "flaky"}])["choices"][0]["message"]["content"])
try:
    complete("broken")
except tenacity.RetryError as error:
    print(error.last_attempt.attempt_number)
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oaimigrate.verify", *arguments]
    root = str(Path(__file__).parents[2])
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root})


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "0.28")
    return tmp_path


def test_equal(app: Path) -> None:
    done = run(app, *SDK, "--", "python", "app.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert re.fullmatch(
        r"\$ python app\.py\n"
        r"old: commit \w+, on openai 0\.28\.1\n"
        r"new: migrated by oaimigrate, on openai 2\.54\.0\n"
        r"\n"
        r"openai 2\.54\.0: equal\n"
        r"equal: exit status, standard output and 1 request, on 1 SDK\(s\)\n",
        done.stdout,
    ), done.stdout
    assert (app / "app.py").read_text() == APP


def test_different(app: Path) -> None:
    (app / "app.py").write_text(
        "import openai\n\nclient = openai.OpenAI()\nr = client.chat.completions.create(\n"
        '    model="gpt-4", messages=[{"role": "user", "content": "hello"}]\n)\nprint(r.choices[0].message.content)\n'
    )
    done = run(app, *SDK, "--", "python", "app.py")
    assert done.returncode == 1, done.stderr
    assert "openai 2.54.0: DIFFERENT\n  first difference: request 1: header authorization\n" in done.stdout
    assert "    old  Bearer sk-app   (app.py:8)\n    new  Bearer sk-oaimigrate-verify" not in done.stdout
    assert re.search(r"\n    old  Bearer sk-app   \(app\.py:8\)\n    new  Bearer \S+   \(app\.py:4\)\n", done.stdout), (
        done.stdout
    )
    assert done.stdout.endswith("different on 1 of 1 SDK(s)\n")


def test_json(app: Path) -> None:
    done = run(app, *SDK, "--format", "json", "--", "python", "app.py")
    found = json.loads(done.stdout)
    assert (found["verdict"], found["requests"], found["old_sdk"]) == ("equal", 1, "0.28.1")
    assert [(twin["sdk"], twin["verdict"]) for twin in found["twins"]] == [("2.54.0", "equal")]


def test_managers_and_other_interpreters_stay_isolated(app: Path) -> None:
    for command in (("uv", "run", "python", "app.py"), ("python3", "app.py"), (sys.executable, "app.py")):
        done = run(app, *SDK, "--", *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_replies(app: Path) -> None:
    (app / "replies.json").write_text('[{"text": "prescribed"}]')
    (app / "app.py").write_text(APP + '    assert "prescribed" in str(ask("x"))\n')
    git(app, "commit", "-qam", "check")
    done = run(app, *SDK, "--replies", "replies.json", "--", "python", "app.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_projects_with_requirements_and_tests(app: Path) -> None:
    """One project with everything: tests, requirements with an old pin, retries by tenacity and backoff."""
    (app / "requirements.txt").write_text("\n".join(("openai==0.27.8", *proving.PACKAGES)))
    (app / "test_app.py").write_text(TESTS)
    (app / "retrying.py").write_text(RETRYING)
    replies = [
        {"contains": "too much", "status": 429, "error": "slow down"},
        {"path": "/completions", "contains": "flaky", "times": 2, "status": 429, "error": "slow down"},
        {"contains": "broken", "status": 500, "error": "broken"},
    ]
    (app / "replies.json").write_text(json.dumps(replies))
    shared = ("--migrate", "--replies", "replies.json", "--")
    done = run(app, *shared, "pytest", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal: exit status, standard output and 2 requests, on 3 SDK(s)" in done.stdout
    done = run(app, *shared, "python", "retrying.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_tests_that_do_not_pass_say_nothing(app: Path) -> None:
    (app / "requirements.txt").write_text("\n".join(("openai==0.27.8", *proving.PACKAGES)))
    (app / "test_app.py").write_text("import app\n\n\ndef test_ask():\n    assert app.ask('x') is None\n")
    done = run(app, "--sdk", "1.109.1", "--migrate", "--", "python", "-m", "pytest", "-q")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "cannot be said: the tests do not pass on openai 0.28.1 already: 1 failed" in done.stdout


def test_rules_are_listed(tmp_path: Path) -> None:
    done = run(tmp_path, "--rules")
    assert done.returncode == 0
    assert re.search(r"(?m)^sdk-retries +openai 1 and later repeat a failed request", done.stdout)


def test_server_alone(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    server = subprocess.Popen(
        [sys.executable, "-m", "oaimigrate.verify", "--serve"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert re.fullmatch(r"OPENAI_BASE_URL=http://127\.0\.0\.1:\d+/v1", address)
        with urllib.request.urlopen(address.partition("=")[2] + "/models") as response:
            assert json.load(response)["object"] == "list"
        assert server.stdout.readline() == "GET /v1/models\n"
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0
        server.stdout.close()
    finally:
        server.kill()


def test_server_ends_when_nobody_asks(tmp_path: Path) -> None:
    assert run(tmp_path, "--serve", "--idle", "0.3").returncode == 0


def test_port_that_is_taken(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(tmp_path, "--serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "cannot serve on port" in done.stderr
