"""Offsets of the decoded text ↔ the protocol's positions, in the units that client and server agreed on.

Lines end where the protocol says, at a line feed, a carriage return or both, which is how `Source` counts them.
pygls splits at form feeds and other separators too, so its own conversion is not used.
"""

from __future__ import annotations

from lsprotocol import types

from oaimigrate.diagnostics import Span
from oaimigrate.source import Source


def to_position(source: Source, offset: int, encoding: str) -> types.Position:
    """The position of an offset of the text."""
    row, column = source.position(min(offset, len(source.text)))
    start = source.line_starts[row - 1]
    return types.Position(row - 1, _units(source.text[start : start + column - 1], encoding))


def to_range(source: Source, span: Span, encoding: str) -> types.Range:
    """The range of a span of the text."""
    return types.Range(to_position(source, span.start, encoding), to_position(source, span.end, encoding))


def to_offset(source: Source, position: types.Position, encoding: str) -> int:
    """The offset of a position; one beyond the end of its line, or of the text, means that end."""
    if position.line >= len(source.line_starts):
        return len(source.text)
    start, end = source.line_bounds(position.line + 1)
    return start + _code_points(source.text[start:end], position.character, encoding)


def to_span(source: Source, range_: types.Range, encoding: str) -> Span:
    """The span of a range."""
    start, end = to_offset(source, range_.start, encoding), to_offset(source, range_.end, encoding)
    return Span(min(start, end), max(start, end))


def _units(text: str, encoding: str) -> int:
    return len(text) if text.isascii() else sum(_width(char, encoding) for char in text)


def _code_points(line: str, units: int, encoding: str) -> int:
    if line.isascii():
        return min(units, len(line))
    for index, char in enumerate(line):
        if units <= 0:
            return index
        units -= _width(char, encoding)
    return len(line)


def _width(char: str, encoding: str) -> int:
    """How many units a character takes; "utf-32" counts code points, as Python does."""
    code = ord(char)
    if encoding == "utf-16":
        return 1 + (code > 0xFFFF)
    if encoding == "utf-8":
        return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
    return 1
