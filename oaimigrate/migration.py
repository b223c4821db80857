"""What `oaimigrate migrate` tells at its end: what was rewritten, what to read, what is left and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

from oaimigrate.diagnostics import Diagnostic, FileResult, Safety
from oaimigrate.reporters import Report, shown_path
from oaimigrate.reporters.summary import counted
from oaimigrate.source import Source

FAMILY = "OAI1"


def summary(report: Report, *, written: bool) -> str:
    """The report of a migration. `written` is false where it was only shown."""
    applied, files = len(report.applied), sum(1 for result in report.results if result.changed)
    lines = [f"{'Rewrote' if written else 'Would rewrite'} {counted(applied, 'site')} in {counted(files, 'file')}."]
    if not applied:
        lines = ["No files were changed." if report.diagnostics else "Nothing to migrate: no files were changed."]
    lines += _section(report, "to read, for the code may do something else now:", list(_unsafe(report)))
    lines += _section(report, "left for you:", list(_left(report)))
    return "\n".join(lines) + "\n"


def _section(report: Report, title: str, entries: list[tuple[str, str, list[str]]]) -> Iterator[str]:
    if not entries:
        return
    yield ""
    yield report.paint(f"{counted(len(entries), 'site')} {title}", "bold")
    times = Counter((where, text, *reasons) for where, text, reasons in entries)
    for (where, text, *reasons), count in times.items():
        again = f" ({count} times)" if count > 1 else ""
        yield f"  {report.paint(where, 'cyan')}: {report.paint.code_spans(text)}{again}"
        yield from (f"      {report.paint.code_spans(line)}" for reason in reasons for line in reason.splitlines())


def _unsafe(report: Report) -> Iterator[tuple[str, str, list[str]]]:
    for result in report.results:
        source = result.source or Source.from_text(result.text, result.path)
        for row, diagnostic in sorted(_applied_rows(result), key=lambda pair: pair[0]):
            if diagnostic.fix is not None and diagnostic.fix.safety is Safety.UNSAFE:
                reasons = [note.text for note in diagnostic.notes]
                yield _shown(source, source.line_starts[row - 1]), f"{diagnostic.code} {diagnostic.fix.title}", reasons


def _left(report: Report) -> Iterator[tuple[str, str, list[str]]]:
    for result, source in report.sources():
        for diagnostic in result.diagnostics:
            reasons = [note.text for note in diagnostic.notes]
            yield _shown(source, diagnostic.span.start), f"{diagnostic.code} {diagnostic.message}", reasons


def _shown(source: Source, offset: int) -> str:
    """The file and the row, in a notebook that of the cell."""
    place = source.place(offset)
    cell = "" if place.cell is None else f"cell {place.cell}:"
    return f"{shown_path(source.path)}:{cell}{place.row}"


def _applied_rows(result: FileResult) -> Iterator[tuple[int, Diagnostic]]:
    """Each applied diagnostic with the row of the new text where its place is now."""
    if not result.applied or result.original is None:
        return
    before, after = Source.from_text(result.original, ""), Source.from_text(result.text, "")
    rows = _moved_rows(before, after)
    for diagnostic in result.applied:
        row, _ = before.position(min(diagnostic.span.start, len(before.text)))
        yield rows[row - 1], diagnostic


def _moved_rows(before: Source, after: Source) -> list[int]:
    """For each row of the old text, the row of the new text that stands in its place.

    Where rows were rewritten and others came in, the new ones come first: clients and imports stand above their uses.
    """
    old, new = ([s.line(row) for row in range(1, len(s.line_starts) + 1)] for s in (before, after))
    rows: list[int] = []
    for _, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        last = max(j1, j2 - 1) + 1
        first = max(j1, j2 - (i2 - i1))
        rows += [min(first + offset + 1, last) for offset in range(i2 - i1)]
    return rows
