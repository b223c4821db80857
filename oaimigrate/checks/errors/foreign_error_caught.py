"""OAI509: errors of an HTTP library caught where the SDK raises its own."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import within
from oaimigrate.analysis.kinds import External, Function, StreamOf, Unknown
from oaimigrate.analysis.reach import request_of
from oaimigrate.analysis.rising import classes_of
from oaimigrate.analysis.walk import dotted
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI509")

LIBRARIES = ("httpx", "httpx2", "requests", "aiohttp", "urllib3", "httpcore")


@rule.on(cst.Try)
def handlers(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`except httpx.TimeoutException` around a request."""
    found = [(h, part, lib) for h in node.handlers for part, lib in _foreign(file, h.type)]
    if not found or not _only_asks(file, node.body):
        return
    for handler, part, library in found:
        if any(classes_of(file, handler.type)):
            continue  # it catches errors of the SDK, or everything, too
        timeout = "Timeout" in file.code(part)
        right = "openai.APITimeoutError" if timeout else "openai.APIConnectionError"
        message = f"the SDK raises no errors of {library}: this clause never runs; catch `{right}`"
        yield Diagnostic(rule.code, message, file.span(part))


def _foreign(file: FileContext, types: cst.BaseExpression | None) -> Iterator[tuple[cst.BaseExpression, str]]:
    parts = [e.value for e in types.elements] if isinstance(types, cst.Tuple) else [types] if types is not None else []
    for part in parts:
        kind = file.kind(part).kind
        if isinstance(kind, External) and kind.path.partition(".")[0] in LIBRARIES:
            yield part, kind.path.partition(".")[0]


def _only_asks(file: FileContext, body: cst.CSTNode) -> bool:
    """Whether a suite makes a request, reads no stream, and calls nothing else that may use the network."""
    asks = False
    for node in within(body):
        if isinstance(node, (cst.For, cst.With, cst.CompFor, cst.Yield)):
            return False
        if not isinstance(node, cst.Call):
            continue
        call = request_at(file, node)
        if call is not None:
            if call.streaming or isinstance(file.kind(node).kind, StreamOf) or call.argument("stream") is not None:
                return False
            asks = True
        elif request_of(file, node) is not None:
            asks = True
        elif not _is_harmless(file, node):
            return False
    return asks


HARMLESS = frozenset(
    {"print", "len", "str", "int", "float", "list", "dict", "isinstance", "getattr", "json.loads", "json.dumps"}
)
LOGGERS = frozenset({"logger", "logging", "log", "LOG", "_logger"})


def _is_harmless(file: FileContext, node: cst.Call) -> bool:
    name = dotted(node.func) or ""
    if name in HARMLESS or name.split(".")[0] in LOGGERS or name.startswith("time."):
        return True
    if not isinstance(node.func, cst.Attribute):
        return False
    owner = file.kind(node.func.value).kind
    return not isinstance(owner, (External, Function, Unknown))
