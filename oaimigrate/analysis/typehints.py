"""What an annotation promises: the kind of an instance of the annotated type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import (
    NEUTRAL,
    SILENT,
    Awaitable,
    ClassOf,
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

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference


_QUOTED = re.compile(r"Optional\[([\w.]+)\]|([\w.]+)(?: *\| *None)?")


def annotated(inference: Inference, annotation: cst.BaseExpression) -> Value:
    """The kind of an instance of the annotated type."""
    match annotation:
        case cst.Subscript(value=outer, slice=[cst.SubscriptElement(slice=cst.Index(value=inner)), *_]):
            name = outer.attr.value if isinstance(outer, cst.Attribute) else getattr(outer, "value", "")
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
        case cst.Name() | cst.Attribute():
            return instance(inference, inference.kind(annotation))
        case cst.SimpleString():
            return quoted(inference, literal(annotation) or "")
    return SILENT


def quoted(inference: Inference, text: str) -> Value:
    """The kind of an instance of a type that is named in quotes: `"Holder"`, `"llm.Holder | None"`."""
    found = _QUOTED.fullmatch(text)
    first, *rest = (found[1] or found[2]).split(".") if found else [""]
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
