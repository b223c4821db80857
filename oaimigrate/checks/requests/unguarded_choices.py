"""OAI301: `choices[0]` of a whole response, taken without a check that there is one."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.guards import end_index
from oaimigrate.analysis.unguarded import gateway_of, unguarded_choice
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI301")


@rule.on(cst.Subscript)
def first_choice(node: cst.Subscript, file: FileContext) -> Iterator[Diagnostic]:
    """`response.choices[0]`, except at the servers of OAI316."""
    response = unguarded_choice(file, node)
    if response is not None and not gateway_of(file, response):
        message = f"`choices[{end_index(node)}]` of a response may not be there; check `choices` first"
        yield Diagnostic(rule.code, message, file.span(node))
