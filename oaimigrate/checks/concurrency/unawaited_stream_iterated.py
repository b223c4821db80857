"""OAI603: a loop over the coroutine of a stream instead of over the stream."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import function_of, source_of
from oaimigrate.analysis.kinds import Awaitable, Either, Member, StreamOf, Symbol
from oaimigrate.analysis.reach import request_of
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.registry import Rule

rule = Rule("OAI603")


@rule.on(cst.For, cst.CompFor)
def loop(node: cst.For | cst.CompFor, file: FileContext) -> Iterator[Diagnostic]:
    """`async for chunk in client.chat.completions.create(…, stream=True)` without `await`."""
    value = file.kind(node.iter)
    if not isinstance(value.kind, Awaitable) or not isinstance(value.kind.result, (StreamOf, Either)):
        return
    source = source_of(file, node.iter)
    direct = isinstance(source, cst.Call) and (
        isinstance(file.kind(source.func).kind, (Member, Symbol)) or request_of(file, source) is not None
    )
    if not value.certain or not direct:
        return
    message = "this iterates over a coroutine, which raises TypeError; await the request first"
    fix, notes = _fix(file, node)
    yield Diagnostic(rule.code, message, file.span(node.iter), fix, notes)


def _fix(file: FileContext, node: cst.For | cst.CompFor) -> tuple[Fix | None, tuple[Note, ...]]:
    function = function_of(file, node)
    if not isinstance(function, cst.FunctionDef) or function.asynchronous is None:
        return None, (Note("not rewritten: `await` needs an `async def` around it"),)
    start = file.whole(node.iter).start
    edits = [Edit(start, start, "await ")]
    if node.asynchronous is None:
        loop = file.span(node).start
        edits.insert(0, Edit(loop, loop, "async "))
    return Fix("Await the request", tuple(edits), Safety.SAFE), ()
