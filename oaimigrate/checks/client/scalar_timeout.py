"""OAI209: one number for all phases of a request."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI209")


@rule.on(cst.Call)
def construction(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`OpenAI(timeout=60)`."""
    item = next((a for a in node.args if a.keyword is not None and a.keyword.value == "timeout"), None)
    if item is None or file.is_test or constructed(file, node) is None:
        return
    value = source_of(file, item.value)
    if isinstance(value, (cst.Integer, cst.Float)):
        number = value.value
        message = (
            f"{number} seconds also for connecting, and no limit of the whole; `openai.Timeout({number}, connect=5)`"
        )
        yield Diagnostic(rule.code, message, build.item_span(file, item))
