"""`oaimigrate explain PATH:LINE` and the same trail in the JSON report, on a small project of three modules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "app/__init__.py": "",
    "app/llm.py": """\
import openai


def ask(text):
    reply = openai.ChatCompletion.create(model="gpt-4.1", messages=[{"role": "user", "content": text}])
    return reply


class Bot:
    def __init__(self):
        self.last = ask("hi")
""",
    "app/service.py": """\
from .llm import ask


def answer(question):
    return ask(question)
""",
    "main.py": """\
import requests
from app.llm import Bot
from app.service import answer

r = answer("x")
print(r["choices"][0]["message"]["content"])
print(Bot().last["usage"])
rows = requests.get("https://example.com").json()
print(rows["choices"])


def show(reply):
    print(reply["id"])


show(r)
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def oaimigrate(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oaimigrate", *arguments]
    root = str(Path(__file__).resolve().parents[1])
    return subprocess.run(
        command, cwd=project, capture_output=True, text=True, env={"PYTHONPATH": root, "NO_COLOR": "1"}
    )


def test_the_chain_runs_through_modules_to_the_request(project: Path) -> None:
    done = oaimigrate(project, "explain", "main.py:6")
    assert done.returncode == 0, done.stderr
    steps = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and ".py:" in line]
    assert steps == [
        "main.py:5", "main.py:3", "app/service.py:4", "app/service.py:5", "app/service.py:1",
        "app/llm.py:4", "app/llm.py:6", "app/llm.py:5", "app/llm.py:5",
    ]  # fmt: skip
    assert "the call of `openai.ChatCompletion.create` gives a `ChatCompletion`" in done.stdout
    assert done.stdout.count("OAI103") == 3
    assert "safe fix: Read `.choices`" in done.stdout


def test_attributes_of_objects_lead_to_where_they_are_stored(project: Path) -> None:
    shown = oaimigrate(project, "explain", "main.py:7:1").stdout
    assert 'app/llm.py:11  `self.last` is assigned `ask("hi")`' in shown


def test_parameters_lead_to_the_calls(project: Path) -> None:
    shown = oaimigrate(project, "explain", "main.py:13").stdout
    assert "main.py:12  `reply` is a parameter of `show`" in shown
    assert "main.py:16  a call passes `r` for it" in shown
    assert "certainty ends at main.py:12: callers outside this file may pass something else for `reply`" in shown


def test_ways_that_meet_are_numbered_below_the_place_where_they_do(project: Path) -> None:
    (project / "met.py").write_text(
        "from app.llm import ask\n\n\ndef both(q):\n    if q:\n        r = ask(q)\n    else:\n        r = None\n"
        "    log = []\n    log.append(r)\n    log.append(ask(q))\n    print(log[0]['id'])\n"
    )
    shown = oaimigrate(project, "explain", "met.py:12").stdout.splitlines()
    assert [line for line in shown if line.startswith(" ") and "met.py" in line] == [
        "  met.py:9  `log` is assigned `[]`",
        "  1. met.py:10  `log` gets `r`",
        "   1.1. met.py:6  `r` is assigned `ask(q)`",
        "        met.py:1  `ask` is imported from `app.llm`",
        "   1.2. met.py:8  `r` is assigned `None`",
        "  2. met.py:11  `log` gets `ask(q)`",
        "     met.py:1  `ask` is imported from `app.llm`, as above",
    ]


def test_parameters_lead_to_the_calls_of_other_modules(project: Path) -> None:
    (project / "printing.py").write_text("class Printer:\n    def show(self, r):\n        print(r['id'])\n")
    (project / "uses.py").write_text("import app.llm\nfrom printing import Printer\nPrinter().show(app.llm.ask('x'))\n")
    shown = oaimigrate(project, "explain", "printing.py:3").stdout
    assert "printing.py:2  `r` is a parameter of `show`" in shown
    assert "uses.py:3  a call passes `app.llm.ask('x')` for it" in shown
    assert "app/llm.py:5  the call of `openai.ChatCompletion.create` gives a `ChatCompletion`" in shown
    assert "self" not in shown.partition("\n")[2]


def test_errors_are_explained(project: Path) -> None:
    (project / "errors.py").write_text("import openai\ntry:\n    f()\nexcept openai.error.APIError as e:\n    g(e)\n")
    shown = oaimigrate(project, "explain", "errors.py:5").stdout
    assert "e is an exception of the SDK (`error.APIError`)" in shown


def test_what_is_not_of_the_sdk_says_where_it_comes_from(project: Path) -> None:
    shown = oaimigrate(project, "explain", "main.py:9").stdout
    assert "Nothing on this line is known to come from the OpenAI SDK." in shown
    assert 'main.py:8  `rows` is assigned `requests.get("https://example.com").json()`' in shown


def test_no_step_says_that_a_thing_is_itself(project: Path) -> None:
    (project / "guarded.py").write_text(
        "import openai\ntry:\n    f()\nexcept openai.error.APIError as e:\n    g(e.http_status)\n"
    )
    shown = oaimigrate(project, "explain", "guarded.py:5").stdout
    assert "guarded.py:4  `openai.error.APIError` is named here\n" in shown


BOOK = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [
    {"cell_type": "markdown", "metadata": {}, "source": "# openai"},
    {"cell_type": "code", "metadata": {}, "outputs": [], "source": "%pip list\nimport openai\nr = openai.Model.list()"},
    {"cell_type": "code", "metadata": {}, "outputs": [], "source": "x = 1\nr['data']"},
]}  # fmt: skip


def test_a_place_in_a_notebook_is_that_of_the_reports(project: Path) -> None:
    (project / "book.ipynb").write_text(json.dumps(BOOK))
    shown = oaimigrate(project, "explain", "book.ipynb:cell 3:2:2").stdout
    assert shown.startswith("book.ipynb:cell 3:2:2  r['data']\n\nr['data'] is a list")
    assert "OAI103" in shown
    assert oaimigrate(project, "explain", "book.ipynb:cell 2:1").stdout.startswith("book.ipynb:cell 2:1  %pip list\n")
    for place, message in (
        ("book.ipynb:3", "`book.ipynb:3` names no cell; a place in a notebook is `book.ipynb:cell 1:3`"),
        ("book.ipynb:cell 1:1", "book.ipynb has no code in cell 1"),
        ("book.ipynb:cell 3:3", "cell 3 of book.ipynb has 2 lines"),
    ):
        assert oaimigrate(project, "explain", place).stderr == f"error: {message}\n"


def test_the_configuration_holds(project: Path) -> None:
    (project / "made.py").write_text("import openai\nopenai.Model.list()\nclient = openai.OpenAI(timeout=None)\n")
    assert "No rule" in oaimigrate(project, "explain", "made.py:3").stdout
    (project / "oaimigrate.toml").write_text('extend-select = ["OAI203"]\nignore = ["OAI101"]\n')
    assert "OAI203" in oaimigrate(project, "explain", "made.py:3").stdout
    assert "OAI101" not in oaimigrate(project, "explain", "made.py:2").stdout


def test_what_cannot_be_explained_is_an_error(project: Path) -> None:
    (project / "broken.py").write_text("import openai\nprint 'x'\n")
    (project / "requirements.txt").write_text("openai==0.28\n")
    done = oaimigrate(project, "explain", "broken.py:1")
    assert (done.returncode, done.stderr[:50]) == (2, "error: broken.py:2:1: this file does not parse as ")
    done = oaimigrate(project, "explain", "requirements.txt:1")
    assert (done.returncode, done.stderr) == (2, "error: `requirements.txt` is no Python file and no notebook\n")


@pytest.mark.parametrize("place", ["main.py", "main.py:x", "main.py:99", "main.py:0", "nothing.py:1"])
def test_a_place_that_is_not_there_is_one_line(project: Path, place: str) -> None:
    done = oaimigrate(project, "explain", place)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_the_json_report_has_the_trail(project: Path) -> None:
    done = oaimigrate(project, "check", "--format", "json", "main.py", "app")
    finding = next(d for d in json.loads(done.stdout) if d["filename"].endswith("main.py"))
    notes = [note["message"] for note in finding["notes"]]
    assert notes[0] == '`r` is assigned `answer("x")`'
    assert finding["notes"][0]["location"] == {"row": 5, "column": 1}
    assert any("app/llm.py:5" in note and "openai.ChatCompletion.create" in note for note in notes)


CARRIED = """\
import functools
from abc import ABC, abstractmethod
from collections import defaultdict

from app.llm import ask

kept = defaultdict(list)


class Base(ABC):
    @abstractmethod
    def reply(self): ...


class Mine(Base):
    def reply(self):
        return ask("x")

    def __iter__(self):
        yield ask("x")

    def __call__(self):
        return ask("x")


def read(pool, base: Base):
    kept["x"].append(ask("y"))
    table = {}
    table["x"] = ask("y")
"""


@pytest.mark.parametrize(
    ("read", "step"),
    [
        ('print(kept["x"][0]["id"])', '`kept` gets `ask("y")`'),
        ('print(table.get("x")["id"])', '`table` gets `ask("y")`'),
        ('print({"x": ask("y")}["x"]["id"])', "`ask` is imported from `app.llm`"),
        ('[r["id"] for r in [ask(p) for p in "ab"]]', '`r` loops over `[ask(p) for p in "ab"]`'),
        ('[r["id"] for r in map(ask, "ab")]', '`r` loops over `map(ask, "ab")`'),
        ('print(pool.submit(ask, "a").result()["id"])', "`ask` is imported from `app.llm`"),
        ('print(functools.partial(ask, "x")()["id"])', "`ask` is imported from `app.llm`"),
        ('[r["id"] for r in Mine()]', '`__iter__()` gives `ask("x")`'),
        ('print(Mine()()["id"])', '`__call__()` gives `ask("x")`'),
        ('print(base.reply()["id"])', "`Mine.reply` fills it in"),
    ],
)
def test_what_carries_a_response_leads_to_its_request(project: Path, read: str, step: str) -> None:
    text = f"{CARRIED}    {read}\n"
    (project / "carried.py").write_text(text)
    shown = oaimigrate(project, "explain", f"carried.py:{text.count(chr(10))}").stdout
    assert f"  {step}\n" in shown
    assert "the call of `openai.ChatCompletion.create` gives a `ChatCompletion`" in shown
