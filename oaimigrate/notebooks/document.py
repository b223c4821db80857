"""The JSON of a notebook with the places of its sources, and the smallest change that gives a cell a new text.

Writing a notebook with `json` or `nbformat` sorts its keys, escapes other characters and indents it anew. Here a
changed line is put in place of the old one, and every other byte stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from typing import Any

from oaimigrate.diagnostics import Edit
from oaimigrate.fixing.apply import apply
from oaimigrate.notebooks.json_places import Place, plain_reason, value_at

# One character as JSON writes it between quotes.
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_ESCAPED_MARKS = re.compile(r"\\u00(?:3c|3e|26|27)", re.IGNORECASE)  # < > & ' as some services write them


class DocumentError(ValueError):
    """JSON that is not a notebook of format 4; `offset` is where in its text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


@dataclass(frozen=True)  # no slots: cached_property keeps its value in __dict__
class Cell:
    """A cell: the strings that make its source, and where the value of `source` stands."""

    number: int  # from 1, of all cells
    kind: str
    language: str
    source: Place
    pieces: tuple[Place, ...]

    @cached_property
    def text(self) -> str:
        return "".join(piece.value for piece in self.pieces)

    @property
    def listed(self) -> bool:
        return isinstance(self.source.value, list)


@dataclass(frozen=True)
class Document:
    """A notebook of format 4."""

    text: str
    cells: tuple[Cell, ...]
    language: str  # of the kernel, "" if it is not said

    @property
    def code(self) -> Iterator[Cell]:
        """The cells that hold code, if the notebook does not say that it is of another language than Python."""
        if self.language in ("", "python", "ipython"):
            yield from (c for c in self.cells if c.kind == "code" and c.language in ("", "python"))

    def with_cells(self, texts: Mapping[int, str]) -> str:
        """The JSON with other texts in some cells, given by their numbers."""
        changed = [c for c in self.cells if texts.get(c.number, c.text) != c.text]
        return apply(self.text, [self._edit(cell, texts[cell.number]) for cell in changed])

    def offset(self, number: int, offset: int) -> int:
        """Where in the JSON a character of a cell's text stands; its end for what lies behind it."""
        cell = self.cells[number - 1]
        for piece in cell.pieces:
            if offset < len(piece.value):
                return self._characters(piece)[offset]
            offset -= len(piece.value)
        return cell.pieces[-1].end - 1 if cell.pieces else cell.source.start

    def _edit(self, cell: Cell, new: str) -> Edit:
        if not cell.pieces or not new:
            text = "[]" if cell.listed and not new else json.dumps(_LINES.findall(new) if cell.listed else new)
            return Edit(cell.source.start, cell.source.end, text)
        return Edit(cell.pieces[0].start, cell.pieces[-1].end, self._rewritten(cell, new))

    def _rewritten(self, cell: Cell, new: str) -> str:
        """The strings of a source with a new text, those of unchanged lines as they were."""
        raw = [self.text[a:b] for piece in cell.pieces for a, b in self._slices(piece)]
        ends = self._separators(cell)
        old_lines, new_lines = _LINES.findall(cell.text), _LINES.findall(new)
        starts = [0]
        for line in old_lines:
            starts.append(starts[-1] + len(line))
        strings: list[list[str]] = [[]]
        between: list[str] = []
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old_lines, new_lines, autojunk=False).get_opcodes():
            if tag == "equal":
                for at in range(starts[i1], starts[i2]):
                    strings[-1].append(raw[at])
                    if at + 1 in ends:
                        strings.append([])
                        between.append(ends[at + 1])
                continue
            for line in new_lines[j1:j2]:
                strings[-1].append(self._escaped(line))
                if cell.listed and line.endswith("\n"):
                    strings.append([])
                    between.append(self._separator(cell))
        if len(strings) > 1 and not strings[-1] and cell.pieces[-1].value:
            strings.pop()  # a source may end in an empty string of its own
        texts = [f'"{"".join(s)}"' for s in strings]
        return "".join(text + gap for text, gap in zip(texts, [*between[: len(texts) - 1], ""], strict=True))

    def _separators(self, cell: Cell) -> dict[int, str]:
        """What stands between two strings of a source, by the offset in the cell's text where the first ends."""
        found, at = {}, 0
        for piece, following in zip(cell.pieces, cell.pieces[1:], strict=False):
            at += len(piece.value)
            found[at] = self.text[piece.end : following.start]
        return found

    def _separator(self, cell: Cell) -> str:
        """What stands before a string that is added."""
        if len(cell.pieces) > 1:
            return self.text[cell.pieces[0].end : cell.pieces[1].start]
        return "," + self.text[cell.source.start + 1 : cell.pieces[0].start]

    def _slices(self, piece: Place) -> Iterator[tuple[int, int]]:
        starts = self._characters(piece)
        yield from pairwise(starts)

    def _characters(self, piece: Place) -> list[int]:
        """For each character of a string, and for its end, the place in the JSON."""
        inside = _CHARACTER.finditer(self.text, piece.start + 1, piece.end - 1)
        return [*(m.start() for m in inside), piece.end - 1]

    def _escaped(self, line: str) -> str:
        """A line as this document would write it."""
        ascii_only = self._escapes_letters or any("\ud800" <= char <= "\udfff" for char in line)
        text = json.dumps(line, ensure_ascii=ascii_only)[1:-1]
        for mark in self._escaped_marks:
            text = text.replace(mark, f"\\u{ord(mark):04x}")
        return text

    @cached_property
    def _escapes_letters(self) -> bool:
        return self.text.isascii() and re.search(r"\\u(?!00[0-7])[0-9a-fA-F]{4}", self.text) is not None

    @cached_property
    def _escaped_marks(self) -> frozenset[str]:
        return frozenset(chr(int(found[2:], 16)) for found in _ESCAPED_MARKS.findall(self.text))


def read(text: str) -> Document:
    """The notebook in a JSON text; a DocumentError if there is none."""
    try:
        top = value_at(text, 0, keep=("cells", "*", "source"))
    except json.JSONDecodeError as error:
        raise DocumentError(f"this notebook is no valid JSON: {plain_reason(error)}", error.pos) from error
    except RecursionError as error:
        raise DocumentError("this notebook is nested too deeply to be read", 0) from error
    content = top.value
    if not isinstance(content, dict):
        raise DocumentError("this file is no notebook: it holds no JSON object", 0)
    version = content.get("nbformat", Place(None, 0, 0)).value
    if version != 4:
        raise DocumentError(f"notebooks of format {version or 'unknown'} are not read; save it in format 4", 0)
    cells = content.get("cells")
    if cells is None or not isinstance(cells.value, list):
        raise DocumentError("this notebook has no list of cells", cells.start if cells else 0)
    metadata = content["metadata"].value if "metadata" in content else None
    return Document(text, tuple(_cell(n, cell) for n, cell in enumerate(cells.value, 1)), _language(metadata))


def _cell(number: int, cell: Place) -> Cell:
    fields = cell.value
    if not isinstance(fields, dict) or "source" not in fields or "cell_type" not in fields:
        raise DocumentError(f"cell {number} of this notebook has no type or no source", cell.start)
    source = fields["source"]
    pieces = tuple(source.value) if isinstance(source.value, list) else (source,)
    if not all(isinstance(piece.value, str) for piece in pieces):
        raise DocumentError(f"the source of cell {number} of this notebook is no text", source.start)
    metadata = fields["metadata"].value if "metadata" in fields else None
    language = _get(_get(metadata, "vscode"), "languageId")
    return Cell(number, str(fields["cell_type"].value), language if isinstance(language, str) else "", source, pieces)


def _language(metadata: Any) -> str:
    """The language of the kernel, as the notebook's metadata say."""
    for name, key in (("language_info", "name"), ("kernelspec", "language")):
        found = _get(_get(metadata, name), key)
        if isinstance(found, str):
            return found.lower()
    return ""


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
