"""Quotes of inserted text inside f-strings: before Python 3.12 the string's own quote cannot stand there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def fitted(file: FileContext, diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with the quotes of its fix turned where they stand in an f-string, or without the fix."""
    fix = diagnostic.fix
    if fix is None or not any('"' in e.text or "'" in e.text for e in fix.edits) or not file.nodes(cst.FormattedString):
        return diagnostic
    edits = [_fit(file, e) for e in fix.edits]
    if any(e is None for e in edits):
        note = Note("not rewritten: the new text needs both kinds of quotes inside an f-string")
        return replace(diagnostic, fix=None, notes=(*diagnostic.notes, note))
    fitted_fix: Fix = replace(fix, edits=tuple(e for e in edits if e is not None))
    return replace(diagnostic, fix=fitted_fix)


def _fit(file: FileContext, edit: Edit) -> Edit | None:
    for string in file.nodes(cst.FormattedString):
        span = file.span(string)
        quote = string.quote
        if len(quote) != 1 or not (span.start < edit.start and edit.end < span.end) or quote not in edit.text:
            continue
        other = "'" if quote == '"' else '"'
        if other in edit.text or "\\" in edit.text:
            return None
        return replace(edit, text=edit.text.replace(quote, other))
    return edit
