"""Code in documentation: the Python fences of Markdown files and of docstrings.

The one idea: fences that belong together make a program, joined like the cells of a notebook. The engine checks each
program as a file of its own; what it finds and edits is carried back to the places in the document.
"""

from __future__ import annotations

from dataclasses import replace

from oaimigrate.config import Config
from oaimigrate.diagnostics import Diagnostic, Edit, FileResult, Safety
from oaimigrate.docs import fences
from oaimigrate.docs.programs import Program, programs
from oaimigrate.fixing.apply import apply
from oaimigrate.project import Project
from oaimigrate.source import Source

SUFFIXES = (".md", ".markdown", ".mdx", ".qmd")


def uses_sdk(data: bytes) -> bool:
    """Whether a file may hold a fence with the SDK in it, as far as bytes tell."""
    return b"openai" in data and (b"```" in data or b"~~~" in data)


def check_source(source: Source, config: Config, project: Project | None = None) -> FileResult:
    """Find what is wrong in a document, or in a Python file and in its docstrings."""
    from oaimigrate import engine

    inner = replace(config, docs=False)
    found = _in_fences(source, inner)
    if source.path.endswith(SUFFIXES):
        return FileResult(source.path, source.text, tuple(found))
    result = engine.check_source(source, inner, project)
    return replace(result, diagnostics=_sorted([*result.diagnostics, *found]))


def fix_source(
    source: Source, config: Config, project: Project | None = None, *, safety: Safety = Safety.SAFE
) -> FileResult:
    """Fix the fences, then the rest of a Python file, and report what is left."""
    from oaimigrate import engine

    inner = replace(config, docs=False)
    edits: list[Edit] = []
    applied: list[Diagnostic] = []
    for program in programs(source, fences.read(source)):
        result = engine.fix_source(program.source, inner, safety=safety)
        if result.changed:
            edits += program.rewritten(result.text)
            applied += [d for d in map(program.carried, result.applied) if d is not None]
    fixed = source.with_text(apply(source.text, edits))
    if source.path.endswith(SUFFIXES):
        return FileResult(source.path, fixed.text, tuple(_in_fences(fixed, inner)), source.text, tuple(applied))
    result = engine.fix_source(fixed, inner, project, safety=safety)
    left = _in_fences(fixed.with_text(result.text), inner)
    return replace(
        result,
        original=source.text,
        diagnostics=_sorted([*result.diagnostics, *left]),
        applied=(*applied, *result.applied),
    )


def _in_fences(source: Source, config: Config) -> list[Diagnostic]:
    found = [d for program in programs(source, fences.read(source)) for d in _in_program(program, config)]
    return list(_sorted(found))


def _in_program(program: Program, config: Config) -> list[Diagnostic]:
    from oaimigrate import engine

    result = engine.check_source(program.source, config)
    return [d for d in map(program.carried, result.diagnostics) if d is not None]


def _sorted(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(found, key=lambda d: (d.span, d.code, d.message)))
