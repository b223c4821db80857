"""Whole small projects: what `check` reports on `before/`, and that `migrate` makes `after/` of it.

A file that is named in `missed.txt` is a known gap: `after/` has what should become of it, and the test fails as soon
as it does. `pytest tests/test_fixtures.py --update-fixtures` writes what the engine does; read the difference.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import line_of

from oaimigrate import config, rulebook, runner
from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.source import Source

FIXTURES = Path(__file__).parents[1] / "fixtures"
PROJECTS = sorted(p for p in FIXTURES.iterdir() if (p / "before").is_dir())
LOOK_ALIKES = "look-alikes"


def tree(folder: Path) -> dict[str, str]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in files}


def family() -> Config:
    return Config(select=config.resolve(rulebook.load(), select=["OAI1"]))


@pytest.fixture
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A copy of a project's `before/`, which is the current directory."""
    shutil.copytree(request.param / "before", tmp_path / "project")
    here = Path.cwd()
    os.chdir(tmp_path / "project")
    yield tmp_path / "project"
    os.chdir(here)


each_project = pytest.mark.parametrize(
    ("copy", "project"), [pytest.param(p, p, id=p.name) for p in PROJECTS], indirect=["copy"]
)


def migrate() -> runner.Run:
    return runner.run(runner.collect(["."]), family(), safety=Safety.UNSAFE, write=True, jobs=1)


def missed(project: Path) -> set[str]:
    """The files that are known not to become what they should; each line is `path: reason`."""
    listed = project / "missed.txt"
    return {line.split(":")[0] for line in listed.read_text().splitlines()} if listed.exists() else set()


@each_project
def test_migrate_makes_what_is_expected(copy: Path, project: Path, request: pytest.FixtureRequest) -> None:
    migrate()
    got, expected = tree(copy), tree(project / "after")
    if request.config.getoption("update_fixtures"):
        for name in set(got) - missed(project):
            (project / "after" / name).write_text(got[name], encoding="utf-8")
        return
    gaps = missed(project)
    assert {name: got.get(name) for name in expected if name not in gaps} == {
        name: text for name, text in expected.items() if name not in gaps
    }
    assert {name for name in expected if got.get(name) != expected[name]} == gaps
    assert set(got) == set(expected)


@each_project
def test_check_reports_what_is_expected(copy: Path, project: Path, request: pytest.FixtureRequest) -> None:
    run = runner.run(runner.collect(["."]), Config(), jobs=1)
    lines = []
    for result in run.results:
        source = Source.from_bytes((copy / result.path).read_bytes(), result.path)
        lines += [f"{os.path.relpath(result.path)}:{line_of(source, d)}\n" for d in result.diagnostics]
    report = project / "diagnostics.txt"
    if request.config.getoption("update_fixtures"):
        report.write_text("".join(lines), encoding="utf-8")
    assert "".join(lines) == report.read_text(encoding="utf-8")


@each_project
def test_a_second_migration_changes_nothing(copy: Path, project: Path) -> None:
    migrate()
    first = tree(copy)
    again = migrate()
    assert not again.changed
    assert tree(copy) == first


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.name)
def test_the_project_is_python(project: Path) -> None:
    for name, text in (tree(project / "before") | tree(project / "after")).items():
        if name.endswith(".py"):
            ast.parse(text, name)


def test_look_alikes_are_not_touched() -> None:
    project = FIXTURES / LOOK_ALIKES
    assert tree(project / "before") == tree(project / "after")
    assert (project / "diagnostics.txt").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("copy", [FIXTURES / "script"], indirect=True)
def test_the_command_does_the_same(copy: Path) -> None:
    command = [sys.executable, "-m", "oaimigrate", "migrate", "--allow-dirty", "."]
    environment = os.environ | {"PYTHONPATH": str(FIXTURES.parent)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    got, expected = tree(copy), tree(FIXTURES / "script" / "after")
    assert {name for name in expected if got[name] != expected[name]} == missed(FIXTURES / "script")
