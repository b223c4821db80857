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
    places = [source.place(d.span.start) for d in result.diagnostics]
    rows, columns = (
        max(len(str(n)) for n in found) for found in zip(*((p.row, p.column) for p in places), strict=True)
    )
    cells = max(len(str(place.cell)) for place in places)
    for place, diagnostic in zip(places, result.diagnostics, strict=True):
        mark = paint("[*] ", "cyan") if report.fixable(diagnostic.fix) else ""
        cell = f"cell {place.cell:>{cells}}:" if place.cell else ""
        where = f"{cell}{place.row:>{rows}}:{place.column:<{columns}}"
        yield f"  {where} {paint(diagnostic.code, 'red', 'bold')} {mark}{paint.code_spans(diagnostic.message)}"
