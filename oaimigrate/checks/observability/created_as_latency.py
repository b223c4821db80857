"""OAI902: the date of an answer used to measure how long it took."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Either, Model
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI902")

DATED = frozenset({"created", "created_at"})
ANSWERS = frozenset({"ChatCompletion", "ChatCompletionChunk", "ParsedChatCompletion", "Completion", "Response"})
AGE = re.compile(r"(?:^|_)(?:age|ttl|expir\w*|stale\w*|old)(?:$|_)", re.IGNORECASE)


@rule.on(cst.BinaryOperation)
def difference(node: cst.BinaryOperation, file: FileContext) -> Iterator[Diagnostic]:
    """`time.time() - response.created`."""
    if not isinstance(node.operator, cst.Subtract) or _is_an_age(file, node):
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
    whole = kind.whole if isinstance(kind, Either) else kind
    return isinstance(whole, Model) and whole.name in ANSWERS


def _is_an_age(file: FileContext, node: cst.BinaryOperation) -> bool:
    """Whether minutes and more are asked for: `time.time() - response.created > 3600`, `… / 86400`, `age = …`."""
    parent = file.parent(node)
    match parent:
        case cst.BinaryOperation(operator=cst.Divide() | cst.FloorDivide(), right=other):
            return _is_long(other)
        case cst.Comparison(comparisons=[cst.ComparisonTarget(comparator=other)]):
            return _is_long(other)
        case cst.Assign(targets=[cst.AssignTarget(target=target)]):
            return AGE.search(path_of(target)) is not None
    return False


def _is_long(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Integer) and node.evaluated_value >= 60
