"""What an editor shows under the pointer: the pages of the rules that speak there, or of a code that is named there."""

from __future__ import annotations

import re

from lsprotocol import types

from oaimigrate import rulebook
from oaimigrate.diagnostics import Diagnostic, Safety, Span
from oaimigrate.rulebook import Page
from oaimigrate.server.actions import touching
from oaimigrate.server.checking import Checked
from oaimigrate.server.client import Client
from oaimigrate.server.findings import visible
from oaimigrate.server.positions import to_offset, to_range
from oaimigrate.source import Source

_CODE = re.compile(r"\bOAI\d{3}\b")
_SAFETY = {
    Safety.SAFE: "safe",
    Safety.UNSAFE: "unsafe: a person should read it",
    Safety.DISPLAY: "advice, to be done by hand",
}


def hover(checked: Checked, uri: str, position: types.Position, client: Client) -> types.Hover | None:
    """The hover at a position of a document, None if there is nothing to say."""
    source = checked.buffer.document(uri)
    if named := _named(source, to_offset(source, position, client.encoding)):
        page, span = named
        return _hover(page.documentation, span, source, client)
    found = touching(checked, uri, types.Range(position, position), client)
    pages = {d.code: rulebook.load()[d.code] for d in found if d.code in rulebook.load()}
    if not pages:
        return None
    parts = [about(d) for d in found if d.code in pages] + [page.documentation for page in pages.values()]
    _, _, span = checked.buffer.place(visible(found[0].span, checked.source))
    return _hover("\n\n---\n\n".join(parts), span, source, client)


def about(diagnostic: Diagnostic) -> str:
    """One finding: what it says, its notes, its fix."""
    lines = [f"**{diagnostic.code}** {diagnostic.message}"]
    lines += [f"- {note.text}" for note in diagnostic.notes if "\n" not in note.text]
    if diagnostic.fix is not None:
        lines.append(f"- Fix: {diagnostic.fix.title} ({_SAFETY[diagnostic.fix.safety]})")
    return "\n".join([lines[0], "", *lines[1:]]).rstrip()


def _named(source: Source, offset: int) -> tuple[Page, Span] | None:
    """The rule whose code stands at the offset, in a comment that ignores it or in a list of settings."""
    row, _ = source.position(offset)
    start, end = source.line_bounds(row)
    for found in _CODE.finditer(source.text, start, end):
        page = rulebook.load().get(found[0])
        if page is not None and found.start() <= offset <= found.end():
            return page, Span(found.start(), found.end())
    return None


def _hover(text: str, span: Span, source: Source, client: Client) -> types.Hover:
    kind = types.MarkupKind.Markdown if client.markdown else types.MarkupKind.PlainText
    return types.Hover(types.MarkupContent(kind, _shown(text)), to_range(source, span, client.encoding))


def _shown(text: str) -> str:
    """A page as it looks well in a bubble: headings are bold lines, and fences name their language alone."""
    lines, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            line = re.sub(r" (?:good|bad)$", "", line)
        elif not fenced:
            line = re.sub(r"^#+ (.+)$", r"**\1**", line)
        lines.append(line)
    return "\n".join(lines)
