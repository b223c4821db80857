"""Lists, dicts and tuples: what their literals hold, and what empty ones are filled with later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import (
    NEUTRAL,
    NOTHING,
    SILENT,
    UNKNOWN,
    Awaitable,
    DictOf,
    Doubt,
    Either,
    Function,
    ListOf,
    Model,
    OneOf,
    PageOf,
    Plain,
    StreamOf,
    TupleOf,
    Value,
    join,
)  # fmt: skip
from oaimigrate.analysis.scopes import Binding
from oaimigrate.analysis.steps import agreed, iterated, known, literal

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference


def container(inference: Inference, node: cst.CSTNode) -> Value:
    match node:
        case cst.List(elements=elements) | cst.Set(elements=elements):
            return list_of(inference, [element_value(inference, e) for e in elements], node)
        case cst.Tuple(elements=elements):
            values = [element_value(inference, e) for e in elements]
            return Value(TupleOf(tuple(v.kind for v in values)))
        case cst.Dict(elements=elements):
            values = [inference.kind(e.value) for e in elements if isinstance(e, cst.DictElement)]
            inner = join(values) if values else NEUTRAL
            return inner.of(DictOf(inner.kind)) if known(inner.kind) else Value(Plain("dict"))
        case cst.ListComp(elt=elt) | cst.SetComp(elt=elt):
            inner = inference.kind(elt)
            return inner.of(ListOf(inner.kind))
        case cst.GeneratorExp(elt=elt):
            inner = inference.kind(elt)
            return inner.of(StreamOf(inner.kind, False))
        case cst.DictComp(key=key, value=value):
            inner, outer = inference.kind(value), inference.kind(key)
            if known(inner.kind) or isinstance(outer.kind, Awaitable):
                return inner.of(DictOf(inner.kind, outer.kind))
            return Value(Plain("dict"))
        case cst.Lambda():
            return Value(Function(node))
    return SILENT


def element_value(inference: Inference, element: cst.BaseElement) -> Value:
    value = inference.kind(element.value)
    return iterated(value, False) if isinstance(element, cst.StarredElement) else value


def list_of(inference: Inference, values: list[Value], node: cst.CSTNode) -> Value:
    inner = join(values, Doubt("the list also holds something else", node))
    return inner.of(ListOf(inner.kind if known(inner.kind) else UNKNOWN if values else NOTHING))


def grown(inference: Inference, binding: Binding) -> Value:
    """The kind of a list that begins empty: what `.append` and `.extend` put into it."""
    values: list[Value] = []
    for method in ("append", "appendleft", "extend", "insert"):
        for call in inference.index.calls(method):
            if isinstance(call.func, cst.Attribute) and same_target(inference, binding, call.func.value) and call.args:
                value = inference.kind(call.args[-1].value)
                values.append(iterated(value, False) if method == "extend" else value)
    inner = join(values, Doubt("the list also gets something else", binding.node))
    return inner.of(ListOf(inner.kind)) if values and known(inner.kind) else SILENT


def filled(inference: Inference, binding: Binding) -> Value:
    """The kind of a dict that begins empty: what `d[key] = value` puts into it."""
    values: list[Value] = []
    for target in inference.tree.nodes.get(cst.AssignTarget, ()):
        if isinstance(target.target, cst.Subscript) and same_target(inference, binding, target.target.value):
            statement = inference.tree.parents[target]
            assert isinstance(statement, cst.Assign)
            values.append(inference.kind(statement.value))
    inner = join(values, Doubt("the dict also gets something else", binding.node))
    return inner.of(DictOf(inner.kind)) if values and known(inner.kind) else Value(Plain("dict"))


def same_target(inference: Inference, binding: Binding, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Name) and isinstance(binding.node, cst.Name):
        scope = inference.tree.scopes.get(node)
        owner = scope.owner_of(node.value) if scope is not None else None
        return node.value == binding.name and owner is not None and binding in owner.names.get(node.value, ())
    if isinstance(node, cst.Attribute) and isinstance(binding.node, cst.Attribute):
        same = node.attr.value == binding.name and isinstance(node.value, cst.Name)
        return same and inference.kind(node.value) == inference.kind(binding.node.value)
    return False


def subscript(inference: Inference, node: cst.Subscript) -> Value:
    base = inference.kind(node.value)
    if len(node.slice) != 1:
        return SILENT
    index = node.slice[0].slice
    if isinstance(index, cst.Slice):
        return base if isinstance(base.kind, ListOf) else SILENT
    assert isinstance(index, cst.Index)
    return item(inference, base, index.value)


def item(inference: Inference, base: Value, index: cst.BaseExpression) -> Value:
    match base.kind:
        case OneOf(kinds=kinds):
            return agreed([item(inference, base.of(k), index) for k in kinds])
        case Either(whole=whole):
            return item(inference, base.of(whole), index)
        case Model() | PageOf():
            key = literal(index)
            return inference.field(base, key) if key is not None else SILENT
        case ListOf(item=inner) | DictOf(value=inner):
            return base.of(inner)
        case TupleOf(items=items) if isinstance(index, cst.Integer):
            at = int(index.evaluated_value)
            return base.of(items[at]) if at < len(items) else SILENT
    return SILENT
