"""The hooks as pre-commit and prek run them: they clone this repository, install it and pass files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"
NEW = "import openai\n\nclient = openai.OpenAI(api_key='k')\nr = client.models.list()\n"
PASSES = "import openai\n\nclient = openai.OpenAI()\n"
BROKEN = "import openai\n\nprint 'x'\n"
NOT_COPIED = shutil.ignore_patterns(".git", ".cache", ".venv", ".*_cache", "__pycache__", "dist", "build", "*.egg-info")
RUNNERS = {"pre-commit": "pre_commit", "prek": "prek"}
FILES = {
    "old.py": OLD,
    "stub.pyi": OLD,
    "build/generated.py": OLD,
    "notes.txt": OLD,
    "new.py": PASSES,
    "bad.py": BROKEN,
}


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, env=clean)


def commit(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "x")


def notebook(code: str) -> str:
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": code.splitlines(True),
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, indent=1) + "\n"


def run(
    runner: str, home: Path, folder: Path, *arguments: str, ok: bool | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") and k != "PYTHONPATH"}
    homes = {"PRE_COMMIT_HOME": str(home / "pre-commit"), "PREK_HOME": str(home / "prek")}
    command = [sys.executable, "-m", RUNNERS[runner], *arguments]
    environment = clean | homes | {"PRE_COMMIT_COLOR": "never", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ok is None or (done.returncode == 0) is ok, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as a commit, as it is now."""
    folder = tmp_path_factory.mktemp("hooks") / "oaimigrate"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both runners keep the environments that they make."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "build").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "book.ipynb").write_text(notebook(OLD))
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in [*FILES, "book.ipynb"]}


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_manifest_is_valid(runner: str, home: Path) -> None:
    run(runner, home, ROOT, "validate-manifest", ".pre-commit-hooks.yaml", ok=True)


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_hooks_run_in_a_repository(runner: str, home: Path, hooks: Path, project: Path) -> None:
    commit(project)
    before = contents(project)
    check = run(runner, home, project, "try-repo", str(hooks), "oaimigrate-check", "--all-files", ok=False).stdout
    for place in ("old.py:4:5", "stub.pyi:4:5", "book.ipynb:cell 1:4:5", "bad.py:3:1"):
        assert place in check, check
    assert "Found 7 problems." in check, check
    assert not any(name in check for name in ("generated.py", "notes.txt", "new.py"))
    assert contents(project) == before

    fix = run(runner, home, project, "try-repo", str(hooks), "oaimigrate-fix", "--all-files", ok=False).stdout
    assert "files were modified by this hook" in fix.lower()
    assert "Found 7 problems (6 fixed, 1 remaining)." in fix, fix
    assert contents(project) == {**before, "old.py": NEW, "stub.pyi": NEW, "book.ipynb": notebook(NEW)}


def test_a_configured_hook_passes_when_all_is_well(home: Path, hooks: Path, project: Path) -> None:
    head = subprocess.run(["git", "-C", str(hooks), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    config = f"repos:\n- repo: {hooks}\n  rev: {head.stdout.strip()}\n  hooks:\n"
    config += "  - id: oaimigrate-fix\n  - id: oaimigrate-check\n"
    (project / ".pre-commit-config.yaml").write_text(config)
    (project / "bad.py").unlink()
    commit(project)
    run("pre-commit", home, project, "run", "--all-files", ok=False)
    assert (project / "old.py").read_text() == NEW
    run("pre-commit", home, project, "run", "--all-files", ok=True)
