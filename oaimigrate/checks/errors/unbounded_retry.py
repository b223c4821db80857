"""OAI510: a request repeated for as long as it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.retries import is_for_other_errors, retry_decorator, retry_loop
from oaimigrate.analysis.rising import EVERYTHING, classes_of, rising_requests
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI510")

ENDING_CALLS = frozenset({"input", "exit", "quit", "sys.exit", "os._exit", "next"})  # `next(delays)` raises at the end
LIMIT = re.compile(r"time_?(?:out|limit)|deadline|fail_after|move_on_after", re.IGNORECASE)
MESSAGE = "the request is repeated for as long as it fails, also after what never succeeds; set an end"


@rule.on(cst.FunctionDef)
def decorated(node: cst.FunctionDef, file: FileContext) -> Iterator[Diagnostic]:
    """`@retry(wait=wait_random_exponential())` without `stop`."""
    found = retry_decorator(file, node) if node.decorators else None
    if found is None or not _has_no_end(found[0].decorator, found[1]) or is_for_other_errors(file, found[0]):
        return
    if not rising_requests(file, node):
        return
    yield Diagnostic(rule.code, MESSAGE, file.span(found[0].decorator))


def _has_no_end(decorator: cst.BaseExpression, path: str) -> bool:
    """tenacity and backoff go on for ever unless told; stamina and retrying are left out."""
    if path == "tenacity.retry":
        if not isinstance(decorator, cst.Call):
            return True
        return argument(decorator, "stop") is None and all(a.keyword is not None for a in decorator.args)
    if path == "backoff.on_exception" and isinstance(decorator, cst.Call):
        ends = ("max_tries", "max_time", "giveup")
        return all(argument(decorator, e) is None for e in ends) and not any(a.star for a in decorator.args)
    return False


@rule.on(cst.While)
def loop(node: cst.While, file: FileContext) -> Iterator[Diagnostic]:
    """`while True: try: … except Exception: time.sleep(1)`."""
    if not _is_endless(node.test) or _is_cut_off(file, node):
        return
    for inner in within(node.body, functions=False):
        repeated = retry_loop(file, inner) if isinstance(inner, cst.Try) else None
        if repeated is None or repeated.loop is not node:
            continue
        for handler in repeated.handlers:
            names = classes_of(file, handler.type)
            if (
                (any(names) or set(names) & EVERYTHING)
                and not _ends(handler)
                and not _ends_elsewhere(file, node, inner)
            ):
                yield Diagnostic(rule.code, MESSAGE, file.span(handler.type if handler.type is not None else handler))


def _is_endless(test: cst.BaseExpression) -> bool:
    return (isinstance(test, cst.Name) and test.value == "True") or (
        isinstance(test, cst.Integer) and test.value == "1"
    )


def _is_cut_off(file: FileContext, loop: cst.While) -> bool:
    """Whether something around a loop ends it in time: `async with asyncio.timeout(60):`, `@timeout(60)`."""
    for child, parent in ancestors(file, loop):
        if isinstance(parent, cst.With) and child is parent.body:
            if any(LIMIT.search(file.code(item.item)) for item in parent.items):
                return True
        if isinstance(parent, cst.FunctionDef):
            return any(LIMIT.search(file.code(d.decorator)) for d in parent.decorators)
    return False


def _ends(handler: cst.ExceptHandler) -> bool:
    """Whether a handler has a way out, or asks a person."""
    for node in within(handler.body):
        if isinstance(node, (cst.Return, cst.Raise, cst.Break, cst.Assert)):
            return True
        if isinstance(node, cst.Call) and path_of(node.func) in ENDING_CALLS:
            return True
    return False


def _ends_elsewhere(file: FileContext, loop: cst.While, node: cst.CSTNode) -> bool:
    """Whether the loop counts rounds or asks a person outside of the `try`."""
    inside = set(within(node))
    for inner in within(loop.body):
        if isinstance(inner, cst.Call) and path_of(inner.func) == "next":
            return True  # of the next key, until there is none
        if inner in inside:
            continue
        if isinstance(inner, (cst.Raise, cst.Return, cst.Break, cst.AugAssign)):
            if isinstance(inner, cst.AugAssign) or _is_under_if(file, inner, loop):
                return True
        if isinstance(inner, cst.Call) and path_of(inner.func) in ("input", "queue.get"):
            return True
    return False


def _is_under_if(file: FileContext, node: cst.CSTNode, loop: cst.While) -> bool:
    current = file.parent(node)
    while current is not None and current is not loop:
        if isinstance(current, cst.If):
            return True
        current = file.parent(current)
    return False
