"""OAI507: a clause for every exception that turns a failed request, or a bug, into an ordinary answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.retries import retry_loop
from oaimigrate.analysis.rising import ALL_OF_THE_SDK, EVERYTHING, answers_in, classes_of
from oaimigrate.checks.errors.swallowed_error import does_nothing, says_why, tries_another
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI507")

# Calls that say that something failed, wait, or make the answer; what they are told must not come from the error.
_TELLING = re.compile(
    r"(?:^|[._])(?:print|log|debug|info|warn|warning|error|critical|fatal|write|echo|secho|sleep|send\w*|show\w*|toast"
    r"|jsonify|\w*Response|dict|update|append)$"
)
_TRACE = re.compile(r"exc|trace|capture|report", re.IGNORECASE)  # logging.exception, exc_info=True, traceback.print_exc


@rule.on(cst.Try)
def handlers(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`except Exception: return None` around a request."""
    last = node.handlers[-1] if node.handlers else None
    if last is None or file.is_test or not set(classes_of(file, last.type)) & EVERYTHING:
        return
    if any(_takes_api_errors(file, h) for h in node.handlers[:-1]):
        return  # why the request failed is told there
    if does_nothing(last.body) or not _hides(file, last) or says_why(file, last) or not answers_in(file, node.body):
        return
    repeated = retry_loop(file, node)
    if (repeated is not None and last in repeated.handlers) or tries_another(file, node, last):
        return
    what = f"`except {file.code(last.type)}`" if last.type is not None else "the bare `except`"
    message = f"{what} hides why the request failed, and every bug beside it; catch `openai.APIError`, and log it"
    yield Diagnostic(rule.code, message, file.span(last.type if last.type is not None else last))


def _takes_api_errors(file: FileContext, handler: cst.ExceptHandler) -> bool:
    return bool(set(classes_of(file, handler.type)) & (ALL_OF_THE_SDK - EVERYTHING))


def _hides(file: FileContext, handler: cst.ExceptHandler) -> bool:
    """Whether nothing of the error is used, raised, logged or shown: the handler says at most that something failed."""
    name = handler.name.name.value if handler.name is not None and isinstance(handler.name.name, cst.Name) else ""
    for node in within(handler.body):
        if isinstance(node, cst.Raise) or (name and isinstance(node, cst.Name) and node.value == name):
            return False
        if isinstance(node, cst.Call) and (not _TELLING.search(path_of(node.func)) or _TRACE.search(file.code(node))):
            return False
    return True
