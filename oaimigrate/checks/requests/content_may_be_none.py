"""OAI302: `message.content` used as text where the answer may be a call of a tool instead."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import bindings_of, uses_of
from oaimigrate.analysis.guards import Subject, guarded, path_of
from oaimigrate.analysis.kinds import Model
from oaimigrate.analysis.reach import Reached, part_of
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI302")

MESSAGES = (Model("ChatMessage"), Model("ParsedMessage"))
WANTS_TEXT = frozenset({"json.loads", "len", "re.search", "re.match", "re.findall", "re.split", "ast.literal_eval"})
ERRORS = frozenset({"AttributeError", "TypeError"})


@rule.on(cst.Attribute)
def content(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`response.choices[0].message.content.strip()`."""
    if node.attr.value != "content":
        return
    message = file.kind(node.value)
    if message.kind in MESSAGES and message.certain:
        for use in uses_of(file, node):
            found = _finding(file, node, use)
            if found is not None:
                yield found
                return


def _finding(file: FileContext, node: cst.Attribute, use: cst.BaseExpression) -> Diagnostic | None:
    how = _as_text(file, use)
    if not how:
        return None
    reached = part_of(file, node.value)
    if reached is None or not _may_call_tools(reached):
        return None
    message, choice = path_of(node.value), path_of(node.value).removesuffix(".message")
    keys = {path_of(node), path_of(use), f"{message}.tool_calls", f"{message}.function_call", f"{message}.refusal"}
    keys |= {f"{choice}.finish_reason"} if choice != message else set()
    if guarded(file, use, Subject(frozenset(keys - {""}), message, errors=ERRORS)):
        return None
    text = f"`content` is None when the model calls a tool, and {how}; check it first"
    span = file.whole(use)
    wrap = build.needs_parentheses(file, use)
    edits = [Edit(span.end, span.end, ' or ""')]
    if wrap:
        edits = [Edit(span.start, span.start, "("), Edit(span.end, span.end, ' or "")')]
    fix = Fix('Take `""` for None', tuple(edits), Safety.UNSAFE)
    return Diagnostic(rule.code, text, file.span(use), fix)


def _as_text(file: FileContext, use: cst.BaseExpression) -> str:
    """What happens to None where an expression stands; "" where None does no harm."""
    parent = file.parent(use)
    match parent:
        case cst.Attribute(value=value, attr=attr) if value is use and isinstance(file.parent(parent), cst.Call):
            return f"None has no `{attr.value}`"
        case cst.BinaryOperation(operator=cst.Add()):
            return "None cannot be added to text"
        case cst.AugAssign(operator=cst.AddAssign(), value=value) if value is use:
            return "None cannot be added to text"
        case cst.ComparisonTarget(operator=cst.In() | cst.NotIn()):
            return "`in` fails on None"
        case cst.Subscript(value=value) if value is use:
            return "None has no items"
        case cst.Arg(star="") if isinstance(call := file.parent(parent), cst.Call) and path_of(call.func) in WANTS_TEXT:
            return f"`{path_of(call.func)}` fails on None"
    return ""


def _may_call_tools(reached: Reached) -> bool:
    """Whether a request offers tools, and leaves the choice to the model."""
    call = reached.call
    tools = call.argument("tools") or call.argument("functions")
    if reached.hops and isinstance(tools, cst.Name) and tools in reached.file.tree.places:
        if any(b.how == "param" for b in bindings_of(reached.file, tools)):
            return False  # as the caller wants it
    if tools is None or (isinstance(tools, cst.List) and not tools.elements):
        return False
    return not (isinstance(tools, cst.Name) and tools.value in ("None", "NOT_GIVEN", "omit"))
