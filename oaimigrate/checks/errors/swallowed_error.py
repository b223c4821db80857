"""OAI506: an error of a request that leaves no trace."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import within
from oaimigrate.analysis.retries import retry_loop
from oaimigrate.analysis.rising import ALL_OF_THE_SDK, EVERYTHING, answers_in, classes_of, suppressed
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI506")

# What is written beside a clause that is broad on purpose: for Ruff and flake8, for pylint.
_MEANT = re.compile(r"noqa:.*(?:BLE001|S11[02]|SIM105)|pylint: *disable=.*(?:broad-ex|bare-except|W07(?:02|18))")
ADVICE = "drops every error of the request without a trace; log it, or let it rise"


@rule.on(cst.Try)
def handlers(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`except Exception: pass` around a request."""
    empty = [h for h in node.handlers if not file.is_test and _drops(file, h) and not says_why(file, h)]
    if not empty or not answers_in(file, node.body):
        return
    repeated = retry_loop(file, node)
    for handler in empty:
        if repeated is not None and handler in repeated.handlers:
            continue  # asks again, which is something
        if tries_another(file, node, handler):
            continue
        what = f"`except {file.code(handler.type)}`" if handler.type is not None else "the bare `except`"
        place = file.span(handler.type if handler.type is not None else handler)
        yield Diagnostic(rule.code, f"{what} {ADVICE}", place)


@rule.on(cst.With)
def suppress(node: cst.With, file: FileContext) -> Iterator[Diagnostic]:
    """`with contextlib.suppress(Exception):` around a request."""
    if file.is_test or not suppressed(file, node) & ALL_OF_THE_SDK or not answers_in(file, node.body):
        return
    item = next(i.item for i in node.items if isinstance(i.item, cst.Call))
    yield Diagnostic(rule.code, f"`{file.code(item)}` {ADVICE}", file.span(item))


def _drops(file: FileContext, handler: cst.ExceptHandler) -> bool:
    """Whether a handler for errors of the SDK does nothing, or turns all of them into an empty answer."""
    names = set(classes_of(file, handler.type))
    if does_nothing(handler.body):
        return any(names)
    return bool(names & (ALL_OF_THE_SDK - EVERYTHING)) and not names & EVERYTHING and gives_a_constant(handler.body)


def gives_a_constant(suite: cst.CSTNode) -> bool:
    """`return None`, `text = ""`: values of its own, and no more."""
    statements = statements_of(suite)
    return bool(statements) and all(_is_constant(s) for s in statements)


def _is_constant(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.Pass() | cst.Continue() | cst.Return(value=None):
            return True
        case cst.Return(value=value) | cst.Assign(value=value):
            plain = (cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.List, cst.Dict, cst.Tuple)
            return isinstance(value, plain) and not any(
                isinstance(n, (cst.Call, cst.Attribute)) or _says_error(n) for n in within(value)
            )
    return False


def _says_error(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleString) and "rror" in node.value


def says_why(file: FileContext, handler: cst.ExceptHandler) -> bool:
    """Whether a comment in a handler gives the reason, or tells another linter that the clause is meant."""
    text = file.code(handler)
    if _MEANT.search(text):
        return True
    comments = [line.partition("#")[2] for line in text.split("\n") if "#" in line]
    return any(len(c.split()) > 2 and not c.strip().startswith(("noqa", "type:", "pylint", "pragma")) for c in comments)


def tries_another(file: FileContext, node: cst.Try, handler: cst.ExceptHandler) -> bool:
    """Whether the next round of a loop asks another model or key: success leaves it, a failure goes on."""
    goes_on = any(isinstance(n, cst.Continue) for n in within(handler.body)) or _ends_a_round(file, node, handler)
    return goes_on and any(isinstance(n, (cst.Return, cst.Break)) for n in within(node.body, functions=False))


def _ends_a_round(file: FileContext, node: cst.Try, handler: cst.ExceptHandler) -> bool:
    """Whether nothing comes after a `try` in the loop, so that the end of its handler begins the next round."""
    block = file.parent(node)
    loop = file.parent(block) if block is not None else None
    if not isinstance(loop, (cst.For, cst.While)) or block is not loop.body or statements_of(block)[-1] is not node:
        return False
    return not any(isinstance(n, (cst.Return, cst.Break, cst.Raise)) for n in within(handler.body))


def does_nothing(suite: cst.CSTNode) -> bool:
    """`pass`, `...` or `continue`, and no more."""
    for statement in statements_of(suite):
        match statement:
            case cst.Pass() | cst.Continue() | cst.Expr(value=cst.Ellipsis() | cst.SimpleString()):
                continue
        return False
    return True
