"""The README says what is so: its commands are run and their output compared, its table is that of the rule book.

`pytest -n0 --update-rulebook tests/test_readme.py` writes what the program prints.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import name_coverage
import pytest
from expected import REPLACEMENTS

from oaimigrate import rulebook
from oaimigrate.reporters.rules import markdown_table

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
CONSOLE = re.compile(r"(`{3,})console\n\$ oaimigrate (?P<arguments>[^\n]*)\n(?P<output>.*?)(?<=\n)\1\n", re.DOTALL)
TABLE = re.compile(r"(?<=<!-- rule table start -->\n).*?(?=<!-- rule table end -->)", re.DOTALL)

COVERAGE = re.compile(r"(?<=<!-- coverage table start -->\n).*?(?=<!-- coverage table end -->)", re.DOTALL)


def expect(request: pytest.FixtureRequest, start: int, end: int, text: str) -> None:
    if request.config.getoption("update_rulebook"):
        request.config.stash[REPLACEMENTS].append((README, start, end, text))
    else:
        assert TEXT[start:end] == text


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_the_tour_shows_real_output(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    app = tmp_path / "my-app"
    shutil.copytree(ROOT / "fixtures/flask-app/before", app)
    git(app, "init", "-q")
    git(app, "add", ".")
    git(app, "commit", "-qm", "As it was")
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    for block in CONSOLE.finditer(TEXT):
        command = [sys.executable, "-m", "oaimigrate", *block["arguments"].split()]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8")
        assert done.returncode in (0, 1), done.stderr
        expect(request, block.start("output"), block.end("output"), done.stdout + done.stderr)


def test_the_table_is_that_of_the_rule_book(request: pytest.FixtureRequest) -> None:
    table = TABLE.search(TEXT)
    assert table is not None
    expect(request, table.start(), table.end(), markdown_table(rulebook.load().values()))


def test_the_coverage_is_that_of_the_map(request: pytest.FixtureRequest) -> None:
    table = COVERAGE.search(TEXT)
    assert table is not None
    expect(request, table.start(), table.end(), name_coverage.table())


def test_ci_runs_the_test_command() -> None:
    commands = re.findall(r"^python3 -m venv .*$", TEXT, re.MULTILINE)
    assert len(commands) == 2
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert ci[-1] == commands[1]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXT):
        assert (ROOT / target).exists(), target
