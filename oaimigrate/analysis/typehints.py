"""What an annotation promises: the kind of an instance of the annotated type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import (
    NEUTRAL,
    NOTHING,
    SILENT,
    Awaitable,
    ClassOf,
    DictOf,
    ErrorOf,
    InstanceOf,
    ListOf,
    Model,
    StreamOf,
    Symbol,
    Value,
    join,
)  # fmt: skip
from oaimigrate.analysis.steps import known, literal
from oaimigrate.analysis.symbols import CLIENTS
from oaimigrate.analysis.walk import dotted

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference


MAX_QUOTED = 200  # characters of an annotation in quotes that is parsed
_MAPPINGS = ("dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "OrderedDict")
_QUOTED = re.compile(r"Optional\[([\w.]+)\]|([\w.]+)(?: *\| *None)?")


def annotated(inference: Inference, annotation: cst.BaseExpression) -> Value:
    """The kind of an instance of the annotated type."""
    match annotation:
        case cst.Subscript(value=outer, slice=[cst.SubscriptElement(slice=cst.Index(value=inner)), *_]):
            name = outer.attr.value if isinstance(outer, cst.Attribute) else getattr(outer, "value", "")
            if name in _MAPPINGS:
                return mapping(inference, annotation)
            value = annotated(inference, inner)
            if name in ("Optional", "Annotated", "Final", "ClassVar"):
                return value
            if not known(value.kind):
                return SILENT
            match name:
                case "List" | "list" | "Sequence" | "Iterable" | "Collection" | "Set" | "set":
                    return value.of(ListOf(value.kind))
                case "Iterator" | "Generator" | "Stream":
                    return value.of(StreamOf(value.kind, False))
                case "AsyncIterator" | "AsyncGenerator" | "AsyncStream" | "AsyncIterable":
                    return value.of(StreamOf(value.kind, True))
                case "Awaitable" | "Future" | "Task":
                    return value.of(Awaitable(value.kind))
            return SILENT
        case cst.BinaryOperation(left=left, operator=cst.BitOr(), right=right):
            sides = [annotated(inference, left), annotated(inference, right)]
            return join(sides) if all(known(s.kind) for s in sides) else SILENT
        case cst.Name(value="None"):
            return NEUTRAL
        case cst.Name() | cst.Attribute() if annotation not in inference.tree.scopes:
            return top(inference, path) if (path := dotted(annotation)) else SILENT  # it stands in quotes
        case cst.Name() | cst.Attribute():
            return instance(inference, inference.kind(annotation))
        case cst.SimpleString():
            return quoted(inference, literal(annotation) or "")
    return SILENT


def mapping(inference: Inference, annotation: cst.Subscript) -> Value:
    """`dict[str, T]`: what the values are."""
    last = annotation.slice[-1].slice
    value = annotated(inference, last.value) if len(annotation.slice) == 2 and isinstance(last, cst.Index) else SILENT
    return value.of(DictOf(value.kind)) if known(value.kind) and value.kind != NOTHING else SILENT


def quoted(inference: Inference, text: str) -> Value:
    """The kind of an instance of a type that is named in quotes: `"Holder"`, `"list[llm.Holder]"`."""
    found = _QUOTED.fullmatch(text)
    if found is None:
        return compound(inference, text)
    return top(inference, found[1] or found[2])


def compound(inference: Inference, text: str) -> Value:
    """As `quoted`, for a type that is made of others: its names are those of the module."""
    if "[" not in text or len(text) > MAX_QUOTED:
        return SILENT
    try:
        node = cst.parse_expression(text)
    except (cst.ParserSyntaxError, RecursionError):
        return SILENT
    return annotated(inference, node)


def top(inference: Inference, dotted: str) -> Value:
    first, *rest = dotted.split(".")
    bindings = inference.tree.module_scope.names.get(first)
    if not bindings:
        return SILENT
    value = inference.bound(bindings, bindings[-1].node)
    for name in rest:
        value = inference.attribute(value, name)
    return instance(inference, value)


def instance(inference: Inference, value: Value) -> Value:
    match value.kind:
        case Symbol(path=path) if path in CLIENTS:
            return value.of(CLIENTS[path])
        case Symbol(path=path):
            name = path.rpartition(".")[2]
            if name in inference.api.models and (path.startswith("types.") or path in inference.api.resources):
                return value.of(Model(name))
            if inference.is_error(path):
                return value.of(ErrorOf((path,)))
        case ClassOf(node=node):
            return value.of(InstanceOf(node))
    return SILENT
