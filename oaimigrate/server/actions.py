"""What an editor offers for a finding: its fix, all safe fixes, a comment that silences it, its rule's page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lsprotocol import types

from oaimigrate import rulebook
from oaimigrate.config import ALWAYS
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Safety, Span
from oaimigrate.fixing.apply import apply
from oaimigrate.server.checking import Checked
from oaimigrate.server.client import Client
from oaimigrate.server.documents import Buffer
from oaimigrate.server.findings import SOURCE, visible
from oaimigrate.server.positions import to_range, to_span
from oaimigrate.source import Source
from oaimigrate.suppress import suppressions

QUICK_FIX = types.CodeActionKind.QuickFix
FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.{SOURCE}"
NOTEBOOK_FIX_ALL = f"notebook.{FIX_ALL}"
KINDS = (QUICK_FIX, FIX_ALL, NOTEBOOK_FIX_ALL)
EXPLAIN = "oaimigrate.explain"

_DIRECTIVE = re.compile(r"#[ \t]*oaimigrate[ \t]*:[ \t]*ignore\[(?P<codes>[^\]\n]*)\]", re.IGNORECASE)


def wanted(kind: str, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Whether a client that asks for `only` these kinds wants one: "source.fixAll" means all kinds below it, too."""
    if not only:
        return not kind.startswith("notebook.")  # offered on demand alone, as it concerns more than the cell
    return any(kind == o or kind.startswith(f"{o}.") for o in (str(getattr(o, "value", o)) for o in only))


def touching(checked: Checked, uri: str, range_: types.Range, client: Client) -> list[Diagnostic]:
    """The findings at a selection or cursor of a document, the narrowest first."""
    found = []
    for diagnostic in checked.diagnostics:
        where, text, span = checked.buffer.place(visible(diagnostic.span, checked.source))
        asked = to_span(text, range_, client.encoding)
        if where == uri and span.start <= asked.end and asked.start <= span.end:
            found.append(diagnostic)
    return sorted(found, key=lambda d: d.span.end - d.span.start)


def applicable(fix: Fix | None) -> bool:
    return fix is not None and fix.safety is not Safety.DISPLAY and bool(fix.edits)


def title(diagnostic: Diagnostic) -> str:
    """What choosing a fix does; one that a person should read says so."""
    assert diagnostic.fix is not None
    return diagnostic.fix.title + (" (unsafe)" if diagnostic.fix.safety is Safety.UNSAFE else "")


def ignoring(diagnostic: Diagnostic, source: Source) -> tuple[Edit, ...] | None:
    """The edit that adds a comment to the finding's line, or its code to the one there; None where none can stand."""
    if diagnostic.code in ALWAYS:
        return None
    rows = {source.position(diagnostic.span.end)[0], source.position(diagnostic.span.start)[0]}
    for row in sorted(rows, reverse=True):
        edit = _comment(diagnostic.code, source, row)
        silenced = source.with_text(apply(source.text, [edit]))
        if edit.start >= diagnostic.span.end or row < max(rows):
            moved = replace(diagnostic, span=_after(diagnostic.span, edit))
            if suppressions(silenced).covers(moved, silenced):  # the comment is one, and not a part of a string
                return (edit,)
    return None


def _comment(code: str, source: Source, row: int) -> Edit:
    start, end = source.line_bounds(row)
    line = source.text[start:end]
    if found := _DIRECTIVE.search(line):
        at = start + found.end("codes")
        return Edit(at, at, f", {code}" if found["codes"].strip() else code)
    return Edit(start + len(line.rstrip()), end, f"  # oaimigrate: ignore[{code}]")


def _after(span: Span, edit: Edit) -> Span:
    grown = len(edit.text) - (edit.end - edit.start)
    return Span(span.start + grown * (edit.start < span.start), span.end + grown * (edit.start < span.end))


def explanation(diagnostic: Diagnostic) -> types.Command | None:
    """The command that opens the page of the finding's rule."""
    page = rulebook.load().get(diagnostic.code)
    return types.Command(f"Explain {page.code} ({page.name})", EXPLAIN, arguments=[page.code]) if page else None


def workspace_edit(buffer: Buffer, edits: Sequence[Edit], client: Client) -> types.WorkspaceEdit:
    """Edits of a buffer in the protocol's words: of that very version where the client can tell."""
    changes = [
        (uri, version, [_text_edit(e, text, client) for e in edits])
        for uri, version, text, edits in buffer.changes(edits)
    ]
    if client.versioned:
        return types.WorkspaceEdit(
            document_changes=[
                types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version), edits)
                for uri, version, edits in changes
            ]
        )
    return types.WorkspaceEdit(changes={uri: edits for uri, _, edits in changes})


def _text_edit(edit: Edit, text: Source, client: Client) -> types.TextEdit:
    return types.TextEdit(to_range(text, Span(edit.start, edit.end), client.encoding), edit.text)
