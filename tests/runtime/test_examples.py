"""The examples in the docstrings run, and a module stands alone: in the package and as a copy."""

from __future__ import annotations

import ast
import doctest
import pkgutil
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from oaimigrate import runtime

FOLDER = Path(str(runtime.__file__)).parent
MODULES = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]))
ALONE = ["breaker", "client", "limit", "observe", "retry", "stream"]  # the others have tests of their own for this


def imports(name: str) -> tuple[set[str], set[str]]:
    """What a module imports: (top-level packages, siblings)."""
    packages, siblings = set(), set()
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                packages |= {alias.name.partition(".")[0] for alias in node.names}
            case ast.ImportFrom(level=0):
                packages.add(str(node.module).partition(".")[0])
            case ast.ImportFrom():
                siblings |= {node.module} if node.module else {alias.name for alias in node.names}
    return packages, siblings


def with_siblings(name: str) -> set[str]:
    found, left = set(), [name]
    while left:
        if (module := left.pop()) not in found:
            found.add(module)
            left += imports(module)[1]
    return found


@pytest.mark.parametrize("name", ALONE)
def test_the_examples_run(name: str) -> None:
    module = import_module(f"oaimigrate.runtime.{name}")
    assert module.__doc__
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_neither_the_analyser_nor_httpx(name: str) -> None:
    packages, _ = imports(name)
    assert not packages & {"oaimigrate", "libcst", "httpx", "httpx2"}
    assert len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 400


@pytest.mark.parametrize("name", ALONE)
def test_a_copy_of_one_module_runs_alone(name: str, tmp_path: Path) -> None:
    assert with_siblings(name) == {name}
    shutil.copy(FOLDER / f"{name}.py", tmp_path / f"my_{name}.py")
    command = [sys.executable, "-I", "-W", "error", "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}]\n"]
    command[-1] += f"import doctest, my_{name}; assert 'oaimigrate' not in sys.modules\n"
    command[-1] += f"sys.exit(doctest.testmod(my_{name}).failed)"
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_package_lists_its_modules_and_imports_them_on_first_use() -> None:
    assert runtime.breaker is sys.modules["oaimigrate.runtime.breaker"]
    assert set(MODULES) == set(runtime.__all__)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = runtime.nonsense  # type: ignore[attr-defined]
