"""The findings of each file under its name, columns aligned."""

from __future__ import annotations

from collections.abc import Iterator

from oaimigrate.diagnostics import FileResult
from oaimigrate.reporters import Report, shown_path
from oaimigrate.reporters.colour import linked
from oaimigrate.reporters.summary import joined, summary
from oaimigrate.source import Source


def render(report: Report) -> str:
    blocks = ["\n".join(_block(report, *pair)) for pair in report.sources() if pair[0].diagnostics]
    end = "\n".join(summary(report))
    return joined([*blocks, end] if end else blocks, "\n\n")


def _block(report: Report, result: FileResult, source: Source) -> Iterator[str]:
    paint = report.paint
    yield linked(paint, paint(shown_path(result.path), "bold"), result.path) + ":"
    places = [source.position(d.span.start) for d in result.diagnostics]
    rows, columns = max(len(str(row)) for row, _ in places), max(len(str(column)) for _, column in places)
    for (row, column), diagnostic in zip(places, result.diagnostics, strict=True):
        mark = paint("[*] ", "cyan") if report.fixable(diagnostic.fix) else ""
        place = f"{row:>{rows}}:{column:<{columns}}"
        yield f"  {place} {paint(diagnostic.code, 'red', 'bold')} {mark}{paint.code_spans(diagnostic.message)}"
