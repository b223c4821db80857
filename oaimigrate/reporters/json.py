"""A JSON array shaped like Ruff's, for programs; `notes` and `confidence` are ours."""

from __future__ import annotations

import json
from typing import Any

from oaimigrate import rulebook
from oaimigrate.diagnostics import Diagnostic, Fix, Note
from oaimigrate.reporters import Report, shown_path
from oaimigrate.source import Source


def render(report: Report) -> str:
    rows = [_row(diagnostic, source) for result, source in report.sources() for diagnostic in result.diagnostics]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _row(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    rule = rulebook.load()[diagnostic.code]
    return {
        "code": diagnostic.code,
        "name": rule.name,
        "message": diagnostic.message,
        "severity": rule.severity,
        "confidence": diagnostic.confidence,
        "filename": shown_path(source.path),
        "cell": None,
        **_places(source, diagnostic.span.start, diagnostic.span.end),
        "url": None,
        "fix": diagnostic.fix and _fix(diagnostic.fix, source),
        "notes": [_note(note, source) for note in diagnostic.notes],
    }


def _fix(fix: Fix, source: Source) -> dict[str, Any]:
    edits = [{"content": e.text, **_places(source, e.start, e.end)} for e in sorted(fix.edits)]
    return {"applicability": fix.safety.name.lower(), "message": fix.title, "edits": edits}


def _note(note: Note, source: Source) -> dict[str, Any]:
    if note.span is None or note.path is not None:  # a span in another file would need that file's text
        return {"message": note.text, "filename": note.path and shown_path(note.path), "location": None}
    where = _places(source, note.span.start, note.span.end)
    return {"message": note.text, "filename": shown_path(source.path), **where}


def _places(source: Source, start: int, end: int) -> dict[str, Any]:
    keys = ("row", "column")
    return {
        "location": dict(zip(keys, source.position(start), strict=True)),
        "end_location": dict(zip(keys, source.position(end), strict=True)),
    }
