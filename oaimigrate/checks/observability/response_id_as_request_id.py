"""OAI901: the id of an answer kept as the id of the request."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Either, Kind, Model
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI901")

WHOLE = frozenset({"ChatCompletion", "ParsedChatCompletion", "Completion", "Response", "ParsedResponse"})
CHUNK = frozenset({"ChatCompletionChunk"})
NAMES = re.compile(r"(?:openai_|x_|x-|api_)?(?:request[_ -]?id|req[_ -]?id)", re.IGNORECASE)
RECORDS = re.compile(r"log|record|save|store|write|bind|event|span|audit|trac|report|dict$", re.IGNORECASE)
SPOKEN = re.compile(r"request[_ -]?id\W*(?:%s|\{\})?\W*$", re.IGNORECASE)


@rule.on(cst.Attribute)
def identifier(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`request_id = response.id`."""
    if node.attr.value != "id" or not _is_called_request_id(file, node):
        return
    value = file.kind(node.value)
    name = _model(value.kind)
    if name not in WHOLE | CHUNK:
        return
    message = "`id` is the answer's own; support finds a request by `_request_id` (the header `x-request-id`)"
    if name in CHUNK:
        note = Note("not rewritten: chunks of a stream have no `_request_id`; it is in `stream.response.headers`")
        yield Diagnostic(rule.code, message, file.span(node), None, (note,))
        return
    fix = Fix("Take `_request_id`", (build.replace(file, node.attr, "_request_id"),), Safety.UNSAFE)
    yield Diagnostic(rule.code, message, file.span(node), fix, file.doubts(value))


def _model(kind: Kind) -> str:
    if isinstance(kind, Either):
        kind = kind.whole
    return kind.name if isinstance(kind, Model) else ""


def _is_called_request_id(file: FileContext, node: cst.Attribute) -> bool:
    """Whether the place where the id goes has that name: a variable, an argument, a key, the words before it."""
    parent = file.parent(node)
    match parent:
        case cst.Assign(targets=[cst.AssignTarget(target=target)]):
            name = _key(target) or path_of(target).rpartition(".")[2]
            return NAMES.fullmatch(name) is not None
        case cst.AnnAssign(target=target):
            return NAMES.fullmatch(path_of(target).rpartition(".")[2]) is not None
        case cst.Arg(keyword=cst.Name(value=name)):
            call = file.parent(parent)
            taker = path_of(call.func) if isinstance(call, cst.Call) else ""
            return NAMES.fullmatch(name) is not None and RECORDS.search(taker) is not None
        case cst.DictElement(key=key, value=value) if value is node:
            return NAMES.fullmatch(literal(key) or "") is not None
        case cst.FormattedStringExpression():
            return _said_before(file, parent)
        case cst.Arg(keyword=None):
            call = file.parent(parent)
            first = literal(call.args[0].value) if isinstance(call, cst.Call) else None
            return first is not None and len(call.args) == 2 and SPOKEN.search(first) is not None  # type: ignore[union-attr]
    return False


def _key(target: cst.BaseExpression) -> str:
    """The key in `extra["request_id"] = …`."""
    match target:
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
            return literal(index) or ""
    return ""


def _said_before(file: FileContext, part: cst.FormattedStringExpression) -> bool:
    """Whether an f-string says "request id" right before the value."""
    whole = file.parent(part)
    if not isinstance(whole, cst.FormattedString):
        return False
    at = next(i for i, p in enumerate(whole.parts) if p is part)
    before = whole.parts[at - 1] if at else None
    return isinstance(before, cst.FormattedStringText) and SPOKEN.search(before.value) is not None
