"""OAI403: `.message` of a streamed choice, `.delta` of a whole one."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, source_of, within
from oaimigrate.analysis.guards import Subject, guarded, path_of
from oaimigrate.analysis.kinds import Awaitable, Either, Model
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI403")

WRONG = {
    ("ChunkChoice", "message"): ("delta", "a choice of a chunk"),
    ("ChatChoice", "delta"): ("message", "a choice of a whole response"),
    ("ParsedChoice", "delta"): ("message", "a choice of a whole response"),
}


@rule.on(cst.Attribute)
def part(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`chunk.choices[0].message`."""
    value = file.kind(node.value)
    if not isinstance(value.kind, Model) or not value.certain:
        return
    found = WRONG.get((value.kind.name, node.attr.value))
    if found is None or _either(file, node.value) or _is_asked_for(file, node):
        return
    key = path_of(node)
    if guarded(file, node, Subject(frozenset({key} - {""}), path_of(node.value), errors=frozenset({"AttributeError"}))):
        return
    right, what = found
    message = f"{what} has no `{node.attr.value}`: this raises AttributeError; read `{right}`"
    fix = Fix(f"Read `{right}`", (build.replace(file, node.attr, right),), Safety.UNSAFE)
    yield Diagnostic(rule.code, message, file.span(node.attr), fix)


def _either(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether the response may be a stream as well as a whole, so that nothing can be said."""
    while True:
        kind = file.kind(node).kind
        if isinstance(kind, Either) or (isinstance(kind, Awaitable) and isinstance(kind.result, Either)):
            return True
        if isinstance(node, (cst.Attribute, cst.Subscript)):
            node = node.value
        elif (source := source_of(file, node)) is not node:
            node = source
        else:
            return False


def _is_asked_for(file: FileContext, node: cst.Attribute) -> bool:
    """`if hasattr(choice, "message"):` around a use."""
    for child, parent in ancestors(file, node):
        test = parent.test if isinstance(parent, (cst.If, cst.IfExp)) and child is not parent.test else None
        for part in within(test) if test is not None else ():
            match part:
                case cst.Call(func=cst.Name(value="hasattr"), args=[first, second]):
                    if path_of(first.value) == path_of(node.value) and literal(second.value) == node.attr.value:
                        return True
    return False
