"""Edits that let code which wants the dicts or the generators of 0.28 have what the SDK of today gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import Either, External, Model, StreamOf, Value, one_by_one
from oaimigrate.diagnostics import Edit, Fix, Safety
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

# What the streams of 0.28 were; those of today are iterators, but cannot be sent to.
GENERATORS = {
    "typing.Generator": "Stream",
    "collections.abc.Generator": "Stream",
    "types.GeneratorType": "Stream",
    "typing.AsyncGenerator": "AsyncStream",
    "collections.abc.AsyncGenerator": "AsyncStream",
    "types.AsyncGeneratorType": "AsyncStream",
}
STREAMED = frozenset({"ChatCompletion", "ChatCompletionChunk", "Completion"})


def to_dict(file: FileContext, node: cst.BaseExpression) -> Fix:
    return Fix("Convert with `.to_dict()`", build.suffixed(file, node, ".to_dict()"), Safety.UNSAFE)


def unwrapped(file: FileContext, call: cst.Call, inner: cst.BaseExpression) -> Fix:
    """`inner.to_dict()` in place of the call that holds it."""
    span, whole = file.span(call), file.whole(inner)
    edits = build.suffixed(file, inner, ".to_dict()")
    removed = (Edit(span.start, whole.start, ""), Edit(whole.end, span.end, ""))
    return Fix("Convert with `.to_dict()`", (*removed, *edits), Safety.UNSAFE)


def each_to_dict(file: FileContext, node: cst.BaseExpression) -> Fix:
    span = file.whole(node)
    opening, closing = ("(", ")") if isinstance(node, (cst.IfExp, cst.NamedExpr)) and not node.lpar else ("", "")
    start = Edit(span.start, span.start, f"[item.to_dict() for item in {opening}")
    edits = (start, Edit(span.end, span.end, f"{closing}]"))
    return Fix("Convert every item with `.to_dict()`", edits, Safety.UNSAFE)


def asked_for_generator(file: FileContext, node: cst.Call, value: Value) -> Fix | None:
    """`isinstance(response, typing.AsyncGenerator)`: the class of streams in its place."""
    if not isinstance(node.func, cst.Name) or node.func.value != "isinstance" or len(node.args) != 2:
        return None
    kind = file.kind(node.args[1].value).kind
    stream = GENERATORS.get(kind.path) if isinstance(kind, External) else None
    if stream is None or not _may_be_streamed(value):
        return None
    text, needs = file.symbol(stream)
    edits = (build.replace_whole(file, node.args[1].value, text),)
    return Fix(f"Ask for `{text}`", edits, Safety.UNSAFE, tuple(needs))


def _may_be_streamed(value: Value) -> bool:
    kind = value.kind.whole if isinstance(value.kind, Either) else value.kind
    parts = (k.item if isinstance(k, StreamOf) else k for k in one_by_one(kind))
    return any(isinstance(p, Model) and p.name in STREAMED for p in parts)
