"""Listing, showing and copying the modules; the copies run where oaimigrate is not installed."""

from __future__ import annotations

import ast
import doctest
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from oaimigrate.runtime import catalog
from oaimigrate.runtime.catalog import UnknownModule, copy, names, requirements, show, siblings

from .encodings import encodings_folder

RUN = """
import doctest, importlib, importlib.util, sys
assert importlib.util.find_spec("oaimigrate") is None
for folder, name in (pair.split("|") for pair in sys.argv[1:]):
    sys.path.insert(0, folder)
    before = set(sys.modules)
    module = importlib.import_module(name)
    result = doctest.testmod(module)
    assert result.failed == 0 and result.attempted > 0, (name, result)
    print(name, module.__file__)
    for own in set(sys.modules) - before:
        if (getattr(sys.modules[own], "__file__", None) or "").startswith(folder):
            del sys.modules[own]  # the next copy brings its own siblings
    sys.path.remove(folder)
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment with the dependencies of this one, but without oaimigrate."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = next(path for path in scripts.iterdir() if path.name in ("python", "python.exe"))
    own = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    linked = home / "dependencies"  # not the folder itself: that may hold an installed oaimigrate
    linked.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("oaimigrate", "_oaimigrate", "__editable__")) and entry.suffix != ".pth":
            (linked / entry.name).symlink_to(entry)
    (Path(own.stdout.strip()) / "dependencies.pth").write_text(str(linked))
    return python


def run(python: Path, folder: Path, *modules: tuple[Path, str]) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment = {**clean, "TIKTOKEN_CACHE_DIR": str(encodings_folder())}
    command = [str(python), "-W", "error", "-c", RUN, *(f"{home}|{name}" for home, name in modules)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(catalog).failed == 0


def test_every_copy_runs_its_examples_without_oaimigrate(tmp_path: Path, elsewhere: Path) -> None:
    for name in names():
        written = copy(name, tmp_path / name)
        assert sorted(path.stem for path in written) == sorted({name, *siblings(name)})
    done = run(elsewhere, tmp_path, *((tmp_path / name, name) for name in names()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [f"{name} {tmp_path / name / name}.py" for name in names()]


def test_all_copies_in_a_package_keep_relative_imports_and_run(tmp_path: Path, elsewhere: Path) -> None:
    package = tmp_path / "acme" / "ai"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    for name in names():
        copy(name, package)
    assert sorted(path.stem for path in package.glob("[!_]*.py")) == list(names())
    done = run(elsewhere, tmp_path, *((tmp_path, f"acme.ai.{name}") for name in names()))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", names())
def test_no_module_imports_from_the_analyser(name: str) -> None:
    for text in (show(name), show(name, package=True)):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("oaimigrate") for alias in node.names)
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("oaimigrate")
                assert node.level <= 1
    assert not any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(ast.parse(show(name))))


def test_every_module_says_what_it_is_and_where_a_copy_came_from() -> None:
    assert "tokens" in names()
    assert "catalog" not in names()
    for name in names():
        assert 20 < len(catalog.summary(name)) < 120
        assert show(name).startswith("# Copied from oaimigrate ")
        assert f"oaimigrate/runtime/{name}.py" in show(name).partition("\n")[0]


def test_siblings_are_followed_to_the_end() -> None:
    assert siblings("models") == ()
    assert siblings("context") == ("models", "outcome", "tokens")
    assert requirements("context") == ("genai-prices", "openai", "tiktoken")


def test_every_form_of_relative_import_becomes_a_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "from . import a, b as c\nif 1:\n    from . import (\n        d,\n    )\nfrom .e import (\n    f,\n)\nx = 1\n"
    )
    monkeypatch.setattr(catalog, "_source", lambda name: text if name == "m" else "")
    wanted = "import a, b as c\nif 1:\n    import d\nfrom e import (\n    f,\n)\nx = 1\n"
    assert show("m").partition("\n")[2] == wanted
    assert siblings("m") == ("a", "b", "d", "e")


def test_a_file_that_differs_is_left_alone(tmp_path: Path) -> None:
    copy("tokens", tmp_path)
    copy("tokens", tmp_path)
    (tmp_path / "models.py").write_text("mine")
    (tmp_path / "tokens.py").unlink()
    with pytest.raises(FileExistsError, match=r"models\.py already there"):
        copy("tokens", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["models.py"]
    copy("tokens", tmp_path, force=True)
    assert (tmp_path / "models.py").read_text() == show("models")


def test_a_module_without_siblings_can_be_one_file(tmp_path: Path) -> None:
    assert copy("outcome", tmp_path / "answers.py") == [tmp_path / "answers.py"]
    with pytest.raises(ValueError, match="give a folder"):
        copy("context", tmp_path / "fit.py")


@pytest.mark.parametrize("name", ["tokns", "catalog", "__init__", "../client", ""])
def test_an_unknown_name_is_an_error(name: str, tmp_path: Path) -> None:
    for use in (show, siblings, requirements, lambda name: copy(name, tmp_path)):
        with pytest.raises(UnknownModule, match="no module"):
            use(name)
    assert list(tmp_path.iterdir()) == []
