"""OAI302: `message.content` used as text although it may be None: a call of a tool, a refusal, a filter."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import bindings_of, source_of, uses_of
from oaimigrate.analysis.guards import Subject, caught_by_callers, guarded, path_of
from oaimigrate.analysis.kinds import Model
from oaimigrate.analysis.reach import MAX_HOPS, Reached, handed_on, may_be_local, part_of
from oaimigrate.analysis.retries import is_repeated
from oaimigrate.analysis.steps import literal
from oaimigrate.analysis.text_uses import failure
from oaimigrate.checks.requests.unguarded_json import is_unguarded
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI302")

MESSAGES = (Model("ChatMessage"), Model("ParsedMessage"))
ERRORS = frozenset({"AttributeError", "TypeError"})


@rule.on(cst.Attribute)
def content(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`response.choices[0].message.content.strip()`."""
    if not file.is_test and _is_content(file, node):
        reached = part_of(file, node.value)
        if reached is not None:
            yield from _used(file, node, _keys(file, node), reached)


@rule.on(cst.Call)
def handed(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`ask(prompt).strip()`, where `ask` returns the content and nothing has looked at it."""
    home: FileContext = file
    text: cst.BaseExpression = node
    for _ in range(MAX_HOPS):
        found = handed_on(home, text) if isinstance(text, cst.Call) and not file.is_test else None
        if found is None:
            break
        home, text = found
    if text is node or not isinstance(text, cst.Attribute) or not _is_content(home, text):
        return
    reached = part_of(home, text.value)
    if reached is None or _is_seen(home, text, text, _keys(home, text)):
        return
    parent = file.parent(node)
    result = parent if isinstance(parent, cst.Await) else node
    note = Note("`content` is returned here", home.span(text), None if home is file else home.source.path)
    yield from _used(file, result, frozenset(), reached, note)


def _is_content(file: FileContext, node: cst.Attribute) -> bool:
    if node.attr.value != "content":
        return False
    message = file.kind(node.value)
    return message.kind in MESSAGES and message.certain


def _keys(file: FileContext, node: cst.Attribute) -> frozenset[str]:
    """What a guard may look at: the content, or the parts of the answer that say why there is none."""
    found = {path_of(node)}
    for message in {path_of(node.value), path_of(source_of(file, node.value))} - {""}:
        found |= {f"{message}.{name}" for name in ("content", "tool_calls", "function_call", "refusal", "audio")}
        found.add(f"{message.removesuffix('.message')}.finish_reason")
    return frozenset(found)


def _used(
    file: FileContext, text: cst.BaseExpression, keys: frozenset[str], reached: Reached, *notes: Note
) -> Iterator[Diagnostic]:
    """The first use of the content that fails on None."""
    tools = _may_call_tools(reached)
    if not tools and may_be_local(reached.file, reached.call.node.func):
        return  # a server beside the program neither refuses nor filters
    uses = uses_of(file, text)
    for use in uses:
        how = failure(file, use)
        if not how or _is_seen(file, text, use, keys) or _is_parsed(file, use):
            continue
        why = "is None when the model calls a tool" if tools else "may be None (a refusal, a filter)"
        subject = "`content`" if isinstance(text, cst.Attribute) else "the answer"
        place = use if any(_asks_for_none(file, u) for u in uses) else text
        fix = Fix('Take `""` for None', build.or_empty(file, place), Safety.UNSAFE)
        yield Diagnostic(rule.code, f"{subject} {why}, and {how}; check it first", file.span(use), fix, notes)
        return


def _is_seen(file: FileContext, text: cst.BaseExpression, use: cst.BaseExpression, keys: frozenset[str]) -> bool:
    holder = path_of(text.value) if isinstance(text, cst.Attribute) else ""
    subject = Subject((keys | {path_of(use)}) - {""}, holder or "?", errors=ERRORS)
    return guarded(file, use, subject) or is_repeated(file, use) or caught_by_callers(file, use, ERRORS)


def _is_parsed(file: FileContext, use: cst.BaseExpression) -> bool:
    """Whether the use is `json.loads`, of which OAI310 speaks."""
    parent = file.parent(use)
    call = file.parent(parent) if parent is not None else None
    return isinstance(call, cst.Call) and isinstance(parent, cst.Arg) and is_unguarded(file, call)


def _asks_for_none(file: FileContext, use: cst.BaseExpression) -> bool:
    """`text is None`: code that tells None from empty text."""
    return isinstance(file.parent(use), (cst.Comparison, cst.ComparisonTarget))


def _may_call_tools(reached: Reached) -> bool:
    """Whether a request offers tools, and leaves the choice to the model."""
    call = reached.call
    tools = call.argument("tools") or call.argument("functions")
    if reached.hops and isinstance(tools, cst.Name) and tools in reached.file.tree.places:
        if any(b.how == "param" for b in bindings_of(reached.file, tools)):
            return False  # as the caller wants it
    if tools is None or (isinstance(tools, cst.List) and not tools.elements):
        return False
    if "none" in (literal(call.argument("tool_choice")), literal(call.argument("function_call"))):
        return False
    return not (isinstance(tools, cst.Name) and tools.value in ("None", "NOT_GIVEN", "omit"))
