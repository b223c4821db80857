"""List, show and copy the modules of this package, so that a project can own the code instead of depending on it.

The one idea: a copy needs nothing of oaimigrate. A module that imports a sibling brings the sibling along; in a folder
that is a package (it has an `__init__.py`) the imports between them stay relative, elsewhere they become plain imports.
Each copy says in its first line where it came from. Imports no sibling.

>>> "tokens" in names(), summary("breaker")
(True, 'A circuit breaker for calls to the OpenAI API, and what to answer while it is open.')
>>> siblings("tokens")
('models',)
"""

from __future__ import annotations

import ast
import difflib
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

#: Modules whose name on PyPI is another one.
_DISTRIBUTIONS = {"json_repair": "json-repair", "genai_prices": "genai-prices", "opentelemetry": "opentelemetry-api"}


class UnknownModule(LookupError):
    """There is no such module to copy; the message suggests one that there is."""


def names() -> tuple[str, ...]:
    """The modules that can be shown and copied, sorted."""
    found = (entry.name.removesuffix(".py") for entry in files(__package__).iterdir() if entry.name.endswith(".py"))
    return tuple(sorted(name for name in found if name not in ("__init__", "catalog")))


@cache
def _source(name: str) -> str:
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        raise UnknownModule(f"no module {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return (files(__package__) / f"{name}.py").read_text(encoding="utf-8")


def summary(name: str) -> str:
    """The first line of a module's documentation. Raises UnknownModule, as everything here does."""
    return (ast.get_docstring(ast.parse(_source(name))) or "").partition("\n")[0]


def _relative(name: str) -> Iterator[ast.ImportFrom]:
    for node in ast.walk(ast.parse(_source(name))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield node


def siblings(name: str) -> tuple[str, ...]:
    """The modules that come along with a copy of `name`: those it imports and those they import."""
    found: set[str] = set()
    left = [name]
    while left:
        for node in _relative(left.pop()):
            imported = {node.module} if node.module else {alias.name for alias in node.names}
            left += [new for new in imported if new and new not in found]
            found.update(new for new in imported if new)
    return tuple(sorted(found - {name}))


def requirements(name: str) -> tuple[str, ...]:
    """The distributions on PyPI that a module and its siblings import somewhere; optional ones are among them."""
    found: set[str] = set()
    for part in (name, *siblings(name)):
        for node in ast.walk(ast.parse(_source(part))):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return tuple(sorted(_DISTRIBUTIONS.get(top, top) for top in found - sys.stdlib_module_names))


def optional(name: str) -> tuple[str, ...]:
    """Those of `requirements` that the modules do without: imported in a `try` that catches ImportError."""
    found: set[str] = set()
    for part in (name, *siblings(name)):
        for attempt in (n for n in ast.walk(ast.parse(_source(part))) if isinstance(n, ast.Try)):
            if any(isinstance(h.type, ast.Name) and h.type.id == "ImportError" for h in attempt.handlers):
                for node in attempt.body:
                    names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                    found.update(_DISTRIBUTIONS.get(n.partition(".")[0], n.partition(".")[0]) for n in names)
    return tuple(sorted(found & set(requirements(name))))


def show(name: str, *, package: bool = False) -> str:
    """The text of a copy of `name`; with `package` its relative imports stay."""
    text = _source(name)
    if not package:
        text = _flattened(name, text)
    origin = f"oaimigrate {_version()} (oaimigrate/runtime/{name}.py, Apache-2.0)"
    return f"# Copied from {origin}; needs nothing of it.\n{text}"


def _version() -> str:
    try:
        return version("oaimigrate")
    except PackageNotFoundError:
        return "(a source tree)"


def _flattened(name: str, text: str) -> str:
    lines = text.splitlines(keepends=True)
    for node in _relative(name):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        if node.module:
            lines[first] = re.sub(r"from\s+\.", "from ", lines[first], count=1)
            continue
        imported = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in node.names)
        lines[first] = f"{' ' * node.col_offset}import {imported}\n"
        for line in range(first + 1, last + 1):
            lines[line] = ""
    return "".join(lines)


def copy(name: str, dest: str | os.PathLike[str], *, force: bool = False) -> list[Path]:
    """Copy a module, and what it imports from its siblings, into the folder `dest`; gives the files in place.

    `dest` may name a `.py` file for a module without siblings. A folder is made if it does not exist. Files that are
    there already and differ are left alone: FileExistsError, before anything is written, unless `force`. Raises
    UnknownModule, and ValueError for one file where several are needed.
    """
    target, parts = Path(dest), (name, *siblings(name))
    if target.suffix == ".py":
        if len(parts) > 1:
            raise ValueError(f"{name} comes with {', '.join(parts[1:])}; give a folder instead of a file")
        wanted = {target: show(name)}
    else:
        package = (target / "__init__.py").exists()
        wanted = {target / f"{part}.py": show(part, package=package) for part in parts}
    taken = [path for path, text in wanted.items() if path.exists() and path.read_text(encoding="utf-8") != text]
    if taken and not force:
        raise FileExistsError(f"{', '.join(map(str, taken))} already there and different")
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    return list(wanted)
