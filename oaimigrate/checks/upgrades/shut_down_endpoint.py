"""OAI805: a request to an endpoint that OpenAI has shut down, which no version of the SDK can reach any more."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.reach import at_openai
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI805")

ASSISTANTS = ("the Assistants API", "2026-08-26")
SORA = ("the Sora API", "2026-09-24")
SHUT_DOWN = {
    "beta.assistants": (*ASSISTANTS, "a prompt, or the arguments of each `client.responses.create`, take its place"),
    "beta.threads.messages": (*ASSISTANTS, "items of `client.conversations` take their place"),
    "beta.threads.runs": (*ASSISTANTS, "`client.responses.create` takes its place"),
    "beta.threads": (*ASSISTANTS, "`client.conversations.create` takes its place"),
    "videos": (*SORA, ""),
}


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`client.beta.threads.create()`."""
    call = request_at(file, node) if not file.is_test else None
    if call is None:
        return
    found = next((row for path, row in SHUT_DOWN.items() if call.path.startswith(f"{path}.")), None)
    if found is None or not at_openai(file, node.func):
        return
    name, date, advice = found
    message = f"`{call.path}`: {name} was shut down on {date}" + (f"; {advice}" if advice else "")
    yield Diagnostic(rule.code, message, file.span(node.func))
