"""The cells of a notebook as one text: joined, split again, and where a place of it stands.

Before each cell stands a line with its number: a string of its own, so that no edit reaches over it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Iterable
from dataclasses import dataclass

from oaimigrate.notebooks import magics
from oaimigrate.source import Place

_MARKER = re.compile(rf"^'{magics.SIGN}(?P<number>\d+)(?P<indent>[ \t]*)'\n", re.MULTILINE)
_CODE = re.compile(r"(?m)^(?=.*\S)")  # where lines begin that hold something
_INDENT = re.compile(r"(?:[ \t]*\n)*(?P<indent>[ \t]+)\S")


def join(cells: Iterable[tuple[int, str]], *, hidden: Container[int] = ()) -> str:
    """One Python text of the code cells, each given with its number in the notebook (from 1).

    A cell in another language, and one that is asked to be hidden, becomes comments.
    """
    return "".join(_joined(number, text, number in hidden) for number, text in cells if magics.SIGN not in text)


def _joined(number: int, text: str, hidden: bool) -> str:
    if hidden or not magics.is_python(text):
        return f"'{magics.SIGN}{number}'\n{magics.hide(text)}\n"
    indent = _indent(text)
    body = re.sub(rf"(?m)^{indent}(?=.*\S)", "", text) if indent else text
    return f"'{magics.SIGN}{number}{indent}'\n{magics.mask(body)}\n"


def _indent(text: str) -> str:
    """What IPython takes from the begin of every line, because the first line of the cell begins with it."""
    found = _INDENT.match(text)
    if found is None:
        return ""
    indent = found["indent"]
    return indent if all(text.startswith(indent, line.start()) for line in _CODE.finditer(text)) else ""


def split(text: str) -> dict[int, str]:
    """The text of each cell, by its number."""
    return {body.number: _restored(body, text[body.start : body.end].removesuffix("\n")) for body in _bodies(text)}


def place(text: str, offset: int) -> Place:
    """Where an offset of the joined text stands: the cell, and the row and column in it."""
    body = _body_at(text, offset)
    before = text[body.start : min(max(offset, body.start), body.end)]
    line = before[before.rfind("\n") + 1 :]
    return Place(before.count("\n") + 1, len(body.indent) + len(magics.unmask(line)) + 1, body.number)


def first_rows(text: str) -> dict[int, int]:
    """The row of the joined text in which each cell begins, by its number."""
    return {body.number: text.count("\n", 0, body.start) + 1 for body in _bodies(text)}


@dataclass(frozen=True, slots=True)
class _Body:
    number: int
    indent: str
    start: int
    end: int


def _body_at(text: str, offset: int) -> _Body:
    bodies = _bodies(text)
    if not bodies:
        return _Body(1, "", 0, len(text))
    return bodies[max(bisect_right(bodies, offset, key=lambda body: body.start) - 1, 0)]


def _bodies(text: str) -> list[_Body]:
    markers = list(_MARKER.finditer(text))
    ends = [*(m.start() for m in markers), len(text)][1:]
    return [_Body(int(m["number"]), m["indent"], m.end(), end) for m, end in zip(markers, ends, strict=False)]


def _restored(body: _Body, text: str) -> str:
    text = magics.unmask(text)
    return _CODE.sub(body.indent, text) if body.indent else text
