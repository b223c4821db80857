"""OAI507: a clause for every exception that turns a failed request, or a bug, into an ordinary answer."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import within
from oaimigrate.analysis.retries import EVERYTHING, answers_in, classes_of, retry_loop
from oaimigrate.checks.errors.swallowed_error import does_nothing
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI507")


@rule.on(cst.Try)
def handlers(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`except Exception: return None` around a request."""
    last = node.handlers[-1] if node.handlers else None
    if last is None or file.is_test or not set(classes_of(file, last.type)) & EVERYTHING:
        return
    if does_nothing(last.body) or not _hides(last) or not answers_in(file, node.body):
        return
    repeated = retry_loop(file, node)
    if repeated is not None and last in repeated.handlers:
        return
    what = f"`except {file.code(last.type)}`" if last.type is not None else "the bare `except`"
    message = f"{what} hides why the request failed, and every bug beside it; catch `openai.APIError`, and log it"
    yield Diagnostic(rule.code, message, file.span(last.type if last.type is not None else last))


def _hides(handler: cst.ExceptHandler) -> bool:
    """Whether nothing of the error is used, raised, logged or shown: the handler only gives a value of its own."""
    name = handler.name.name.value if handler.name is not None and isinstance(handler.name.name, cst.Name) else ""
    for node in within(handler.body):
        if isinstance(node, (cst.Raise, cst.Call)):
            return False
        if name and isinstance(node, cst.Name) and node.value == name:
            return False
        if isinstance(node, (cst.SimpleString, cst.FormattedString)) and "rror" in str(getattr(node, "value", "")):
            return False  # it says so
    return True
