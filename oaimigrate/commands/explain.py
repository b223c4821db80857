"""`oaimigrate explain PATH:LINE`: what the expressions of a line are, how that is known, and what became of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import libcst as cst

from oaimigrate import engine, runner
from oaimigrate.commands import write
from oaimigrate.config import Config
from oaimigrate.project import Project
from oaimigrate.reporters.colour import Paint, paint_for
from oaimigrate.source import Source, SourceError, read_bytes

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.diagnostics import Diagnostic

_EXPRESSIONS = (cst.Name, cst.Attribute, cst.Subscript, cst.Call, cst.Await)


def run(place: str) -> int:
    path, row = _place(place)
    path = os.path.normpath(path)
    try:
        data = read_bytes(path)
        source = Source.from_bytes(data, path)
    except SourceError as error:
        raise click.UsageError(f"{path}:{error.row}:{error.column}: {error.message}") from error
    if not 1 <= row <= len(source.line_starts):
        raise click.UsageError(f"{path} has {len(source.line_starts)} lines")
    here = os.path.relpath(path)
    root = "." if not here.startswith(os.pardir) else os.path.dirname(path) or "."
    collected = runner.collect([root])
    files = {os.path.normpath(p): data for p, data in (*collected.files, *collected.kept.items())}
    files |= {source.path: data}
    diagnostics, file = engine.analyse(source, Config(), Project.scan(files.items()))
    paint = paint_for(sys.stdout)
    write(f"{paint(f'{path}:{row}', 'bold')}  {source.line(row).strip()}\n")
    found = [d for d in diagnostics if source.position(d.span.start)[0] == row]
    if file is None:
        write(f"\n{diagnostics[0].message}\n")
        return 0
    said = False
    for node in _roots(file, row):
        said = True
        write("".join(_chain(file, node, paint)))
    if not said:
        write("\nNothing on this line is known to come from the OpenAI SDK.\n")
        write("".join(_unknown(file, row, paint)))
    write("".join(_findings(found, paint)) if found else "\nNo rule has anything to say about this line.\n")
    return 0


def _place(text: str) -> tuple[str, int]:
    path, colon, row = text.rpartition(":")
    if colon and ":" in path and path.rpartition(":")[2].isdigit() and row.isdigit():
        path, _, row = path.rpartition(":")  # PATH:LINE:COLUMN, as the reports print it
    if not colon or not row.isdigit():
        raise click.UsageError(f"`{text}` is not PATH:LINE")
    return path, int(row)


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
    from oaimigrate.analysis.kinds import Symbol, matters

    covered = -1
    for node in _on(file, row):
        span = file.span(node)
        kind = file.kind(node).kind
        of_sdk = matters(kind) if not isinstance(kind, Symbol) else bool(kind.path)
        if span.start >= covered and of_sdk:
            covered = span.end
            yield node


def _chain(file: FileContext, node: cst.BaseExpression, paint: Paint) -> Iterator[str]:
    from oaimigrate.analysis.trail import describe, trail

    value = file.kind(node)
    sure = "" if value.certain else ", perhaps"
    yield f"\n{paint(' '.join(file.code(node).split()), 'bold')} is {describe(value.kind)}{sure}\n"
    for step in trail(file, node):
        yield f"  {paint(f'{step.path}:{step.row}', 'cyan')}  {step.text}\n"
    for note in file.doubts(value):
        yield f"  certainty ends: {note.text}\n"


def _unknown(file: FileContext, row: int, paint: Paint) -> Iterator[str]:
    from oaimigrate.analysis.trail import trail

    for node in _on(file, row):
        parent = file.parent(node)
        if isinstance(node, cst.Name) and isinstance(parent, (cst.Subscript, cst.Attribute)) and parent.value is node:
            for step in trail(file, node):
                yield f"  {paint(f'{step.path}:{step.row}', 'cyan')}  {step.text}\n"


def _findings(found: list[Diagnostic], paint: Paint) -> Iterator[str]:
    for diagnostic in found:
        yield f"\n{paint(diagnostic.code, 'red', 'bold')} {diagnostic.message}\n"
        if diagnostic.fix is not None:
            yield f"  {diagnostic.fix.safety.name.lower()} fix: {diagnostic.fix.title}\n"
        for note in diagnostic.notes:
            yield f"  {note.text}\n"
