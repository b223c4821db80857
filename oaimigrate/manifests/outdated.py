"""OAI110: requirements that keep a project on openai 0.x, found in the text of a manifest and raised in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from oaimigrate import manifests
from oaimigrate.config import UNREADABLE, Config
from oaimigrate.diagnostics import Diagnostic, FileResult, Fix, Note, Safety, Span
from oaimigrate.fixing import apply as fixes
from oaimigrate.manifests import pythons, readers, setup_script
from oaimigrate.manifests.requirement import Pin
from oaimigrate.source import Source
from oaimigrate.suppress import suppressions

CODE = "OAI110"


def check_source(source: Source, config: Config) -> FileResult:
    """Find what is outdated in one manifest."""
    return FileResult(source.path, source.text, tuple(_findings(source, config)))


def fix_source(source: Source, config: Config, *, safety: Safety) -> FileResult:
    """Raise what a fix of this safety may raise, and report what is left."""
    before = _findings(source, config)
    chosen = fixes.choose(before, safety)
    fixed = source.with_text(fixes.apply(source.text, (e for d in chosen if d.fix for e in d.fix.edits)))
    left = _findings(fixed, config)
    return FileResult(source.path, fixed.text, tuple(left), source.text, tuple(chosen))


def in_code(source: Source, config: Config) -> list[Diagnostic]:
    """What `setup.py`, `noxfile.py` or the metadata of a script ask for, and what cells of a notebook install."""
    if not config.enables(CODE):
        return []
    if source.virtual:
        from oaimigrate.notebooks import installs

        return list(diagnostics(installs.read(source.text), config))
    pins = list(readers.in_script(source.text))
    if os.path.basename(source.path) in manifests.SCRIPTS:
        pins += setup_script.read(source)
    return list(diagnostics(pins, config, source.text))


def diagnostics(pins: Iterable[Pin], config: Config, text: str = "") -> Iterator[Diagnostic]:
    """One finding for each requirement that allows openai 0.x only; `text` is that of a manifest that may say more."""
    old = pythons.too_old(text, config.target)
    for pin in pins:
        if pin.outdated:
            yield _diagnostic(pin, config.target, old)


def _findings(source: Source, config: Config) -> list[Diagnostic]:
    kind = manifests.kind(source.path)
    if kind is None or not config.enables(CODE):
        return []
    try:
        pins = list(readers.read(kind, source.text, os.path.basename(source.path)))
    except readers.ManifestError as error:
        at = source.offset(error.row, error.column)
        return [Diagnostic(UNREADABLE, error.message, Span(at, at))]
    return [d for d in diagnostics(pins, config, source.text) if not _silenced(d, source)]


def _diagnostic(pin: Pin, target: int, python: str) -> Diagnostic:
    raised = pin.raised(target)
    shown = f"`{pin.name}{pin.wanted}`" if pin.name else f"`openai {pin.wanted.removeprefix('==')}`"
    keeps = f"{shown} keeps the project on openai 0.x; require `{raised}`"
    if pin.locked:
        note = Note(f"the file is made by a tool: raise the requirement it is made from, then run `{pin.locked}`")
        return Diagnostic(CODE, f"{shown} keeps the project on openai 0.x", pin.span, notes=(note,))
    notes = [_extra(extra) for extra in pin.lost_extras]
    if python:
        needed = f"openai {target} needs Python 3.{pythons.FIRST[target]}, and this file allows {python}"
        notes.append(Note(f"{needed}: raise that, too, or migrate with `--target {target - 1}`"))
    return Diagnostic(
        CODE, keeps, pin.span, Fix(f"Require `{raised}`", (pin.edit(target),), Safety.UNSAFE), tuple(notes)
    )


def _extra(extra: str) -> Note:
    return Note(f"openai has no extra `{extra}` any more: require what you used of it yourself")


def _silenced(diagnostic: Diagnostic, source: Source) -> bool:
    """Whether a comment behind the requirement asks not to hear of it."""
    row, _ = source.position(diagnostic.span.start)
    _, mark, comment = source.line(row).partition("#")
    if not mark:
        return False
    line = Source.from_text(f"pass  #{comment}\n", source.path)
    return suppressions(line).covers(Diagnostic(CODE, "", Span(0, 4)), line)
