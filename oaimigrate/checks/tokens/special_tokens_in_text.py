"""OAI704: `encode` of text from outside, which raises ValueError on text such as `<|endoftext|>`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.encodings import encode_call
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, function_of, source_of, within
from oaimigrate.analysis.guards import Subject, caught_by_callers, guarded, path_of
from oaimigrate.analysis.scopes import Binding
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI704")

TOKENS = re.compile(r"(?:^|_|\.)tok(?:en)?s?(?:$|_)", re.IGNORECASE)
OPTIONS = frozenset({"disallowed_special", "allowed_special"})
SPECIAL = re.compile(r"special_tokens|allowed_special")
NAMES = frozenset({"role", "name", "type", "id", "tool_call_id"})
CAUGHT = Subject(frozenset(), "?", errors=frozenset({"ValueError"}))


@rule.on(cst.Call)
def encode(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`encoding.encode(text)` without `disallowed_special=()`."""
    if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "encode" or len(node.args) != 1:
        return
    text = node.args[0].value
    if file.is_test or file.source.virtual:
        return  # in a notebook it is the author who brings the text
    if encode_call(file, node) is None or not _from_outside(file, text):
        return
    if _is_known(file, node) or guarded(file, node, CAUGHT) or caught_by_callers(file, node, CAUGHT.errors):
        return
    message = "`encode` raises ValueError on text with `<|endoftext|>` in it; pass `disallowed_special=()`"
    edit = build.insert(build.item_span(file, node.args[0]).end, ", disallowed_special=()")
    yield Diagnostic(rule.code, message, file.span(node), Fix("Take special tokens as text", (edit,), Safety.UNSAFE))


def _from_outside(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether the text is a parameter, the item of a loop or part of one: neither a literal nor put together here."""
    if literal(node) is not None:
        return False
    root = path_of(node).partition(".")[0]
    name = next((n for n in _roots(node) if n.value == root), None)
    if name is None or name not in file.tree.places:
        return False
    if path_of(node).rpartition(".")[2] in NAMES or _is_another_field(file, node):
        return False
    bindings = [b for b in bindings_of(file, name) if b.how != "for" or not _is_written_out(file, b.value)]
    if any(b.how == "for" and b.value is not None and TOKENS.search(path_of(b.value)) for b in bindings):
        return False  # tokens, not text
    function = function_of(file, node)
    if isinstance(function, cst.FunctionDef) and "bias" in function.name.value:
        return False  # words whose tokens are looked up
    return any(b.how == "param" or (b.how == "for" and not _is_key(b)) for b in bindings)


def _is_key(binding: Binding) -> bool:
    """`name` in `for name, schema in properties.items()`."""
    items = isinstance(binding.value, cst.Call) and path_of(binding.value.func).endswith(".items")
    return items and binding.path[:1] == (0,)


def _is_written_out(file: FileContext, items: cst.BaseExpression | None) -> bool:
    """Whether a loop goes through texts of the program: `for word in ("yes", "no")`, or a constant for these."""
    items = source_of(file, items) if items is not None else None
    if isinstance(items, (cst.List, cst.Tuple, cst.Set)):
        return all(literal(e.value) is not None for e in items.elements)
    return items is not None and literal(items) is not None


def _is_another_field(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a value stands where the key of a message is not `content`, but a name or a role."""
    for child, parent in ancestors(file, node):
        if isinstance(parent, cst.If) and child is parent.orelse and isinstance(child, cst.Else):
            if isinstance(parent.test, cst.Comparison) and any(literal(n) == "content" for n in within(parent.test)):
                return True
        if isinstance(parent, (cst.For, cst.FunctionDef)):
            return False
    return False


def _is_known(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether the function around knows of special tokens: it asks for them, or takes them out."""
    function = function_of(file, node)
    body = function.body if isinstance(function, cst.FunctionDef) else None
    for part in within(body) if body is not None else ():
        match part:
            case cst.SimpleString(value=text) if "<|" in text and not isinstance(file.parent(part), cst.Expr):
                return True
            case cst.Name(value=name) if SPECIAL.search(name):
                return True
    return False


def _roots(node: cst.BaseExpression) -> Iterator[cst.Name]:
    while isinstance(node, (cst.Attribute, cst.Subscript, cst.Call)):
        node = node.func if isinstance(node, cst.Call) else node.value
    if isinstance(node, cst.Name):
        yield node
