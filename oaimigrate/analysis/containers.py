"""Lists, dicts and tuples: what their literals hold, and what empty ones are filled with later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import attributes, special
from oaimigrate.analysis.kinds import (
    NEUTRAL,
    NOTHING,
    SILENT,
    UNKNOWN,
    Awaitable,
    DictOf,
    Doubt,
    Either,
    External,
    Function,
    InstanceOf,
    ListOf,
    Model,
    OneOf,
    PageOf,
    Plain,
    Record,
    StreamOf,
    Symbol,
    TupleOf,
    Value,
    join,
    matters,
)  # fmt: skip
from oaimigrate.analysis.scopes import Binding
from oaimigrate.analysis.steps import agreed, known, literal

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference

EMPTY = (ListOf(NOTHING),)  # kinds of what is filled later
MAX_KEYS = 32  # of a dict that is taken for a record; one with more is a table


def container(inference: Inference, node: cst.CSTNode) -> Value:
    match node:
        case cst.List(elements=elements) | cst.Set(elements=elements):
            return list_of(inference, [element_value(inference, e) for e in elements], node)
        case cst.Tuple(elements=elements):
            values = [element_value(inference, e) for e in elements]
            return Value(TupleOf(tuple(v.kind for v in values)))
        case cst.Dict(elements=elements):
            own = record(inference, node)
            if own is not None:
                return own
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


def record(inference: Inference, node: cst.Dict) -> Value | None:
    """The kind of a dict literal whose keys are all written out; None for any other, and for a table."""
    if not 0 < len(node.elements) <= MAX_KEYS:
        return None
    found: dict[str, Value] = {}
    for element in node.elements:
        key = literal(element.key) if isinstance(element, cst.DictElement) else None
        if key is not None:
            found[key] = inference.kind(element.value)
        elif isinstance(element, cst.StarredDictElement):  # what it holds comes from elsewhere, and may be replaced
            inner = inference.kind(element.value)
            if isinstance(inner.kind, Record):
                found |= {name: inner.of(kind) for name, kind in inner.kind.items}
            elif found:
                return None
        else:
            return None
    return _record(found)


def _record(values: Mapping[str, Value]) -> Value:
    doubt = next((v.doubt for v in values.values() if v.doubt is not None and matters(v.kind)), None)
    return Value(Record(tuple((name, v.kind) for name, v in values.items())), doubt)


def any_of(kind: Record) -> Value:
    """What stands under one of the keys, whichever it is."""
    return join([Value(k) for _, k in kind.items], Doubt("the dict also holds something else"))


def element_value(inference: Inference, element: cst.BaseElement) -> Value:
    value = inference.kind(element.value)
    return inference.iterated(value) if isinstance(element, cst.StarredElement) else value


def list_of(inference: Inference, values: list[Value], node: cst.CSTNode) -> Value:
    inner = join(values, Doubt("the list also holds something else", node))
    return inner.of(ListOf(inner.kind if known(inner.kind) else UNKNOWN if values else NOTHING))


def additions(inference: Inference, binding: Binding) -> Iterator[tuple[cst.Call, cst.BaseExpression]]:
    """The calls that put something into a list, each with what it puts there."""
    for method in ("append", "appendleft", "extend", "insert"):
        for call in inference.index.calls(method):
            if isinstance(call.func, cst.Attribute) and same_target(inference, binding, call.func.value) and call.args:
                yield call, call.args[-1].value


def grown(inference: Inference, binding: Binding) -> Value:
    """The kind of a list that begins empty: what `.append` and `.extend` put into it."""
    values: list[Value] = []
    for call, added in additions(inference, binding):
        value = inference.kind(added)
        extended = isinstance(call.func, cst.Attribute) and call.func.attr.value == "extend"
        values.append(inference.iterated(value) if extended else value)
    inner = join(values, Doubt("the list also gets something else", binding.node))
    return inner.of(ListOf(inner.kind)) if values and known(inner.kind) else SILENT


def filled(inference: Inference, binding: Binding, value: Value) -> Value:
    """The kind of a dict that begins as `value`, empty or a record: what `entries` puts into it."""
    values: list[Value] = []
    named: dict[str, list[Value]] = {}
    for _, index, added, in_list in entries(inference, binding):
        held = inference.kind(added)
        values.append(held.of(ListOf(held.kind)) if in_list and known(held.kind) else held)
        key = literal(index)
        if key is not None:
            named.setdefault(key, []).append(values[-1])
    all_named = values and len(named) <= MAX_KEYS and sum(map(len, named.values())) == len(values)
    if isinstance(value.kind, Record) or all_named:
        before = {name: value.of(kind) for name, kind in value.kind.items} if isinstance(value.kind, Record) else {}
        doubt = Doubt("the dict also gets something else under this key", binding.node)
        return _record(before | {k: join([*([before[k]] if k in before else []), *v], doubt) for k, v in named.items()})
    inner = join(values, Doubt("the dict also gets something else", binding.node))
    return inner.of(DictOf(inner.kind)) if values and known(inner.kind) else Value(Plain("dict"))


def entries(
    inference: Inference, binding: Binding
) -> Iterator[tuple[cst.CSTNode, cst.BaseExpression, cst.BaseExpression, bool]]:
    """What `d[key] = value`, `d[key].append(value)` and `d.setdefault(key, []).append(value)` put into a dict.

    Each place with the key, the value and whether it goes into a list there.
    """
    for target, index in inference.index.set_items(binding.name):
        if same_target(inference, binding, target.value):
            statement = inference.tree.parents[inference.tree.parents[target]]
            assert isinstance(statement, cst.Assign)
            yield statement, index, statement.value, False
    for call, owner, index in inference.index.lists_under_keys(binding.name):
        if same_target(inference, binding, owner) and len(call.args) == 1 and not call.args[0].star:
            yield call, index, call.args[0].value, True


def begins_empty(inference: Inference, node: cst.BaseExpression) -> bool:
    """Whether an expression makes a dict that is filled later: `{}`, `dict()`, `defaultdict(list)`, `OrderedDict()`."""
    if isinstance(node, cst.Dict):
        return True
    if not isinstance(node, cst.Call) or (isinstance(node.func, cst.Name) and node.func.value == "dict" and node.args):
        return False
    kind = inference.kind(node.func).kind
    if isinstance(kind, External):
        return kind.path in ("collections.defaultdict", "collections.OrderedDict")
    return isinstance(node.func, cst.Name) and node.func.value == "dict" and kind == UNKNOWN


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
        case OneOf(kinds=kinds) if any(isinstance(k, Record) for k in kinds):
            return SILENT  # the way it is read does not suit the response: whoever mends that decides what comes of it
        case OneOf(kinds=kinds):
            return agreed([item(inference, base.of(k), index) for k in kinds])
        case Either(whole=whole):
            return item(inference, base.of(whole), index)
        case Model() | PageOf():
            key = literal(index)
            return attributes.field(inference, base, key) if key is not None else SILENT
        case Record() as known_keys:
            key = literal(index)
            found = any_of(known_keys) if key is None else Value(known_keys.get(key))
            return base.of(found.kind).doubted(found.doubt)
        case ListOf(item=inner) | DictOf(value=inner):
            return base.of(inner)
        case Symbol(path="__dict__"):
            name = literal(index)
            return base.of(Symbol(name)) if name is not None else SILENT
        case TupleOf(items=items) if isinstance(index, cst.Integer):
            at = int(index.evaluated_value)
            return base.of(items[at]) if at < len(items) else SILENT
        case InstanceOf():
            return special.given(inference, base, "__getitem__") or SILENT
    return SILENT
