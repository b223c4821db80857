"""What other files pass to the functions and classes of a file, where it arrives. `passing` is where it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import (
    SILENT,
    Awaitable,
    DictOf,
    External,
    Kind,
    ListOf,
    Managed,
    OneOf,
    Record,
    StreamOf,
    TupleOf,
    Value,
)  # fmt: skip
from oaimigrate.analysis.steps import known
from oaimigrate.diagnostics import FILLED, Passed

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.infer import Inference

MADE = "()"  # behind the name of what was called: `Printer()` is what `Printer` makes


def mapped(kind: Kind, leaf: Callable[[Kind], Kind]) -> Kind:
    match kind:
        case ListOf(item=inner):
            return ListOf(mapped(inner, leaf))
        case TupleOf(items=items):
            return TupleOf(tuple(mapped(i, leaf) for i in items))
        case DictOf(value=value, key=key):
            return DictOf(mapped(value, leaf), mapped(key, leaf))
        case Record(items=pairs):
            return Record(tuple((name, mapped(i, leaf)) for name, i in pairs))
        case StreamOf(item=inner, asynchronous=asynchronous):
            return StreamOf(mapped(inner, leaf), asynchronous)
        case Awaitable(result=inner):
            return Awaitable(mapped(inner, leaf))
        case Managed(item=inner):
            return Managed(mapped(inner, leaf))
        case OneOf(kinds=kinds):
            return OneOf(tuple(mapped(k, leaf) for k in kinds))
    return leaf(kind)


def received(inference: Inference, function: cst.FunctionDef, parameter: cst.Param) -> Iterator[tuple[Passed, Value]]:
    """What other files pass for a parameter."""
    ordered = [*function.params.posonly_params, *function.params.params]
    for name, skip in names(inference, function) if inference.arrived else ():
        for passed in inference.arrived.get(name, ()):
            at = passed.argument
            if at == parameter.name.value if isinstance(at, str) else ordered[skip + at : skip + at + 1] == [parameter]:
                yield passed, Value(mapped(passed.kind, lambda kind: _found(inference, kind)))


def received_by(inference: Inference, owner: cst.ClassDef, name: str, position: int) -> Iterator[Value]:
    """What other files give for a field when they make objects of a class."""
    if inference.tree.scopes[owner].kind == "module":
        for passed in inference.arrived.get(owner.name.value, ()):
            if passed.argument in (name, position):
                yield Value(mapped(passed.kind, lambda kind: _found(inference, kind)))


def fillings(inference: Inference, function: cst.FunctionDef) -> Iterator[Passed]:
    """What is said of the methods of other files that fill in an abstract one."""
    for name, _ in names(inference, function):
        yield from (passed for passed in inference.arrived.get(name, ()) if passed.argument == FILLED)


def filled(inference: Inference, function: cst.FunctionDef) -> list[Value]:
    """What these methods return."""
    return [Value(mapped(p.kind, lambda kind: _found(inference, kind))) for p in fillings(inference, function)]


def arguments(
    inference: Inference, function: cst.FunctionDef, parameter: cst.Param
) -> Iterator[tuple[FileContext, cst.BaseExpression]]:
    """The arguments that other files pass for a parameter, each with its file, where that can be read."""
    for passed, _ in received(inference, function, parameter):
        file = inference.file.project.modules.file(passed.caller)
        for _, given in file.inference.index.given if file is not None and passed.of_sdk else ():
            for value in _placed(given, passed.argument):
                if file is not None and file.source.position(file.span(value).start)[0] == passed.row:
                    yield file, value


def _placed(given: Sequence[cst.Arg], place: int | str) -> Iterator[cst.BaseExpression]:
    if isinstance(place, str):
        yield from (a.value for a in given if a.keyword is not None and a.keyword.value == place)
    elif place < len(given) and all(a.keyword is None and not a.star for a in given[: place + 1]):
        yield given[place].value


def names(inference: Inference, function: cst.FunctionDef) -> Iterator[tuple[str, int]]:
    """The names under which other files call a function, each with the number of parameters that it fills itself."""
    name = function.name.value
    scope = inference.tree.scopes[function]
    if scope.kind == "module":
        yield name, 0
    if not isinstance(scope.node, cst.ClassDef) or inference.tree.scopes[scope.node].kind != "module":
        return
    owner = scope.node.name.value
    decorators = {inference.decorator_path(d) for d in function.decorators}
    yield f"{owner}{MADE}.{name}", 0 if "staticmethod" in decorators else 1
    yield f"{owner}.{name}", 1 if "classmethod" in decorators else 0
    if name == "__init__":
        yield owner, 1
    if name == "__call__":
        yield f"{owner}{MADE}", 1


def _found(inference: Inference, kind: Kind) -> Kind:
    """What a name of another file is, as far as the project knows it; the name itself, else."""
    if not isinstance(kind, External) or not kind.file:
        return kind
    found = named(inference, kind.file, kind.name)
    return found.kind if known(found.kind) else kind


def named(inference: Inference, path: str, name: str) -> Value:
    """`Printer().show` in a file: from a name at the top through attributes and calls."""
    value = SILENT
    for place, step in enumerate(name.split(".")):
        bare = step.removesuffix(MADE)
        value = inference.attribute(value, bare) if place else _top(inference, path, bare)
        if step != bare:
            value = inference.called(value, None) or SILENT
    return value


def _top(inference: Inference, path: str, name: str) -> Value:
    if path != inference.file.source.path:
        return inference.file.project.modules.name(path, name)
    bindings = inference.tree.module_scope.names.get(name)
    return inference.bound(bindings, bindings[-1].node) if bindings else SILENT
