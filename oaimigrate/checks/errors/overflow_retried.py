"""OAI511: a request that was too long, or had no money left, sent again as it was."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import leaves, within
from oaimigrate.analysis.retries import leaves_loop, retry_loop
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI511")

PHRASES = {
    "context_length_exceeded": "too long for the model",
    "maximum context length": "too long for the model",
    "insufficient_quota": "over the quota of the account",
    "exceeded your current quota": "over the quota of the account",
    "billing_hard_limit_reached": "over the quota of the account",
}


@rule.on(cst.Try)
def branches(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`if e.code == "context_length_exceeded": time.sleep(1); continue`."""
    found = [(h, i, why) for h in node.handlers for i, why in _branches(h)]
    repeated = retry_loop(file, node) if found else None
    if repeated is None:
        return
    for handler, branch, why in found:
        if handler in repeated.handlers and not leaves_loop(file, branch.body) and not _ends(file, handler, branch):
            message = f"a request that is {why} is sent again as it was, and fails again; shorten it, or give up"
            if not _acts(branch):
                yield Diagnostic(rule.code, message, file.span(branch.test))


def _branches(handler: cst.ExceptHandler) -> Iterator[tuple[cst.If, str]]:
    for node in within(handler.body, functions=False):
        if isinstance(node, cst.If):
            texts = [(literal(n) or "").lower() for n in within(node.test)]
            why = next((why for phrase, why in PHRASES.items() if any(phrase in t for t in texts)), "")
            if why and not any(_negates(n) for n in within(node.test)):
                yield node, why


def _negates(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Comparison):
        return any(isinstance(t.operator, (cst.NotIn, cst.NotEqual)) for t in node.comparisons)
    return isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not)


def _ends(file: FileContext, handler: cst.ExceptHandler, branch: cst.If) -> bool:
    """Whether what follows the branch in the handler always leaves the loop."""
    return leaves(file, handler.body) and leaves_loop(file, handler.body)


def _acts(branch: cst.If) -> bool:
    """Whether the branch does more than wait and tell: assigns, deletes, or calls something with a name of its own."""
    for node in within(branch.body):
        if isinstance(node, (cst.Assign, cst.AugAssign, cst.Del, cst.AnnAssign, cst.Return, cst.Raise, cst.Break)):
            return True
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value not in ("print", "sleep"):
            return True
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value not in ("sleep", "info", "warning", "error", "debug", "exception", "log", "print"):
                return True
    return False
