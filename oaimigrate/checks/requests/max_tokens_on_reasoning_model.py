"""OAI305: `max_tokens` for a model that only knows `max_completion_tokens`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.reach import at_openai
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI305")

REASONING = re.compile(r"(o[1345](-|$)|gpt-(5|6)(?!.*chat)[.\w-]*)")
PATHS = ("chat.completions.create", "chat.completions.parse", "chat.completions.stream")


@rule.on(cst.Call)
def limit(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(model="o3", max_tokens=500)`."""
    call = request_at(file, node)
    if call is None or call.path.removeprefix("beta.") not in PATHS or not at_openai(file, node.func):
        return
    model = call.argument("model")
    name = literal(source_of(file, model)) if model is not None else None
    item = next((a for a in node.args if a.keyword is not None and a.keyword.value == "max_tokens"), None)
    if item is None or item.keyword is None or name is None or not REASONING.match(name):
        return
    if isinstance(item.value, cst.Name) and item.value.value in ("None", "NOT_GIVEN", "omit"):
        return
    message = f"`{name}` refuses `max_tokens`: the request fails with status 400; pass `max_completion_tokens`"
    if call.argument("max_completion_tokens") is not None:
        note = Note("not rewritten: `max_completion_tokens` is given too")
        yield Diagnostic(rule.code, message, build.item_span(file, item), None, (note,))
        return
    edit = build.replace(file, item.keyword, "max_completion_tokens")
    fix = Fix("Rename to `max_completion_tokens`", (edit,), Safety.SAFE)
    yield Diagnostic(rule.code, message, build.item_span(file, item), fix)
