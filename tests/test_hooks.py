"""The hooks as pre-commit runs them: it clones this repository, installs it and passes files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"
NEW = "import openai\n\nclient = openai.OpenAI(api_key='k')\nr = client.models.list()\n"
NOT_COPIED = shutil.ignore_patterns(".git", ".cache", ".venv", ".*_cache", "__pycache__", "dist", "build", "*.egg-info")


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, env=clean)


def commit(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "x")


def pre_commit(tmp_path: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") and k != "PYTHONPATH"}
    environment = clean | {"PRE_COMMIT_HOME": str(tmp_path / "home"), "PRE_COMMIT_COLOR": "never"}
    command = [sys.executable, "-m", "pre_commit", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "build").mkdir(parents=True)
    for name in ("old.py", "stub.pyi", "build/generated.py"):
        (folder / name).write_text(OLD)
    (folder / "notes.txt").write_text(OLD)
    return folder


def test_the_manifest_is_valid(tmp_path: Path) -> None:
    done = pre_commit(tmp_path, ROOT, "validate-manifest", ".pre-commit-hooks.yaml")
    assert done.returncode == 0, done.stdout


def test_both_hooks_run_in_a_repository(tmp_path: Path, project: Path) -> None:
    hooks = tmp_path / "hooks"
    shutil.copytree(ROOT, hooks, ignore=NOT_COPIED)
    commit(hooks)
    config = f"repos:\n- repo: {hooks}\n  rev: v1\n  hooks:\n  - id: oaimigrate-check\n  - id: oaimigrate-fix\n"
    git(hooks, "tag", "v1")
    (project / ".pre-commit-config.yaml").write_text(config)
    commit(project)

    check = pre_commit(tmp_path, project, "run", "oaimigrate-check", "--all-files")
    assert check.returncode == 1
    assert "old.py:4:5" in check.stdout
    assert "stub.pyi:4:5" in check.stdout
    assert "generated.py" not in check.stdout
    assert "Found 4 problems." in check.stdout, check.stdout

    fix = pre_commit(tmp_path, project, "run", "oaimigrate-fix", "--all-files")
    assert fix.returncode == 1
    assert "files were modified by this hook" in fix.stdout
    assert [(project / name).read_text() for name in ("old.py", "stub.pyi", "build/generated.py")] == [NEW, NEW, OLD]
    assert pre_commit(tmp_path, project, "run", "--all-files").returncode == 0
