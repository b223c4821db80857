"""OAI508: retries after waits with nothing random in them, so that clients which failed together come back together."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import is_external, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.retries import is_for_other_errors, parts_of, retry_decorator, retry_loop, values_of
from oaimigrate.analysis.rising import answers_in, classes_of, rising_requests
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI508")

RANDOM = re.compile(r"random|jitter|uniform|gauss|retry.?after|reset|header", re.IGNORECASE)
CONCURRENT = re.compile(r"\basync def\b|\b(?:asyncio|threading|concurrent|multiprocessing|joblib|ray|Thread|Pool)\b")
REGULAR = "retries at regular times: clients that failed together come back together; add jitter"
GROWING = (
    "retries after waits that grow alike in every client: those that failed together come back together; add jitter"
)
AT_ONCE = "retries without a wait between them: they spend the limit they wait for; add `wait_random_exponential`"
STEADY = frozenset({"wait_fixed", "wait_none"})
GROWS = frozenset({"wait_exponential", "wait_incrementing"})


@rule.on(cst.FunctionDef)
def decorated(node: cst.FunctionDef, file: FileContext) -> Iterator[Diagnostic]:
    """`@retry(wait=wait_fixed(5))`."""
    found = retry_decorator(file, node) if node.decorators else None
    if found is None or not isinstance(found[0].decorator, cst.Call) or not rising_requests(file, node):
        return
    if _runs_alone(file):
        return
    call, path = found[0].decorator, found[1]
    message, place = REGULAR, None
    if path == "tenacity.retry":
        wait = argument(call, "wait")
        if is_for_other_errors(file, found[0]) or argument(call, "sleep") is not None:
            return
        if wait is None:
            yield Diagnostic(rule.code, AT_ONCE, file.span(call))
            return
        names = [name for value in values_of(file, wait) for name in parts_of(value)]
        place = wait if names and set(names) <= STEADY | GROWS else None
        message = GROWING if GROWS & set(names) else REGULAR
    elif path == "backoff.on_exception":
        jitter = argument(call, "jitter")
        place = jitter if isinstance(jitter, cst.Name) and jitter.value == "None" else None
        message = REGULAR if _is_constant(call) else GROWING
    elif path == "stamina.retry":
        jitter = argument(call, "wait_jitter")
        place = jitter if isinstance(jitter, cst.Integer) and jitter.value == "0" else None
        message = GROWING
    if place is not None:
        yield Diagnostic(rule.code, message, file.span(place))


def _is_constant(call: cst.Call) -> bool:
    """`backoff.on_exception(backoff.constant, …)`."""
    first = call.args[0].value if call.args else None
    wait = argument(call, "wait_gen") or first
    return wait is not None and path_of(wait).rpartition(".")[2] == "constant"


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
            message = GROWING if _grows(file, sleep.args[0].value) else REGULAR
            yield Diagnostic(rule.code, message, file.span(sleep))
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
            if isinstance(node, cst.Name) and (RANDOM.search(node.value) or _is_computed(file, node)):
                return False
    return seen and not (isinstance(seconds, cst.Name) and _is_added_to(file, seconds))


def _is_computed(file: FileContext, name: cst.Name) -> bool:
    """Whether what a name in a wait holds comes from a call."""
    return _is_added_to(file, name) or any(_has_call(v) for v in values_of(file, name) if v is not name)


def _is_added_to(file: FileContext, name: cst.Name) -> bool:
    """Whether something that a call gives is added to a name: `delay += random.random()`."""
    owner = file.scope(name).owner_of(name.value) if name in file.tree.places else None
    bindings = owner.names[name.value] if owner is not None else []
    return any(b.how == "augmented" and b.value is not None and _has_call(b.value) for b in bindings)


def _grows(file: FileContext, seconds: cst.BaseExpression, depth: int = 0) -> bool:
    """Whether a wait is another one in each round: made of the attempt's number, or of what is added to."""
    for name in (n for n in within(seconds) if isinstance(n, cst.Name) and n in file.tree.places):
        owner = file.scope(name).owner_of(name.value)
        bindings = owner.names[name.value] if owner is not None else []
        if any(b.how in ("for", "augmented", "param") for b in bindings):
            return True
        values = [b.value for b in bindings if b.how == "assign" and b.value is not None]
        if depth < 4 and any(_grows(file, v, depth + 1) for v in values):
            return True
    return False


def _has_call(node: cst.CSTNode) -> bool:
    return any(isinstance(n, (cst.Call, cst.Attribute, cst.Subscript)) for n in within(node))
