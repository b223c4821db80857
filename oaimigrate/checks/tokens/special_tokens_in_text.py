"""OAI704: `encode` of text from outside, which raises ValueError on text such as `<|endoftext|>`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.encodings import encode_call
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, function_of
from oaimigrate.analysis.guards import named_errors, path_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI704")

TOKENS = re.compile(r"(?:^|_|\.)tok(?:en)?s?(?:$|_)", re.IGNORECASE)
OPTIONS = frozenset({"disallowed_special", "allowed_special"})
CATCHING = frozenset({"ValueError", "Exception", "BaseException"})


@rule.on(cst.Call)
def encode(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`encoding.encode(text)` without `disallowed_special=()`."""
    if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "encode" or len(node.args) != 1:
        return
    text = node.args[0].value
    if file.is_test or encode_call(file, node) is None or not _from_outside(file, text) or _is_caught(file, node):
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
    bindings = bindings_of(file, name)
    if any(b.how == "for" and b.value is not None and TOKENS.search(path_of(b.value)) for b in bindings):
        return False  # tokens, not text
    function = function_of(file, node)
    if isinstance(function, cst.FunctionDef) and "bias" in function.name.value:
        return False  # words whose tokens are looked up
    return any(b.how in ("param", "for") for b in bindings)


def _roots(node: cst.BaseExpression) -> Iterator[cst.Name]:
    while isinstance(node, (cst.Attribute, cst.Subscript, cst.Call)):
        node = node.func if isinstance(node, cst.Call) else node.value
    if isinstance(node, cst.Name):
        yield node


def _is_caught(file: FileContext, node: cst.Call) -> bool:
    for child, parent in ancestors(file, node):
        if isinstance(parent, cst.Try) and child is parent.body:
            if any(CATCHING & set(named_errors(file, h.type)) for h in parent.handlers):
                return True
        if isinstance(parent, cst.FunctionDef):
            return False
    return False
