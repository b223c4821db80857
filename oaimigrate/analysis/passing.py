"""What a file passes to functions that other files define: their parameters are joined over it, like those at home.

A file that receives a response may say neither "openai" nor import anything. So the files that pass something say so:
`passes` writes it down without a node of any tree, `rounds` carries it over, and `received` reads it where the function
stands. What a file is given in one round it can pass on in the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.exports import gives, members_given
from oaimigrate.analysis.kinds import (
    SILENT,
    UNKNOWN,
    Awaitable,
    ClassOf,
    DictOf,
    ErrorOf,
    External,
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
)  # fmt: skip
from oaimigrate.analysis.steps import known

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.infer import Inference

MADE = "()"  # behind the name of what was called: `Printer()` is what `Printer` makes


@dataclass(frozen=True, slots=True)
class Passed:
    """One argument of one call. `kind` names what other files define instead of pointing into their trees."""

    path: str  # of the file that defines the function
    function: str  # its name there: `show`, `Printer` for the making of an object, `Printer().show` for its method
    argument: int | str  # its position among the arguments, or its keyword
    kind: Kind
    caller: str  # the path of the file with the call
    row: int
    of_sdk: bool = True  # false for a plain dict: it says what else the function is called with
    members: frozenset[str] = frozenset()  # of an object: those that give something of the SDK

    def concerns(self, data: bytes) -> bool:
        """Whether a file that receives this may do something with it."""
        return self.of_sdk and (not self.members or any(name.encode() in data for name in self.members))


# -- where it is passed ------------------------------------------------------------------------------------------------


def passes(file: FileContext) -> tuple[Passed, ...]:
    """What the calls of a file give to functions of other files, and what it hands on of what is given to it."""
    found = dict.fromkeys(_handed_on(file))
    for function, given in file.inference.index.given:
        target = _function(file, file.kind(function).kind)
        if target is not None and target[0] != file.source.path:
            found |= dict.fromkeys(_arguments(file, given, *target))
    return tuple(found)


def _arguments(file: FileContext, given: Sequence[cst.Arg], path: str, function: str) -> Iterator[Passed]:
    position = 0
    for argument in given:
        if argument.star:
            return
        kind = file.kind(argument.value).kind
        of_sdk = isinstance(kind, (Symbol, ErrorOf)) or gives(file, kind)
        if of_sdk or isinstance(kind, (Record, DictOf)) or kind == Plain("dict"):
            row = file.source.position(file.span(argument.value).start)[0]
            place = position if argument.keyword is None else argument.keyword.value
            members = members_given(file, kind) or frozenset()
            yield Passed(path, function, place, _portable(file, kind), file.source.path, row, of_sdk, members)
        position += argument.keyword is None


def _function(file: FileContext, kind: Kind) -> tuple[str, str] | None:
    """The file and the name there of a function or class of another file."""
    match kind:
        case External(file=path, name=name) if path and name:
            return path, name
        case Function(node=cst.FunctionDef() as node) | ClassOf(node=node) | InstanceOf(node=node):
            home = file.inference.home(node)
            if home.file is file:
                return None
            scope = home.tree.scopes[node]
            name = node.name.value
            if scope.kind == "class" and isinstance(scope.node, cst.ClassDef) and isinstance(kind, Function):
                made = MADE if kind.bound else ""
                name = f"{scope.node.name.value}{made}.{name}"
                scope = home.tree.scopes[scope.node]
            elif isinstance(kind, InstanceOf):
                name += MADE
            return (home.file.source.path, name) if scope.kind == "module" else None
    return None


def _portable(file: FileContext, kind: Kind) -> Kind:
    """A kind without nodes: functions, classes and objects by the name they have in their file."""

    def named(kind: Kind) -> Kind:
        match kind:
            case Function(node=node) | ClassOf(node=node) | InstanceOf(node=node) | SuperOf(node=node):
                if isinstance(node, cst.Lambda):
                    return UNKNOWN
                at = _function(file, kind) or _at_home(file, kind)
                return External(at[1], *at) if at is not None else UNKNOWN
        return kind

    return _mapped(kind, named)


def _at_home(file: FileContext, kind: Kind) -> tuple[str, str] | None:
    """As `_function`, for what the file itself defines at the top."""
    match kind:
        case Function(node=cst.FunctionDef() as node) | ClassOf(node=node) | InstanceOf(node=node) if (
            file.tree.scopes[node].kind == "module"
        ):
            return file.source.path, node.name.value + (MADE if isinstance(kind, InstanceOf) else "")
    return None


def _mapped(kind: Kind, leaf: Callable[[Kind], Kind]) -> Kind:
    match kind:
        case ListOf(item=inner):
            return ListOf(_mapped(inner, leaf))
        case TupleOf(items=items):
            return TupleOf(tuple(_mapped(i, leaf) for i in items))
        case DictOf(value=value, key=key):
            return DictOf(_mapped(value, leaf), _mapped(key, leaf))
        case Record(items=pairs):
            return Record(tuple((name, _mapped(i, leaf)) for name, i in pairs))
        case StreamOf(item=inner, asynchronous=asynchronous):
            return StreamOf(_mapped(inner, leaf), asynchronous)
        case Awaitable(result=inner):
            return Awaitable(_mapped(inner, leaf))
        case Managed(item=inner):
            return Managed(_mapped(inner, leaf))
        case OneOf(kinds=kinds):
            return OneOf(tuple(_mapped(k, leaf) for k in kinds))
    return leaf(kind)


def _handed_on(file: FileContext) -> Iterator[Passed]:
    """What is passed to a name that this file imports or inherits, to the file that defines it."""
    for passed in file.project.passed.get(file.source.path, ()):
        value = _named(file.inference, passed.path, passed.function.removesuffix(MADE))
        target = _function(file, value.kind)
        if target is not None and target[0] != file.source.path:
            made = MADE if passed.function.endswith(MADE) else ""
            yield replace(passed, path=target[0], function=target[1] + made)


# -- where it arrives --------------------------------------------------------------------------------------------------


def received(inference: Inference, function: cst.FunctionDef, parameter: cst.Param) -> Iterator[tuple[Passed, Value]]:
    """What other files pass for a parameter."""
    ordered = [*function.params.posonly_params, *function.params.params]
    for name, skip in names(inference, function) if inference.arrived else ():
        for passed in inference.arrived.get(name, ()):
            at = passed.argument
            if at == parameter.name.value if isinstance(at, str) else ordered[skip + at : skip + at + 1] == [parameter]:
                yield passed, Value(_mapped(passed.kind, lambda kind: _found(inference, kind)))


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
    found = _named(inference, kind.file, kind.name)
    return found.kind if known(found.kind) else kind


def _named(inference: Inference, path: str, name: str) -> Value:
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
