"""Run a handful of files, given and returned as bytes, through the engine, as one project."""

from __future__ import annotations

from dataclasses import dataclass

from oaimigrate import config, engine, rulebook
from oaimigrate.config import Config
from oaimigrate.diagnostics import Diagnostic, Safety
from oaimigrate.project import Project
from oaimigrate.source import Source


@dataclass(frozen=True, slots=True)
class Found:
    """A diagnostic as a page writes it: `line` is "row:column CODE message [safe]", below it stand the notes."""

    file: str
    code: str
    line: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was reported on the files as they were, and the files after all fixes that were allowed."""

    files: dict[str, bytes]
    diagnostics: list[Found]


def run(files: dict[str, bytes], *, select: tuple[str, ...], safety: str, client_style: str, target: int) -> Outcome:
    codes = config.resolve(rulebook.load(), select=select)
    options = Config(select=codes, target=target, client_style=client_style)
    project = Project.scan(files.items())
    after, found = {}, []
    for name, data in files.items():
        source = Source.from_bytes(data, name)
        checked = engine.check_source(source, options, project)
        found += [
            Found(name, d.code, line_of(source, d), tuple(f"  note: {n.text}" for n in d.notes))
            for d in checked.diagnostics
        ]
        fixed = engine.fix_source(source, options, project, safety=Safety[safety.upper()])
        after[name] = source.encode(fixed.text)
    return Outcome(after, found)


def line_of(source: Source, diagnostic: Diagnostic) -> str:
    row, column = source.position(diagnostic.span.start)
    fix = "no fix" if diagnostic.fix is None else diagnostic.fix.safety.name.lower()
    return f"{row}:{column} {diagnostic.code} {diagnostic.message} [{fix}]"
