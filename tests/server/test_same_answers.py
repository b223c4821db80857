"""After any series of edits, saves, closes, cancelled requests and broken messages, the server says what a run says."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="pygls is missing: pip install -e '.[dev]' brings it")

from wire import Wire, server

from oaimigrate import runner
from oaimigrate.config import Config
from oaimigrate.source import Source

LINES = (
    "import openai\n",
    "r = openai.ChatCompletion.create(model='m', messages=[])\n",
    "r['choices'][0]\n",
    "def f():\n    return openai.Completion.create()\n",
    "from a import f\n",
    "from b import f\n",
    "from a import *\n",
    "import a\n",
    "f()['choices']\n",
    "a.f()['choices']\n",
    "x = '\N{GRINNING FACE}é'; openai.Image.create()\n",
    "openai.api_key = 'k'\n",
    "def show(answer):\n    answer['choices']\n",
    "from b import show\n",
    "show(f())\n",
    "# oaimigrate: ignore[OAI101]\n",
    "",
)
PIECES = (*LINES, "\r\n", "(", ")", "'", "#", "\t", "\x0c", "if True:\n    ", "\\", '"""', "\u2028")
NAMES = ("a.py", "b.py", "c.pyi")
CONFIGURATIONS = ("", "ignore = ['OAI101']\n", "nonsense = 1\n", "x =")
ASKED = ("textDocument/hover", "textDocument/codeAction", "textDocument/diagnostic")


class Person:
    """Someone who does anything, in lines or in the middle of them, and remembers what was typed."""

    def __init__(self, wire: Wire, folder: Path, seed: int, *, whole_lines: bool) -> None:
        self.wire, self.folder, self.random, self.whole_lines = wire, folder, random.Random(seed), whole_lines
        self.texts: dict[str, str] = {}
        self.version = 1

    def document(self, name: str) -> dict[str, Any]:
        return {"uri": (self.folder / name).as_uri()}

    def act(self) -> None:
        name = self.random.choice(NAMES)
        if name not in self.texts:
            self.texts[name] = "".join(self.random.choices(LINES, k=5))
            item = {**self.document(name), "languageId": "python", "version": 1, "text": self.texts[name]}
            self.wire.notify("textDocument/didOpen", {"textDocument": item})
            return
        acts = (self.type, self.close, self.save, self.ask, self.configure, self.break_off)
        self.random.choices(acts, weights=(60, 5, 10, 15, 5, 5))[0](name)

    def type(self, name: str) -> None:
        start, end = sorted((self.random.randint(0, 8), self.random.randint(0, 30)) for _ in range(2))
        if self.whole_lines:
            start, end = (start[0], 0), (start[0] + self.random.randint(0, 1), 0)
        new = self.random.choice(LINES if self.whole_lines else PIECES)
        text = self.texts[name]
        self.texts[name] = text[: offset(text, *start)] + new + text[offset(text, *end) :]
        places = {
            "start": dict(zip(("line", "character"), start, strict=True)),
            "end": dict(zip(("line", "character"), end, strict=True)),
        }
        self.version += 1
        changed = {"textDocument": {**self.document(name), "version": self.version}}
        self.wire.notify("textDocument/didChange", {**changed, "contentChanges": [{"range": places, "text": new}]})

    def close(self, name: str) -> None:
        del self.texts[name]
        self.wire.notify("textDocument/didClose", {"textDocument": self.document(name)})

    def save(self, name: str) -> None:
        (self.folder / name).write_bytes(self.texts[name].encode())
        self.changed(name)

    def changed(self, *names: str) -> None:
        changes = [{**self.document(name), "type": 2} for name in names]
        self.wire.notify("workspace/didChangeWatchedFiles", {"changes": changes})

    def ask(self, name: str) -> None:
        place = {"line": self.random.randint(0, 9), "character": self.random.randint(0, 20)}
        range_ = {"start": {"line": 0, "character": 0}, "end": place}
        asked = {
            "textDocument": self.document(name),
            "position": place,
            "range": range_,
            "context": {"diagnostics": []},
        }
        self.wire.last += 1
        method = self.random.choice(ASKED)
        self.wire.send({"jsonrpc": "2.0", "id": self.wire.last, "method": method, "params": asked})
        if self.random.random() < 0.4:
            self.wire.notify("$/cancelRequest", {"id": self.wire.last})

    def configure(self, name: str) -> None:
        (self.folder / "oaimigrate.toml").write_text(self.random.choice(CONFIGURATIONS))
        self.changed("oaimigrate.toml")

    def break_off(self, name: str) -> None:
        self.wire.raw(b"Content-Length: 7\r\n\r\n{broken")

    def tidy(self) -> None:
        """Save what is open, and delete what is not."""
        (self.folder / "oaimigrate.toml").write_text("")
        for name in NAMES:
            (self.folder / name).unlink(missing_ok=True)
        for name in self.texts:
            self.save(name)
        self.changed("oaimigrate.toml", *NAMES)


def offset(text: str, line: int, units: int) -> int:
    """The offset of a position in units of UTF-16."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    if line >= len(starts):
        return len(text)
    at = starts[line]
    while at < len(text) and text[at] not in "\r\n" and units > 0:
        units -= 1 + (text[at] > "\uffff")
        at += 1
    return at


@pytest.mark.parametrize("whole_lines", [True, False], ids=["lines", "pieces"])
@pytest.mark.parametrize("seed", [3, 8])
def test_the_server_says_what_a_run_says(tmp_path: Path, seed: int, whole_lines: bool) -> None:
    with server(tmp_path) as wire:
        person = Person(wire, tmp_path, seed, whole_lines=whole_lines)
        for _ in range(120):
            person.act()
        person.tidy()
        said = what_a_run_says(tmp_path)
        end = time.monotonic() + 60  # what the files pass to each other is known some seconds after the last change
        while (told := what_is_told(wire, person)) != said and time.monotonic() < end:
            time.sleep(0.5)
    assert told == said


def what_is_told(wire: Wire, person: Person) -> dict[str, list[tuple[str, int]]]:
    told = {}
    for name in person.texts:
        report = wire.ask("textDocument/diagnostic", {"textDocument": person.document(name)})
        told[name] = sorted((d["code"], d["range"]["start"]["line"]) for d in report["result"]["items"])
    return {name: found for name, found in told.items() if found}


def what_a_run_says(folder: Path) -> dict[str, list[tuple[str, int]]]:
    done = runner.run(runner.collect([str(folder)]), Config(), jobs=1)
    return {
        Path(r.path).name: sorted(
            (d.code, Source.from_text(r.text, r.path).position(d.span.start)[0] - 1) for d in r.diagnostics
        )
        for r in done.results
    }


CALLERS = {
    "llm.py": "import openai\n\ndef ask():\n    return openai.ChatCompletion.create(model='m', messages=[])\n",
    "view.py": "def show(answer):\n    print(answer['usage'])\n",
    "page.py": (
        "class Page:\n    def __init__(self, answer):\n        self.answer = answer\n\n"
        "    def first(self):\n        return self.answer['choices'][0]\n\n"
        "    def add(self, *, error):\n        return error.http_status\n"
    ),
    "middle.py": "from view import show\n\ndef later(answer):\n    show(answer)\n",
    "app.py": (
        "import openai\nfrom llm import ask\nfrom middle import later\nfrom page import Page\n\n"
        "later(ask())\npage = Page(answer=ask())\n"
        "try:\n    ask()\nexcept openai.error.APIError as e:\n    page.add(error=e)\n"
    ),
}


@pytest.mark.parametrize("opened", [["view.py"], ["page.py"], ["view.py", "app.py", "page.py"]], ids=",".join)
def test_what_other_files_pass_is_known(tmp_path: Path, opened: list[str]) -> None:
    """A parameter is what the files around give for it, though none of them is open."""
    for name, text in CALLERS.items():
        (tmp_path / name).write_text(text)
    said = {name: found for name, found in what_a_run_says(tmp_path).items() if name in opened}
    assert set(said) == set(opened)
    with server(tmp_path) as wire:
        person = Person(wire, tmp_path, 0, whole_lines=True)
        for name in opened:
            person.texts[name] = CALLERS[name]
            item = {**person.document(name), "languageId": "python", "version": 1, "text": CALLERS[name]}
            wire.notify("textDocument/didOpen", {"textDocument": item})
        end = time.monotonic() + 60
        while (told := what_is_told(wire, person)) != said and time.monotonic() < end:
            time.sleep(0.2)
    assert told == said
