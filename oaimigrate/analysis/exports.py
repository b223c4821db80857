"""What leaves a module: the names through which responses, clients and what makes them reach other files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import overrides, special
from oaimigrate.analysis.arrivals import mapped
from oaimigrate.analysis.attributes import ancestors, member
from oaimigrate.analysis.calls import is_legacy_request, request_at
from oaimigrate.analysis.kinds import (
    Awaitable,
    ClassOf,
    DictOf,
    ErrorOf,
    Function,
    InstanceOf,
    Kind,
    ListOf,
    Managed,
    OneOf,
    Plain,
    Record,
    StreamOf,
    SuperOf,
    Symbol,
    TupleOf,
    Value,
    matters,
    one_by_one,
)  # fmt: skip
from oaimigrate.diagnostics import Export

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

MAX_STARS = 3  # `from module import *` followed one from another
DEPTH = 3  # of what is put into words: functions that return functions, objects that hold objects


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
        value = file.inference.bound(bindings, bindings[-1].node)
        if gives(file, value.kind):
            found[name] = Export(words_for(file, value.kind), _meaning(file, value, set()))
    return found


def _meaning(file: FileContext, value: Value, told: set[cst.CSTNode], depth: int = 0) -> str:
    """What a value is and gives; what is in `told` was put into words before."""
    given = ""
    match value.kind:
        case Function(node=cst.FunctionDef() as node) | ClassOf(node=node) | InstanceOf(node=node) if (
            depth < DEPTH and node not in told
        ):
            told.add(node)
            given = ", ".join(
                f"{name}: {_meaning(file, part, told, depth + 1)}"
                for name, part in _parts(file, value.kind)
                if gives(file, part.kind)
            )
    return f"{mapped(value.kind, _without_node)!r}{' perhaps' if value.doubt else ''} {{{given}}}"


def _without_node(kind: Kind) -> Kind:
    match kind:
        case Function(node=cst.FunctionDef() as node) | ClassOf(node=node) | InstanceOf(node=node) | SuperOf(node=node):
            return Plain(f"{type(kind).__name__} {node.name.value}")
        case Function():
            return Plain("lambda")
    return kind


def gives(file: FileContext, kind: Kind) -> bool:
    """Whether a value is something of the SDK, or a function or object of the project through which one gets it.

    The value of a setting is no more than a string, wherever it came from.
    A function that makes a request counts, whatever it returns: it blocks, and its errors rise. A class that only makes
    objects of itself gives nothing: it is sought until nothing is left to look into.
    """
    came_from: dict[cst.CSTNode, cst.CSTNode | None] = {}  # what is looked into, and what led there
    waiting: list[tuple[Kind, cst.CSTNode | None]] = [(leaf, None) for leaf in _leaves(kind)]
    while waiting:
        kind, above = waiting.pop()
        match kind:
            case Function(node=cst.FunctionDef() as node) | ClassOf(node=node) | InstanceOf(node=node):
                known = file.inference.home(node).gives.get(node)
                if known is None and isinstance(node, cst.FunctionDef) and _asks(file, node):
                    known = file.inference.home(node).gives[node] = True
                if known is None and node not in came_from:
                    came_from[node] = above
                    waiting += ((leaf, node) for _, part in _parts(file, kind) for leaf in _leaves(part.kind))
                    continue
            case Function() | SuperOf():
                known = False
            case Symbol(path=path):
                known = bool(path) and path not in file.api.settings
            case _:
                known = matters(kind) or isinstance(kind, ErrorOf)
        if known:
            while above is not None:
                file.inference.home(above).gives[above] = True
                above = came_from.get(above)
            return True
    for looked_into in came_from:
        file.inference.home(looked_into).gives[looked_into] = False
    return False


def is_of_sdk(file: FileContext, kind: Kind) -> bool:
    """Whether something of the SDK stands in a value itself, and is not only met through an object of the project."""
    return any(not isinstance(k, (Function, ClassOf, InstanceOf)) and gives(file, k) for k in _leaves(kind))


def _asks(file: FileContext, function: cst.FunctionDef) -> bool:
    """Whether a function makes a request itself."""
    home = file.inference.home(function).file
    calls = home.named_like_requests.get(function, ())
    return any(is_legacy_request(home, c) or request_at(home, c) is not None for c in calls)


def _leaves(kind: Kind) -> list[Kind]:
    """What stands in a kind, however it is contained."""
    found: list[Kind] = []
    mapped(kind, lambda leaf: found.append(leaf) or leaf)  # type: ignore[func-returns-value]
    return found


def words_for(file: FileContext, kind: Kind) -> frozenset[str]:
    """What code that gets something of the SDK from a class, or from an object of one, has to say: one of these.

    `.name` of a member, `"name` of a key; `def name` of an abstract method that is given something. Where a member only
    gives an object of the project or a dict, it is what is said to that. None for what is no class, and where the
    object itself need only be called, subscripted or looped over.
    """
    owners = [k for k in one_by_one(kind) if isinstance(k, (ClassOf, InstanceOf))]
    found = _words(file, kind, "", set()) if len(owners) == len(one_by_one(kind)) else {""}
    return frozenset() if "" in found else frozenset(found.union(*(_given(file, owner.node) for owner in owners)))


def _words(file: FileContext, kind: Kind, word: str, told: set[tuple[cst.CSTNode, str]]) -> set[str]:
    """The words for what a kind gives, where `word` is the one for the kind itself and `told` what was asked before."""
    match kind:
        case ClassOf(node=node) | InstanceOf(node=node):
            members = [(name, part.kind) for name, part in _parts(file, kind) if gives(file, part.kind)]
            if special.METHODS & dict(members).keys():
                return {word}
            parts = [(f".{name}", part) for name, part in members if (node, "") not in told]
            told.add((node, ""))
        case Function(node=cst.FunctionDef() as node):
            if _asks(file, node):
                return {word}
            parts = [(word, part.kind) for _, part in _parts(file, kind) if (node, word) not in told]
            told.add((node, word))
        case Record(items=items):
            parts = [(f'"{key}', part) for key, part in items]
        case ListOf(item=item) | StreamOf(item=item) | Managed(item=item) | Awaitable(result=item) | DictOf(value=item):
            parts = [(word, item)]
        case TupleOf(items=kinds) | OneOf(kinds=kinds):
            parts = [(word, part) for part in kinds]
        case _:
            return {word}
    return {w for name, part in parts if gives(file, part) for w in _words(file, part, name, told)}


def _given(file: FileContext, owner: cst.ClassDef) -> Iterator[str]:
    home = file.inference.home(owner)
    for method in overrides.abstract_methods(home, owner):
        if any(is_of_sdk(file, home.binding(parameter).kind) for parameter in overrides.parameters(home, method)):
            yield f"def {method.name.value}"


def _parts(file: FileContext, kind: Function | ClassOf | InstanceOf) -> list[tuple[str, Value]]:
    """What a function returns, and what the members of a class and of its objects are."""
    inference = file.inference.home(kind.node)
    if isinstance(kind, Function):
        assert isinstance(kind.node, cst.FunctionDef)
        return [("()", inference.returned(kind.node))]
    found = inference.parts.get(kind.node)
    if found is not None:
        return found
    names: set[str] = set()
    for above, node in ((inference, kind.node), *ancestors(inference, kind.node)):
        scope = above.tree.scope_of_node[node]
        names |= {*scope.names, *above.tree.attributes.get(scope, {})}
    found = inference.parts[kind.node] = [(name, member(inference, kind.node, name)) for name in sorted(names)]
    return found
