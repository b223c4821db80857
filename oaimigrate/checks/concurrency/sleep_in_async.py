"""OAI605: `time.sleep` in an `async def` that talks to the API."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import function_of, is_external, within
from oaimigrate.analysis.kinds import Awaitable, Member, StreamOf, Symbol
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Need, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI605")


@rule.on(cst.Call)
def sleep(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`time.sleep(1)` beside `await client.…`."""
    if file.is_test or not is_external(file, node.func, "time.sleep"):
        return
    function = function_of(file, node)
    if not isinstance(function, cst.FunctionDef) or function.asynchronous is None:
        return
    if not any(_talks(file, inner) for inner in within(function.body)):
        return
    start = file.whole(node).start
    edits = (Edit(start, start, "await "), build.replace_whole(file, node.func, "asyncio.sleep"))
    fix = None
    if isinstance(file.parent(node), cst.Expr):
        fix = Fix("Await `asyncio.sleep`", edits, Safety.UNSAFE, (Need("import", "asyncio"),))
    message = "`time.sleep` stops the event loop, and every other request with it; await `asyncio.sleep`"
    yield Diagnostic(rule.code, message, file.span(node), fix)


def _talks(file: FileContext, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.For):
        return isinstance(file.kind(node.iter).kind, StreamOf)
    if not isinstance(node, cst.Call):
        return False
    func = file.kind(node.func).kind
    if isinstance(func, Member):
        return func.path in file.api.calls
    if isinstance(func, Symbol):
        return func.path in file.api.methods
    return isinstance(file.kind(node).kind, Awaitable)
