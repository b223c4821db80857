"""OAI404: `chunk.usage` read from a stream that was not asked to send it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import at_openai, request_behind
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Model
from oaimigrate.diagnostics import Diagnostic, Note
from oaimigrate.registry import Rule

rule = Rule("OAI404")


@rule.on(cst.For)
def loop(node: cst.For, file: FileContext) -> Iterator[Diagnostic]:
    """`for chunk in stream: … chunk.usage …` without `stream_options`."""
    if not isinstance(node.target, cst.Name) or file.kind(node.target).kind != Model("ChatCompletionChunk"):
        return
    call = request_behind(file, node.iter)
    if call is None or call.open_ended or call.argument("stream_options") is not None:
        return
    if call.argument("extra_body") is not None or not at_openai(file, call.node.func):
        return
    wanted = f"{node.target.value}.usage"
    use = next((n for n in within(node.body) if isinstance(n, cst.Attribute) and path_of(n) == wanted), None)
    if use is not None:
        message = f'`{wanted}` is always None: ask for it with `stream_options={{"include_usage": True}}`'
        yield Diagnostic(rule.code, message, file.span(use), None, (Note("the request", file.span(call.node)),))
