"""`oaimigrate explain PATH:LINE`: what the expressions of a line are, how that is known, and what became of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click
import libcst as cst

from oaimigrate import engine, runner
from oaimigrate.commands import write
from oaimigrate.config import Config
from oaimigrate.discovery import SUFFIXES
from oaimigrate.notebooks import cells
from oaimigrate.notebooks.magics import unmask
from oaimigrate.reporters.colour import Paint, paint_for
from oaimigrate.reporters.full import note_line
from oaimigrate.reporters.summary import counted
from oaimigrate.settings.options import configuration
from oaimigrate.source import Source, SourceError, read_bytes

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.diagnostics import Diagnostic

_PLACE = re.compile(r"(?P<path>.+?)(?::cell (?P<cell>\d+))?:(?P<row>\d+)(?::\d+)?")
_EXPRESSIONS = (cst.Name, cst.Attribute, cst.Subscript, cst.Call, cst.Await)


def run(place: str) -> int:
    path, cell, row = _place(place)
    path = os.path.normpath(path)
    if os.path.exists(path) and not path.endswith(SUFFIXES):
        raise click.UsageError(f"`{path}` is no Python file and no notebook")
    try:
        data = read_bytes(path)
        source = Source.from_bytes(data, path)
    except SourceError as error:
        raise click.UsageError(f"{path}:{error.row}:{error.column}: {error.message}") from error
    row = _row(source, cell, row)
    config = configuration(Config(), {}).config(path)
    here = os.path.relpath(path)
    root = "." if not here.startswith(os.pardir) else os.path.dirname(path) or "."
    collected = runner.collect([path])
    project = runner.project_of(collected if collected.around else runner.collect([root]))
    sources = {os.path.normpath(p): text for p, text in project.sources.items()} | {source.path: data}
    diagnostics, file = engine.analyse(source, config, replace(project, sources=sources))
    paint = paint_for(sys.stdout)
    write(f"{paint(place if cell else f'{path}:{row}', 'bold')}  {unmask(source.line(row)).strip()}\n")
    found = [d for d in diagnostics if source.position(d.span.start)[0] == row]
    if file is None:
        raise click.UsageError(f"{path}:{source.place(diagnostics[0].span.start)}: {diagnostics[0].message}")
    said = False
    for node in _roots(file, row):
        said = True
        write("".join(_chain(file, node, paint)))
    if not said:
        write("\nNothing on this line is known to come from the OpenAI SDK.\n")
        write("".join(_unknown(file, row, paint)))
    write(
        "".join(_findings(found, file.source, paint)) if found else "\nNo rule has anything to say about this line.\n"
    )
    return 0


def _place(text: str) -> tuple[str, int, int]:
    """Path, cell (0 for none) and line; a column, as the reports print it, does not matter."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise click.UsageError(f"`{text}` is not PATH:LINE")
    if found["path"].endswith(".ipynb") and not found["cell"]:
        example = f"{found['path']}:cell 1:{found['row']}"
        raise click.UsageError(f"`{text}` names no cell; a place in a notebook is `{example}`")
    return found["path"], int(found["cell"] or 0), int(found["row"])


def _row(source: Source, cell: int, row: int) -> int:
    """The row in the text that is analysed, in which the cells of a notebook stand one after the other."""
    first, last, where = 1, len(source.line_starts), source.path
    if cell:
        where, code = f"cell {cell} of {source.path}", cells.split(source.text)
        if cell not in code:
            raise click.UsageError(f"{source.path} has no code in cell {cell}")
        first = cells.first_rows(source.text)[cell]
        last = first + code[cell].count("\n")
    if not 1 <= row <= last - first + 1:
        raise click.UsageError(f"{where} has {counted(last - first + 1, 'line')}")
    return first + row - 1


def _on(file: FileContext, row: int) -> list[cst.BaseExpression]:
    """The expressions that start on a row, outer ones first."""
    start = file.source.line_starts[row - 1]
    end = file.source.line_starts[row] if row < len(file.source.line_starts) else len(file.text)
    near = []
    for kind in _EXPRESSIONS:
        for node in file.nodes(kind):
            if node in file.tree.places and start <= file.span(node).start < end:
                near.append(node)
    return sorted(near, key=lambda n: (file.span(n).start, -file.span(n).end))


def _roots(file: FileContext, row: int) -> Iterator[cst.BaseExpression]:
    """The outermost expressions of a row that are something of the SDK."""
    from oaimigrate.analysis.exports import gives
    from oaimigrate.analysis.kinds import ErrorOf, Symbol

    covered = -1
    for node in _on(file, row):
        span = file.span(node)
        kind = file.kind(node).kind
        of_sdk = bool(kind.path) if isinstance(kind, Symbol) else isinstance(kind, ErrorOf) or gives(file, kind)
        if span.start >= covered and of_sdk:
            covered = span.end
            yield node


def _chain(file: FileContext, node: cst.BaseExpression, paint: Paint) -> Iterator[str]:
    from oaimigrate.analysis.words import describe

    value = file.kind(node)
    sure = "" if value.certain else ", perhaps"
    yield f"\n{paint(' '.join(file.code(node).split()), 'bold')} is {describe(value.kind)}{sure}\n"
    yield from _steps(file, node, paint)
    for note in file.doubts(value):
        row = f"{file.source.path}:{file.source.position(note.span.start)[0]}" if note.span else note.path or ""
        yield f"  certainty ends{f' at {row}' if row else ''}: {note.text}\n"


def _steps(file: FileContext, node: cst.BaseExpression, paint: Paint) -> Iterator[str]:
    """The trail; where several ways meet, each is numbered and stands below the place where they do."""
    from oaimigrate.analysis.trail import trail

    before: tuple[int, ...] = ()
    for step in trail(file, node):
        begins = step.branch and before[: len(step.branch)] != step.branch
        margin = (f"{step.label}. " if begins else "").rjust(3 * len(step.branch))
        yield f"  {margin}{paint(f'{step.path}:{step.row}', 'cyan')}  {step.text}\n"
        before = step.branch


def _unknown(file: FileContext, row: int, paint: Paint) -> Iterator[str]:
    for node in _on(file, row):
        parent = file.parent(node)
        if isinstance(node, cst.Name) and isinstance(parent, (cst.Subscript, cst.Attribute)) and parent.value is node:
            yield from _steps(file, node, paint)


def _findings(found: list[Diagnostic], source: Source, paint: Paint) -> Iterator[str]:
    for diagnostic in found:
        yield f"\n{paint(diagnostic.code, 'red', 'bold')} {diagnostic.message}\n"
        if diagnostic.fix is not None:
            yield f"  {diagnostic.fix.safety.name.lower()} fix: {diagnostic.fix.title}\n"
        for note in diagnostic.notes:
            yield f"  {note_line(note, source)}\n"
