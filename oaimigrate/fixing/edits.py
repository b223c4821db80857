"""Builders of small text edits: the only place that knows about commas, parentheses and trailing comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.diagnostics import Edit, Span

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

# Expressions that bind less tightly than the dot behind them.
_LOOSE = (
    cst.Await, cst.BinaryOperation, cst.BooleanOperation, cst.UnaryOperation, cst.Comparison, cst.IfExp, cst.Lambda,
    cst.NamedExpr, cst.Yield,
)  # fmt: skip


def replace(file: FileContext, node: cst.CSTNode, text: str) -> Edit:
    """Replace a node; its own parentheses stay."""
    span = file.span(node)
    return Edit(span.start, span.end, text)


def replace_whole(file: FileContext, node: cst.CSTNode, text: str) -> Edit:
    """Replace a node together with its parentheses."""
    span = file.whole(node)
    return Edit(span.start, span.end, text)


def insert(offset: int, text: str) -> Edit:
    return Edit(offset, offset, text)


def remove_items(file: FileContext, items: Sequence[cst.CSTNode], doomed: Iterable[cst.CSTNode]) -> list[Edit]:
    """Take items out of a comma-separated list (arguments, import names, elements), commas included."""
    gone = {id(d) for d in doomed}
    if not gone:
        return []
    spans = [item_span(file, i) for i in items]
    if len(gone) == len(items):
        return [Edit(spans[0].start, file.whole(items[-1]).end, "")]
    edits = []
    last_kept = max(i for i, item in enumerate(items) if id(item) not in gone)
    for index, item in enumerate(items[:last_kept]):
        if id(item) in gone:
            edits.append(Edit(spans[index].start, spans[index + 1].start, ""))
    if last_kept < len(items) - 1:
        edits.append(_tail(file, spans[last_kept], spans[last_kept + 1], spans[-1].end))
    return edits


_REST = re.compile(r"[ \t]*,?[ \t]*(?:#[^\r\n]*)?")


def _tail(file: FileContext, kept: Span, first: Span, end: int) -> Edit:
    """Take away the last items of a list; a comment beside the one before them stays with it, and so does its comma."""
    beside = file.text[kept.end : first.start]
    line = len(beside) - len(beside.lstrip(" \t,"))
    if not beside.startswith("#", line):
        return Edit(kept.end, end, "")
    rest = _REST.match(file.text, end)
    end = rest.end() if rest is not None else end
    ends_line = file.text[end : end + 1] in ("\n", "\r")
    start = kept.end + min(i for i in (beside.find("\n"), beside.find("\r")) if i >= 0)
    return Edit(start if ends_line else first.start, end, "")


def item_span(file: FileContext, item: cst.CSTNode) -> Span:
    """An item with the parentheses of its value, without its comma."""
    span = file.span(item)
    value = getattr(item, "value", None)
    if isinstance(item, cst.Arg) and isinstance(value, cst.CSTNode):
        return Span(file.whole(item).start, file.whole(value).end)
    if isinstance(item, cst.Element) and isinstance(value, cst.CSTNode):
        return file.whole(value)
    return span


def loses_comment(file: FileContext, edits: Iterable[Edit]) -> bool:
    """Whether deleting these ranges would take a comment away (a `#` in a string counts too: better safe)."""
    return any("#" in file.text[e.start : e.end] and "#" not in e.text for e in edits)


def needs_parentheses(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether an `a or b` or `a if b else c` put in place of `node` must be wrapped to keep its meaning."""
    if node.lpar:
        return False
    parent = file.parent(node)
    match parent:
        case (
            cst.Arg(star="") | cst.Return() | cst.Assign() | cst.AnnAssign() | cst.Expr() | cst.Index() | cst.Element()
        ):
            return False
        case cst.FormattedStringExpression() | cst.NamedExpr() | cst.AugAssign() | cst.DictElement():
            return False
        case cst.Param() | cst.If() | cst.While() | cst.Yield() | cst.For() | cst.ListComp() | cst.GeneratorExp():
            return False
    return True


def or_empty(file: FileContext, node: cst.BaseExpression) -> tuple[Edit, ...]:
    """Put `or ""` behind a node; into its own parentheses, where it has some."""
    span = file.span(node)
    if needs_parentheses(file, node):
        return insert(span.start, "("), insert(span.end, ' or "")')
    return (insert(span.end, ' or ""'),)


def suffixed(file: FileContext, node: cst.BaseExpression, text: str) -> tuple[Edit, ...]:
    """Write `text`, which reads an attribute, behind a node: `a or b` gets parentheses."""
    span = file.whole(node)
    if not node.lpar and isinstance(node, _LOOSE):
        return insert(span.start, "("), insert(span.end, f"){text}")
    return (insert(span.end, text),)


def edits_within(edits: Iterable[Edit], span: Span) -> bool:
    return all(span.start <= e.start and e.end <= span.end for e in edits)


def add_arguments(file: FileContext, call: cst.Call, texts: Sequence[str]) -> Edit:
    """Append arguments to a call; in one whose arguments have lines of their own they get lines, too."""
    if not call.args:
        return insert(file.span(call).end - 1, ", ".join(texts))
    last = item_span(file, call.args[-1])
    newline = file.source.newline
    line = max(file.text.rfind("\n", 0, last.start), file.text.rfind("\r", 0, last.start)) + 1
    indent = file.text[line : last.start]
    gap = f",{newline}{indent}" if line > file.span(call).start and not indent.strip() else ", "
    return insert(last.end, "".join(gap + text for text in texts))
