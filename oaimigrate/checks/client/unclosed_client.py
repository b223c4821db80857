"""OAI211: a client of one function that is never closed."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import function_of, within
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI211")


@rule.on(cst.Call)
def construction(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`client = OpenAI()` in a function that keeps it to itself."""
    name = constructed(file, node)
    parent, function = file.parent(node), function_of(file, node) if name is not None else None
    if name is None or file.is_test or not isinstance(function, cst.FunctionDef) or not isinstance(parent, cst.Assign):
        return
    target = parent.targets[0].target
    if len(parent.targets) != 1 or not isinstance(target, cst.Name) or _leaves_or_closes(file, function, target):
        return
    keyword = "async with" if name.startswith("Async") else "with"
    message = f"`{name}` is never closed: its connections stay open until it is collected; use `{keyword}`"
    yield Diagnostic(rule.code, message, file.span(node))


def _leaves_or_closes(file: FileContext, function: cst.FunctionDef, target: cst.Name) -> bool:
    """Whether the client leaves the function or is closed: any use but `client.resource…` may do so."""
    for node in within(function):
        if not isinstance(node, cst.Name) or node.value != target.value or node is target:
            continue
        parent = file.parent(node)
        if not isinstance(parent, cst.Attribute) or parent.value is not node:
            return True
        if function_of(file, node) is not function:
            return True  # a function inside keeps it
        if parent.attr.value in ("close", "with_options", "copy", "__enter__", "__aenter__"):
            return True
    return False
