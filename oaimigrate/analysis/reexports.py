"""The names that an `__init__.py` only hands on, read with the compiler's own parser: a tenth of LibCST's price."""

from __future__ import annotations

import ast
import functools
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Import(NamedTuple):
    """`from module import member`, with `level` dots; `import module` when member is empty."""

    module: str
    member: str
    level: int


class Reexports(NamedTuple):
    """The imports of a module by the name they bind, and those of its `import *`."""

    names: dict[str, Import]
    stars: list[Import]
    said: frozenset[str] | None  # the names that the rest of it says, in whatever way; None if it does not parse

    def leaves(self, names: Iterable[str]) -> bool:
        """Whether it does nothing with these names but import them."""
        return self.said is not None and self.said.isdisjoint(names)


@functools.lru_cache(maxsize=1000)  # asked in every round
def read(data: bytes) -> Reexports:
    """The imports at module level, also those in `try`, `if` and `with`; none if the file does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Reexports({}, [], None)
    found = Reexports({}, [], frozenset(_said(tree)))
    stack: list[ast.AST] = [tree]
    while stack:
        for node in ast.iter_child_nodes(stack.pop()):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    target = Import(node.module or "", alias.name, node.level)
                    if alias.name == "*":
                        found.stars.append(target)
                    else:
                        found.names[alias.asname or alias.name] = target
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    found.names[alias.asname or alias.name.split(".")[0]] = Import(
                        alias.name if alias.asname else alias.name.split(".")[0], "", 0
                    )
            elif isinstance(node, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
                stack.append(node)
    return found


def _said(module: ast.Module) -> Iterator[str]:
    """The names in everything but imports and the lists of `__all__` and its like."""
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, (ast.List, ast.Tuple, ast.Constant)):
            if all(isinstance(t, ast.Name) and t.id.startswith("__") for t in statement.targets):
                continue
        for node in ast.walk(statement):
            match node:
                case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    yield name
                case ast.AsyncFunctionDef(name=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                    yield name
