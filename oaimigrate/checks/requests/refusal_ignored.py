"""OAI315: a parsed answer used although the model may have refused, which leaves None."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import bindings_of, by_hand, uses_of
from oaimigrate.analysis.guards import Subject, caught_by_callers, guarded, path_of
from oaimigrate.analysis.kinds import Model
from oaimigrate.analysis.reach import part_of
from oaimigrate.analysis.retries import is_repeated
from oaimigrate.analysis.scopes import Binding
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI315")

SIGNS = ("refusal", "output", "status", "incomplete_details", "error")  # of a message, and of a response
ERRORS = frozenset({"AttributeError", "TypeError"})


@rule.on(cst.Attribute)
def parsed(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`completion.choices[0].message.parsed.name`."""
    if node.attr.value not in ("parsed", "output_parsed") or file.is_test or not _is_parsed(file, node):
        return
    for use in uses_of(file, node):
        parent = file.parent(use)
        if not isinstance(parent, (cst.Attribute, cst.Subscript)) or parent.value is not use or by_hand(file, use):
            continue
        message = path_of(node.value)
        choice = message.removesuffix(".message")
        signs = {f"{message}.{name}" for name in SIGNS}
        keys = {path_of(node), path_of(use), f"{choice}.finish_reason", *signs}
        subject = Subject(frozenset(keys - {""}), message, errors=ERRORS)
        if guarded(file, use, subject) or caught_by_callers(file, use, ERRORS) or is_repeated(file, use):
            continue
        if not _said(file, node):
            text = f"`{node.attr.value}` is None when the model refuses or the answer is cut; look at `refusal` first"
            yield Diagnostic(rule.code, text, file.span(use))
            return


def _is_parsed(file: FileContext, node: cst.Attribute) -> bool:
    if node.attr.value == "parsed":
        value = file.kind(node.value)
        return value.kind == Model("ParsedMessage") and value.certain
    reached = part_of(file, node.value)
    return reached is not None and reached.call.path == "responses.parse"


def _said(file: FileContext, node: cst.Attribute) -> bool:
    """Whether an earlier line of the same suite takes the same part of the same answer, and so fails first."""
    path = path_of(node)
    for other in file.nodes(cst.Attribute) if path else ():
        if other is node:
            return False
        if other.attr.value == node.attr.value and path_of(other) == path and _taken(file, other):
            same = file.tree.places[other].block is file.tree.places[node].block
            if same and [b.node for b in _root(file, other)] == [b.node for b in _root(file, node)]:
                return True
    return False


def _taken(file: FileContext, node: cst.Attribute) -> bool:
    parent = file.parent(node)
    return isinstance(parent, (cst.Attribute, cst.Subscript)) and parent.value is node


def _root(file: FileContext, node: cst.BaseExpression) -> list[Binding]:
    """What the name at the beginning of `response.choices[0].message.parsed` is bound to."""
    while isinstance(node, (cst.Attribute, cst.Subscript)):
        node = node.value
    return bindings_of(file, node) if isinstance(node, cst.Name) and node in file.tree.places else []
