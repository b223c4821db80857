"""OAI607: one asynchronous client used under several event loops."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, function_of, is_external, within
from oaimigrate.analysis.kinds import Client, Function
from oaimigrate.diagnostics import Diagnostic, Note
from oaimigrate.registry import Rule

rule = Rule("OAI607")

RUNS = ("asyncio.run", "asgiref.sync.async_to_sync", "anyio.run")
ONCE = frozenset({"main", "_main", "cli", "run", "run_main", "amain"})


@rule.on(cst.Call)
def run(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`asyncio.run(ask(prompt))` again and again, with a client of the module."""
    if not node.args or not is_external(file, node.func, *RUNS) or not _is_repeated(file, node):
        return
    started = node.args[0].value
    function = file.kind(started.func if isinstance(started, cst.Call) else started).kind
    if not isinstance(function, Function) or not isinstance(function.node, cst.FunctionDef):
        return
    client = _client(file, function.node, set())
    if client is None:
        return
    message = (
        "each run has an event loop of its own, and the client keeps connections of the first: later requests fail"
    )
    yield Diagnostic(rule.code, message, file.span(node), None, (Note("the client", file.span(client)),))


def _is_repeated(file: FileContext, node: cst.Call) -> bool:
    """Whether a run stands in a loop, or in a function that is no main program."""
    for _, parent in ancestors(file, node):
        if isinstance(parent, (cst.For, cst.While)):
            return True
        if isinstance(parent, cst.FunctionDef):
            name = parent.name.value
            return name not in ONCE and not name.startswith("test") and not _is_command(parent)
        if isinstance(parent, cst.Lambda):
            return True
    return False


def _is_command(function: cst.FunctionDef) -> bool:
    """Whether a function is the command of a program: `@click.command()`, `@app.command()`."""
    words = ("command", "group", "callback", "main")
    decorators = (n for d in function.decorators for n in within(d.decorator))
    return any(isinstance(n, cst.Name) and n.value in words for n in decorators)


def _client(file: FileContext, function: cst.FunctionDef, seen: set[cst.CSTNode]) -> cst.BaseExpression | None:
    """The construction of a client at module level that a function, or one that it calls, makes requests with."""
    if function in seen or function not in file.tree.scope_of_node or len(seen) > 20:
        return None
    seen.add(function)
    for node in within(function.body):
        if isinstance(node, cst.Name) and node in file.tree.places:
            kind = file.kind(node).kind
            if kind in (Client(True), Client(True, True)):
                found = [b.value for b in bindings_of(file, node) if b.value is not None and b.scope.kind == "module"]
                value = found[0] if len(found) == 1 else None
                if isinstance(value, cst.Call) and constructed(file, value) and function_of(file, value) is None:
                    return value
        if isinstance(node, cst.Call):
            inner = file.kind(node.func).kind
            if isinstance(inner, Function) and isinstance(inner.node, cst.FunctionDef):
                found_inside = _client(file, inner.node, seen)
                if found_inside is not None:
                    return found_inside
    return None
