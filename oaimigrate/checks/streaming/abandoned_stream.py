"""OAI405: a stream that is left early and stays open, with openai before 2.9."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, function_of, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Either, StreamOf
from oaimigrate.analysis.reach import request_behind
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI405")


@rule.on(cst.For)
def loop(node: cst.For, file: FileContext) -> Iterator[Diagnostic]:
    """`for chunk in stream: … break`."""
    if file.config.target > 2:
        return  # since 2.9 a stream is closed as soon as nobody holds it
    kind = file.kind(node.iter).kind
    if file.is_test or not isinstance(kind, (StreamOf, Either)) or request_behind(file, node.iter) is None:
        return  # a generator of the program's own closes what it reads, or does not
    leaving = _leaving(file, node)
    if leaving is None or _closes(file, node) or _goes_on(file, node):
        return
    message = "the stream is left before its end and stays open, with its connection, before openai 2.9; use `with`"
    yield Diagnostic(rule.code, message, file.span(leaving))


def _goes_on(file: FileContext, node: cst.For) -> bool:
    """Whether another loop reads the rest of the stream."""
    name = path_of(node.iter)
    later = (n for n in file.nodes(cst.For) if n is not node and file.scope(n) is file.scope(node))
    return bool(name) and any(path_of(n.iter) == name for n in later)


def _leaving(file: FileContext, node: cst.For) -> cst.CSTNode | None:
    """The `break` or `return` that leaves the loop before the stream has said that it ends."""
    for inner in within(node.body, functions=False):
        if isinstance(inner, cst.Return) or (isinstance(inner, cst.Break) and _loop(file, inner) is node):
            tests = [p.test for _, p in ancestors(file, inner) if isinstance(p, cst.If)]
            if not any("finish_reason" in file.code(t) or "[DONE]" in file.code(t) for t in tests):
                return inner
    return None


def _loop(file: FileContext, node: cst.Break) -> cst.CSTNode | None:
    return next((p for _, p in ancestors(file, node) if isinstance(p, (cst.For, cst.While))), None)


def _closes(file: FileContext, node: cst.For) -> bool:
    """Whether the stream is entered by `with`, or something in the function closes it."""
    name = path_of(node.iter)
    function = function_of(file, node)
    body: cst.CSTNode = function.body if function is not None else file.module
    for inner in within(body):
        if isinstance(inner, cst.Attribute) and inner.attr.value in ("close", "aclose"):
            return True
        if isinstance(inner, cst.With) and name:
            if any(name in (path_of(i.item), path_of(i.asname.name) if i.asname else "") for i in inner.items):
                return True
            if any(
                isinstance(i.item, cst.Call) and any(path_of(a.value) == name for a in i.item.args) for i in inner.items
            ):
                return True
    return False
