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


DOCKERFILE = """FROM python:3.12
# RUN pip install openai==0.28
RUN pip install --no-cache-dir "openai==0.28" flask && rm -rf /tmp/*
RUN ["pip", "install", "openai==0.27"]
RUN sh -c "pip install openai<1"
RUN pip install \\
    flask \\
    openai==0.28.1 \\
    requests
RUN pip install openai-whisper==0.1 openai>=1
ENV OPENAI=openai==0.28
"""
SCRIPT = """# /// script
# dependencies = [
#   "openai==0.28",  # "openai==0.27" before
#   'OpenAI[datalib]<1; python_version > "3"',
#   "openai-tools==0.1",
# ]
# ///
import openai

text = "openai==0.28"
"""


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "Dockerfile",
            DOCKERFILE,
            DOCKERFILE.replace('"openai==0.28" flask', '"openai~=3.0" flask')
            .replace('"openai==0.27"', '"openai~=3.0"')
            .replace("openai<1", "openai~=3.0")
            .replace("openai==0.28.1", "openai~=3.0"),
        ),
        ("app.Dockerfile", "RUN pip install openai==0.28\n", "RUN pip install openai~=3.0\n"),
        ("Dockerfile.prod", "RUN uv pip install openai==0.28\r\n", "RUN uv pip install openai~=3.0\r\n"),
        ("install.sh", "pip3 install -U 'openai==0.28'; echo\n", "pip3 install -U 'openai~=3.0'; echo\n"),
        (".github/workflows/ci.yml", "- run: pip install openai==0.28\n", "- run: pip install openai~=3.0\n"),
        (".github/workflows/x.yml", "openai: [openai==0.28]\n", None),
        ("values.yml", "- pip install openai==0.28\n", None),
        (
            "tox.ini",
            "[testenv]\ndeps =\n    pytest\n    openai==0.28\n    old: openai==0.28\n",
            "[testenv]\ndeps =\n    pytest\n    openai>=3,<4\n    old: openai==0.28\n",
        ),
        ("noxfile.py", "session.install('openai<1', 'x')\n", "session.install('openai>=3,<4', 'x')\n"),
        ("Makefile", "install:\n\tpip install openai==0.28 x\n", "install:\n\tpip install openai~=3.0 x\n"),
        ("docker-compose.yml", "services:\n  app:\n    command: sh -c \"pip install openai==0.28 && python app.py\"\n",
         "services:\n  app:\n    command: sh -c \"pip install openai~=3.0 && python app.py\"\n"),
        ("deploy/compose.prod.yaml", "services:\n  app:\n    command:\n      - |\n        pip install 'openai<1'\n",
         "services:\n  app:\n    command:\n      - |\n        pip install 'openai~=3.0'\n"),
        (".gitlab/ci/test.yml", "t:\n  script:\n    - pip install openai==0.28\n",
         "t:\n  script:\n    - pip install openai~=3.0\n"),
        ("ci/test.gitlab-ci.yml", "t:\n  script:\n    - pip install openai==0.28\n",
         "t:\n  script:\n    - pip install openai~=3.0\n"),
        (".circleci/config.yml", "jobs:\n  t:\n    steps:\n      - run: pip install openai==0.28\n",
         "jobs:\n  t:\n    steps:\n      - run: pip install openai~=3.0\n"),
        ("azure-pipelines.yml", "steps:\n- script: python -m pip install openai==0.28\n",
         "steps:\n- script: python -m pip install openai~=3.0\n"),
        (".travis.yml", "install:\n  - pip install openai==0.28\n", "install:\n  - pip install openai~=3.0\n"),
        ("bitbucket-pipelines.yml", "script:\n  - pip install openai==0.28\n",
         "script:\n  - pip install openai~=3.0\n"),
        ("Pipfile", '[packages]\nopenai = "==0.28"\n', '[packages]\nopenai = ">=3,<4"\n'),
        ("environment.yml", "dependencies:\n- pip:\n  - openai==0.28\n", "dependencies:\n- pip:\n  - openai>=3,<4\n"),
        ("setup.cfg", "[options]\ninstall_requires =\n    openai<1\n",
         "[options]\ninstall_requires =\n    openai>=3,<4\n"),
        ("pyproject.toml", '[tool.poetry.dependencies]\nopenai = "^0.28"\n',
         '[tool.poetry.dependencies]\nopenai = "^3"\n'),
        (
            "script.py",
            SCRIPT,
            SCRIPT.replace('"openai==0.28",  #', '"openai>=3,<4",  #').replace("[datalib]<1", "[datalib]>=3,<4"),
        ),
    ],
)  # fmt: skip
def test_a_migration_raises_what_keeps_the_old_sdk(
    run: Run, tmp_path: Path, name: str, before: str, after: str | None
) -> None:
    (tmp_path / "app.py").write_text(USES)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(before.encode())
    done = run("migrate", "--allow-dirty")
    assert (tmp_path / name).read_bytes().decode() == (after or before)
    assert (done.code, done.err) == (0, "")
    assert run("migrate", "--allow-dirty").text.startswith("Nothing to migrate")


def test_a_pin_outside_of_the_given_paths_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text("import openai\nopenai.Model.list()\n")
    (tmp_path / "requirements.txt").write_text("openai==0.28\n")
    (tmp_path / "Dockerfile").write_text("RUN pip install openai>=1\n")
    warning = (
        "warning: `requirements.txt` still asks for `openai==0.28`; `oaimigrate migrate requirements.txt` raises it"
    )
    assert warning in run("migrate", "--allow-dirty", "src").err
    assert run("migrate", "--allow-dirty", "src").err == f"{warning}\n"
    assert run("migrate", "--allow-dirty", "requirements.txt").err == ""
    assert run("migrate", "--allow-dirty", "src").err == ""


def test_each_project_of_a_tree_has_its_own_target(run: Run, tmp_path: Path) -> None:
    for name, wanted in (("one", "openai>=1,<2"), ("two", "openai>=2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text(wanted)
        (tmp_path / name / "pins.py").write_text("import openai\n")
        (tmp_path / name / "constraints.txt").write_text("openai==0.28\n")
    run("migrate", "--allow-dirty", ".")
    assert [(tmp_path / name / "constraints.txt").read_text() for name in ("one", "two")] == [
        "openai>=1.55.3,<2\n",
        "openai>=3,<4\n",
    ]
