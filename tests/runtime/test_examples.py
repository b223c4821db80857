"""The examples in the docstrings run, and a module stands alone; `test_catalog.py` runs the copies."""

from __future__ import annotations

import ast
import doctest
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

from oaimigrate import runtime

FOLDER = Path(str(runtime.__file__)).parent
MODULES = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]))
ALONE = ["breaker", "client", "errors", "limit", "stream", "telemetry"]  # the others have tests of their own for this


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


@pytest.mark.parametrize("name", [*ALONE, "observe", "retry"])
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
def test_a_module_needs_no_other_of_the_package(name: str) -> None:
    assert not imports(name)[1]


def test_the_package_lists_its_modules_and_imports_them_on_first_use() -> None:
    assert runtime.breaker is sys.modules["oaimigrate.runtime.breaker"]
    assert set(MODULES) == set(runtime.__all__)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = runtime.nonsense  # type: ignore[attr-defined]
