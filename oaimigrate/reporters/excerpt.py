"""Source lines with the place underlined, as the `full` format shows them.

Columns on a screen are not columns in a file: a tab is shown as four spaces, a wide character takes two cells, a
combining one none, and of a long line only the part around the place is shown.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from oaimigrate.diagnostics import Span
from oaimigrate.redaction import redact
from oaimigrate.reporters.colour import Paint
from oaimigrate.source import Source

_CONTEXT = 2  # lines before and after
_FIRST, _LAST = 4, 2  # lines of a long span that are shown
_TAB = "    "


@dataclass(frozen=True, slots=True)
class _Line:
    """A line cut to what is shown, and the cells between which `start` and `end` (offsets in the line) lie."""

    text: str
    start: int
    end: int


def excerpt(source: Source, span: Span, paint: Paint) -> str:
    """The lines around a span, numbered, with the span underlined."""
    first, last = source.position(span.start)[0], source.position(max(span.start, span.end))[0]
    shown = _rows(source, first, last)
    width = len(str(shown[-1] or 0))
    bar = paint(" " * width + " |", "blue")
    out, many = [bar], first != last
    for row in shown:
        if row is None:
            out.append(paint("." * max(width, 3), "blue"))
            continue
        start, end = source.line_bounds(row)
        place = _clamp(span.start - start, end - start), _clamp(span.end - start, end - start)
        line = _cut(redact(source.line(row)), *place, paint.width)
        gutter = paint(f"{row:>{width}} |", "blue")
        edge = ("/ " if row == first else "| ") if many and first <= row <= last else "  " if many else ""
        out.append(f"{gutter} {paint(edge, 'red')}{line.text}".rstrip())
        if row == last:
            out.append(f"{bar} {paint(_underline(line, many=many), 'red', 'bold')}")
    return "\n".join([*out, bar])


def _underline(line: _Line, *, many: bool) -> str:
    if many:
        return "|" + "_" * max(line.end, 1) + "^"
    return " " * line.start + "^" * max(line.end - line.start, 1)


def _rows(source: Source, first: int, last: int) -> list[int | None]:
    """The rows to show; None where some of a long span are left out."""
    count = len(source.line_starts)
    if count > 1 and not source.line(count):
        count -= 1  # after the final newline there is no line to show
    before = range(max(1, first - _CONTEXT), first)
    after = range(last + 1, min(max(count, last), last + _CONTEXT) + 1)
    inside: list[int | None] = list(range(first, last + 1))
    if len(inside) > _FIRST + _LAST + 1:
        inside = [*inside[:_FIRST], None, *inside[-_LAST:]]
    return [*_without_blank_edge(source, list(before)), *inside, *_without_blank_edge(source, list(after)[::-1])[::-1]]


def _without_blank_edge(source: Source, rows: list[int]) -> list[int]:
    while rows and not source.line(rows[0]).strip():
        rows = rows[1:]
    return rows


def _clamp(offset: int, length: int) -> int:
    return min(max(offset, 0), length)


def _cut(line: str, start: int, end: int, width: int) -> _Line:
    if len(line) <= width and line.isascii() and line.isprintable():  # nearly all
        return _Line(line, start, end)
    cells = [_cell(char) for char in line]
    widths = [_width(char, cell) for char, cell in zip(line, cells, strict=True)]
    if sum(widths) <= width:
        return _Line("".join(cells), sum(widths[:start]), sum(widths[:end]))
    left = max(0, min(start - width // 4, len(line) - width))
    right = left
    while right < len(line) and sum(widths[left : right + 1]) <= width:
        right += 1
    ahead = "…" if left else ""
    text = ahead + "".join(cells[left:right]) + ("…" if right < len(line) else "")
    offset = len(ahead)
    return _Line(text, offset + sum(widths[left:start]), offset + sum(widths[left : min(max(end, left), right)]))


def _cell(char: str) -> str:
    if char == "\t":
        return _TAB
    return char if unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp", "Cs") else "\N{REPLACEMENT CHARACTER}"


def _width(char: str, cell: str) -> int:
    if len(cell) > 1:
        return len(cell)
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
