"""OAI508: retries after the same wait each time, so that clients which failed together come back together."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import is_external, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.retries import retry_decorator, retry_loop, values_of
from oaimigrate.analysis.rising import answers_in, classes_of, rising_requests
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI508")

RANDOM = re.compile(r"random|jitter|uniform|gauss|retry.?after|reset|header", re.IGNORECASE)
CONCURRENT = re.compile(r"\basync def\b|\b(?:asyncio|threading|concurrent|multiprocessing|joblib|ray|Thread|Pool)\b")
ADVICE = "clients that failed together come back together; add jitter"


@rule.on(cst.FunctionDef)
def decorated(node: cst.FunctionDef, file: FileContext) -> Iterator[Diagnostic]:
    """`@retry(wait=wait_fixed(5))`."""
    found = retry_decorator(file, node) if node.decorators else None
    if found is None or not isinstance(found[0].decorator, cst.Call) or not rising_requests(file, node):
        return
    if _runs_alone(file):
        return
    call, path = found[0].decorator, found[1]
    place: cst.BaseExpression | None = None
    if path == "tenacity.retry":
        wait = argument(call, "wait")
        if wait is None:
            message = (
                "retries without a wait between them: they spend the limit they wait for; add `wait_random_exponential`"
            )
            yield Diagnostic(rule.code, message, file.span(call))
            return
        values = list(values_of(file, wait))
        place = wait if values and all(_is_regular(v) for v in values) else None
    elif path == "backoff.on_exception":
        jitter = argument(call, "jitter")
        place = jitter if isinstance(jitter, cst.Name) and jitter.value == "None" else None
    elif path == "stamina.retry":
        jitter = argument(call, "wait_jitter")
        place = jitter if isinstance(jitter, cst.Integer) and jitter.value == "0" else None
    if place is not None:
        yield Diagnostic(rule.code, f"retries at regular times: {ADVICE}", file.span(place))


def _is_regular(wait: cst.BaseExpression) -> bool:
    """Whether a wait of tenacity has nothing random in it."""
    names = [path_of(n.func).rpartition(".")[2] for n in within(wait) if isinstance(n, cst.Call)]
    return bool(names) and all(n in ("wait_fixed", "wait_exponential", "wait_incrementing", "wait_none") for n in names)


@rule.on(cst.Try)
def loop(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`except openai.RateLimitError: time.sleep(5)` in a loop that asks again."""
    sleeps = [
        n
        for h in node.handlers
        if any(classes_of(file, h.type))  # an answer that does not parse says nothing of other clients
        for n in within(h.body, functions=False)
        if isinstance(n, cst.Call) and _sleeps(file, n)
    ]
    repeated = retry_loop(file, node) if sleeps else None
    if repeated is None or _runs_alone(file) or not answers_in(file, node.body):
        return
    for sleep in sorted(sleeps, key=lambda n: file.tree.orders[n]):
        if _in(file, sleep, repeated.handlers) and _same_each_time(file, sleep.args[0].value):
            yield Diagnostic(rule.code, f"retries at regular times: {ADVICE}", file.span(sleep))
            return


def _runs_alone(file: FileContext) -> bool:
    """Whether the file is a program of its own, or a notebook, in which nothing runs beside something else."""
    if not file.source.virtual and not any(_is_main(node) for node in file.nodes(cst.If)):
        return False
    return CONCURRENT.search(file.text) is None


def _is_main(node: cst.If) -> bool:
    """`if __name__ == "__main__":`."""
    return isinstance(node.test, cst.Comparison) and path_of(node.test.left) == "__name__"


def _sleeps(file: FileContext, node: cst.Call) -> bool:
    return len(node.args) == 1 and is_external(file, node.func, "time.sleep", "asyncio.sleep")


def _in(file: FileContext, node: cst.CSTNode, handlers: tuple[cst.ExceptHandler, ...]) -> bool:
    current: cst.CSTNode | None = node
    while current is not None and current not in handlers:
        current = file.parent(current)
    return current is not None


def _same_each_time(file: FileContext, seconds: cst.BaseExpression) -> bool:
    """Whether a wait is a number, a power of the attempt, or a name for these; what comes from elsewhere may vary."""
    seen = False
    for value in values_of(file, seconds):
        seen = True
        for node in within(value):
            if isinstance(node, (cst.Call, cst.Attribute, cst.Subscript)) and path_of(node) not in ("min", "max"):
                if not (isinstance(node, cst.Call) and path_of(node.func) in ("min", "max", "float", "int")):
                    return False
            if isinstance(node, cst.Name) and RANDOM.search(node.value):
                return False
            if (
                isinstance(node, cst.Name)
                and node is not seconds
                and any(_has_call(v) for v in values_of(file, node) if v is not node)
            ):
                return False
    return seen


def _has_call(node: cst.BaseExpression) -> bool:
    return any(isinstance(n, (cst.Call, cst.Attribute, cst.Subscript)) for n in within(node))
