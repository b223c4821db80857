"""The diagnostic format of reviewdog: https://github.com/reviewdog/reviewdog/tree/master/proto/rdf.

Columns count bytes of UTF-8. A suggestion is taken on its own, with a click, so there is one only where the whole fix
lies within the lines of the finding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from oaimigrate import rulebook
from oaimigrate.diagnostics import Diagnostic, Fix, Safety
from oaimigrate.reporters import Report, without_key
from oaimigrate.reporters.places import byte_column, note_source, repository_path
from oaimigrate.source import Source

_SEVERITIES = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}


def render(report: Report) -> str:
    document = {
        "source": {"name": "oaimigrate"},
        "severity": "WARNING",
        "diagnostics": [_row(diagnostic, source) for diagnostic, source in report.findings()],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _row(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    row: dict[str, Any] = {
        "message": diagnostic.message,
        "location": _location(source, diagnostic.span.start, diagnostic.span.end),
        "severity": _SEVERITIES[rulebook.severity(diagnostic)],
        "code": {"value": diagnostic.code},
    }
    if suggestion := _suggestion(without_key(diagnostic.fix), diagnostic, source):
        row["suggestions"] = [suggestion]
    if related := list(_related(diagnostic, source)):
        row["relatedLocations"] = related
    return row


def _related(diagnostic: Diagnostic, source: Source) -> Iterator[dict[str, Any]]:
    for note in diagnostic.notes:
        other = note_source(note, source)
        if other is not None and note.span is not None:
            yield {"message": note.text, "location": _location(other, note.span.start, note.span.end)}


def _suggestion(fix: Fix | None, diagnostic: Diagnostic, source: Source) -> dict[str, Any] | None:
    if fix is None or not fix.edits or fix.safety is Safety.DISPLAY or source.virtual:
        return None
    first = source.line_starts[source.position(diagnostic.span.start)[0] - 1]
    last = source.line_bounds(source.position(max(diagnostic.span.start, diagnostic.span.end))[0])[1]
    edits = sorted(fix.edits)
    start, end = edits[0].start, max(edit.end for edit in edits)
    if start < first or end > last:
        return None
    text, at = "", start
    for edit in edits:
        text += source.text[at : edit.start] + edit.text
        at = edit.end
    return {"range": _range(source, start, end), "text": text}


def _location(source: Source, start: int, end: int) -> dict[str, Any]:
    return {"path": repository_path(source.path), "range": _range(source, start, end)}


def _range(source: Source, start: int, end: int) -> dict[str, Any]:
    keys = ("line", "column")
    return {
        "start": dict(zip(keys, byte_column(source, start), strict=True)),
        "end": dict(zip(keys, byte_column(source, max(start, end)), strict=True)),
    }
