"""The engine: one source in, one result out. Serves the command line, tests, codemods and editors alike."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace

from oaimigrate import manifests, registry
from oaimigrate.analysis.exports import exports
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.passing import passes
from oaimigrate.config import INTERNAL_ERROR, UNREADABLE, Config
from oaimigrate.diagnostics import Diagnostic, Edit, Export, FileResult, Fix, Note, Passed, Safety, Span
from oaimigrate.fixing import apply as fixes
from oaimigrate.fixing import policy, quotes
from oaimigrate.project import Project
from oaimigrate.source import Source, SourceError
from oaimigrate.suppress import suppressions

MAX_ROUNDS = 10  # fixes may make room for others; every real file is quiet after two or three rounds
RECURSION_LIMIT = 8000  # LibCST walks nested code recursively; the default of 1,000 is too low for long expressions


def check_source(source: Source, config: Config, project: Project | None = None) -> FileResult:
    """Find what is wrong in one source. Never raises: a file that cannot be analysed gives OAI001 or OAI000."""
    if manifests.kind(source.path) is not None:
        from oaimigrate.manifests import outdated

        return outdated.check_source(source, config)
    if config.docs and not source.virtual:
        from oaimigrate import docs

        return docs.check_source(source, config, project)
    diagnostics, file = analyse(source, config, project or Project())
    diagnostics = _reported(file, diagnostics, config)
    return FileResult(
        source.path,
        source.text,
        tuple(diagnostics),
        source=_virtual(source),
        exports=_exports(file),
        passes=_passes(file),
    )


def fix_source(
    source: Source, config: Config, project: Project | None = None, *, safety: Safety = Safety.SAFE
) -> FileResult:
    """Apply every fix at least as safe as `safety`, again until nothing changes, and report what is left."""
    if manifests.kind(source.path) is not None:
        from oaimigrate.manifests import outdated

        return outdated.fix_source(source, config, safety=safety)
    if config.docs and not source.virtual:
        from oaimigrate import docs

        return docs.fix_source(source, config, project, safety=safety)
    project = project or Project()
    original = source.text
    applied: list[Diagnostic] = []
    written: list[list[Edit]] = []  # in each round
    diagnostics, file = analyse(source, config, project)
    exported, passed = _exports(file), _passes(file)
    for _ in range(MAX_ROUNDS):
        if file is None:
            break
        try:
            step = _fix_once(file, diagnostics, safety)
        except Exception as error:  # a fix that crashes must not lose the file or the run
            diagnostics = [*diagnostics, _crash(source, "fixing", error)]
            break
        if step is None:
            break
        text, edits, done = step
        fixed = source.with_text(text)
        again, next_file = analyse(fixed, config, project)
        if next_file is None:  # the result does not parse: keep the last text that does
            note = Note("the result did not parse, so the fixes of this round were left out; please report this")
            diagnostics = [
                *diagnostics,
                Diagnostic(INTERNAL_ERROR, "fixes gave code that does not parse", Span(0, 0), notes=(note,)),
            ]
            break
        applied += [_in_original(d, written) for d in done]
        written.append(edits)
        source, diagnostics, file = fixed, again, next_file
    diagnostics = _reported(file, [d for d in diagnostics if not fixes.is_done(source.text, d, safety)], config)
    return FileResult(
        source.path, source.text, tuple(diagnostics), original, tuple(applied), _virtual(source), exported, passed
    )


def _virtual(source: Source) -> Source | None:
    return source if source.virtual else None


def _reported(file: FileContext | None, diagnostics: list[Diagnostic], config: Config) -> list[Diagnostic]:
    if file is None or not config.complete_fixes or not diagnostics:
        return diagnostics
    from oaimigrate.analysis.trail import noted
    from oaimigrate.fixing.complete import completed

    try:
        return [noted(file, d) for d in completed(file, diagnostics)]
    except Exception as error:
        return [*(replace(d, fix=None) for d in diagnostics), _crash(file.source, "joining linked fixes", error)]


def _exports(file: FileContext | None) -> Mapping[str, Export]:
    try:
        return exports(file) if file is not None else {}
    except Exception:  # the file's own results stand; only its readers in other modules are not looked for
        return {}


def _passes(file: FileContext | None) -> tuple[Passed, ...]:
    try:
        return passes(file) if file is not None else ()
    except Exception:  # as above
        return ()


def complete_edits(file: FileContext, fix: Fix, diagnostics: list[Diagnostic]) -> tuple[Edit, ...]:
    """The edits of one fix, with those of the fixes linked to it and of what they need: what an editor applies."""
    members = [
        d for d in diagnostics if d.fix is not None and (d.fix is fix or (fix.group and d.fix.group == fix.group))
    ]
    return tuple(fixes.merge(file, members)[0])


def _in_original(diagnostic: Diagnostic, written: list[list[Edit]]) -> Diagnostic:
    """A finding of a later round with its place in the text before all of them."""
    start, end = diagnostic.span.start, diagnostic.span.end
    for edits in reversed(written):
        start, end = fixes.before(start, edits), fixes.before(end, edits)
    return replace(diagnostic, span=Span(start, max(start, end)))


def _fix_once(
    file: FileContext, diagnostics: list[Diagnostic], safety: Safety
) -> tuple[str, list[Edit], list[Diagnostic]] | None:
    chosen = fixes.choose(diagnostics, safety)
    if not chosen:
        return None
    edits, done = fixes.merge(file, chosen)
    text = fixes.apply(file.text, edits)
    return (text, edits, done) if text != file.text else None


def analyse(source: Source, config: Config, project: Project) -> tuple[list[Diagnostic], FileContext | None]:
    """The findings of one source and the file as the rules saw it, None if it could not be read."""
    if sys.getrecursionlimit() < RECURSION_LIMIT:
        sys.setrecursionlimit(RECURSION_LIMIT)
    try:
        file = FileContext(source, config, project)
    except SourceError as error:
        return [_unparsable(source, error)], None
    except RecursionError as error:
        return [_crash(source, "reading (the code is nested too deeply)", error)], None
    except Exception as error:
        return [_crash(source, "reading", error)], None
    left_out = (_unparsable(source, error) for error in source.unreadable)
    found = sorted(
        {*_run(file, config), *_requirements(source, config), *_written(source, config), *left_out},
        key=lambda d: (d.span, d.code, d.message),
    )
    found = [policy.ruled(quotes.fitted(file, d), config) for d in _outside(file, found)]
    given = suppressions(source, found=bool(found))
    if given.directives or given.mistakes:
        from oaimigrate.unused_suppressions import silence

        found = silence(file, found, given, config)
    return found, file


def _run(file: FileContext, config: Config) -> Iterator[Diagnostic]:
    for rule in registry.all_rules():
        if not config.enables(rule.code):
            continue
        try:
            found: list[Diagnostic] = [
                d
                for kind, checks in rule.checks.items()
                for node in file.tree.nodes.get(kind, ())
                for c in checks
                for d in c(node, file)
            ]
        except Exception as error:
            found = [_crash(file.source, f"rule {rule.code}", error)]
        yield from found


def _requirements(source: Source, config: Config) -> list[Diagnostic]:
    """What code asks for that installs the project, or what it runs with."""
    if not source.virtual and not source.path.endswith(manifests.SCRIPTS) and "# /// script" not in source.text:
        return []
    from oaimigrate.manifests import outdated

    return outdated.in_code(source, config)


def _written(source: Source, config: Config) -> Iterator[Diagnostic]:
    """What cells of a notebook write into files of their own."""
    if source.virtual and "file" in source.text:
        from oaimigrate.notebooks import written

        yield from written.findings(source.text, config)


def _outside(file: FileContext, found: list[Diagnostic]) -> list[Diagnostic]:
    """Findings about 0.28 that do not stand in a branch meant for 0.28."""
    spans = file.legacy_spans() if found else []
    return [
        d for d in found
        if not (d.code.startswith("OAI1") and any(s.start <= d.span.start and d.span.end <= s.end for s in spans))
    ]  # fmt: skip


def _unparsable(source: Source, error: SourceError) -> Diagnostic:
    from oaimigrate import docs

    offset = min(source.offset(error.row, error.column), len(source.text))
    message = error.message
    if source.path.endswith(docs.SUFFIXES):
        message = "this file is no Python; `--docs` reads the fences of Markdown"
    if source.virtual:  # a row of all cells says nothing
        message = message.replace("this file", "this cell").replace(" Python 3:", " Python 3, so none is checked:")
        message = message.partition(" (detected at line")[0]
    return Diagnostic(UNREADABLE, message, Span(offset, offset))


def _crash(source: Source, what: str, error: BaseException) -> Diagnostic:
    text = f"{what} crashed on this file: {type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error)[-6:])
    return Diagnostic(INTERNAL_ERROR, text.splitlines()[0], Span(0, 0), notes=(Note(trace),))
