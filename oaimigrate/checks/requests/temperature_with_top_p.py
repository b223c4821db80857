"""OAI311: `temperature` together with `top_p`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.reach import constructions
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI311")


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(temperature=0.7, top_p=0.9)`."""
    if file.is_test:
        return
    given = {a.keyword.value: a.value for a in node.args if a.keyword is not None}
    if not {"temperature", "top_p"} <= given.keys() or request_at(file, node) is None:
        return
    values = [_number(source_of(file, given[name])) for name in ("temperature", "top_p")]
    if None in values or 1.0 in values or values[0] == 0.0:
        return
    if any(found is not None and argument(found[1], "base_url") for found in constructions(file, node.func)):
        return  # other models were tuned with other values
    message = "`temperature` and `top_p` both narrow the choice of tokens, and their effects mix; change one of them"
    yield Diagnostic(rule.code, message, file.span(given["top_p"]))


def _number(node: cst.BaseExpression) -> float | None:
    return float(node.evaluated_value) if isinstance(node, (cst.Integer, cst.Float)) else None
