"""The open buffers. pygls keeps them; here they learn to count lines as the protocol does."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from lsprotocol import types
from pygls.uris import to_fs_path, urlparse
from pygls.workspace import TextDocument, Workspace

from oaimigrate import manifests
from oaimigrate.diagnostics import Edit, Span
from oaimigrate.fixing.apply import apply
from oaimigrate.notebooks.source import NotebookSource
from oaimigrate.server.positions import to_span
from oaimigrate.source import Source

PYTHON = (".py", ".pyi")
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Buffer:
    """One open file at one moment. `path` is absolute; a buffer that was never saved has the name of its URI."""

    uri: str
    path: str
    text: str
    version: int | None
    cells: tuple[Cell, ...] = ()  # of a notebook, whose text is then its JSON as far as it matters
    closed: bool = False  # a notebook as it is on disk: its cells have no names of their own while nobody has it open

    @cached_property
    def source(self) -> Source:
        """What the engine reads; a SourceError where a notebook cannot be read."""
        if self.cells or self.closed:
            return NotebookSource.parse(self.text.encode("utf-8", "surrogatepass"), self.path)
        return Source.from_text(self.text, self.path)

    def place(self, span: Span) -> tuple[str, Source, Span]:
        """The document that a person finds a span of the source in: its URI, its text and the span in that."""
        if self.closed:
            start, end = (self.source.file_offset(offset) for offset in (span.start, span.end))
            return self.uri, self.source.file, Span(start, max(start, end))
        text, inside = self.source.around(span)
        number = self.source.place(span.start).cell if self.cells else None
        return (self.cells[number - 1].uri if number else self.uri), text, inside

    def document(self, uri: str) -> Source:
        """The text of one of its documents: the cell of that URI, or the file."""
        cell = next((cell for cell in self.cells if cell.uri == uri), None)
        return Source.from_text(cell.text if cell else self.text, self.path)

    def changes(self, edits: Iterable[Edit]) -> list[tuple[str, int | None, Source, list[Edit]]]:
        """Edits of the source as edits of documents: URI, version, present text, edits."""
        if not self.cells:
            return [(self.uri, self.version, self.source, sorted(set(edits)))]
        new = json.loads(self.source.encode(apply(self.source.text, set(edits))))["cells"]
        return [
            (cell.uri, cell.version, Source.from_text(cell.text, self.path), list(difference(cell.text, after)))
            for cell, after in zip(self.cells, map(_text, new), strict=True)
            if after != cell.text
        ]


@dataclass(frozen=True)
class Cell:
    """A code cell of a notebook."""

    uri: str
    text: str
    version: int | None


def difference(before: str, after: str) -> Iterator[Edit]:
    """The changed lines between two texts, as edits of the first."""
    old, new = _LINES.findall(before), _LINES.findall(after)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Edit(starts[i1], starts[i2], "".join(new[j1:j2]))


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


class Document(TextDocument):
    """A buffer that the client changes piece by piece."""

    def _apply_incremental_change(self, change: types.TextDocumentContentChangePartial) -> None:
        encoding = self.position_codec.encoding or types.PositionEncodingKind.Utf16
        source = Source.from_text(self.source, self.path)
        span = to_span(source, change.range, str(getattr(encoding, "value", encoding)))
        self._source = source.text[: span.start] + change.text + source.text[span.end :]


class Documents(Workspace):
    """Every open buffer and notebook of the client."""

    def _create_text_document(
        self, doc_uri: str, source: str | None = None, version: int | None = None, language_id: str | None = None
    ) -> TextDocument:
        return Document(
            doc_uri,
            source=source,
            version=version,
            language_id=language_id,
            sync_kind=self._sync_kind,
            position_codec=self._position_codec,
        )

    def is_cell(self, uri: str) -> bool:
        return unquote(uri) in self._cell_in_notebook or uri.startswith("vscode-notebook-cell:")

    def buffer(self, uri: str) -> Buffer | None:
        """The open buffer of a URI if it is one to look at: Python, or a file that names requirements."""
        document = self.text_documents.get(unquote(uri))
        if document is None or self.is_cell(uri) or not _wanted(document) or _is_copy(uri):
            return None
        return Buffer(document.uri, path_of(document.uri), document.source, document.version)

    def notebook_of(self, uri: str) -> str | None:
        """The URI of the notebook that has a cell of this URI."""
        return self._cell_in_notebook.get(unquote(uri))

    def notebook(self, uri: str) -> Buffer | None:
        """The code cells of an open notebook, as one buffer."""
        document = self.get_notebook_document(notebook_uri=uri)
        if document is None or _is_copy(uri):
            return None
        texts = [
            text
            for cell in document.cells
            if cell.kind == types.NotebookCellKind.Code
            and (text := self.text_documents.get(unquote(cell.document))) is not None
        ]
        cells = tuple(Cell(text.uri, text.source, text.version) for text in texts)
        rows = [{"cell_type": "code", "metadata": {}, "source": cell.text} for cell in cells]
        text = json.dumps({"cells": rows, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        return Buffer(uri, path_of(uri), text, document.version, cells)


def path_of(uri: str) -> str:
    """The path that a URI names. What is not on disk has one that no file has, with the scheme before it."""
    if uri.startswith("file:"):
        return to_fs_path(uri) or uri
    parts = urlparse(uri)
    return f"{parts[0]}:{parts[2]}" if parts[0] and parts[2] else uri


def _is_copy(uri: str) -> bool:
    """Whether a document is another version of a file on disk, such as one side of a comparison (`git:/a.py?HEAD`)."""
    parts = urlparse(uri)
    return parts[0] not in ("", "file", "untitled") and bool(parts[2]) and os.path.exists(parts[2])


def _wanted(document: TextDocument) -> bool:
    path = path_of(document.uri)
    return document.language_id == "python" or path.endswith(PYTHON) or manifests.kind(path) is not None
