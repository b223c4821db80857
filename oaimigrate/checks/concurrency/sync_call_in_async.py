"""OAI601: a blocking call of the SDK in the body of an `async def`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at, shown
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import function_of, source_of, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Awaitable, Symbol
from oaimigrate.analysis.reach import definition, is_transparent
from oaimigrate.diagnostics import Diagnostic, Note
from oaimigrate.registry import Rule

rule = Rule("OAI601")

SAYS_SYNC = re.compile(r"(?:^|[._])sync(?:$|[._])", re.IGNORECASE)
ON_PURPOSE = re.compile(r"\bblock|synchronous", re.IGNORECASE)


@rule.on(cst.Call)
def blocking(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`client.chat.completions.create(…)` of a synchronous client, or a helper that makes such a call."""
    function = function_of(file, node)
    if not isinstance(function, cst.FunctionDef) or function.asynchronous is None:
        return
    if isinstance(file.parent(node), cst.Await):
        return  # awaiting what is no coroutine fails, and has a rule of its own
    if file.is_test or _is_explained(file, node):
        return
    name = _request(file, node)
    if name:
        message = f"`{name}` blocks the event loop; await an asynchronous client"
        yield Diagnostic(rule.code, message, file.span(node), None, file.doubts(file.kind(node.func)))
        return
    found = _in_helper(file, node)
    if found is not None:
        home, inner = found
        helper = shown(file, node.func, "helper")
        message = f"`{helper}` blocks the event loop: it makes a request with a synchronous client"
        note = Note("the request", home.span(inner), None if home is file else home.source.path)
        yield Diagnostic(rule.code, message, file.span(node), None, (note,))


def _is_explained(file: FileContext, node: cst.Call) -> bool:
    """Whether a name (`sync_client`), or a comment right above, says that the call blocks on purpose."""
    root: cst.BaseExpression = node.func
    while isinstance(root, cst.Attribute):
        root = root.value
    if SAYS_SYNC.search(path_of(node.func)) or SAYS_SYNC.search(path_of(source_of(file, root))):
        return True
    line = file.line_of(node) if isinstance(file.statement(node), cst.BaseSmallStatement) else None
    comments = (e.comment.value for e in line.leading_lines if e.comment is not None) if line is not None else ()
    return any(ON_PURPOSE.search(comment) for comment in comments)


def _request(file: FileContext, node: cst.Call) -> str:
    """How the blocking request that a call makes is written; "" if it makes none."""
    call = request_at(file, node)
    if call is not None:
        lists = isinstance(file.kind(node).kind, Awaitable)
        return "" if call.asynchronous or lists else shown(file, node.func, call.path)
    kind = file.kind(node.func).kind
    if isinstance(kind, Symbol) and kind.path in file.api.methods:
        method, asynchronous = file.api.methods[kind.path]
        return "" if asynchronous else shown(file, node.func, method.old)
    return ""


def _in_helper(file: FileContext, node: cst.Call) -> tuple[FileContext, cst.Call] | None:
    """The request in a plain function of the project that is called here and not handed to a thread, with its file."""
    known = definition(file, node.func)
    if known is None:
        return None
    home, helper = known
    if helper.asynchronous is not None or not all(is_transparent(home, d) for d in helper.decorators):
        return None
    found: cst.Call | None = None
    for inner in within(helper.body, functions=False):
        if isinstance(inner, cst.Yield):
            return None  # a generator does nothing yet
        if found is None and isinstance(inner, cst.Call) and _request(home, inner) and home.kind(inner.func).certain:
            found = inner if function_of(home, inner) is helper else None
    return (home, found) if found is not None else None
