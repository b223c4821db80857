"""Requirement files in a run: which are read, what is written, and that nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Done, oaimigrate

Run = Callable[..., Done]
USES = "import openai\n\nclient = openai.OpenAI()\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: oaimigrate(monkeypatch, *arguments)


def test_requirements_are_read_where_code_uses_the_sdk(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("openai==0.28.1\n")
    assert run("check").err == "warning: no Python files found under the given paths\n"
    (tmp_path / "other.py").write_text("print('openai')\n")
    assert run("check").code == 0
    (tmp_path / "app.py").write_text(USES)
    assert run("check", "--format", "concise").text.startswith("requirements.txt:1:1: OAI110 ")
    assert run("check", "app.py").code == 0


def test_a_named_file_is_read_without_code(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requirements-dev.txt").write_text("\nOpenAI == 0.27.*\n")
    done = run("check", "--format", "json", "requirements-dev.txt")
    assert (done.code, done.err) == (1, "")
    [found] = json.loads(done.out)
    assert (found["code"], found["location"], found["end_location"]) == (
        "OAI110",
        {"row": 2, "column": 1},
        {"row": 2, "column": 17},
    )
    assert found["fix"]["edits"][0]["content"] == "OpenAI>=3,<4"


def test_migrate_raises_and_says_so(run: Run, tmp_path: Path) -> None:
    before = {
        "app.py": USES,
        "requirements.txt": "openai==0.28.1  # keep me\r\nflask\r\n",
        "pyproject.toml": '[project]\ndependencies = [\n  "openai<1", # until\n]\n',
        "setup.py": "from setuptools import setup\n\nsetup(install_requires=['openai<1'])\n",
        "uv.lock": '[[package]]\nname = "openai"\nversion = "0.28.1"\n',
    }
    for name, text in before.items():
        (tmp_path / name).write_bytes(text.encode())
    done = run("migrate", "--allow-dirty", "--target", "2")
    after = {name: (tmp_path / name).read_bytes().decode() for name in before}
    assert after == {
        "app.py": USES,
        "requirements.txt": "openai>=2,<3  # keep me\r\nflask\r\n",
        "pyproject.toml": '[project]\ndependencies = [\n  "openai>=2,<3", # until\n]\n',
        "setup.py": "from setuptools import setup\n\nsetup(install_requires=['openai>=2,<3'])\n",
        "uv.lock": before["uv.lock"],
    }
    assert done.code == 1
    assert "  uv.lock:3: OAI110 `openai 0.28.1` keeps the project on openai 0.x\n" in done.text
    assert "then run `uv lock`" in done.text


def test_safe_fixes_leave_requirements(run: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(USES)
    (tmp_path / "requirements.txt").write_text("openai==0.28.1\n")
    assert run("check", "--fix").code == 1
    assert (tmp_path / "requirements.txt").read_text() == "openai==0.28.1\n"
    assert run("check", "--ignore", "OAI110").code == 0
    assert run("check", "--fix", "--unsafe-fixes").code == 0
    assert (tmp_path / "requirements.txt").read_text() == "openai>=3,<4\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_the_encoding_stays(run: Run, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "requirements.txt"
    file.write_bytes("flask\r\nopenai==0.28.1\r\n".encode(encoding))
    assert run("check", "--fix", "--unsafe-fixes", "requirements.txt").code == 0
    assert file.read_bytes() == "flask\r\nopenai>=3,<4\r\n".encode(encoding)


def test_a_file_that_does_not_parse_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(USES)
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["openai<1"\nname = 1\n')
    done = run("check", "--format", "concise", "app.py", ".")
    assert done.code == 1
    assert done.text.startswith("pyproject.toml:3:1: OAI001 this file is no valid TOML: unclosed array")
