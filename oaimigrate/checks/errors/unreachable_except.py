"""OAI501: an `except` clause that never runs, because an earlier one catches its class."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import Symbol, TupleOf
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety, Span
from oaimigrate.registry import Rule

rule = Rule("OAI501")

BUILTIN = ("Exception", "BaseException")


@rule.on(cst.Try)
def clauses(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    caught = [_classes(file, handler.type) for handler in node.handlers]
    for index, (handler, names) in enumerate(zip(node.handlers, caught, strict=True)):
        first = _catcher(file, names, caught[:index])
        if first is None or handler.type is None:
            continue
        listed = ", ".join(f"`{n}`" for n in names)
        taker = node.handlers[first]
        what = f"`except {file.code(taker.type)}`" if taker.type is not None else "the bare `except`"
        message = f"this clause never runs: {what} above it catches {listed} too"
        fix = _moved(file, node, index)
        notes: tuple[Note, ...] = (Note("caught here", _head(file, taker)),)
        if fix is None:
            notes = (*notes, Note("not rewritten: in another order it would hide a clause in turn"))
        yield Diagnostic(rule.code, message, file.span(handler.type), fix, notes)


def _classes(file: FileContext, types: cst.BaseExpression | None) -> list[str]:
    """The classes a clause names: those of the SDK and the all-catching ones; "" for others, and those of 0.28."""
    if types is None:
        return ["BaseException"]
    parts = [e.value for e in types.elements] if isinstance(types, cst.Tuple) else [types]
    return [name for part in parts for name in _names(file, part)]


def _names(file: FileContext, node: cst.BaseExpression) -> list[str]:
    if isinstance(node, cst.Name) and node.value in BUILTIN and file.scope(node).owner_of(node.value) is None:
        return [node.value]
    kind = file.kind(node).kind
    kinds = kind.items if isinstance(kind, TupleOf) else (kind,)
    found = []
    for item in kinds:
        path = item.path if isinstance(item, Symbol) else ""
        found.append(path if path in file.api.error_tree else "")  # classes of 0.28 are OAI104's to put in order
    return found or [""]


def _catcher(file: FileContext, names: list[str], earlier: list[list[str]]) -> int | None:
    """The first clause that leaves nothing for this one; None if something is left."""
    if not names or not all(names) or names[0] in BUILTIN:
        return None
    seen: set[str] = set()
    for index, others in enumerate(earlier):
        seen.update(others)
        if all(seen & {*errors.ancestors(file, name), *BUILTIN} for name in names):
            return index
    return None


def _head(file: FileContext, handler: cst.ExceptHandler) -> Span:
    return file.span(handler.type if handler.type is not None else handler)


def _moved(file: FileContext, node: cst.Try, index: int) -> Fix | None:
    """The clause put before the first one that catches all of its classes."""
    spans = [file.whole(h) for h in node.handlers]
    texts = [file.text[s.start : s.end] for s in spans]
    names = _classes(file, node.handlers[index].type)
    takers = [_catcher(file, names, [_classes(file, h.type)]) for h in node.handlers[:index]]
    first = next((i for i, taker in enumerate(takers) if taker is not None), None)
    if first is None or any(
        _catcher(file, _classes(file, h.type), [names]) is not None for h in node.handlers[first:index]
    ):
        return None  # of two clauses for the same classes one never runs, whichever comes first
    ended, newline = texts[index].endswith(("\n", "\r")), file.source.newline
    moved = texts[index] if ended else texts[index] + newline
    text = moved + "".join(texts[first:index])
    text = text if ended else text[: -len(newline)]
    return Fix("Put the clause first", (Edit(spans[first].start, spans[index].end, text),), Safety.UNSAFE)
