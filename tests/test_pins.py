"""The default of `--target` is the newest SDK that the project's requirements allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from oaimigrate.manifests.pins import newest_target
from oaimigrate.settings.configuration import Configuration


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("openai", 3),
        ("openai==0.28.1", 3),
        ("openai<1", 3),
        ("openai>=1.0", 3),
        ("openai==1.30.0  # pinned", 1),
        ("openai==1.*; python_version > '3'", 1),
        ("openai[datalib]~=1.3", 1),
        ("OpenAI >= 1.2, < 3", 2),
        ("openai>=1,<2.5", 2),
        ("openai<=2", 2),
        ("openai (>=1,<2)", 1),
        ("openai>=1,!=1.5", 3),
        ("openai-agents==1.0", 3),
        ("openai_tools==1.0", 3),
        ("# openai==1.0", 3),
    ],
)
def test_requirements(tmp_path: Path, wanted: str, target: int) -> None:
    (tmp_path / "requirements-dev.txt").write_text(f"flask\n{wanted}\nrequests==2.0\n")
    assert newest_target(str(tmp_path)) == target


@pytest.mark.parametrize(
    ("name", "text", "target"),
    [
        ("pyproject.toml", '[project]\ndependencies = ["flask", "openai>=1,<2"]\n', 1),
        ("pyproject.toml", '[project.optional-dependencies]\nai = ["openai<3"]\n', 2),
        ("pyproject.toml", '[dependency-groups]\ndev = [{include-group = "x"}, "openai==2.1"]\n', 2),
        ("pyproject.toml", '[tool.poetry.dependencies]\nopenai = "^1.2"\n', 1),
        ("pyproject.toml", '[tool.poetry.group.dev.dependencies]\nopenai = {version = "~2.1"}\n', 2),
        ("pyproject.toml", "not = [toml", 3),
        ("pyproject.toml", 'project = "x"\n', 3),
        ("setup.cfg", "[options]\ninstall_requires =\n    flask\n    openai>=1,<2\n", 1),
        ("setup.cfg", "[options.extras_require]\nai = openai==2.*\n", 2),
        ("setup.cfg", "no section", 3),
        ("requirements/base.in", "openai<2,>=1", 1),
        ("Pipfile", '[packages]\nopenai = {version = "<3"}\n', 2),
        ("environment.yml", "dependencies:\n  - pip:\n    - openai>=1,<2\n", 1),
        ("tox.ini", "[testenv]\ndeps = openai<2\n", 3),  # the oldest that is tested, not the newest that works
        ("Dockerfile", "RUN pip install openai==1.3\n", 3),
    ],
)
def test_manifests(tmp_path: Path, name: str, text: str, target: int) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    file = tmp_path / "src" / "a.py"
    file.parent.mkdir()
    file.write_text("")
    assert newest_target(str(file)) == target


def test_the_strictest_of_several_decides_and_the_repository_is_the_border(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("openai==1.0\n")
    inner = tmp_path / "inner"
    (inner / ".git").mkdir(parents=True)
    assert newest_target(str(inner)) == 3
    (inner / "requirements.txt").write_text("openai>=1\n")
    (inner / "setup.cfg").write_text("[options]\ninstall_requires = openai<3\n")
    assert newest_target(str(inner)) == 2


SCRIPT = "# /// script\n# requires-python = '>=3.11'\n# dependencies = [\n#   'rich',\n#   {wanted},\n# ]\n# ///\n"


@pytest.mark.parametrize(
    ("wanted", "target"),
    [("'openai>=1,<2'", 1), ("'openai~=2.1'", 2), ("'openai'", 3), ("'openai<1'", 2), ("'flask'", 2)],
)
def test_the_metadata_of_a_script_decide_for_it(tmp_path: Path, wanted: str, target: int) -> None:
    """One that wants openai 0.x or nothing of it is asked to work with what its project works with."""
    (tmp_path / "requirements.txt").write_text("openai>=1,<3\n")
    script, module = tmp_path / "script.py", tmp_path / "module.py"
    script.write_text("#!/usr/bin/env -S uv run\n" + SCRIPT.replace("{wanted}", wanted) + "import openai\n")
    module.write_text("import openai\n")
    assert Configuration().config(str(script)).target == target
    assert Configuration().config(str(module)).target == 2
    (tmp_path / "oaimigrate.toml").write_text("target = 3\n")
    assert Configuration().config(str(script)).target == 3
