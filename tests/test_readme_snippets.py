"""What the README shows besides its tour: configuration, comments and commands do what the text beside them says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from command import Done, oaimigrate

from oaimigrate.settings.keys import problems

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"

Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return lambda *arguments: oaimigrate(monkeypatch, *arguments)


def block(heading: str, language: str) -> str:
    """The first code block of a language below a heading."""
    below = README.partition(f"## {heading}\n")[2]
    found = re.search(rf"^```{language}\n(.*?)^```$", below, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return found[1]


def commands(heading: str) -> list[list[str]]:
    lines = [shlex.split(line, comments=True) for line in block(heading, "sh").splitlines()]
    assert all(line[0] == "oaimigrate" for line in lines)
    return [line[1:] for line in lines]


def test_the_configuration_is_one(run: Run) -> None:
    text = block("Configuration", "toml")
    values = tomllib.loads(text)["tool"]["oaimigrate"]
    assert list(problems(values)) == []
    Path("pyproject.toml").write_text(text)
    for name in ("app.py", "examples/app.py"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(OLD)
    done = run("check", "--fix")
    assert (done.code, Path("examples/app.py").read_text()) == (0, OLD)
    assert "oai = openai.OpenAI(api_key='k')" in Path("app.py").read_text()
    shown = run("config", "app.py").text
    assert "target = 2" in shown
    assert 'unfixable = ["OAI105"]' in shown


def test_reports_are_written(run: Run) -> None:
    Path("app.py").write_text(OLD)
    (command,) = commands("Reports")
    assert run(*command).code == 1
    assert Path("oaimigrate.sarif").is_file()
    assert Path("oaimigrate.xml").is_file()


def test_comments_silence_all_that_they_stand_at(run: Run) -> None:
    text = "import openai\n" + block("Silence a finding", "python").replace("(...)", "(model='m', messages=[])")
    Path("app.py").write_text(text)
    assert text.count("openai.ChatCompletion") == 4
    assert run("check", "--select", "OAI101").text == "All checks passed!\n"
    unused = run("check", "--select", "ALL", "--format", "concise").text
    assert "silences nothing" in unused  # the form for a file speaks of a key that is not there
    assert re.findall(r"silences nothing for `(\w+)`", unused) == ["OAI201"]


def test_a_baseline_stops_what_is_new(run: Run) -> None:
    Path("app.py").write_text(OLD)
    write, check, prune = commands("Silence a finding")
    assert run(*check).code == 2
    assert run(*write).code == 0
    assert run(*check).code == 0
    Path("app.py").write_text(OLD + "openai.Model.list()\n")
    assert run(*check).code == 1
    Path("app.py").write_text("")
    assert (run(*prune).code, "app.py" in Path("oaimigrate-baseline.json").read_text()) == (0, False)


def test_the_hooks_exist(tmp_path: Path) -> None:
    (repository,) = yaml.safe_load(block("In a hook", "yaml"))["repos"]
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for hook in repository["hooks"]} == hooks
    (tmp_path / "c.yaml").write_text(block("In a hook", "yaml"))
    command = [sys.executable, "-m", "pre_commit", "validate-config", "c.yaml"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


MISSING = "nope"
WRONG = [
    ("check", MISSING),
    ("migrate", MISSING),
    ("config", MISSING),
    ("init", MISSING),
    ("rule", MISSING),
    ("rules", MISSING),
    ("explain", MISSING),
    ("explain", "app.py:99"),
    ("server", f"--{MISSING}"),
    ("completion", MISSING),
    ("runtime", "show", MISSING),
    ("verify", MISSING),
    ("check", "--baseline", "broken.json"),
    ("check", "--config", "broken.toml"),
]
RIGHT = [
    (("check", "clean.py"), 0),
    (("check", "app.py"), 1),
    (("check", "app.py", "--exit-zero"), 0),
    (("check", "broken.py"), 1),
    (("check", "app.py", "--diff"), 1),
    (("check", "app.py", "--fix"), 0),
    (("check", "app.py", "--fix", "--exit-non-zero-on-fix"), 1),
    (("migrate", "clean.py"), 0),
    (("migrate", "app.py", "--diff"), 0),
    (("migrate", "app.py", "--allow-dirty"), 0),
    (("config", "app.py"), 0),
    (("init",), 0),
    (("rule", "OAI101"), 0),
    (("rules",), 0),
    (("explain", "app.py:3"), 0),
    (("completion", "bash"), 0),
    (("runtime", "list"), 0),
]


@pytest.mark.parametrize(("arguments", "code"), [*((words, 2) for words in WRONG), *RIGHT], ids=str)
def test_exit_codes_are_those_of_the_readme(run: Run, arguments: tuple[str, ...], code: int) -> None:
    Path("app.py").write_text(OLD)
    Path("clean.py").write_text("x = 1\n")
    Path("broken.py").write_text("import openai\nprint 'x'\n")
    for name in ("broken.json", "broken.toml"):
        Path(name).write_text("{")
    done = run(*arguments)
    assert done.code == code, done.err
    if code == 2:
        assert done.out == b""
        assert (done.err.startswith("error: "), done.err.count("\n")) == (True, 1)
