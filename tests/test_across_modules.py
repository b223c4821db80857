"""What is said of a file depends neither on the order of the files given nor on how much of the project is given."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oaimigrate import config, rulebook, runner
from oaimigrate.analysis.modules import Modules
from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.engine import RECURSION_LIMIT

sys.setrecursionlimit(RECURSION_LIMIT)  # Hypothesis warns where the first example changes it

READ = '["choices"][0]["message"]["content"]'
CALL = 'openai.ChatCompletion.create(model="m", messages=q)'
FILES = {
    "pyproject.toml": '[project]\nname = "app"\n',
    "app/__init__.py": "",
    "app/config.py": 'import openai\nopenai.api_key = "k"\nopenai.api_base = "https://models.example/v1"\n',
    "app/llm.py": f"import openai\nfrom app import again\ndef ask(q):\n    return {CALL}\n"
    f"def text(q):\n    return again.ask_again(q){READ}\n",
    "app/again.py": f"from app import llm\ndef ask_again(q):\n    return llm.ask(q)\nprint(llm.ask([]){READ})\n",
    "app/direct.py": f"import openai\ndef f(q):\n    return {CALL}{READ}\n",
    "web/page.py": f"from app.again import ask_again\ndef page(q):\n    return ask_again(q){READ}\n",
    "kit/__init__.py": "from .bot import Bot\n",
    "kit/bot.py": f"import openai\nclass Bot:\n    def reply(self, q):\n        return {CALL}\n",
    "kit/make.py": "from kit.bot import Bot\ndef make():\n    return Bot()\n",
    "kit/beside.py": "from kit.bot import Bot\nKNOWN = [Bot]\n",
    "web/chat.py": f"from kit import Bot\nprint(Bot().reply([]){READ})\n",
    "web/made.py": f"from kit.make import make\nprint(make().reply([]){READ})\n",
    "show/printing.py": f"def show(r):\n    print(r{READ})\n    cost(r['usage'])\n"
    "def cost(usage, rate=1):\n    return usage['total_tokens'] * rate\n",
    "show/printer.py": "class Printer:\n    def __init__(self, reply):\n        self.reply = reply\n"
    f"    def text(self):\n        return self.reply{READ}\n"
    "    def line(self, choice, *, width):\n        return choice['message']['content'][:width]\n",
    "show/late.py": f"def late(reply):\n    return reply{READ}\n",
    "show/hands.py": "from show.late import late\nfrom show.printer import Printer as P\n"
    "def forward(r):\n    return late(r)\n",
    "show/base.py": f"class Base:\n    def keep(self, reply: dict):\n        return reply{READ}\n",
    "web/heir.py": "import openai\nfrom show.base import Base\nclass Heir(Base):\n"
    f"    def ask(self, q):\n        return self.keep({CALL})\n",
    "show/plain.py": 'def both(r):\n    return r["choices"]\n',
    "show/errors.py": "def handle(e):\n    return e.http_status\n",
    "web/show.py": "import openai\nfrom app import llm\nfrom show import hands, plain, printing\n"
    "from show.errors import handle\nfrom show.hands import forward\nr = llm.ask([])\nprinting.show(r)\n"
    "forward(r)\np = hands.P(r)\np.line(r['choices'][0], width=3)\nplain.both(r)\nplain.both({'choices': []})\n"
    "try:\n    llm.ask([])\nexcept openai.error.OpenAIError as e:\n    handle(e)\n",
    "kit/kept.py": "import openai\nask = openai.ChatCompletion.create\nCompletion = openai.Completion\n"
    "Limits = (openai.error.RateLimitError, openai.error.Timeout)\n",
    "web/kept.py": "from kit import kept\nfrom kit.kept import *\ndef both(q):\n    try:\n"
    f"        return kept.ask(engine='m', messages=q){READ}, ask(engine='m', messages=q){READ}\n"
    "    except Limits as e:\n        print(e.http_status)\n",
    "web/given.py": "from kit import Bot\nfrom show.taker import Taker\nTaker(Bot()).show([])\n",
    "show/taker.py": "class Taker:\n    def __init__(self, bot):\n        self.bot = bot\n    def show(self, q):\n"
    f"        print(self.bot.reply(q){READ})\n",
    "web/far.py": "from kit import Bot\nfrom show.through import Through\nThrough(Bot()).show([])\n",
    "show/through.py": "from show.far import Far\nclass Through:\n    def __init__(self, bot):\n"
    "        self.far = Far(bot)\n    def show(self, q):\n        self.far.show(q)\n",
    "show/far.py": "class Far:\n    def __init__(self, bot):\n        self.bot = bot\n    def show(self, q):\n"
    f"        print(self.bot.reply(q){READ})\n",
    "kind/__init__.py": "from kind.base import Base\n",
    "kind/base.py": "from abc import ABC, abstractmethod\nclass Base(ABC):\n    @abstractmethod\n"
    '    def ask(self, q):\n        """Ask."""\n    def again(self, q):\n        return self.ask(q)\n'
    f"    def text(self, q):\n        return self.ask(q){READ}\n",
    "kind/hosted.py": "import openai\nfrom kind import Base\nclass Hosted(Base):\n"
    f"    def ask(self, q):\n        return {CALL}\n",
    "kind/local.py": "from kind import Base\nclass Local(Base):\n"
    "    def ask(self, q):\n        return {'choices': [q]}\n"
    "    def show(self, q):\n        print(self.ask(q)['choices'], self.again(q)['choices'])\n",
    "web/kind.py": "from kind.base import Base\ndef run(llm: Base):\n"
    f"    print(llm.ask([]){READ}, llm.again([]).usage)\n",
    "kind/task.py": "import openai\nclass Task:\n    def run(self, q):\n        return self.parse"
    f"({CALL})\n    def parse(self, reply):\n        raise NotImplementedError\n",
    "kind/text.py": "from kind.task import Task\nclass Text(Task):\n"
    f"    def parse(self, reply):\n        return reply{READ}\n",
    "kind/empty.py": "class Model:\n    def chat(self, q):\n        pass\n    def hook(self, q): ...\n",
    "kind/full.py": f"import openai\nfrom .empty import Model\nclass Full(Model):\n"
    f"    def chat(self, q):\n        return {CALL}\n",
    "web/talk.py": "from kind.empty import Model\nclass Talk:\n    def __init__(self, model: Model):\n"
    "        self.model = model\n    def say(self, q):\n"
    f"        return self.model.chat(q){READ}, self.model.hook(q){READ}\n",
    "web/front.py": "from kit import Bot\nfrom shop.door import Door\nDoor(Bot()).open([])\n",
    "shop/__init__.py": "from .front import Front\n",
    "shop/door.py": "from shop import Front\nclass Door:\n    def __init__(self, bot):\n"
    "        self.front = Front(bot)\n    def open(self, q):\n        self.front.show(q)\n",
    "shop/front.py": "class Front:\n    def __init__(self, bot):\n        self.bot = bot\n    def show(self, q):\n"
    f"        print(self.bot.reply(q){READ})\n",
    "web/plain.py": 'def ask(q):\n    return {"choices": [q]}\nprint(ask(1)["choices"])\n',
}
PYTHON = sorted(name for name in FILES if name.endswith(".py"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def outcome(folder: Path, paths: list[str], rules: str = "OAI1") -> dict[str, tuple[list[str], str]]:
    """The findings and the text after all fixes, for each file that has something to say."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        options = Config(select=config.resolve(rulebook.load(), select=rules.split()))
        done = runner.run(runner.collect(paths), options, safety=Safety.UNSAFE, jobs=1)
    finally:
        os.chdir(here)
    said = {r.path: ([f"{d.span} {d.code} {d.message}" for d in r.diagnostics], r.text) for r in done.results}
    return {r.path: said[r.path] for r in done.results if r.diagnostics or r.changed}


def test_whole_project_is_followed_through_a_cycle(project: Path) -> None:
    whole = outcome(project, ["."])
    app = {"app/config.py", "app/llm.py", "app/again.py", "app/direct.py"}
    show = {
        "show/taker.py",
        "show/far.py",
        "shop/front.py",
        "show/printing.py",
        "show/printer.py",
        "show/late.py",
        "show/plain.py",
        "show/errors.py",
        "web/show.py",
    }
    kept, heirs = {"kit/kept.py", "web/kept.py"}, {"show/base.py", "web/heir.py"}
    kinds = {
        "kind/base.py",
        "kind/full.py",
        "kind/hosted.py",
        "kind/task.py",
        "kind/text.py",
        "web/kind.py",
        "web/talk.py",
    }
    assert set(whole) == {*app, *show, *kept, *heirs, *kinds, "kit/bot.py", "web/page.py", "web/chat.py", "web/made.py"}
    assert "again.ask_again(q).choices[0].message.content" in whole["app/llm.py"][1]
    assert "return openai.chat.completions.create(" in whole["app/direct.py"][1]  # the settings are made elsewhere


def test_classes_are_followed_through_files_that_only_hand_them_on(project: Path) -> None:
    whole = outcome(project, ["."])
    for name in ("web/chat.py", "web/made.py"):
        assert ".reply([]).choices[0].message.content" in whole[name][1]


def test_methods_and_errors_of_the_sdk_are_followed_under_the_names_another_module_gives_them(project: Path) -> None:
    text = outcome(project, ["."])["web/kept.py"][1]
    read = "(model='m', messages=q).choices[0].message.content"
    assert f"return kept.ask{read}, ask{read}\n" in text
    assert 'getattr(e, "status_code", None)' in text


def test_what_is_passed_is_followed_to_files_that_say_nothing_of_the_sdk(project: Path) -> None:
    whole = outcome(project, ["."])
    assert "print(r.choices[0].message.content)\n    cost(r.usage)" in whole["show/printing.py"][1]
    assert "return usage.total_tokens * rate" in whole["show/printing.py"][1]
    assert "return self.reply.choices[0].message.content" in whole["show/printer.py"][1]
    assert "return choice.message.content[:width]" in whole["show/printer.py"][1]
    assert "return reply.choices[0].message.content" in whole["show/base.py"][1]
    assert "return reply.choices[0].message.content" in whole["show/late.py"][1]  # through show/hands.py
    assert 'getattr(e, "status_code", None)' in whole["show/errors.py"][1]
    assert 'return r["choices"]' in whole["show/plain.py"][1]  # it is a dict in other cases: reported, not rewritten


def test_abstract_methods_give_what_fills_them_in_elsewhere(project: Path) -> None:
    whole = outcome(project, ["."])
    assert "return self.ask(q).choices[0].message.content" in whole["kind/base.py"][1]
    assert "llm.ask([]).choices[0].message.content" in whole["web/kind.py"][1]
    assert "kind/local.py" not in whole  # what this class fills in is a dict
    assert "return reply.choices[0].message.content" in whole["kind/text.py"][1]  # what the abstract one is given
    assert f"self.model.chat(q).choices[0].message.content, self.model.hook(q){READ}" in whole["web/talk.py"][1]


@pytest.mark.parametrize("folder", ["app", "show"])
def test_a_folder_is_told_what_the_whole_project_is(project: Path, folder: str) -> None:
    whole = outcome(project, ["."])
    assert outcome(project, [folder]) == {path: said for path, said in whole.items() if path.startswith(f"{folder}/")}


def test_settings_made_outside_of_a_folder_count_where_the_files_have_to_do_with_each_other(tmp_path: Path) -> None:
    setting = "import openai\nopenai.api_base = 'https://models.example/v1'\n"
    files = {
        "pyproject.toml": '[project]\nname = "app"\n',
        "src/__init__.py": "",
        "src/llm.py": f"import openai\ndef ask(q):\n    return {CALL}\n",
        "main.py": "import settings\nfrom src.llm import ask\nask([])\n",
        "settings.py": setting,
        "other/llm.py": f"import openai\ndef ask(q):\n    return {CALL}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert "return openai.chat.completions.create(" in outcome(tmp_path, ["src"])["src/llm.py"][1]
    assert "return client.chat.completions.create(" in outcome(tmp_path, ["other"])["other/llm.py"][1]
    assert (tmp_path / "settings.py").read_text(encoding="utf-8") == setting


def test_a_folder_that_its_project_ignores_does_not_belong_to_it(tmp_path: Path) -> None:
    files = {
        ".git/HEAD": "",
        ".gitignore": "build/\n",
        "main.py": "import openai\nfrom build.llm import ask\nopenai.api_base = 'https://models.example/v1'\n",
        "build/llm.py": f"import openai\ndef ask(q):\n    return {CALL}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert "return client.chat.completions.create(" in outcome(tmp_path, ["build"])["build/llm.py"][1]


ASKING = {
    "pyproject.toml": '[project]\nname = "app"\n',
    "app/llm.py": "from openai import OpenAI\nclient = OpenAI()\ndef flagged(q):\n"
    "    return bool(client.moderations.create(input=q).results[0].flagged)\n"
    "class Bot:\n    def text(self, q):\n        return str(client.responses.create(model='m', input=q).output_text)\n"
    "def limit():\n    return 5\n",
    "app/__init__.py": "from .llm import Bot, flagged\n",
    "web/serve.py": "from app import flagged\nasync def serve(q):\n    return flagged(q)\n",
    "web/told.py": "async def told(bot, q):\n    return bot.text(q)\n",
    "web/tell.py": "from app import Bot\nfrom web.told import told\ndef tell(q):\n    return told(Bot(), q)\n",
    "web/patient.py": "import time\nfrom app.llm import Bot\ndef patient(q):\n    for attempt in range(5):\n"
    "        try:\n            return Bot().text(q)\n        except Exception:\n            time.sleep(1)\n",
    "web/limit.py": "from app.llm import limit\nasync def serve():\n    return limit()\n",
}


def test_what_makes_requests_is_followed_to_files_that_get_nothing_of_the_sdk(tmp_path: Path) -> None:
    for name, text in ASKING.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    whole = outcome(tmp_path, ["."], "OAI508 OAI601")
    codes = {path: [found.split(") ")[1][:6] for found in said] for path, (said, _) in whole.items()}
    assert codes == {"web/serve.py": ["OAI601"], "web/told.py": ["OAI601"], "web/patient.py": ["OAI508"]}
    for name in ASKING:
        if name.endswith(".py"):
            assert outcome(tmp_path, [name], "OAI508 OAI601") == {p: said for p, said in whole.items() if p == name}


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.sampled_from(PYTHON), unique=True, min_size=1))
def test_subset_in_any_order_is_told_what_the_whole_project_is(project: Path, names: list[str]) -> None:
    whole = outcome(project, ["."])
    assert outcome(project, names) == {path: said for path, said in whole.items() if path in names}


def test_files_that_were_closed_to_make_room_are_opened_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = outcome(project, ["."])
    closed: list[bool] = []
    make_room = Modules.make_room
    monkeypatch.setattr(Modules, "make_room", lambda modules: closed.append(make_room(modules)) or closed[-1])
    monkeypatch.setattr("oaimigrate.analysis.modules.ROOM", 0)
    assert outcome(project, ["."]) == whole
    assert sum(closed) > 5


def test_files_around_are_not_written(project: Path) -> None:
    before = {name: (project / name).read_text() for name in PYTHON if name != "web/plain.py"}
    here = Path.cwd()
    os.chdir(project)
    try:
        runner.run(runner.collect(["web/plain.py"]), Config(), safety=Safety.UNSAFE, write=True, jobs=1)
    finally:
        os.chdir(here)
    assert before == {name: (project / name).read_text() for name in before}


@pytest.mark.parametrize("name", [n for n in PYTHON if n != "web/plain.py"])
def test_standard_input_is_told_what_the_whole_project_is(project: Path, name: str) -> None:
    """What is typed there may not be saved yet: the file on disk has nothing to say."""
    whole = outcome(project, ["."])
    here, text = Path.cwd(), (project / name).read_text(encoding="utf-8")
    options = Config(select=config.resolve(rulebook.load(), select=["OAI1"]))
    os.chdir(project)
    try:
        Path(name).unlink()
        done = runner.run(runner.given(name, text.encode()), options, safety=Safety.UNSAFE, jobs=1)
    finally:
        Path(name).write_text(text, encoding="utf-8")
        os.chdir(here)
    assert {r.path: r.text for r in done.results} == {path: said[1] for path, said in whole.items() if path == name}


@pytest.mark.parametrize("paths", [["."], ["book.ipynb"]])
@pytest.mark.parametrize("listed", [True, False], ids=["lines in a list", "one string"])
def test_a_notebook_is_told_what_the_modules_around_it_say(project: Path, paths: list[str], listed: bool) -> None:
    """It never says "openai": the response comes from `app/llm.py`."""
    lines = ["x = 1\n", "from app.llm import ask\n", f"ask([]){READ}"]
    cell = {"cell_type": "code", "metadata": {}, "source": lines if listed else "".join(lines), "outputs": []}
    book = project / "book.ipynb"
    book.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    try:
        text = outcome(project, paths)["book.ipynb"][1]
    finally:
        book.unlink()
    assert "ask([]).choices[0].message.content" in text


@pytest.mark.parametrize(
    "value", ['"https://openrouter.ai/api/v1"', 'os.getenv("URL", "https://openrouter.ai/api/v1")']
)
def test_an_address_in_a_module_without_the_sdk_is_read(tmp_path: Path, value: str) -> None:
    (tmp_path / "addresses.py").write_text(f"import os\nURL: str = {value}\n", encoding="utf-8")
    code = (
        "from openai import OpenAI\nfrom addresses import URL\n"
        'print(OpenAI(base_url=URL).chat.completions.create(model="x", messages=[]).choices[0])\n'
    )
    (tmp_path / "ask.py").write_text(code, encoding="utf-8")
    done = runner.run(runner.collect([str(tmp_path)]), Config(select=frozenset({"OAI301", "OAI316"})), jobs=1)
    assert [d.code for r in done.results for d in r.diagnostics] == ["OAI316"]
