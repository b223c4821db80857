"""Annotations of GitHub Actions: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.

GitHub shows the first ten errors, warnings and notices of a step and drops the rest without a word. So the worst come
first, and a last line says that there are more; `commands.output` adds the whole table to the step's summary.
"""

from __future__ import annotations

from collections import Counter

from oaimigrate import rulebook
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.reporters import Report, shown_path
from oaimigrate.reporters.places import repository_path
from oaimigrate.source import Source

_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
_SHOWN = 10  # annotations of each level in a step


def render(report: Report) -> str:
    found = [(_LEVELS[rulebook.severity(d)], d, source) for d, source in report.findings()]
    found.sort(key=lambda entry: list(_LEVELS.values()).index(entry[0]))  # stable: by file and place within a level
    lines = [_annotation(*entry) for entry in found]
    dropped = sum(max(0, number - _SHOWN) for number in Counter(level for level, _, _ in found).values())
    if dropped:
        lines.append(f"GitHub shows {_SHOWN} annotations of each level; this step's summary lists all {len(found)}.")
    return "".join(line + "\n" for line in lines)


def _annotation(level: str, diagnostic: Diagnostic, source: Source) -> str:
    row, column = source.file_position(diagnostic.span.start)
    end_row, end_column = source.file_position(max(diagnostic.span.start, diagnostic.span.end))
    path = repository_path(source.path)
    place = f"file={_escaped(path, of_property=True)},line={row},endLine={end_row}"
    if row == end_row:  # columns of a range of lines are refused
        place += f",col={column},endColumn={max(end_column, column)}"
    title = _escaped(f"oaimigrate ({diagnostic.code})", of_property=True)
    text = _escaped(f"{shown_path(path)}:{row}:{column}: {diagnostic.code} {diagnostic.message}")
    return f"::{level} title={title},{place}::{text}"


def _escaped(text: str, *, of_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if of_property else text
