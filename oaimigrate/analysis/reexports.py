"""The names that an `__init__.py` only hands on, read with the compiler's own parser: a tenth of LibCST's price."""

from __future__ import annotations

import ast
import functools
import warnings
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
    nothing_else: bool = True  # but a docstring and dunder names


@functools.lru_cache(maxsize=1000)  # asked in every round
def read(data: bytes) -> Reexports:
    """The imports at module level, also those in `try`, `if` and `with`; none if the file does not parse."""
    found = Reexports({}, [], False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    found = Reexports({}, [], all(_says_nothing(statement) for statement in tree.body))
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


def _says_nothing(statement: ast.stmt) -> bool:
    """Whether a statement neither uses what is imported nor gives a name to anything."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.List() | ast.Tuple() | ast.Constant()):
            return name.startswith("__")
    return False
