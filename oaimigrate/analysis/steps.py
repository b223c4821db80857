"""Single steps of inference that need no file: what iterating, awaiting, entering or unpacking a value gives."""

from __future__ import annotations

import libcst as cst

from oaimigrate.analysis.kinds import (
    SILENT,
    UNKNOWN,
    Awaitable,
    Client,
    DictOf,
    Doubt,
    Either,
    External,
    InstanceOf,
    Kind,
    ListOf,
    Managed,
    Model,
    OneOf,
    PageOf,
    Plain,
    Record,
    StreamOf,
    TupleOf,
    Unknown,
    Value,
    join,
    of_project,
)  # fmt: skip

STRING = Value(Plain("str"))


def agreed(values: list[Value], base: Kind = UNKNOWN) -> Value:
    """The value of something that is one of several kinds, where at least one of them knows the step.

    Of functions and classes of the project all must give what the others give: a flag chooses between the SDK and
    something else there, and what is done with the answer suits one of them.
    """
    found = [v for v in values if known(v.kind)]
    if isinstance(base, OneOf) and all(map(of_project, base.kinds)):
        other = [v for v in values if not known(v.kind) or isinstance(v.kind, Plain)]
        if 0 < len(other) < len(values):
            return SILENT
    value = join(found)
    return value if len(found) == len(values) else value.doubted(Doubt("only some of what this may be has it"))


def known(kind: Kind) -> bool:
    return not isinstance(kind, (Unknown, External))


def awaited(value: Value) -> Value:
    if isinstance(value.kind, OneOf):
        return agreed([awaited(value.of(k)) for k in value.kind.kinds])
    return value.of(value.kind.result) if isinstance(value.kind, Awaitable) else SILENT


def iterated(value: Value, asynchronous: bool) -> Value:
    """What a loop over a value binds."""
    match value.kind:
        case OneOf(kinds=kinds):
            return agreed([iterated(value.of(k), asynchronous) for k in kinds])
        case ListOf(item=item) | StreamOf(item=item) | PageOf(item=item):
            return value.of(item)
        case Either(stream=StreamOf(item=item)):
            return value.of(item)
        case Awaitable(result=PageOf(item=item)) if asynchronous:
            return value.of(item)
        case TupleOf(items=items):
            return join([value.of(i) for i in items])
        case DictOf(key=key) if known(key):
            return value.of(key)
        case Plain(what="str" | "dict") | DictOf() | Record() | Model():
            return STRING
    return SILENT


def entered(value: Value) -> Value:
    """What `with value as x` binds."""
    match value.kind:
        case Client() | StreamOf() | Either() | InstanceOf():
            return value
        case Managed(item=item):
            return value.of(item)
    return SILENT


def unpacked(value: Value, path: tuple[int | str, ...]) -> Value:
    for step in path:
        match value.kind, step:
            case ListOf(), "*":
                continue
            case ListOf(item=item), int():
                value = value.of(item)
            case TupleOf(items=items), int() if -len(items) <= step < len(items):
                value = value.of(items[step])
            case _:
                return SILENT
    return value


def literal(node: cst.CSTNode | None) -> str | None:
    """The text of a plain string literal."""
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


def argument(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """The value of a keyword argument of a call."""
    for candidate in call.args:
        if candidate.keyword is not None and candidate.keyword.value == name:
            return candidate.value
    return None
