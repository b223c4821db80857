"""OAI506: an error of a request that leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import within
from oaimigrate.analysis.retries import EVERYTHING, answers_in, classes_of, retry_loop
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI506")


@rule.on(cst.Try)
def handlers(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`except Exception: pass` around a request."""
    empty = [h for h in node.handlers if not file.is_test and does_nothing(h.body) and _takes_errors(file, h.type)]
    if not empty or not answers_in(file, node.body):
        return
    repeated = retry_loop(file, node)
    for handler in empty:
        if repeated is not None and handler in repeated.handlers:
            continue  # asks again, which is something
        if _tries_another(node, handler):
            continue
        what = f"`except {file.code(handler.type)}`" if handler.type is not None else "the bare `except`"
        message = f"{what} drops every error of the request without a trace; log it, or let it rise"
        yield Diagnostic(rule.code, message, file.span(handler.type if handler.type is not None else handler))


def _tries_another(node: cst.Try, handler: cst.ExceptHandler) -> bool:
    """Whether the next round of a loop asks another model or key: success leaves it, `continue` goes on."""
    goes_on = any(isinstance(n, cst.Continue) for n in within(handler.body))
    return goes_on and any(isinstance(n, (cst.Return, cst.Break)) for n in within(node.body, functions=False))


def does_nothing(suite: cst.CSTNode) -> bool:
    """`pass`, `...` or `continue`, and no more."""
    for statement in statements_of(suite):
        match statement:
            case cst.Pass() | cst.Continue() | cst.Expr(value=cst.Ellipsis() | cst.SimpleString()):
                continue
        return False
    return True


def _takes_errors(file: FileContext, types: cst.BaseExpression | None) -> bool:
    return any(name in EVERYTHING or name for name in classes_of(file, types))
