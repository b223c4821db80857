"""OAI303: `.dict()`, `.json()` and other methods of pydantic 1 on responses."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, within
from oaimigrate.analysis.kinds import Model, PageOf
from oaimigrate.analysis.reach import part_of
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI303")

NEW = {"dict": "model_dump", "json": "model_dump_json", "copy": "model_copy"}
_KEPT = "include exclude by_alias exclude_unset exclude_defaults exclude_none update"
SAME_ARGUMENTS = frozenset(_KEPT.split())


def _asks(test: cst.BaseExpression) -> bool:
    return any(isinstance(n, cst.Name) and n.value == "hasattr" for n in within(test))


def _is_second_try(node: cst.CSTNode) -> bool:
    """`except AttributeError:`, after `model_dump` was tried."""
    return (
        isinstance(node, cst.ExceptHandler) and isinstance(node.type, cst.Name) and node.type.value == "AttributeError"
    )


def _is_of_a_request(file: FileContext, node: cst.BaseExpression) -> bool:
    reached = part_of(file, node)
    return reached is not None and not reached.hops


@rule.on(cst.Call)
def method(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`response.dict()`."""
    func = node.func
    if not isinstance(func, cst.Attribute) or func.attr.value not in NEW:
        return
    value = file.kind(func.value)
    if not isinstance(value.kind, (Model, PageOf)):
        return
    if any(_asks(test) for _, parent in ancestors(file, node) if (test := getattr(parent, "test", None)) is not None):
        return  # `x.model_dump() if hasattr(x, "model_dump") else x.dict()`
    if any(_is_second_try(parent) for _, parent in ancestors(file, node)):
        return
    old = func.attr.value
    if old == "copy" and not _is_of_a_request(file, func.value):
        return  # a dict of 0.28 had it too
    new = NEW[old]
    message = f"`.{old}()` of responses is deprecated since pydantic 2; call `.{new}()`"
    given = {a.keyword.value if a.keyword is not None else "*" for a in node.args}
    if given - SAME_ARGUMENTS:
        note = Note(f"not rewritten: `{new}` takes other arguments")
        yield Diagnostic(rule.code, message, file.span(func.attr), None, (note,))
        return
    safety = Safety.SAFE if value.certain else Safety.UNSAFE
    fix = Fix(f"Call `{new}`", (build.replace(file, func.attr, new),), safety)
    confidence = "certain" if value.certain else "maybe"
    yield Diagnostic(rule.code, message, file.span(func.attr), fix, file.doubts(value), confidence)
