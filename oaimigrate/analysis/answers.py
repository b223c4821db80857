"""What a request gives: the response, stream or awaitable that a call of the SDK returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.attributes import typed
from oaimigrate.analysis.kinds import (
    SILENT,
    UNKNOWN,
    Awaitable,
    Client,
    Either,
    ErrorOf,
    Kind,
    Model,
    PageOf,
    Plain,
    StreamOf,
    Value,
    one_by_one,
)  # fmt: skip
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.analysis.symbols import CLIENTS

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference


def symbol_result(inference: Inference, function: Value, path: str, node: cst.Call | None) -> Value:
    if path in CLIENTS:
        return function.of(CLIENTS[path])
    found = inference.api.methods.get(path)
    if found is not None:
        method, asynchronous = found
        return function.of(response(inference, method.returns, method.stream, node, asynchronous))
    if inference.is_error(path):
        return function.of(ErrorOf((path,)))
    return SILENT


def member_result(inference: Inference, function: Value, path: str, asynchronous: bool, node: cst.Call | None) -> Value:
    head, _, last = path.rpartition(".")
    if not head and last in ("with_options", "copy"):
        return function.of(Client(asynchronous))
    call = inference.api.calls.get(path)
    if call is None:
        return SILENT
    kind = response(inference, call.returns, call.stream, node, asynchronous)
    if asynchronous and isinstance(kind, Awaitable) and isinstance(kind.result, PageOf):
        return function.of(kind)
    return function.of(kind)


def response(inference: Inference, returns: str, stream: str, node: cst.Call | None, asynchronous: bool) -> Kind:
    """The kind of one request's result, as its `stream` and `response_format` arguments decide."""
    if not returns:
        return UNKNOWN
    whole: Kind = typed(inference, returns)
    if "|" in returns:
        whole = transcription(inference, node, whole)
    kind: Kind = whole
    if stream:
        streamed = StreamOf(typed(inference, stream), asynchronous)
        match streams(inference, node):
            case True:
                kind = streamed
            case None:
                kind = Either(whole, streamed)
    elif node is not None and argument(node, "stream") is not None and streams(inference, node) is not False:
        kind = UNKNOWN  # events, of a kind that the map does not name
    return Awaitable(kind) if asynchronous else kind


def transcription(inference: Inference, node: cst.Call | None, whole: Kind) -> Kind:
    value = argument(node, "response_format") if node is not None else None
    if value is None:
        return whole
    match literal(value):
        case "text" | "srt" | "vtt":
            return Plain("str")
        case "verbose_json" if "TranscriptionVerbose" in inference.api.models:
            return Model("TranscriptionVerbose")
        case None:
            return UNKNOWN
    return whole


def streams(inference: Inference, node: cst.Call | None) -> bool | None:
    """Whether a request is made with `stream=True`; None when that cannot be known."""
    if node is None:
        return False
    value = argument(node, "stream")
    if isinstance(value, cst.Name) and value.value in ("True", "False", "None"):
        return value.value == "True"
    if value is not None:
        return None
    return None if any(a.star == "**" for a in node.args) else False


def models(value: Value) -> list[Model]:
    """The response that a value is, or those that it may be: of a chat or of a completion, say."""
    kinds = one_by_one(value.kind)
    found = [w for k in kinds if isinstance(w := k.whole if isinstance(k, Either) else k, Model)]
    return found if len(found) == len(kinds) else []
