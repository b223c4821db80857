"""A notebook as a `Source`: its text is Python, its bytes are JSON."""

from __future__ import annotations

import ast
import codecs
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from oaimigrate.diagnostics import Span
from oaimigrate.notebooks import cells, document, magics
from oaimigrate.notebooks.document import Document, DocumentError
from oaimigrate.source import Place, Source, SourceError, decode, position


@dataclass(frozen=True)
class NotebookSource(Source):
    """The code cells of a notebook as one Python text (see `notebooks.cells`), and the document they are from."""

    document: Document = field(default_factory=lambda: Document("", (), ""), repr=False)
    broken: Mapping[int, SourceError] = field(default_factory=dict)  # cells that do not parse and are left out

    @classmethod
    def parse(cls, data: bytes, path: str) -> NotebookSource:
        """Read a notebook; a SourceError with the place in its JSON if it is none."""
        bom = data.startswith(codecs.BOM_UTF8)
        text = decode(data[len(codecs.BOM_UTF8) :] if bom else data, "utf-8", 1, path)
        try:
            read = document.read(text)
        except DocumentError as error:
            raise SourceError(path, *position(text, error.offset), error.message) from error
        code = [(cell.number, cell.text) for cell in read.code]
        broken = _broken(code, path)
        return cls(path, cells.join(code, hidden=broken), bom=bom, document=read, broken=broken)

    @property
    def unreadable(self) -> tuple[SourceError, ...]:
        rows = cells.first_rows(self.text)  # a fix may have moved what comes after it
        return tuple(
            SourceError(e.path, rows[number] + e.row - 1, e.column, e.message) for number, e in self.broken.items()
        )

    @property
    def virtual(self) -> bool:
        return True

    def place(self, offset: int) -> Place:
        return cells.place(self.text, offset)

    def around(self, span: Span) -> tuple[Source, Span]:
        first, last = self.place(span.start), self.place(span.end)
        cell = Source.from_text(cells.split(self.text).get(first.cell or 1, ""), self.path)
        start = cell.offset(first.row, first.column)
        end = cell.offset(last.row, last.column) if last.cell == first.cell else len(cell.text)
        return cell, Span(start, max(start, end))

    @property
    def file(self) -> Source:
        return self._file

    def file_offset(self, offset: int) -> int:
        where = self.place(offset)
        document = self._written
        if where.cell is None or where.cell > len(document.cells):
            return 0
        cell = Source.from_text(document.cells[where.cell - 1].text, self.path)
        return document.offset(where.cell, cell.offset(where.row, where.column))

    def encode(self, text: str) -> bytes:
        """The notebook's JSON with the cells of `text`; only lines that differ are written anew."""
        data = self._json(text).encode("utf-8", "surrogatepass")
        return codecs.BOM_UTF8 + data if self.bom else data

    @cached_property
    def _written(self) -> Document:
        """The document as it is once this text is written."""
        return document.read(self._json(self.text))

    @cached_property
    def _file(self) -> Source:
        return Source.from_text(self._written.text, self.path)

    def _json(self, text: str) -> str:
        before = cells.join(((c.number, c.text) for c in self.document.code), hidden=self.broken)
        if text == before:
            return self.document.text
        old, new = cells.split(before), cells.split(text)
        if list(old) != list(new):
            raise SourceError(self.path, 1, 1, "the fixes reach over the border of a cell, so it is not written")
        changed = {n: _trimmed(old[n], new[n]) for n in old if old[n] != new[n]}
        after = self.document.with_cells(changed)
        if not _holds(self.document.text, after, changed):
            raise SourceError(self.path, 1, 1, "its cells could not be put back, so it is not written")
        return after


def _broken(code: list[tuple[int, str]], path: str) -> dict[int, SourceError]:
    """The cells that do not parse and do not speak of the SDK, such as pasted output: the others are read without
    them. The places of the errors are those in the joined text of the cell, rows from its first."""
    joined = cells.join(code)
    if _error(joined) is None:
        return {}
    found = {}
    for number, text in code:
        error = _error(cells.join([(number, text)]))
        if error is not None and "openai" not in text:
            reason = error.msg[:1].lower() + error.msg[1:]
            message = f"this cell does not parse as Python 3, so it is left out: {reason}"
            hidden = len(magics.hide(""))  # what stands before each line of a cell that is left out
            row = max((error.lineno or 1) - 1, 1)  # above it stands the line with the cell's number
            found[number] = SourceError(path, row, (error.offset or 1) + hidden, message)
    return found


def _error(text: str) -> SyntaxError | None:
    """Why Python does not take a text, if so. What only LibCST or neither can read is found by the engine."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<cells>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def _trimmed(old: str, new: str) -> str:
    """A new text without blank lines at its end that the old one does not have: they parted it from the next cell."""
    return new if old.endswith("\n") or not old else new.rstrip("\n")


def _holds(before: str, after: str, changed: dict[int, str]) -> bool:
    """Whether a document is another one with new texts in some cells, and nothing else."""
    expected, found = json.loads(before), json.loads(after)
    for number, text in changed.items():
        for notebook in (expected, found):
            cell = notebook["cells"][number - 1]
            cell["source"] = "".join(cell["source"])
        expected["cells"][number - 1]["source"] = text
    return bool(expected == found)
