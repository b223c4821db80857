"""The idiom that a page recommends exists: its module, its names, and the arguments they are called with.

The runtime is read, not imported: its dependencies are no part of the environment that the rules are tested in.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from oaimigrate import rulebook
from oaimigrate.rulebook import Page

RUNTIME = Path(__file__).parents[1] / "oaimigrate" / "runtime"
PAGES = [page for page in rulebook.load().values() if page.code >= "OAI2"]
FENCE = re.compile(r"^```python runtime\n(.*?)^```$", re.MULTILINE | re.DOTALL)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def page_id(page: Page) -> str:
    return page.code


@cache
def defined(module: str) -> dict[str, Definition]:
    """The public functions and classes of a module of the runtime."""
    tree = ast.parse((RUNTIME / f"{module}.py").read_text(encoding="utf-8"))
    return {n.name: n for n in tree.body if isinstance(n, Definition) and not n.name.startswith("_")}


def imported(page: Page) -> dict[str, Definition]:
    """The names that the example takes from the runtime."""
    found = {}
    for node in ast.walk(example(page)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("oaimigrate.runtime."):
            module = (node.module or "").rpartition(".")[2]
            found |= {alias.asname or alias.name: defined(module)[alias.name] for alias in node.names}
    return found


def example(page: Page) -> ast.Module:
    [shown] = FENCE.findall(page.body)
    return ast.parse(shown)


def members(owner: ast.ClassDef) -> set[str]:
    """Methods, fields and constants of a class."""
    names = set()
    for node in ast.walk(owner):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Attribute(value=ast.Name(id="self"), attr=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
    return names


def parameters(owner: Definition) -> set[str] | None:
    """What a function or constructor can be given by name; None for anything."""
    if isinstance(owner, ast.ClassDef):
        made = next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
        return parameters(made) if made is not None else members(owner)
    if owner.args.kwarg is not None:
        return None
    return {a.arg for a in [*owner.args.args, *owner.args.kwonlyargs]}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_the_idiom_of_a_page_exists_and_is_shown(page: Page) -> None:
    package, module, name = page.runtime.rsplit(".", 2)
    assert package == "oaimigrate.runtime"
    assert ast.get_docstring(defined(module)[name]) or ast.get_docstring(
        ast.parse((RUNTIME / f"{module}.py").read_text())
    )
    assert name in imported(page)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_the_idiom_of_a_page_is_called_as_it_can_be(page: Page) -> None:
    names = imported(page)
    for node in ast.walk(example(page)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            accepted = parameters(names[node.func.id])
            assert accepted is None or {k.arg for k in node.keywords} - {None} <= accepted


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_attributes_in_the_idiom_of_a_page_exist(page: Page) -> None:
    names = imported(page)
    owners = dict(names)
    for node in ast.walk(example(page)):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Call(func=ast.Name(id=maker))) if maker in names:
                owners[target] = names[maker]
            case ast.withitem(context_expr=ast.Call(func=ast.Name(id=maker)), optional_vars=ast.Name(id=target)):
                if maker in names:
                    owners[target] = names[maker]
    for node in ast.walk(example(page)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = owners.get(node.value.id)
            if isinstance(owner, ast.ClassDef):
                assert node.attr in members(owner)
