"""OAI602: a request of an asynchronous client whose coroutine nothing awaits."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at, shown
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import bindings_of, function_of
from oaimigrate.analysis.kinds import Awaitable, Either, ListOf, Model, PageOf, StreamOf, Symbol, Unknown
from oaimigrate.analysis.reach import definition
from oaimigrate.analysis.scopes import Binding
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.registry import Rule

rule = Rule("OAI602")

ANSWERS = (Model, ListOf, StreamOf, Either)  # what a helper of the project gives
LAZY = ("list", "stream", "connect")  # these give paginators and managers, not coroutines
OF_COROUTINES = frozenset({"send", "throw", "close", "__await__", "cr_await", "cr_frame", "cr_running", "cr_code"})


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    parent = file.parent(node)
    if not isinstance(parent, (cst.Expr, cst.Attribute, cst.Subscript, cst.Assign, cst.AnnAssign)):
        return
    path = _coroutine(file, node)
    if not path or not file.kind(node.func).certain:
        return
    match parent:
        case cst.Expr():
            what = "is never awaited, so nothing is sent"
        case cst.Attribute(attr=cst.Name(value=attr)) if attr not in OF_COROUTINES:
            what = f"gives a coroutine, which has no `{attr}`; await it"
        case cst.Subscript(value=value) if value is node:
            what = "gives a coroutine, which has no items; await it"
        case cst.Assign() | cst.AnnAssign() if attr := _read_from_name(file, parent, node):
            what = f"gives a coroutine, which has no `{attr}`; await it"
        case _:
            return
    fix, notes = _fix(file, node, parent)
    name = shown(file, node.func, path)
    yield Diagnostic(rule.code, f"`{name}` {what}", file.span(node), fix, notes)


def _coroutine(file: FileContext, node: cst.Call) -> str:
    """The path of the asynchronous request that a call makes; "" if it makes none, or gives no coroutine."""
    call = request_at(file, node)
    kind = file.kind(node).kind
    if call is not None:
        last = call.path.rpartition(".")[2]
        lazy = last.startswith(LAZY) or last.endswith("stream") or call.streaming
        coroutine = isinstance(kind, (Awaitable, Unknown)) and not lazy
        return call.path if call.asynchronous and coroutine else ""
    func = file.kind(node.func).kind
    if isinstance(func, Symbol) and isinstance(kind, Awaitable) and not isinstance(kind.result, PageOf):
        return func.path
    helper = definition(file, node.func)
    if helper is None or helper[1].asynchronous is None or helper[1].decorators or not isinstance(kind, Awaitable):
        return ""
    return helper[1].name.value if isinstance(kind.result, ANSWERS) else ""


def _read_from_name(file: FileContext, parent: cst.Assign | cst.AnnAssign, node: cst.Call) -> str:
    """The attribute first read from the one name that holds the coroutine, if that is all the name is used for."""
    targets = [t.target for t in parent.targets] if isinstance(parent, cst.Assign) else [parent.target]
    if len(targets) != 1 or not isinstance(targets[0], cst.Name):
        return ""
    found = ""
    for use in file.nodes(cst.Name):
        if use.value != targets[0].value or use is targets[0] or use not in file.tree.places:
            continue
        bindings: list[Binding] = bindings_of(file, use)
        if not any(b.value is node for b in bindings):
            continue
        outer = file.parent(use)
        if len(bindings) != 1 or not isinstance(outer, cst.Attribute) or outer.value is not use:
            return ""
        if outer.attr.value in OF_COROUTINES:
            return ""
        found = found or outer.attr.value
    return found


def _fix(file: FileContext, node: cst.Call, parent: cst.CSTNode) -> tuple[Fix | None, tuple[Note, ...]]:
    function = function_of(file, node)
    if not isinstance(function, cst.FunctionDef) or function.asynchronous is None:
        return None, (Note("not rewritten: `await` needs an `async def` around it"),)
    whole = file.whole(node)
    if isinstance(parent, (cst.Attribute, cst.Subscript)):
        edits = [Edit(whole.start, whole.start, "(await "), Edit(whole.end, whole.end, ")")]
    else:
        edits = [Edit(whole.start, whole.start, "await ")]
    return Fix("Await the request", tuple(edits), Safety.UNSAFE), ()
