"""OAI402: `delta.content` added to text or printed, which is None in the first or last chunk."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import bindings_of, uses_of
from oaimigrate.analysis.guards import Subject, guarded, path_of, sifted
from oaimigrate.analysis.kinds import Model
from oaimigrate.analysis.text_uses import is_join, joined_later
from oaimigrate.diagnostics import Diagnostic, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI402")

ERRORS = frozenset({"TypeError"})
WRITES = frozenset({"print", "sys.stdout.write"})
ALWAYS_FAILS = frozenset({"cannot be added to text", "cannot be joined"})


@rule.on(cst.Attribute)
def content(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`text += chunk.choices[0].delta.content`."""
    if node.attr.value != "content" or file.kind(node.value).kind != Model("ChoiceDelta"):
        return
    for use in uses_of(file, node):
        fate = _fate(file, use)
        if not fate or _guarded(file, node, use) or _is_sifted(file, node):
            continue
        safety = Safety.SAFE if fate in ALWAYS_FAILS and file.kind(node.value).certain else Safety.UNSAFE
        message = f'`delta.content` may be None, which {fate}; write `… or ""`'
        fix = Fix('Take `""` for None', build.or_empty(file, use), safety)
        yield Diagnostic(rule.code, message, file.span(use), fix, file.doubts(file.kind(node.value)))


def _fate(file: FileContext, use: cst.BaseExpression) -> str:
    parent = file.parent(use)
    match parent:
        case cst.AugAssign(operator=cst.AddAssign(), value=value) if value is use:
            return "cannot be added to text"
        case cst.BinaryOperation(operator=cst.Add()):
            return "cannot be added to text"
        case cst.Arg(keyword=None, star=""):
            call = file.parent(parent)
            if isinstance(call, cst.Call) and path_of(call.func) in WRITES:
                return 'is printed as "None"' if path_of(call.func) == "print" else "cannot be written"
            if isinstance(call, cst.Call) and joined_later(file, call):
                return "`join` does not take"
        case cst.GeneratorExp(elt=elt) | cst.ListComp(elt=elt) if elt is use:
            taker = file.parent(parent)
            if isinstance(taker, cst.Arg) and is_join(file.parent(taker)):
                return "cannot be joined"
    return ""


def _guarded(file: FileContext, node: cst.Attribute, use: cst.BaseExpression) -> bool:
    delta = path_of(node.value)
    choice = delta.removesuffix(".delta")
    chunk = choice.partition(".choices")[0]
    keys = {path_of(node), path_of(use), delta, f"{choice}.finish_reason", f"{delta}.role", f"{delta}.tool_calls"}
    return guarded(file, use, Subject(frozenset(keys - {""}), chunk, errors=ERRORS))


def _is_sifted(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether the loop goes only through chunks that something has chosen by their content."""
    for _ in range(12):
        if isinstance(node, (cst.Attribute, cst.Subscript)):
            node = node.value
            continue
        bindings = bindings_of(file, node) if isinstance(node, cst.Name) else []
        if len(bindings) != 1 or bindings[0].value is None or bindings[0].path:
            return False
        if bindings[0].how == "for":
            return sifted(file, bindings[0].value, ".content")
        node = bindings[0].value
    return False
