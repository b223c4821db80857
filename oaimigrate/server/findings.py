"""Diagnostics in the protocol's words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path

from oaimigrate import rulebook
from oaimigrate.config import INTERNAL_ERROR
from oaimigrate.diagnostics import Diagnostic, Note, Span
from oaimigrate.server.client import Client
from oaimigrate.server.documents import Buffer
from oaimigrate.server.positions import to_range
from oaimigrate.source import Source

SOURCE = "oaimigrate"
_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}
# Shown struck through: the name itself is one that the SDK no longer has, or will not have for long.
_DEPRECATED = frozenset({"OAI101", "OAI102", "OAI104", "OAI105", "OAI106", "OAI108", "OAI111", "OAI303", "OAI304"})
# Shown faded: code that does nothing.
_UNNECESSARY = frozenset({"OAI002", "OAI501"})

Read = Callable[[str], Source | None]


def to_lsp(diagnostic: Diagnostic, buffer: Buffer, client: Client, read: Read) -> types.Diagnostic:
    """A finding in a buffer, as the client can show it; `read` gives the text of other files."""
    page = rulebook.load().get(diagnostic.code)
    _, text, span = buffer.place(visible(diagnostic.span, buffer.source))
    places = [p for note in diagnostic.notes if (p := _place(note, buffer, client, read)) is not None]
    notes = [n.text for n in diagnostic.notes if not client.related or not _placed(n)]
    if diagnostic.code == INTERNAL_ERROR:
        notes = []  # a traceback, which nobody wants to read in a bubble
    return types.Diagnostic(
        range=to_range(text, span, client.encoding),
        message="\n".join([_where(diagnostic, buffer) + _sentence(diagnostic), *(f"note: {text}" for text in notes)]),
        severity=_SEVERITIES[rulebook.severity(diagnostic)] if page else types.DiagnosticSeverity.Error,
        code=diagnostic.code,
        code_description=types.CodeDescription(page_uri(page)) if page else None,
        source=SOURCE,
        tags=(_tags(diagnostic.code) or None) if client.tags else None,
        related_information=(places or None) if client.related else None,
    )


def page_uri(page: rulebook.Page) -> str:
    """Where the page of a rule can be opened."""
    return Path(os.path.abspath(page.path)).as_uri()


def visible(span: Span, source: Source) -> Span:
    """A span that holds at least one character where there is one: editors mark nothing for an empty one."""
    if span.end > span.start:
        return span
    _, end = source.line_bounds(source.position(span.start)[0])
    if span.start < end:
        return Span(span.start, span.start + 1)
    start = source.line_bounds(source.position(span.start)[0])[0]
    return Span(max(start, span.start - 1), span.start)


def _where(diagnostic: Diagnostic, buffer: Buffer) -> str:
    """In a notebook that is not open, the place that a person looks for: the range is one of its JSON."""
    if not buffer.closed:
        return ""
    place = buffer.source.place(diagnostic.span.start)
    return f"cell {place.cell}, line {place.row}: "


def _sentence(diagnostic: Diagnostic) -> str:
    return diagnostic.message if diagnostic.confidence == "certain" else f"{diagnostic.message} (not certain)"


def _tags(code: str) -> list[types.DiagnosticTag]:
    tags = []
    if code in _UNNECESSARY:
        tags.append(types.DiagnosticTag.Unnecessary)
    if code in _DEPRECATED:
        tags.append(types.DiagnosticTag.Deprecated)
    return tags


def _placed(note: Note) -> bool:
    return note.span is not None or note.path is not None


def _place(note: Note, buffer: Buffer, client: Client, read: Read) -> types.DiagnosticRelatedInformation | None:
    if not _placed(note):
        return None
    path = note.path or buffer.path
    if path == buffer.path and note.span is not None:
        uri, text, span = buffer.place(note.span)
        return types.DiagnosticRelatedInformation(types.Location(uri, to_range(text, span, client.encoding)), note.text)
    other = read(path)
    start = types.Position(0, 0)
    where = to_range(other, note.span, client.encoding) if other and note.span else types.Range(start, start)
    return types.DiagnosticRelatedInformation(types.Location(from_fs_path(path) or path, where), note.text)
