"""A JSON array shaped like Ruff's, for programs; `notes`, `confidence`, `severity` and `linked` are ours.

The edits of a fix are complete: those of the fixes linked to it are among them, and all that share a name in `linked`
have the same. Where they would hold an API key they are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from oaimigrate import rulebook
from oaimigrate.diagnostics import Diagnostic, Fix, Note
from oaimigrate.reporters import Report, relative_path, without_key
from oaimigrate.reporters.places import note_source
from oaimigrate.source import Source


def render(report: Report) -> str:
    return json.dumps(list(rows(report)), indent=2, ensure_ascii=False) + "\n"


def rows(report: Report) -> Iterator[dict[str, Any]]:
    """An object for each finding."""
    return (_row(diagnostic, source) for diagnostic, source in report.findings())


def _row(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    rule, fix = rulebook.load()[diagnostic.code], without_key(diagnostic.fix)
    return {
        "code": diagnostic.code,
        "name": rule.name,
        "message": diagnostic.message,
        "severity": rulebook.severity(diagnostic),
        "confidence": diagnostic.confidence,
        "filename": relative_path(source.path),
        "cell": source.place(diagnostic.span.start).cell,
        **_places(source, diagnostic.span.start, diagnostic.span.end),
        "url": None,
        "fix": fix and _fix(fix, source),
        "notes": [_note(note, source) for note in diagnostic.notes],
    }


def _fix(fix: Fix, source: Source) -> dict[str, Any]:
    edits = [
        {"content": e.text, **_cell(source, e.start), **_places(source, e.start, e.end)} for e in sorted(fix.edits)
    ]
    return {"applicability": fix.safety.name.lower(), "message": fix.title, "linked": fix.group, "edits": edits}


def _note(note: Note, source: Source) -> dict[str, Any]:
    other = note_source(note, source)
    if note.span is None or other is None:
        return {"message": note.text, "filename": note.path and relative_path(note.path), "location": None}
    where = _cell(other, note.span.start) | _places(other, note.span.start, note.span.end)
    return {"message": note.text, "filename": relative_path(other.path), **where}


def _cell(source: Source, offset: int) -> dict[str, Any]:
    """The cell of an edit or a note, which need not be that of the finding."""
    cell = source.place(offset).cell
    return {} if cell is None else {"cell": cell}


def _places(source: Source, start: int, end: int) -> dict[str, Any]:
    first, last = source.place(start), source.place(end)
    return {
        "location": {"row": first.row, "column": first.column},
        "end_location": {"row": last.row, "column": last.column},
    }
