"""Run a handful of files, given and returned as bytes, through the engine, as one project."""

from __future__ import annotations

from dataclasses import dataclass, replace

from oaimigrate import config, engine, rulebook
from oaimigrate.config import Config
from oaimigrate.diagnostics import Diagnostic, FileResult, Safety
from oaimigrate.project import Project
from oaimigrate.rounds import ROUNDS, carried
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
    sources = {name: Source.from_bytes(data, name) for name, data in files.items()}
    project, results = _checked(sources, options, Project.scan(files.items()))
    after, found = {}, []
    for name, source in sources.items():
        checked = results[name]
        found += [
            Found(name, d.code, line_of(source, d), tuple(f"  note: {n.text}" for n in d.notes))
            for d in checked.diagnostics
        ]
        fixed = engine.fix_source(source, options, project, safety=Safety[safety.upper()])
        after[name] = source.encode(fixed.text)
    return Outcome(after, found)


def _checked(sources: dict[str, Source], options: Config, project: Project) -> tuple[Project, dict[str, FileResult]]:
    """What is said of each file when all have told what they pass to the functions of others."""
    results = {name: engine.check_source(source, options, project) for name, source in sources.items()}
    for _ in range(ROUNDS):
        passed = carried(results.values())
        if passed == project.passed:
            break
        project = replace(project, passed=passed)
        results = {name: engine.check_source(source, options, project) for name, source in sources.items()}
    return project, results


def line_of(source: Source, diagnostic: Diagnostic) -> str:
    row, column = source.position(diagnostic.span.start)
    fix = "no fix" if diagnostic.fix is None else diagnostic.fix.safety.name.lower()
    return f"{row}:{column} {diagnostic.code} {diagnostic.message} [{fix}]"
