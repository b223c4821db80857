"""OAI505: a request repeated after an error that the same request will meet again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import leaves, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Symbol, TupleOf
from oaimigrate.analysis.retries import is_negated, retry_decorator, retry_loop
from oaimigrate.analysis.rising import answers_in, classes_of, rising_requests
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI505")

HOPELESS = {
    "BadRequestError": "400", "AuthenticationError": "401", "PermissionDeniedError": "403", "NotFoundError": "404",
    "UnprocessableEntityError": "422",
}  # fmt: skip
# Calls that say something, wait, or work out how long; any other may fetch a new key, or change what is asked.
WAITING = re.compile(
    r"(?:^|[._])(?:print|log|debug|info|warn|warning|error|critical|exception|write|sleep|wait|print_exc|format_exc"
    r"|str|repr|type|len|min|max|int|float|round|format|getattr|isinstance|random|uniform|randint|time|append)$"
)
WIDE = frozenset({"OpenAIError", "APIError", "APIStatusError"})


@rule.on(cst.Try)
def loop(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`except openai.AuthenticationError: time.sleep(5)` in a loop that asks again."""
    found = [(h, name) for h in node.handlers for name in classes_of(file, h.type) if name in HOPELESS]
    repeated = retry_loop(file, node) if found else None
    for handler, name in found:
        if (
            repeated is not None
            and handler in repeated.handlers
            and not leaves(file, handler.body)  # what it repeats is chosen by a test
            and not _changes_something(handler, repeated.requests[0])
            and _only_waits(file, handler)
            and not (name == "NotFoundError" and not answers_in(file, node.body))  # it may not be there yet
        ):
            assert handler.type is not None
            yield Diagnostic(rule.code, _message(name), file.span(handler.type))


@rule.on(cst.FunctionDef)
def decorated(node: cst.FunctionDef, file: FileContext) -> Iterator[Diagnostic]:
    """`@retry(retry=retry_if_exception_type(openai.APIError))`."""
    found = retry_decorator(file, node) if node.decorators else None
    if found is None or not isinstance(found[0].decorator, cst.Call):
        return
    call, path = found[0].decorator, found[1]
    condition: cst.CSTNode | None = argument(call, "retry") if path == "tenacity.retry" else call
    if condition is None or any(isinstance(n, (cst.Lambda, cst.UnaryOperation)) for n in within(condition)):
        return
    if path == "tenacity.retry" and is_negated(condition):
        return
    if argument(call, "giveup") is not None:
        return
    for part in within(condition):
        if isinstance(part, (cst.Name, cst.Attribute)) and part in file.tree.places:
            name = _hopeless(file, part)
            if name and not _raises(file, node, name) and rising_requests(file, node):
                yield Diagnostic(rule.code, _message(name), file.span(part))
                return


def _raises(file: FileContext, function: cst.FunctionDef, name: str) -> bool:
    """Whether a function raises a wide class itself, and so means that one when it is to be repeated."""
    for node in within(function.body):
        if name in WIDE and isinstance(node, cst.Raise) and isinstance(node.exc, cst.Call):
            if file.kind(node.exc.func).kind == Symbol(name):
                return True
    return False


def _hopeless(file: FileContext, node: cst.BaseExpression) -> str:
    kind = file.kind(node).kind
    for item in kind.items if isinstance(kind, TupleOf) else (kind,):
        if isinstance(item, Symbol) and (item.path in HOPELESS or item.path in WIDE):
            return item.path
    return ""


def _message(name: str) -> str:
    if name in WIDE:
        return f"`{name}` means refused requests too (400, 401, 403, 404, 422): they fail each time; name what may pass"
    return f"`{name}` ({HOPELESS[name]}) comes back for the same request: retrying it only takes time"


def _only_waits(file: FileContext, handler: cst.ExceptHandler) -> bool:
    """Whether a handler says something and waits: a new key, or a test of the error that leaves, is another matter."""
    error = handler.name.name.value if handler.name is not None and isinstance(handler.name.name, cst.Name) else ""
    for node in within(handler.body):
        match node:
            case cst.Call(func=func) if not WAITING.search(path_of(func)):
                return False
            case cst.AssignTarget(target=cst.Attribute() | cst.Subscript()) | cst.Global() | cst.Nonlocal():
                return False
            case cst.If(test=test, body=body) if error and leaves(file, body):
                if any(isinstance(n, cst.Name) and n.value == error for n in within(test)):
                    return False
    return True


def _changes_something(handler: cst.ExceptHandler, call: cst.Call) -> bool:
    """Whether the handler gives a new value to something, or calls for it: the next request is another one then."""
    used = {n.value for n in within(call) if isinstance(n, cst.Name)}
    for node in within(handler.body):
        match node:
            case cst.Assign(targets=targets):
                if any(n.value in used for t in targets for n in within(t.target) if isinstance(n, cst.Name)):
                    return True
            case cst.AugAssign(target=target) | cst.Del(target=target) | cst.AnnAssign(target=target):
                if any(n.value in used for n in within(target) if isinstance(n, cst.Name)):
                    return True
            case cst.Call(func=cst.Attribute(value=cst.Name(value=name))) if name in used:
                return True
            case cst.Call(args=arguments):
                if any(isinstance(a.value, cst.Name) and a.value.value in used for a in arguments):
                    return True
    return False
