"""What leaves a module: the names through which responses, clients and what makes them reach other files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.arrivals import mapped
from oaimigrate.analysis.attributes import member
from oaimigrate.analysis.kinds import (
    Awaitable,
    ClassOf,
    Client,
    DictOf,
    Function,
    InstanceOf,
    Kind,
    ListOf,
    Member,
    Plain,
    Record,
    StreamOf,
    SuperOf,
    Value,
    matters,
)  # fmt: skip
from oaimigrate.diagnostics import Export

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

MAX_STARS = 3  # `from module import *` followed one from another
DEPTH = 3  # of functions that return functions, objects that hold objects, and so on


def exports(file: FileContext, hops: int = 0) -> dict[str, Export]:
    """The module-level names of a file through which something of the SDK reaches other modules.

    A function counts when it returns such a value; a class with those of its methods and attributes that do. What
    `from module import *` brings is handed on as well.
    """
    found: dict[str, Export] = {}
    modules = file.project.modules
    for star in file.tree.module_scope.stars if hops < MAX_STARS else ():
        path = modules.resolve(file.source.path, star.module, star.level)
        other = modules.file(path) if path is not None and path in modules.sources else None
        if other is not None and other.source.path != file.source.path:
            found |= {name: e for name, e in exports(other, hops + 1).items() if not name.startswith("_")}
    for name, bindings in file.tree.module_scope.names.items():
        if all(b.how == "import" and (b.module == "openai" or b.module.startswith("openai.")) for b in bindings):
            continue
        value = file.inference.bound(bindings, bindings[-1].node)
        members = members_given(file, value.kind, 0)
        if members or (members is None and gives(file, value.kind, 0)):
            found[name] = Export(members or frozenset(), _meaning(file, value))
    return found


def _meaning(file: FileContext, value: Value, depth: int = 0) -> str:
    """What a value is and gives, as deep as `gives` looks."""
    match value.kind:
        case Function(node=cst.FunctionDef() as node) if depth < DEPTH:
            given = _meaning(file, file.inference.home(node).returned(node), depth + 1)
        case (ClassOf(node=node) | InstanceOf(node=node)) as kind if depth < DEPTH:
            inference = file.inference.home(node)
            members = sorted(members_given(file, kind, depth) or ())
            given = ", ".join(f"{m}: {_meaning(file, member(inference, node, m), depth + 1)}" for m in members)
        case _:
            given = ""
    return f"{mapped(value.kind, _without_node)!r}{' perhaps' if value.doubt else ''} {{{given}}}"


def _without_node(kind: Kind) -> Kind:
    match kind:
        case Function(node=cst.FunctionDef() as node) | ClassOf(node=node) | InstanceOf(node=node) | SuperOf(node=node):
            return Plain(f"{type(kind).__name__} {node.name.value}")
        case Function():
            return Plain("lambda")
    return kind


def gives(file: FileContext, kind: Kind, depth: int = 0) -> bool:
    """Whether a value is something of the SDK, or a function or object of the project through which one gets it."""
    match kind:
        case Function(node=cst.FunctionDef() as node):
            result = file.inference.home(node).returned(node).kind
            return gives(file, result, depth + 1) if depth < DEPTH else matters(result)
        case ClassOf() | InstanceOf():
            return depth < DEPTH and bool(members_given(file, kind, depth))
        case Client() | Member():
            return True
        case ListOf(item=inner) | StreamOf(item=inner) | Awaitable(result=inner) | DictOf(value=inner):
            return depth < DEPTH and gives(file, inner, depth + 1)
        case Record(items=pairs):
            return depth < DEPTH and any(gives(file, inner, depth + 1) for _, inner in pairs)
    return matters(kind) and not isinstance(kind, (Function, SuperOf))


def members_given(file: FileContext, kind: Kind, depth: int = 0) -> frozenset[str] | None:
    """The members of a class that give something of the SDK, None for what is not a class or an object of one."""
    if not isinstance(kind, (ClassOf, InstanceOf)):
        return None
    inference = file.inference.home(kind.node)
    found = inference.given.get((kind.node, depth))
    if found is None:
        scope = inference.tree.scope_of_node[kind.node]
        names = {*scope.names, *inference.tree.attributes.get(scope, {})}
        found = frozenset(n for n in names if gives(file, member(inference, kind.node, n).kind, depth + 1))
        inference.given[kind.node, depth] = found
    return found
