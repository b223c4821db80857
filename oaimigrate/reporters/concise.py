"""`path:row:column: CODE message`, one line each: what editors, grep and problem matchers read."""

from __future__ import annotations

from collections.abc import Iterator

from oaimigrate.reporters import Report, shown_path
from oaimigrate.reporters.colour import linked
from oaimigrate.reporters.summary import joined, summary


def render(report: Report) -> str:
    return joined([*_lines(report), *summary(report)])


def _lines(report: Report) -> Iterator[str]:
    paint = report.paint
    for result, source in report.sources():
        path = shown_path(result.path)
        for diagnostic in result.diagnostics:
            mark = paint("[*] ", "cyan") if report.fixable(diagnostic.fix) else ""
            message = paint.code_spans(diagnostic.message)
            name = linked(paint, paint(path, "bold"), result.path)
            place = source.place(diagnostic.span.start)
            yield f"{name}:{place}: {paint(diagnostic.code, 'red', 'bold')} {mark}{message}"
