"""Fences that belong together, as one Python text, and the way back from it into the document."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from oaimigrate import discovery
from oaimigrate.config import ALWAYS
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Span
from oaimigrate.docs.fences import Fence
from oaimigrate.notebooks import cells
from oaimigrate.source import Source

_IMPORTS = re.compile(r"^[ \t]*(?:import|from)[ \t]+openai\b", re.MULTILINE)


@dataclass(frozen=True)  # no slots: cached_property keeps its value in __dict__
class Program:
    """Fences of a document, the first of which imports what the others use."""

    document: Source
    fences: tuple[Fence, ...]

    @cached_property
    def source(self) -> Source:
        """What the engine reads. Its path is not the document's, for nothing around it is its module."""
        texts = ((number, fence.code) for number, fence in enumerate(self.fences, 1))
        return Source.from_text(cells.join(texts), "<fence>")

    def rewritten(self, text: str) -> Iterator[Edit]:
        """The edits of the document that give the fences the code of a new text."""
        for number, code in cells.split(text).items():
            fence = self.fences[number - 1]
            if code != fence.code:
                code = code if fence.code.endswith("\n") else code.rstrip("\n")
                body = fence.shape.restored(code)
                yield Edit(fence.span.start, fence.span.end, f"{body}\n".replace("\n", self.document.newline))

    def carried(self, diagnostic: Diagnostic) -> Diagnostic | None:
        """A finding with its places in the document; None for one of the tool itself, as an example may be a piece."""
        span = diagnostic.span
        if diagnostic.code in ALWAYS or self.source.text[span.start : span.end] == "...":  # stands for what is left out
            return None
        notes = tuple(self._note(note) for note in diagnostic.notes)
        fix = diagnostic.fix and self._fix(diagnostic.fix)
        return replace(diagnostic, span=self._span(diagnostic.span), fix=fix, notes=notes)

    def _fix(self, fix: Fix) -> Fix:
        edits = []
        for edit in fix.edits:
            where = self._span(Span(edit.start, edit.end))
            text = self.fences[self._number(edit.start) - 1].shape.inserted(edit.text)
            if text is None:
                return replace(fix, edits=())
            edits.append(Edit(where.start, where.end, text.replace("\n", self.document.newline)))
        return replace(fix, edits=tuple(edits))

    def _note(self, note: Note) -> Note:
        return note if note.span is None or note.path is not None else replace(note, span=self._span(note.span))

    def _number(self, offset: int) -> int:
        return cells.place(self.source.text, offset).cell or 1

    def _span(self, span: Span) -> Span:
        start = self._offset(span.start)
        return Span(start, max(start, self._offset(span.end)))

    def _offset(self, offset: int) -> int:
        place = cells.place(self.source.text, offset)
        fence = self.fences[(place.cell or 1) - 1]
        row = self.document.position(fence.span.start)[0] + place.row - 1
        return self.document.offset(row, place.column + fence.shape.before(self.document.line(row)))


def programs(document: Source, fences: Iterable[Fence]) -> list[Program]:
    """The programs of a document that use the SDK. Code that does not parse, such as a piece of it, is left out."""
    groups: list[list[Fence]] = []
    for fence in fences:
        if not _parses(cells.join([(1, fence.code)])):
            continue
        if not groups or groups[-1][-1].part != fence.part or _IMPORTS.search(fence.code):
            groups.append([])
        groups[-1].append(fence)
    found = (Program(document, tuple(group)) for group in groups)
    return [p for p in found if discovery.speaks(p.source.text.encode("utf-8", "surrogatepass"))]


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
