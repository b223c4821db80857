"""Loops and decorators that ask again: which request they repeat, after which errors, and how.

A loop retries when success leaves it and failure does not: `while`, or `for` over a range whose number the request does
not use. A loop over models or keys is a series of alternatives, not a retry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import ancestors, bindings_of, function_of, leaves, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Symbol, TupleOf
from oaimigrate.analysis.rising import ALL_OF_THE_SDK, EVERYTHING, requests_in
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.analysis.steps import argument

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

NEGATIONS = frozenset({"retry_if_not_exception_type", "retry_unless_exception_type"})
OF_TYPES = frozenset({"retry_if_exception_type", "retry_if_result", "retry_if_not_result"})
DECORATORS = ("tenacity.retry", "backoff.on_exception", "stamina.retry", "retrying.retry", "retry.retry")


@dataclass(frozen=True, slots=True)
class RetryLoop:
    """A loop around a `try` with calls that make requests; `handlers` are the clauses after which it asks again."""

    loop: cst.For | cst.While
    node: cst.Try
    requests: tuple[cst.Call, ...]
    handlers: tuple[cst.ExceptHandler, ...]


def retry_loop(file: FileContext, node: cst.Try) -> RetryLoop | None:
    """The loop that repeats the request of a `try`."""
    loop = _loop_of(file, node)
    if loop is None or not _success_leaves(file, loop, node):
        return None
    requests = requests_in(file, node.body, helpers=isinstance(loop, cst.For))
    if not requests or (isinstance(loop, cst.For) and not _counts(loop, requests)):
        return None
    if _asks_anew(loop, node, requests):
        return None
    ends = _ends_after(file, loop, node)
    staying = tuple(h for h in node.handlers if (_continues(h) if ends else not leaves_loop(file, h.body)))
    return RetryLoop(loop, node, tuple(requests), staying) if staying else None


def _ends_after(file: FileContext, loop: cst.For | cst.While, node: cst.Try) -> bool:
    """Whether what follows the `try` in the loop always leaves it: only `continue` begins another round then."""
    statements = statements_of(loop.body)
    return any(s is node for s in statements[:-1]) and isinstance(statements[-1], (cst.Break, cst.Return, cst.Raise))


def _continues(handler: cst.ExceptHandler) -> bool:
    return any(isinstance(n, cst.Continue) for n in within(handler.body, functions=False))


def _loop_of(file: FileContext, node: cst.Try) -> cst.For | cst.While | None:
    for child, parent in ancestors(file, node):
        if isinstance(parent, (cst.FunctionDef, cst.Lambda, cst.Try, cst.ExceptHandler)):
            return None
        if isinstance(parent, (cst.For, cst.While)):
            return parent if child is parent.body else None
    return None


def _counts(loop: cst.For, requests: list[cst.Call]) -> bool:
    """`for attempt in range(3)`, where the request is the same each time."""
    if not isinstance(loop.iter, cst.Call) or path_of(loop.iter.func).rpartition(".")[2] not in ("range", "count"):
        return False
    names = {n.value for n in within(loop.target) if isinstance(n, cst.Name)}
    used = {n.value for c in requests for a in c.args for n in within(a) if isinstance(n, cst.Name)}
    return not names & used


def _asks_anew(loop: cst.For | cst.While, node: cst.Try, requests: list[cst.Call]) -> bool:
    """Whether each round takes something new first, as a conversation does: `text = input()`."""
    used = {n.value for c in requests for a in c.args for n in within(a) if isinstance(n, cst.Name)}
    for statement in statements_of(loop.body):
        if any(n is node for n in within(statement)):
            return False
        for inner in within(statement, functions=False):
            if isinstance(inner, cst.AssignTarget) and path_of(inner.target) in used:
                return True
            if isinstance(inner, cst.Call) and path_of(inner.func) == "input":
                return True
    return False


def _success_leaves(file: FileContext, loop: cst.For | cst.While, node: cst.Try) -> bool:
    """Whether the loop ends once the request has succeeded."""
    after = False
    suites: list[cst.CSTNode] = [node.body]
    if node.orelse is not None:
        suites.append(node.orelse.body)
    for statement in statements_of(loop.body):
        if after:
            suites.append(statement)
        after = after or any(n is node for n in within(statement))
    flags = {n.value for n in within(loop.test) if isinstance(n, cst.Name)} if isinstance(loop, cst.While) else set()
    for suite in suites:
        for inner in within(suite, functions=False):
            if isinstance(inner, cst.Return) or (isinstance(inner, cst.Break) and _breaks(file, inner) is loop):
                return True
            if isinstance(inner, cst.AssignTarget) and path_of(inner.target) in flags:
                return True
    return False


def _breaks(file: FileContext, node: cst.Break) -> cst.CSTNode | None:
    return next((p for _, p in ancestors(file, node) if isinstance(p, (cst.For, cst.While))), None)


def leaves_loop(file: FileContext, suite: cst.CSTNode) -> bool:
    """Whether a handler never goes on to the next round."""
    statements = statements_of(suite)
    if not statements or isinstance(statements[-1], cst.Continue):
        return False
    return leaves(file, suite) and not any(isinstance(n, cst.Continue) for n in within(suite, functions=False))


def retry_decorator(file: FileContext, node: cst.FunctionDef) -> tuple[cst.Decorator, str] | None:
    """The decorator that repeats a function, with its dotted path."""
    for decorator in node.decorators:
        path = file.inference.decorator_path(decorator)
        if path in DECORATORS:
            return decorator, path
    return None


def retries_sdk_errors(file: FileContext, decorator: cst.Decorator) -> bool:
    """Whether a decorator retries errors of the SDK."""
    path = file.inference.decorator_path(decorator)
    if path not in DECORATORS:
        return False
    node = decorator.decorator
    if not isinstance(node, cst.Call):
        return True
    if path == "tenacity.retry":
        condition = argument(node, "retry")
        if condition is None:
            return True
        named = _errors_in(file, condition)
        return bool(named) and not (is_negated(condition) and named & ALL_OF_THE_SDK)
    return bool(_errors_in(file, node)) if path != "retrying.retry" else True


def is_negated(condition: cst.CSTNode) -> bool:
    """`retry_if_not_exception_type(…)`, `retry_if_exception(lambda e: not isinstance(e, …))`."""
    for node in within(condition):
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            return True
        if isinstance(node, (cst.Name, cst.Attribute)) and path_of(node).rpartition(".")[2] in NEGATIONS:
            return True
    return False


def is_for_other_errors(file: FileContext, decorator: cst.Decorator) -> bool:
    """Whether a decorator only asks again for an answer that it does not like, or after errors of something else."""
    call = decorator.decorator
    if not isinstance(call, cst.Call) or retries_sdk_errors(file, decorator):
        return False
    condition = argument(call, "retry")
    if file.inference.decorator_path(decorator) != "tenacity.retry":
        return True
    if condition is None or set(parts_of(condition)) <= OF_TYPES:
        return condition is not None
    return is_negated(condition) and bool(_errors_in(file, condition) & ALL_OF_THE_SDK)  # else it leaves out a few


def parts_of(node: cst.BaseExpression) -> list[str]:
    """The functions of tenacity that make up a wait or a condition; "" for a call of something else."""
    return [path_of(n.func).rpartition(".")[2] for n in within(node) if isinstance(n, cst.Call)]


def _errors_in(file: FileContext, node: cst.CSTNode) -> set[str]:
    """The errors of the SDK, or the bases of all errors, that a condition names."""
    found = set()
    for part in within(node):
        if isinstance(part, cst.Name) and part.value in EVERYTHING:
            found.add(part.value)
        elif isinstance(part, (cst.Name, cst.Attribute)) and part in file.tree.places:
            kind = file.kind(part).kind
            items = kind.items if isinstance(kind, TupleOf) else (kind,)
            found |= {i.path for i in items if isinstance(i, Symbol) and file.inference.is_error(i.path)}
    return found


def values_of(file: FileContext, node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """An expression, or what the name it is may be bound to."""
    if not isinstance(node, cst.Name) or node not in file.tree.places:
        yield node
        return
    for binding in bindings_of(file, node):
        if binding.value is not None and binding.how == "assign" and not binding.path:
            yield binding.value


def is_repeated(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a node stands in a function that a decorator calls again when it fails."""
    function = function_of(file, node)
    words = ("retry", "backoff")
    return isinstance(function, cst.FunctionDef) and any(
        any(word in file.code(d.decorator) for word in words) for d in function.decorators
    )
