"""OAI406: the text of a stream kept without a look at how the stream ended."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import function_of, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Either, Model, StreamOf
from oaimigrate.analysis.reach import has_own_fields
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI406")


@rule.on(cst.For)
def loop(node: cst.For, file: FileContext) -> Iterator[Diagnostic]:
    """`for chunk in stream: text += chunk.choices[0].delta.content`."""
    kind = file.kind(node.iter).kind
    stream = kind.stream if isinstance(kind, Either) else kind
    if file.is_test or not isinstance(stream, StreamOf) or stream.item != Model("ChatCompletionChunk"):
        return
    function = function_of(file, node)
    body: cst.CSTNode = function.body if function is not None else file.module
    reads = any(isinstance(n, cst.Attribute) and n.attr.value == "content" for n in within(node.body))
    looks = any(_looks(n) for n in within(body))
    if reads and not looks and _is_kept(node) and not _hands_on(file, node) and not has_own_fields(file, node):
        message = "a stream that was cut looks like one that is complete: look at `finish_reason` of its last choice"
        yield Diagnostic(rule.code, message, file.span(node.iter))


def _hands_on(file: FileContext, node: cst.For) -> bool:
    """Whether the chunk itself goes somewhere else, where its end may be looked at."""
    name = path_of(node.target)
    uses = (n for n in within(node.body) if isinstance(n, cst.Name) and n.value == name and n in file.tree.places)
    return any(not isinstance(p := file.parent(n), cst.Attribute) or p.value is not n for n in uses)


def _is_kept(node: cst.For) -> bool:
    """Whether the loop keeps or hands on what it reads: a text that is only shown is cut before the reader's eyes."""
    for inner in within(node.body):
        match inner:
            case cst.AugAssign() | cst.Yield():
                return True
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="append" | "put"))):
                return True
            case cst.AssignTarget(target=cst.Subscript()):
                return True
            case cst.Assign(value=cst.BinaryOperation(operator=cst.Add())):
                return True
    return False


def _looks(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Attribute):
        return node.attr.value == "finish_reason"
    return isinstance(node, cst.SimpleString) and "finish_reason" in node.value
