"""OAI314: `seed` in a file that never looks at `system_fingerprint`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI314")


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(seed=7)`."""
    item = next((a for a in node.args if a.keyword is not None and a.keyword.value == "seed"), None)
    if item is None or not isinstance(source_of(file, item.value), cst.Integer):
        return  # a setting that is passed on is no wish of this file
    call = request_at(file, node)
    if call is None or not call.path.endswith("completions.create") or "system_fingerprint" in file.text:
        return
    message = "the same `seed` gives the same answer only on the same backend; compare `system_fingerprint` too"
    yield Diagnostic(rule.code, message, build.item_span(file, item))
