"""OAI607: one asynchronous client used under several event loops."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, function_of, is_external, source_of, within
from oaimigrate.analysis.kinds import Client, External, InstanceOf
from oaimigrate.analysis.reach import constructor_of, definition
from oaimigrate.diagnostics import Diagnostic, Note
from oaimigrate.registry import Rule

rule = Rule("OAI607")

RUNS = ("asyncio.run", "asgiref.sync.async_to_sync", "anyio.run")
CLIENTS = (Client(True), Client(True, True))
ONCE = frozenset({"main", "_main", "cli", "run", "run_main", "amain"})


@rule.on(cst.Call)
def run(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`asyncio.run(ask(prompt))` again and again, with a client of the module."""
    if not node.args or file.is_test or not _runs(file, node):
        return
    found = _started(file, node) if _is_repeated(file, node) or _has_earlier(file, node) else None
    if found is None:
        return
    home, client = found
    message = (
        "each run has an event loop of its own, and the client keeps connections of the first: later requests fail"
    )
    note = Note("the client", home.span(client), None if home is file else home.source.path)
    yield Diagnostic(rule.code, message, file.span(node), None, (note,))


def _started(file: FileContext, node: cst.Call) -> tuple[FileContext, cst.Call] | None:
    """The client of a module that the coroutine of a run makes requests with."""
    started = node.args[0].value
    func = started.func if isinstance(started, cst.Call) else started
    function = definition(file, func)
    if function is None:
        return None
    found = _client(*function, set())
    if found is None and isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name):
        return _client_of_object(file, func.value, *function)
    return found


def _client_of_object(
    file: FileContext, owner: cst.Name, home: FileContext, function: cst.FunctionDef
) -> tuple[FileContext, cst.Call] | None:
    """The client that the object `owner` of a module was given when it was made, if the method uses it."""
    kind = file.kind(owner).kind
    if not isinstance(kind, InstanceOf) or not _is_of_a_module(file, owner):
        return None
    for node in within(function.body):
        if isinstance(node, cst.Attribute) and home.kind(node.value).kind == kind:
            if home.kind(node).kind in CLIENTS and (found := constructor_of(home, node)) is not None:
                return found
    return None


def _has_earlier(file: FileContext, node: cst.Call) -> bool:
    """Whether a statement of the same suite, above this one, has run a coroutine with a client of a module already."""
    block = file.tree.places[node].block
    for call in file.nodes(cst.Call):
        place = file.tree.places.get(call)
        if call is node:
            return False
        if place is not None and place.block is block and call.args and _runs(file, call):
            if _started(file, call) is not None:
                return True
    return False


def _runs(file: FileContext, node: cst.Call) -> bool:
    """`asyncio.run(…)`, or `run_until_complete` of a loop that was made for it."""
    if is_external(file, node.func, *RUNS):
        return True
    match node.func:
        case cst.Attribute(value=loop, attr=cst.Name(value="run_until_complete")):
            made = source_of(file, loop)
            if isinstance(made, cst.Call) and is_external(file, made.func, "asyncio.new_event_loop"):
                return _is_made_anew(file, made, node)
    return False


def _is_made_anew(file: FileContext, made: cst.Call, node: cst.Call) -> bool:
    """Whether each run has a loop of its own: one that is made outside of the function, or of its loop, is kept."""
    around = [p for _, p in ancestors(file, node) if isinstance(p, (cst.For, cst.While, cst.FunctionDef))]
    innermost = around[0] if around else None
    return innermost is None or any(p is innermost for _, p in ancestors(file, made))


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


def _client(
    file: FileContext, function: cst.FunctionDef, seen: set[cst.CSTNode]
) -> tuple[FileContext, cst.Call] | None:
    """The construction of a client at module level that a function, or one that it calls, makes requests with."""
    if function in seen or len(seen) > 20:
        return None
    seen.add(function)
    for node in within(function.body):
        if isinstance(node, (cst.Name, cst.Attribute)) and file.kind(node).kind in CLIENTS:
            found = constructor_of(file, node) if _is_of_a_module(file, node) else None
            if found is not None and function_of(*found) is None and _is_kept(*found):
                return found
        if isinstance(node, cst.Call) and (inner := definition(file, node.func)) is not None:
            found = _client(*inner, seen)
            if found is not None:
                return found
    return None


def _is_of_a_module(file: FileContext, node: cst.Name | cst.Attribute) -> bool:
    """Whether a client is read from a name of a module: this one's, or `llm.client`."""
    if isinstance(node, cst.Name):
        match file.parent(node):
            case cst.Attribute(attr=part) if part is node:
                return False  # `self.client`
            case cst.Arg(keyword=part) if part is node:
                return False
        return node in file.tree.places and all(b.scope.kind == "module" for b in bindings_of(file, node))
    return isinstance(file.kind(node.value).kind, External)


def _is_kept(file: FileContext, construction: cst.Call) -> bool:
    return isinstance(file.parent(construction), (cst.Assign, cst.AnnAssign))
