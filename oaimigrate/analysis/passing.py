"""What a file passes to functions that other files define: their parameters are joined over it, like those at home.

A file that receives a response may say neither "openai" nor import anything. So the files that pass something say so:
`passes` writes it down without a node of any tree, `rounds` carries it over, and `arrivals` reads it where the function
stands. What a file is given in one round it can pass on in the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import attributes
from oaimigrate.analysis.arrivals import MADE, mapped, named
from oaimigrate.analysis.exports import gives, is_of_sdk, words_for
from oaimigrate.analysis.kinds import (
    SILENT,
    UNKNOWN,
    ClassOf,
    DictOf,
    ErrorOf,
    External,
    Function,
    InstanceOf,
    Kind,
    Plain,
    Record,
    SuperOf,
    Symbol,
)  # fmt: skip
from oaimigrate.analysis.steps import known
from oaimigrate.diagnostics import FILLED, Passed

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.infer import Inference


def passes(file: FileContext) -> tuple[Passed, ...]:
    """What the calls of a file give to functions of other files, and what it hands on of what is given to it."""
    found = dict.fromkeys([*_handed_on(file), *_filled(file)])
    for function, given in file.inference.index.given:
        target = _function(file, file.kind(function).kind) or _inherited(file, function)
        if target is not None and target[0] != file.source.path:
            found |= dict.fromkeys(_arguments(file, given, *target))
    return tuple(found)


def _filled(file: FileContext) -> Iterator[Passed]:
    """What methods return that may fill in those of classes in other files."""
    for node in file.nodes(cst.ClassDef):
        above = list(_elsewhere(file, node)) if node.bases else ()
        for name, bindings in file.tree.scope_of_node[node].names.items() if above else ():
            method = bindings[-1].node
            value = file.inference.returned(method) if isinstance(method, cst.FunctionDef) else SILENT
            if is_of_sdk(file, value.kind) and value.doubt is None:
                row = file.source.position(file.span(bindings[-1].node).start)[0]
                kind = _portable(file, value.kind)
                for path, owner in above:
                    yield Passed(path, f"{owner}{MADE}.{name}", FILLED, kind, file.source.path, row)


def _elsewhere(file: FileContext, node: cst.ClassDef) -> Iterator[tuple[str, str]]:
    """The classes of other files that a class inherits from: file and name."""
    for inference, above in attributes.ancestors(file.inference, node):
        if inference.file is not file and inference.tree.scopes[above].kind == "module":
            yield inference.file.source.path, above.name.value
    yield from _unread_bases(file.inference, node)


def _arguments(file: FileContext, given: Sequence[cst.Arg], path: str, function: str) -> Iterator[Passed]:
    position = 0
    for argument in given:
        if argument.star:
            return
        kind = file.kind(argument.value).kind
        of_sdk = kind == Symbol("") or isinstance(kind, ErrorOf) or gives(file, kind)
        carried = _portable(file, kind)
        if (of_sdk and carried != UNKNOWN) or isinstance(kind, (Record, DictOf)) or kind == Plain("dict"):
            row = file.source.position(file.span(argument.value).start)[0]
            place = position if argument.keyword is None else argument.keyword.value
            words = words_for(file, kind)
            yield Passed(path, function, place, carried, file.source.path, row, of_sdk, words)
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


def _inherited(file: FileContext, function: cst.BaseExpression) -> tuple[str, str] | None:
    """The file and the name there of `self.show`, where the class has it from one that was not parsed."""
    owner = file.kind(function.value).kind if isinstance(function, cst.Attribute) else None
    if not isinstance(function, cst.Attribute) or not isinstance(owner, (InstanceOf, SuperOf)):
        return None
    if known(file.kind(function).kind):
        return None
    above = next(_unread_bases(file.inference.home(owner.node), owner.node), None)
    return (above[0], f"{above[1]}{MADE}.{function.attr.value}") if above is not None else None


def _unread_bases(inference: Inference, node: cst.ClassDef) -> Iterator[tuple[str, str]]:
    """The classes that a class inherits from in files that were not parsed: file and name."""
    for home, current in [(inference, node), *attributes.ancestors(inference, node)]:
        for base in current.bases:
            match home.kind(base.value).kind:
                case External(file=path, name=name) if path and name:
                    yield path, name


def _portable(file: FileContext, kind: Kind) -> Kind:
    """A kind without nodes: functions, classes and objects by the name they have in their file."""

    def by_name(kind: Kind) -> Kind:
        match kind:
            case Function(node=node) | ClassOf(node=node) | InstanceOf(node=node) | SuperOf(node=node):
                if isinstance(node, cst.Lambda):
                    return UNKNOWN
                at = _function(file, kind) or _at_home(file, kind)
                return External(at[1], *at) if at is not None else UNKNOWN
        return kind

    return mapped(kind, by_name)


def _at_home(file: FileContext, kind: Kind) -> tuple[str, str] | None:
    """As `_function`, for what the file itself defines at the top."""
    match kind:
        case Function(node=cst.FunctionDef() as node) | ClassOf(node=node) | InstanceOf(node=node) if (
            file.tree.scopes[node].kind == "module"
        ):
            return file.source.path, node.name.value + (MADE if isinstance(kind, InstanceOf) else "")
    return None


def _handed_on(file: FileContext) -> Iterator[Passed]:
    """What is passed to a name that this file imports or inherits, to the file that defines it."""
    for passed in file.project.passed.get(file.source.path, ()):
        value = named(file.inference, passed.path, passed.function.removesuffix(MADE))
        target = _function(file, value.kind)
        if target is not None and target[0] != file.source.path:
            made = MADE if passed.function.endswith(MADE) else ""
            yield replace(passed, path=target[0], function=target[1] + made)
