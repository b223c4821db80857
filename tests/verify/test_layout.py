"""Where the two programs come from; and what a project asks for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from oaimigrate.verify.environments import requirements
from oaimigrate.verify.layout import LayoutError, lay_out
from oaimigrate.verify.requirements import Requirements, of_project

OLD = 'import openai\nopenai.api_key = "k"\nopenai.Model.list()\n'
NEW = 'import openai\nopenai.OpenAI(api_key="k").models.list()\n'


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with 0.28 code in its last commit, an ignored `.env` and an environment."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text(OLD)
    (folder / "removed.py").write_text("x = 1\n")
    (folder / ".gitignore").write_text(".env\nvenv/\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "start")
    (folder / ".env").write_text("KEY=1\n")
    (folder / "venv").mkdir()
    (folder / "venv" / "pyvenv.cfg").write_text("")
    return folder


def test_working_tree_against_the_last_commit(project: Path, tmp_path: Path) -> None:
    (project / "src" / "app.py").write_text(NEW)
    (project / "removed.py").unlink()
    (project / "added.py").write_text("y = 1\n")
    made = lay_out(project, tmp_path / "place")
    assert (made.before / "src/app.py").read_text() == OLD
    assert (made.after / "src/app.py").read_text() == NEW
    assert (made.before / "removed.py").exists()
    assert not (made.after / "removed.py").exists()
    assert made.origin.startswith("commit ")
    assert made.target == "the working tree"
    for side in (made.before, made.after):
        assert (side / ".env").exists()
        assert not (side / "venv").exists()
        assert not (side / ".git").exists()


def test_staged_files_belong_to_the_working_tree(project: Path, tmp_path: Path) -> None:
    (project / "src" / "app.py").write_text(NEW)
    (project / "new.py").write_text("z = 1\n")
    git(project, "add", "new.py")
    made = lay_out(project, tmp_path / "place")
    assert (made.after / "new.py").exists()
    assert not (made.before / "new.py").exists()


def test_unchanged_tree_is_migrated_in_a_copy(project: Path, tmp_path: Path) -> None:
    made = lay_out(project, tmp_path / "place")
    assert made.target == "migrated by oaimigrate"
    assert (made.before / "src/app.py").read_text() == OLD
    assert "openai.Model" not in (made.after / "src/app.py").read_text()
    assert (project / "src/app.py").read_text() == OLD


def test_only_the_given_paths_are_migrated(project: Path, tmp_path: Path) -> None:
    (project / "other.py").write_text(OLD)
    made = lay_out(project, tmp_path / "place", paths=("src",), migrate=True)
    assert "openai.Model" not in (made.after / "src/app.py").read_text()
    assert (made.after / "other.py").read_text() == OLD


def test_a_folder_inside_a_repository(project: Path, tmp_path: Path) -> None:
    made = lay_out(project / "src", tmp_path / "place")
    assert made.inside == Path("src")


def test_without_git(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "app.py").write_text(OLD)
    made = lay_out(tmp_path / "p", tmp_path / "place")
    assert (made.origin, made.target) == ("the working tree", "migrated by oaimigrate")


def test_given_folder(project: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "app.py").write_text(OLD)
    (project / "app.py").write_text(NEW)
    made = lay_out(project, tmp_path / "place", before=tmp_path / "old")
    assert made.origin == str(tmp_path / "old")
    assert [path.name for path in made.before.iterdir()] == ["app.py"]


def test_places_that_are_left_are_told(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "app.py").write_text(f"{OLD}\nopenai.Edit.create(model='m', instruction='i')\n")
    made = lay_out(tmp_path / "p", tmp_path / "place")
    assert len(made.left) == 1
    assert made.left[0].startswith("app.py:")


def test_nothing_to_compare(project: Path, tmp_path: Path) -> None:
    (project / "src" / "app.py").write_text("print(1)\n")
    git(project, "commit", "-qam", "none")
    with pytest.raises(LayoutError, match=r"nothing to compare, commit .* have the same Python files"):
        lay_out(project, tmp_path / "place")


def test_requirements_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "# all\nopenai[datalib]==0.27.8  # old\nflask>=2 # web\n-r more.txt\n-e .\ngit+https://example.org/x.git\n"
        "pandas==2.0.0 --hash=sha256:0\n-c constraints.txt\nopenai-whisper==1.0\n"
    )
    (tmp_path / "more.txt").write_text("tenacity\n-r requirements.txt\n")
    (tmp_path / "pyproject.toml").write_text(
        "[project]\ndependencies = ['openai<1', 'rich']\n"
        "[tool.poetry.dependencies]\npython = '^3.9'\nOpenAI = '^0.28'\nattrs = '^23.1'\n"
        "six = '*'\nidna = {version = '~3.4'}\n"
    )
    found = of_project(tmp_path)
    assert found.extras == "[datalib]"
    assert found.others == (
        *("flask>=2", "tenacity", "pandas==2.0.0", "openai-whisper==1.0"),
        *("rich", "attrs>=23.1,<24", "six", "idna>=3.4,<3.5"),
    )
    assert found.skipped == ("-e .", "git+https://example.org/x.git")
    assert of_project(tmp_path, tmp_path / "more.txt").others[0] == "tenacity"


def test_project_without_requirements(tmp_path: Path) -> None:
    assert of_project(tmp_path) == Requirements()
    (tmp_path / "pyproject.toml").write_text("not toml")
    assert of_project(tmp_path) == Requirements()


def test_the_pin_is_replaced() -> None:
    assert requirements("0.28.1", ("flask>=2",), "[datalib]") == ("openai[datalib]==0.28.1", "numpy", "flask>=2")
    assert requirements("3") == ("openai>=3,<4",)
    assert requirements("2.54.0", ("httpx==0.27.2",)) == ("openai==2.54.0", "httpx==0.27.2")
