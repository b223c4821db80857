"""OAI604: `await` on a request of a synchronous client."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed, request_at, shown
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.kinds import Client, Function, Member, Symbol
from oaimigrate.analysis.reach import constructions, definition, request_of
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI604")

ASYNC = {"OpenAI": "AsyncOpenAI", "Client": "AsyncClient", "AzureOpenAI": "AsyncAzureOpenAI"}


@rule.on(cst.Await)
def awaited(node: cst.Await, file: FileContext) -> Iterator[Diagnostic]:
    """`await client.chat.completions.create(…)` where `client` is `OpenAI()`."""
    if not isinstance(node.expression, cst.Call):
        return
    call, func = node.expression, node.expression.func
    value = file.kind(func)
    match value.kind:
        case Member(asynchronous=False) if (request := request_at(file, call)) is not None:
            if not _is_seen(file, func):
                return
            name = shown(file, func, request.path)
        case Symbol(path=path) if path in file.api.methods and not file.api.methods[path][1]:
            name = shown(file, func, path)
        case Function() if _hands_on_a_sync_call(file, call):
            name = shown(file, func, "helper")
        case _:
            return
    message = f"`{name}` is no coroutine: `await` raises TypeError after the request; use an asynchronous client"
    fix = asynchronous_client(file, call)
    reason = Note("not rewritten: the client is also used without `await`, or built elsewhere")
    notes = () if fix is not None else (reason,)
    confidence = "certain" if value.certain else "maybe"
    yield Diagnostic(rule.code, message, file.span(node), fix, (*notes, *file.doubts(value)), confidence)


def _is_seen(file: FileContext, func: cst.BaseExpression) -> bool:
    """Whether every construction of the client is known: parameters bring what callers like, whatever is annotated."""
    root = func
    while isinstance(root, cst.Attribute):
        root = root.value
    return isinstance(file.kind(root).kind, Symbol) or None not in (constructions(file, func) or [None])


def _hands_on_a_sync_call(file: FileContext, call: cst.Call) -> bool:
    """Whether a plain function of the project returns the answer of a synchronous client."""
    reached, helper = request_of(file, call), definition(file, call.func)
    if reached is None or reached.call.asynchronous or reached.call.doubt is not None:
        return False
    if not _is_seen(reached.file, reached.call.node.func):
        return False
    return helper is not None and helper[1].asynchronous is None and not helper[1].decorators


def asynchronous_client(file: FileContext, call: cst.Call) -> Fix | None:
    """Build an asynchronous client instead, where everything that uses it is awaited."""
    root = _root(file, call)
    if root is None:
        return None
    source = source_of(file, root)
    if source is root or not isinstance(source, cst.Call):
        return None
    name = constructed(file, source)
    if name not in ASYNC or not isinstance(source.func, (cst.Name, cst.Attribute)):
        return None
    if not all(_is_awaited(file, name) for name in _mentions(file, root.value, source)):
        return None
    text, needs = file.symbol(ASYNC[name])
    if isinstance(source.func, cst.Attribute):
        text, needs = f"{file.code(source.func.value)}.{ASYNC[name]}", []
    edit = build.replace(file, source.func, text)
    return Fix(f"Build an `{ASYNC[name]}`", (edit,), Safety.UNSAFE, tuple(needs), f"async:{edit.start}")


def _mentions(file: FileContext, name: str, source: cst.Call) -> list[cst.Name]:
    """Every use of the name that the client is kept in."""
    return [
        node
        for node in file.nodes(cst.Name)
        if node.value == name
        and node in file.tree.places
        and not isinstance(file.parent(node), (cst.AssignTarget, cst.AnnAssign, cst.AsName))
        and source_of(file, node) is source
    ]


def _root(file: FileContext, call: cst.Call) -> cst.Name | None:
    node: cst.BaseExpression = call.func
    while isinstance(node, cst.Attribute):
        node = node.value
    return node if isinstance(node, cst.Name) and isinstance(file.kind(node).kind, Client) else None


def _is_awaited(file: FileContext, root: cst.Name) -> bool:
    """Whether the request made through this mention of the client is awaited."""
    node: cst.CSTNode | None = root
    while isinstance(parent := file.parent(node), cst.Attribute) if node is not None else False:
        node = parent
    call = file.parent(node) if node is not None else None
    return isinstance(call, cst.Call) and call.func is node and isinstance(file.parent(call), cst.Await)
