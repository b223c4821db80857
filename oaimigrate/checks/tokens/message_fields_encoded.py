"""OAI706: every field of a message encoded as if it were text."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.encodings import encode_call
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of
from oaimigrate.analysis.guards import Subject, guarded, path_of
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI706")

FAILS = frozenset({"TypeError", "AttributeError", "ValueError"})


@rule.on(cst.Call)
def encode(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`for key, value in message.items(): tokens += len(encoding.encode(value))`."""
    if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "encode" or not node.args:
        return
    value = node.args[0].value
    if not isinstance(value, cst.Name) or value not in file.tree.places or encode_call(file, node) is None:
        return
    bindings = bindings_of(file, value)
    if len(bindings) != 1 or bindings[0].how != "for" or not _is_fields(bindings[0].value, bindings[0].path):
        return
    if guarded(file, node, Subject(frozenset({value.value}), value.value, errors=FAILS)) or _asked(file, node, value):
        return
    message = f"`{value.value}` may be a list (images) or None (a call of a tool), and `encode` takes text: TypeError"
    yield Diagnostic(rule.code, message, file.span(value))


def _is_fields(value: cst.BaseExpression | None, path: tuple[int | str, ...]) -> bool:
    match value:
        case cst.Call(func=cst.Attribute(value=owner, attr=cst.Name(value="items"))):
            return path == (1,) and path_of(owner).rpartition(".")[2].lower().rstrip("s") in ("message", "msg", "m")
        case cst.Call(func=cst.Attribute(value=owner, attr=cst.Name(value="values"))):
            return path == () and path_of(owner).rpartition(".")[2].lower().rstrip("s") in ("message", "msg", "m")
    return False


def _asked(file: FileContext, node: cst.Call, value: cst.Name) -> bool:
    """Whether `isinstance(value, str)` or the key is asked for on the way: `if key == "content"` is half a guard."""
    for child, parent in ancestors(file, node):
        if isinstance(parent, cst.If) and child is not parent.test:
            return True
        if isinstance(parent, cst.IfExp) and child is not parent.test:
            return True
        if isinstance(parent, (cst.For, cst.FunctionDef, cst.CompFor)):
            return False
    return False
