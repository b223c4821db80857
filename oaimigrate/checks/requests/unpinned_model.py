"""OAI312: a model named by an alias that moves to newer snapshots."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.reach import at_openai
from oaimigrate.analysis.retirement import load
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI312")

ALIAS = re.compile(
    r"(?:chatgpt-\w+-latest|gpt-(?:3\.5-turbo|4o?|4\.1|4\.5|5(?:\.\d)?)(?:-(?:mini|nano|turbo|pro))?|o[134](?:-mini|-pro)?)"
)


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(model="gpt-4o")`."""
    value = argument(node, "model") if not file.is_test else None
    name = literal(source_of(file, value)) if value is not None else None
    if value is None or name is None or not ALIAS.fullmatch(name) or request_at(file, node) is None:
        return
    gone = load().get(name)
    if (gone is None or not gone.near) and at_openai(file, node.func):
        message = f"`{name}` is an alias that moves to newer snapshots; name one to keep answers comparable"
        yield Diagnostic(rule.code, message, file.span(value))
