"""Fixes as whole changes: what a program that applies one fix by itself has to do.

Inside a run the edits of linked fixes are joined when they are applied. A report is read by programs that know nothing
of links, so there each fix carries the edits of the fixes linked to it and of what they need, such as an import.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Safety
from oaimigrate.fixing.apply import merge

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def completed(file: FileContext, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics with complete fixes. One that cannot stand by itself becomes advice without edits."""
    diagnostics = list(diagnostics)
    groups: dict[str, list[Diagnostic]] = {}
    for d in diagnostics:
        if d.fix is not None and d.fix.group:
            groups.setdefault(d.fix.group, []).append(d)
    whole = {group: _whole(file, members) for group, members in groups.items()}
    return [_completed(file, d, whole) for d in diagnostics]


def _completed(
    file: FileContext, diagnostic: Diagnostic, groups: dict[str, tuple[Safety, tuple[Edit, ...]]]
) -> Diagnostic:
    fix = diagnostic.fix
    if fix is None or fix.safety is Safety.DISPLAY:
        return diagnostic
    safety, edits = groups[fix.group] if fix.group else _whole(file, [diagnostic])
    fixed: Fix = replace(fix, safety=safety, edits=edits, needs=())
    return replace(diagnostic, fix=fixed)


def _whole(file: FileContext, members: list[Diagnostic]) -> tuple[Safety, tuple[Edit, ...]]:
    """The safety and the edits of fixes that go together: no safer than the least safe of them."""
    safety = max(d.fix.safety for d in members if d.fix is not None)
    if safety is Safety.DISPLAY:
        return safety, ()
    edits, kept = merge(file, members)
    return (safety, tuple(edits)) if len(kept) == len(members) else (Safety.DISPLAY, ())
