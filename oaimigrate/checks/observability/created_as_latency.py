"""OAI902: the date of an answer used to measure how long it took."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.kinds import Either, Model
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI902")

DATED = frozenset({"created", "created_at"})


@rule.on(cst.BinaryOperation)
def difference(node: cst.BinaryOperation, file: FileContext) -> Iterator[Diagnostic]:
    """`time.time() - response.created`."""
    if not isinstance(node.operator, cst.Subtract):
        return
    for side in (node.left, node.right):
        source = source_of(file, side)
        if isinstance(source, cst.Attribute) and source.attr.value in DATED and _of_an_answer(file, source.value):
            what = f"`{source.attr.value}` is a date in whole seconds by the server's clock"
            message = f"{what}, no measure of time; take `time.monotonic` before and after"
            yield Diagnostic(rule.code, message, file.span(node))
            return


def _of_an_answer(file: FileContext, node: cst.BaseExpression) -> bool:
    kind = file.kind(node).kind
    return isinstance(kind.whole if isinstance(kind, Either) else kind, Model)
