"""OAI208: a client without a timeout of its own."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI208")


@rule.on(cst.Call)
def construction(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`OpenAI()`."""
    name = constructed(file, node)
    if name is None or file.is_test or any(a.star for a in node.args):
        return
    if argument(node, "timeout") is None and argument(node, "http_client") is None:
        message = f"`{name}` waits ten minutes by default, three times over; pass `timeout=` in seconds"
        yield Diagnostic(rule.code, message, file.span(node))
