"""What a person reads: each finding with its source, the reasons, and the fix that is on offer."""

from __future__ import annotations

from collections.abc import Iterator

from oaimigrate import rulebook
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.reporters import Report, shown_path
from oaimigrate.reporters.colour import linked
from oaimigrate.reporters.excerpt import excerpt
from oaimigrate.reporters.places import note_source
from oaimigrate.reporters.summary import joined, summary
from oaimigrate.source import Place, Source

_HOW = {
    Safety.SAFE: "safe, applied by `--fix`",
    Safety.UNSAFE: "unsafe, applied by `--fix --unsafe-fixes`",
    Safety.DISPLAY: "advice only, never applied",
}


def render(report: Report) -> str:
    blocks = [
        "\n".join(_block(report, diagnostic, source))
        for result, source in report.sources()
        for diagnostic in result.diagnostics
    ]
    end = "\n".join(summary(report))
    return joined([*blocks, end] if end else blocks, "\n\n")


def _block(report: Report, diagnostic: Diagnostic, source: Source) -> Iterator[str]:
    paint = report.paint
    mark = paint("[*] ", "cyan") if report.fixable(diagnostic.fix) else ""
    page = str(rulebook.load()[diagnostic.code].path) if paint.links else ""
    where = f"{shown_path(source.path)}:{source.place(diagnostic.span.start)}"
    yield f"{linked(paint, paint(diagnostic.code, 'red', 'bold'), page)} {mark}{paint.code_spans(diagnostic.message)}"
    yield f"{paint('  -->', 'blue')} {linked(paint, where, source.path)}"
    if source.text:
        yield excerpt(*source.around(diagnostic.span), paint)
    if diagnostic.confidence != "certain":
        yield _labelled(report, "maybe", "not everything that decides this could be resolved")
    for note in diagnostic.notes:
        yield _labelled(report, "note", note_line(note, source))
    if diagnostic.fix is not None:
        yield _labelled(report, "fix", _fix(diagnostic.fix))


def note_line(note: Note, source: Source) -> str:
    """A note, and the place that it points to."""
    text = note.text.rstrip("\n")
    if note.path is not None:
        other = note_source(note, source) if note.span is not None else None
        place = f":{other.place(note.span.start)}" if note.span is not None and other is not None else ""
        return f"{text} ({shown_path(note.path)}{place})"
    return f"{text} ({_line(source.place(note.span.start))})" if note.span is not None else text


def _line(place: Place) -> str:
    return f"line {place.row}" if place.cell is None else f"line {place.row} of cell {place.cell}"


def _fix(fix: Fix) -> str:
    return f"{fix.title} ({_HOW[fix.safety]})"


def _labelled(report: Report, label: str, text: str) -> str:
    first, *rest = text.split("\n")
    lines = [f"{report.paint(label, 'cyan', 'bold')}: {report.paint.code_spans(first)}"]
    return "\n".join(lines + [f"  {line}".rstrip() for line in rest])
