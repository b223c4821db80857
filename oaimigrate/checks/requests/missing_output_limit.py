"""OAI313: a request without a limit for the length of the answer."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at, shown
from oaimigrate.analysis.file import FileContext
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI313")

LIMITS = {
    "chat.completions.create": ("max_completion_tokens", "max_tokens"),
    "chat.completions.parse": ("max_completion_tokens", "max_tokens"),
    "chat.completions.stream": ("max_completion_tokens", "max_tokens"),
    "responses.create": ("max_output_tokens",),
    "responses.parse": ("max_output_tokens",),
    "responses.stream": ("max_output_tokens",),
}


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(model=…, messages=…)`."""
    call = request_at(file, node) if not file.is_test else None
    names = LIMITS.get(call.path.removeprefix("beta.")) if call is not None else None
    if call is None or names is None or call.open_ended or any(call.argument(name) is not None for name in names):
        return
    if call.argument("extra_body") is not None:
        return
    name = shown(file, node.func, call.path)
    message = f"`{name}` sets no limit: an answer that goes on costs the whole window; pass `{names[0]}=`"
    yield Diagnostic(rule.code, message, file.span(node.func))
