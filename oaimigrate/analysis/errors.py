"""Exceptions of 0.28 in `except` clauses: what they become, and in which order clauses must stand afterwards.

0.28's classes were flat siblings, so the order of clauses did not matter; since 1.0 they form a tree, and a clause that
catches a base class takes everything from the clauses below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import StreamOf, Symbol, TupleOf

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

Reference = cst.Name | cst.Attribute


@dataclass(frozen=True, slots=True)
class Clause:
    """One `except` clause: the 0.28 or v1+ classes it names, by node ("" for a class that is not the SDK's)."""

    handler: cst.ExceptHandler
    classes: tuple[tuple[cst.BaseExpression, str], ...]

    @property
    def names(self) -> list[str]:
        return [path for _, path in self.classes if path]


def clauses(file: FileContext, node: cst.Try | cst.TryStar) -> list[Clause]:
    found = []
    for handler in node.handlers:
        assert isinstance(handler, (cst.ExceptHandler, cst.ExceptStarHandler))
        types = handler.type
        parts = [e.value for e in types.elements] if isinstance(types, cst.Tuple) else [types] if types else []
        found.append(Clause(handler, tuple((p, _path(file, p)) for p in parts)))  # type: ignore[arg-type]
    return found


def _path(file: FileContext, node: cst.BaseExpression) -> str:
    match file.kind(node).kind:
        case Symbol(path="Timeout"):
            return "error.Timeout"  # half-migrated code: `except openai.Timeout` catches nothing and raises TypeError
        case Symbol(path=path) if file.inference.is_error(path):
            return path
        case TupleOf(items=items) if items and all(isinstance(i, Symbol) for i in items):
            return ""
    return ""


def is_legacy(file: FileContext, path: str) -> bool:
    """Whether a path names a class only 0.28 had under that name."""
    if path.startswith("error."):
        return path[6:] in file.api.errors
    return path != "Timeout" and path in file.api.errors and path not in file.api.error_tree


def successors(file: FileContext, path: str, *, wide: bool = False) -> tuple[str, ...]:
    """The v1+ classes for a path below `openai`; a v1+ class is its own successor. Empty: nothing took its place."""
    if not is_legacy(file, path):
        return (path,)
    row = file.api.errors[path.removeprefix("error.")]
    return row.wide if wide and row.wide else row.new


def ancestors(file: FileContext, name: str) -> set[str]:
    """A v1+ class and every class that catches it."""
    found = {name}
    while name in file.api.error_tree:
        name = file.api.error_tree[name]
        found.add(name)
    return found


def is_wide(file: FileContext, reference: cst.BaseExpression) -> bool:
    """Whether this `APIError` may become the base class `openai.APIError`: it is in the last clause of the SDK's in a
    try that handles other errors of the SDK before it."""
    handler = handler_of(file, reference)
    if handler is None:
        return False
    node = file.parent(handler)
    assert isinstance(node, (cst.Try, cst.TryStar))
    every = clauses(file, node)
    at = next(i for i, c in enumerate(every) if c.handler is handler)
    after = [c for c in every[at + 1 :] if any(p.removeprefix("error.") != "OpenAIError" for p in c.names)]
    before = [c for c in every[:at] if c.names]
    return not after and (bool(before) or _iterates_stream(file, node))


def _iterates_stream(file: FileContext, node: cst.Try | cst.TryStar) -> bool:
    """Whether a try reads a stream: an error event in one is exactly `openai.APIError`."""
    for loop in file.nodes(cst.For):
        if isinstance(file.kind(loop.iter).kind, StreamOf):
            current: cst.CSTNode | None = loop
            while current is not None and current is not node.body:
                current = file.parent(current)
            if current is node.body:
                return True
    return False


def handler_of(file: FileContext, reference: cst.CSTNode) -> cst.ExceptHandler | None:
    """The `except` clause that a reference names a class for."""
    parent = file.parent(reference)
    if isinstance(parent, cst.Element):
        parent = file.parent(parent)
        if parent is not None:
            reference, parent = parent, file.parent(parent)
    if isinstance(parent, (cst.ExceptHandler, cst.ExceptStarHandler)) and parent.type is reference:
        return parent  # type: ignore[return-value]
    return None


def order(file: FileContext, node: cst.Try | cst.TryStar) -> list[int] | None:
    """The order in which no clause of a try shadows another after the migration; None if it stands that way already.

    Only clauses that name 0.28 classes make a try worth reordering. A clause that already took everything in 0.28
    (`OpenAIError`, `Exception`, bare) stays where it is, and so does everything behind it.
    """
    every = clauses(file, node)
    if not any(is_legacy(file, p) for c in every for p in c.names):
        return None
    end = next((i for i, c in enumerate(every) if not c.names or _takes_all(c)), len(every))
    movable = every[:end]
    caught = [_caught(file, c, movable) for c in movable]
    left, result = list(range(len(movable))), []
    while left:
        free = next((i for i in left if not any(_shadows(file, caught[i], caught[j]) for j in left if j != i)), left[0])
        left.remove(free)
        result.append(free)
    if result == list(range(len(movable))):
        return None
    return [*result, *range(end, len(every))]


def _takes_all(clause: Clause) -> bool:
    return any(p.removeprefix("error.") == "OpenAIError" for p in clause.names) or len(clause.names) < len(
        clause.classes
    )


def _caught(file: FileContext, clause: Clause, movable: list[Clause]) -> set[str]:
    """What a clause will catch; `APIError` counts as the base class when another clause will need part of it."""
    found: set[str] = set()
    others = {p.removeprefix("error.") for c in movable if c is not clause for p in c.names}
    for path in clause.names:
        shared = path == "error.APIError" and "ServiceUnavailableError" in others
        last = path == "error.APIError" and clause is movable[-1] and len(movable) > 1
        found.update(successors(file, path, wide=shared or last))
    return found


def _shadows(file: FileContext, first: set[str], second: set[str]) -> bool:
    """Whether a clause catching `first` takes something from a later clause catching `second`, but not vice versa."""
    takes = any(first & (ancestors(file, name) - {name}) for name in second)
    taken = any(second & (ancestors(file, name) - {name}) for name in first)
    return takes and not taken
