"""OAI304: a request for a model that OpenAI has shut down, or soon will."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import is_legacy_request, request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import bindings_of
from oaimigrate.analysis.reach import at_openai
from oaimigrate.analysis.retirement import load
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI304")


@rule.on(cst.Call)
def model(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`model="gpt-3.5-turbo"`."""
    value = argument(node, "model")
    if value is None or not _is_request(file, node) or file.is_test:
        return
    for text in _literals(file, value):
        found = load().get(literal(text) or "")
        if found is None or not found.near:
            continue
        when = f"was shut down on {found.date}" if found.past else f"will be shut down on {found.date}"
        advice = f"; `{found.successor}` takes its place" if found.successor else ""
        yield Diagnostic(rule.code, f"`{found.model}` {when}{advice}", file.span(text))


def _is_request(file: FileContext, node: cst.Call) -> bool:
    request = request_at(file, node)
    if request is not None and request.path.startswith("models."):
        return False  # a look whether it is still there
    return (request is not None or is_legacy_request(file, node)) and at_openai(file, node.func)


def _literals(file: FileContext, value: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The strings that a model argument may be: itself, a constant, the default of a parameter."""
    match value:
        case cst.Name():
            bindings = bindings_of(file, value)
            plain = all(b.how in ("assign", "param") and not b.path for b in bindings)
            values = [b.value for b in bindings if b.value is not None] if plain else []
            return [v for v in values if literal(v) is not None]
        case cst.IfExp(body=body, orelse=orelse):
            return [*_literals(file, body), *_literals(file, orelse)]
        case cst.BooleanOperation(left=left, right=right):
            return [*_literals(file, left), *_literals(file, right)]
    return [value] if literal(value) is not None else []
