"""OAI904: whole prompts or keys written to a log."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import bindings_of, function_of, is_external, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Client, Symbol
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI904")

LEVELS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
LOGGERS = re.compile(r"(?:^|\.|_)(?:log|logger|logging)$", re.IGNORECASE)
KEYS = frozenset({"OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY"})


@rule.on(cst.Call)
def logged(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`logger.info("asking %s", messages)`, `print(client.api_key)`."""
    if not _is_log(node) or file.is_test:
        return
    sent: set[str] | None = None
    for argument in node.args:
        for part in _whole_values(argument.value):
            if _is_key(file, part):
                message = "an API key is written to a log; show no more of it than its last four characters"
                yield Diagnostic(rule.code, message, file.span(part))
            elif isinstance(part, cst.Name) and _stays(node):
                sent = _sent(file, node) if sent is None else sent
                if part.value in sent:
                    message = (
                        f"`{part.value}` goes into a log as it is sent, with what users wrote; log its length or an id"
                    )
                    yield Diagnostic(rule.code, message, file.span(part))


def _is_log(node: cst.Call) -> bool:
    match node.func:
        case cst.Name(value="print"):
            return True
        case cst.Attribute(value=owner, attr=cst.Name(value=level)) if level in LEVELS:
            return LOGGERS.search(path_of(owner)) is not None
    return False


def _stays(node: cst.Call) -> bool:
    """Whether what is written is kept: by a logger, at a level that is on in production."""
    return isinstance(node.func, cst.Attribute) and node.func.attr.value != "debug"


def _whole_values(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What of an argument is written in full: itself, and the parts of an f-string."""
    if isinstance(node, cst.FormattedString):
        yield from (p.expression for p in node.parts if isinstance(p, cst.FormattedStringExpression))
    else:
        yield node


def _is_key(file: FileContext, node: cst.BaseExpression) -> bool:
    match node:
        case cst.Attribute(value=owner, attr=cst.Name(value="api_key")):
            kind = file.kind(owner).kind
            return isinstance(kind, Client) or kind == Symbol("")
        case cst.Name() if node in file.tree.places:
            values = [b.value for b in bindings_of(file, node) if b.how == "assign" and b.value is not None]
            return bool(values) and all(_reads_key(file, v) for v in values)
    return _reads_key(file, node)


def _reads_key(file: FileContext, node: cst.BaseExpression) -> bool:
    """`os.environ["OPENAI_API_KEY"]`, `os.getenv("OPENAI_API_KEY")`."""
    path = path_of(node)
    if path.rpartition(".")[2] in KEYS and "environ" in path:
        return True
    if isinstance(node, cst.Call) and node.args and is_external(file, node.func, "os.getenv", "os.environ.get"):
        value = node.args[0].value
        return isinstance(value, cst.SimpleString) and value.evaluated_value in KEYS
    return False


def _sent(file: FileContext, node: cst.Call) -> set[str]:
    """The names that requests of the same function take as their messages, input or prompt."""
    function = function_of(file, node)
    body: cst.CSTNode = function.body if function is not None else file.module
    found = set()
    for inner in within(body, functions=False):
        call = request_at(file, inner) if isinstance(inner, cst.Call) else None
        for name in ("messages", "input", "prompt") if call is not None else ():
            value = call.argument(name) if call is not None else None
            if isinstance(value, cst.Name):
                found.add(value.value)
    return found
