"""Clients that stand ready at module level: in the file itself, or in a module of the project that it imports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import Client, External
from oaimigrate.analysis.scopes import Binding
from oaimigrate.diagnostics import Need

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


@dataclass(frozen=True, slots=True)
class Held:
    """A client that exists: `text` names it in the file, once `needs` are met; `module` is where it comes from."""

    text: str
    module: str = ""
    needs: tuple[Need, ...] = ()


def own(file: FileContext) -> dict[bool, Held]:
    """Clients that the file builds at module level, by asynchronous."""
    found: dict[bool, Held] = {}
    for name, client in _built(file):
        found.setdefault(client.asynchronous, Held(name))
    return found


def imported(file: FileContext) -> dict[bool, Held]:
    """Clients of modules that the file imports at its top, by asynchronous.

    A name that is imported already comes before one that could be. Where two could be meant, none is.
    """
    lines = (line for line in file.module.body if isinstance(line, cst.SimpleStatementLine))
    tops = {id(statement) for line in lines for statement in line.body}
    found: dict[bool, Held] = {}
    for candidates in zip(*(_of_import(file, b) for b in _imports(file) if _at_top(file, b, tops)), strict=True):
        for asynchronous in (False, True):
            held = {c for group in candidates for a, c in group if a is asynchronous}
            if len({(c.module, c.text.rpartition(".")[2]) for c in held}) == 1:
                found.setdefault(asynchronous, min(held, key=lambda c: (len(c.needs), c.text)))
    return found


def _at_top(file: FileContext, binding: Binding, tops: set[int]) -> bool:
    node: cst.CSTNode | None = binding.node
    while node is not None and not isinstance(node, (cst.Import, cst.ImportFrom)):
        node = file.parent(node)
    return id(node) in tops


def _imports(file: FileContext) -> Iterator[Binding]:
    for bindings in file.tree.module_scope.names.values():
        if len(bindings) == 1 and bindings[0].how == "import" and bindings[0].module.partition(".")[0] != "openai":
            yield bindings[0]


def _of_import(file: FileContext, binding: Binding) -> tuple[list[tuple[bool, Held]], list[tuple[bool, Held]]]:
    """What one import brings: clients by their names, and clients that its module holds besides."""
    modules, path = file.project.modules, file.source.path
    kind = file.inference.binding(binding).kind
    if isinstance(kind, Client):
        return [(kind.asynchronous, Held(binding.name, _spelled(binding)))], []
    name = binding.name
    if not binding.member:
        home = modules.resolve(path, binding.module, binding.level)
        name = binding.module if binding.module.partition(".")[0] == name else name
    elif isinstance(kind, External) and kind.path.startswith("file:"):
        home = kind.path[5:]
    else:
        home, name = modules.resolve(path, binding.module, binding.level), ""
    other = modules.file(home) if home is not None and home in modules.sources and home != path else None
    if other is None or any(_means(other, b, path) for b in _imports(other)):
        return [], []
    found = []
    for client_name, client in _built(other):
        if name:
            held = Held(f"{name}.{client_name}", home or "")
        elif _taken(file, client_name):
            continue
        else:
            held = Held(client_name, home or "", (Need("import", f"{_spelled(binding)}:{client_name}"),))
        found.append((client.asynchronous, held))
    return [], found


def _means(other: FileContext, binding: Binding, path: str) -> bool:
    """Whether an import of another file is of the file at `path`: then neither may rely on all of the other."""
    resolve = other.project.modules.resolve
    submodule = f"{binding.module}.{binding.member}" if binding.module else binding.member
    return path in (
        resolve(other.source.path, binding.module, binding.level),
        binding.member and resolve(other.source.path, submodule, binding.level),
    )


def _built(file: FileContext) -> Iterator[tuple[str, Client]]:
    for name, bindings in file.tree.module_scope.names.items():
        if len(bindings) == 1 and bindings[0].how == "assign":
            kind = file.inference.binding(bindings[0]).kind
            if isinstance(kind, Client):
                yield name, kind


def _taken(file: FileContext, name: str) -> bool:
    return any(name in scope.names for scope in file.tree.scope_of_node.values())


def _spelled(binding: Binding) -> str:
    return "." * binding.level + binding.module
