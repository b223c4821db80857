"""OAI903: a file that makes requests and never looks at what they cost."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI903")

COSTLY = frozenset(
    {
        "chat.completions.create",
        "chat.completions.parse",
        "responses.create",
        "responses.parse",
        "embeddings.create",
        "completions.create",
    }
)
WATCHED = (
    "usage",
    "langfuse",
    "langsmith",
    "traceloop",
    "opentelemetry",
    "agentops",
    "helicone",
    "wandb",
    "mlflow",
    "weave",
    "logfire",
)


@rule.on(cst.Module)
def file_(node: cst.Module, file: FileContext) -> Iterator[Diagnostic]:
    """One finding for a file, at its first request whose answer stays here."""
    if file.is_test or any(word in file.text for word in WATCHED):
        return
    for call in file.nodes(cst.Call):
        request = request_at(file, call)
        if request is None or request.path.removeprefix("beta.") not in COSTLY or request.doubt is not None:
            continue
        if any(isinstance(parent, cst.Return) for _, parent in ancestors(file, call)):
            continue  # the caller has it
        message = "this file never looks at `usage`: what its requests cost shows only on the bill; record it"
        yield Diagnostic(rule.code, message, file.span(call.func))
        return
