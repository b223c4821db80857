"""OAI316: `choices[0]` of what a gateway answers that is known for answers without choices."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.unguarded import gateway_of, unguarded_choice
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI316")


@rule.on(cst.Subscript)
def first_choice(node: cst.Subscript, file: FileContext) -> Iterator[Diagnostic]:
    """`response.choices[0]` where the client of the request is built for such a gateway."""
    response = unguarded_choice(file, node)
    gateway = gateway_of(file, response) if response is not None else ""
    if gateway:
        message = f"{gateway} also answers 200 without `choices`: an error, or a filter; check `choices` first"
        yield Diagnostic(rule.code, message, file.span(node))
