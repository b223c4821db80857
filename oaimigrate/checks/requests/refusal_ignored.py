"""OAI315: a parsed answer used although the model may have refused, which leaves None."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import uses_of
from oaimigrate.analysis.guards import Subject, guarded, path_of
from oaimigrate.analysis.kinds import Model
from oaimigrate.analysis.reach import part_of
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI315")

ERRORS = frozenset({"AttributeError", "TypeError"})


@rule.on(cst.Attribute)
def parsed(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`completion.choices[0].message.parsed.name`."""
    if node.attr.value not in ("parsed", "output_parsed") or file.is_test or not _is_parsed(file, node):
        return
    for use in uses_of(file, node):
        parent = file.parent(use)
        if not isinstance(parent, (cst.Attribute, cst.Subscript)) or parent.value is not use:
            continue
        message = path_of(node.value)
        choice = message.removesuffix(".message")
        keys = {path_of(node), path_of(use), f"{message}.refusal", f"{choice}.finish_reason", f"{message}.output"}
        if not guarded(file, use, Subject(frozenset(keys - {""}), message, errors=ERRORS)):
            text = f"`{node.attr.value}` is None when the model refuses or the answer is cut; look at `refusal` first"
            yield Diagnostic(rule.code, text, file.span(use))
            return


def _is_parsed(file: FileContext, node: cst.Attribute) -> bool:
    if node.attr.value == "parsed":
        value = file.kind(node.value)
        return value.kind == Model("ParsedMessage") and value.certain
    reached = part_of(file, node.value)
    return reached is not None and reached.call.path == "responses.parse"
