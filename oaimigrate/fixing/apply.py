"""From diagnostics to new text: choose the fixes that are safe enough, add what they need, and apply them.

Linked fixes go together or not at all; where two fixes overlap the earlier one wins and the other waits for the next
round. The result must parse, or nothing is changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Need, Safety

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def choose(diagnostics: Sequence[Diagnostic], safety: Safety) -> list[Diagnostic]:
    """The diagnostics whose fixes may be applied: safe enough, and so is every fix linked to them."""
    blocked = {d.fix.group for d in diagnostics if d.fix is not None and d.fix.group and not _allowed(d.fix, safety)}
    return [
        d for d in diagnostics if d.fix is not None and _allowed(d.fix, safety) and d.fix.group not in blocked - {None}
    ]


def is_done(text: str, diagnostic: Diagnostic, safety: Safety) -> bool:
    """Whether a fix that may be applied changes nothing here: `Chat.create` of a class that another file replaces."""
    fix = diagnostic.fix
    if fix is None or not fix.edits or fix.needs or not _allowed(fix, safety):
        return False
    return all(text[edit.start : edit.end] == edit.text for edit in fix.edits)


def _allowed(fix: Fix, safety: Safety) -> bool:
    return fix.safety <= safety and fix.safety is not Safety.DISPLAY


def merge(file: FileContext, chosen: Sequence[Diagnostic]) -> tuple[list[Edit], list[Diagnostic]]:
    """Edits that do not overlap, with those the chosen fixes need, and the diagnostics they come from."""
    from oaimigrate.fixing.preamble import provide

    units: dict[object, list[Diagnostic]] = {}
    for diagnostic in chosen:
        assert diagnostic.fix is not None
        units.setdefault(diagnostic.fix.group or id(diagnostic), []).append(diagnostic)
    while True:
        needs: set[Need] = {n for members in units.values() for d in members if d.fix for n in d.fix.needs}
        taken = _Taken()
        if not taken.add(provide(file, needs)):
            raise ValueError("the edits that a file needs once overlap each other")
        refused = [
            key for key, members in units.items() if not taken.add(e for d in members if d.fix for e in d.fix.edits)
        ]
        kept = {key: members for key, members in units.items() if key not in refused}
        remaining = {n for members in kept.values() for d in members if d.fix for n in d.fix.needs}
        units = kept
        if remaining == needs:
            return taken.edits, [d for members in kept.values() for d in members]


class _Taken:
    """Edits accepted so far; a unit is accepted whole or refused."""

    def __init__(self) -> None:
        self.edits: list[Edit] = []

    def add(self, candidates: Iterable[Edit]) -> bool:
        fresh = [e for e in dict.fromkeys(candidates) if e not in self.edits]
        merged = list(self.edits)
        for edit in sorted(fresh):
            at = bisect_left(merged, edit)
            if at and _overlap(merged[at - 1], edit):
                return False
            if at < len(merged) and _overlap(edit, merged[at]):
                return False
            merged.insert(at, edit)
        self.edits = merged
        return True


def _overlap(first: Edit, second: Edit) -> bool:
    """Whether two edits, the first not after the second, touch the same text or insert at the same place."""
    if first.start == second.start:
        return (first.end > first.start and second.end > second.start) or (first.end == first.start == second.end)
    return first.end > second.start


def before(offset: int, edits: Iterable[Edit]) -> int:
    """Where a place of the text that edits gave was before them; what they wrote was where they wrote it."""
    moved = 0
    for edit in sorted(edits):
        start = edit.start + moved
        if offset < start:
            break
        if offset < start + len(edit.text):
            return edit.start
        moved += len(edit.text) - (edit.end - edit.start)
    return offset - moved


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text after edits that do not overlap."""
    parts, at = [], 0
    for edit in sorted(edits):
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])
