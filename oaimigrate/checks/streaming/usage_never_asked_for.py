"""OAI404: `chunk.usage` read from a stream that was not asked to send it, or where its chunk never arrives."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import asks_for_usage
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, leaves, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Model
from oaimigrate.analysis.reach import at_openai, request_behind
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Note
from oaimigrate.registry import Rule

rule = Rule("OAI404")


@rule.on(cst.For)
def loop(node: cst.For, file: FileContext) -> Iterator[Diagnostic]:
    """`for chunk in stream: … chunk.usage …` without `stream_options`, or behind what skips the chunk that has it."""
    if not isinstance(node.target, cst.Name) or file.kind(node.target).kind != Model("ChatCompletionChunk"):
        return
    wanted = f"{node.target.value}.usage"
    inside = [n for n in within(node.body) if isinstance(n, (cst.Attribute, cst.Call)) and path_of(n) == wanted]
    reads = [*inside, *_reads_after(file, node, node.target)]
    reached = request_behind(file, node.iter) if reads else None
    if reached is None or reached.call.open_ended or reached.call.argument("extra_body") is not None:
        return
    call, home = reached.call, reached.file
    if call.azure or not at_openai(home, call.node.func):
        return
    if call.argument("stream_options") is None:
        message = f'`{wanted}` is always None: ask for it with `stream_options={{"include_usage": True}}`'
        note = Note("the request", home.span(call.node), None if home is file else home.source.path)
        yield Diagnostic(rule.code, message, file.span(reads[0]), None, (note,))
    elif asks_for_usage(call):
        yield from _lost(file, node, inside, reads)


def _reads_after(file: FileContext, loop: cst.For, target: cst.Name) -> list[cst.Attribute]:
    """Reads of the usage of the last chunk, by the name that the loop leaves behind."""
    found = []
    for read in file.nodes(cst.Attribute):
        name = read.value
        if read.attr.value == "usage" and isinstance(name, cst.Name) and name.value == target.value:
            around = any(parent is loop for _, parent in ancestors(file, read))
            if not around and [b.node for b in bindings_of(file, name)] == [target]:
                found.append(read)
    return found


def _lost(
    file: FileContext, loop: cst.For, inside: list[cst.Attribute | cst.Call], reads: list[cst.Attribute | cst.Call]
) -> Iterator[Diagnostic]:
    """Usage that was asked for and never arrives: its chunk is skipped, or the loop ends before it."""
    wanted = path_of(reads[0])
    end = _early_end(file, loop)
    if end is not None:
        message = f"`{wanted}` is never there: only the last chunk has it, and the loop ends before, at `finish_reason`"
        yield Diagnostic(rule.code, message, file.span(reads[0]), None, (Note("ended here", file.span(end)),))
        return
    skips = [_skip(file, loop, read) for read in inside]
    if len(inside) == len(reads) and all(skip is not None for skip in skips):
        message = f"`{wanted}` is never there: only the last chunk has it, which has no `choices` and is skipped"
        notes = tuple(Note("skipped here", file.span(skip)) for skip in skips[:1] if skip is not None)
        yield Diagnostic(rule.code, message, file.span(reads[0]), None, notes)


def _early_end(file: FileContext, loop: cst.For) -> cst.Break | cst.Return | None:
    """Where the loop is left as soon as a chunk has a `finish_reason`."""
    for node in within(loop.body, functions=False):
        if not isinstance(node, (cst.Break, cst.Return)):
            continue
        tests = []
        for child, parent in ancestors(file, node):
            if isinstance(parent, cst.If) and child is parent.body:
                tests.append(parent.test)
            if parent is loop or (isinstance(parent, (cst.For, cst.While)) and isinstance(node, cst.Break)):
                if parent is loop and any(_says_finished(test) for test in tests):
                    return node
                break
    return None


def _says_finished(test: cst.BaseExpression) -> bool:
    """`choice.finish_reason`, `choice.finish_reason is not None`, `choice.finish_reason == "stop"`."""
    match test:
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=cst.IsNot(), comparator=value)]):
            return _says_finished(left) and path_of(value) == "None"
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=value)]):
            return _says_finished(left) and literal(value) == "stop"
    return path_of(test).rpartition(".")[2] == "finish_reason"


def _skip(file: FileContext, loop: cst.For, read: cst.Attribute | cst.Call) -> cst.BaseExpression | None:
    """The test that keeps chunks without choices from a read: around it, or ahead of it with `continue`."""
    assert isinstance(loop.target, cst.Name)
    choices = f"{loop.target.value}.choices"
    for child, parent in ancestors(file, read):
        if isinstance(parent, cst.If) and child is parent.body and _has(parent.test, choices):
            return parent.test
        if isinstance(parent, cst.IndentedBlock):
            for statement in statements_of(parent):
                if statement is child:
                    break
                if isinstance(statement, cst.If) and _has_not(statement.test, choices) and statement.orelse is None:
                    if leaves(file, statement.body):
                        return statement.test
        if parent is loop:
            return None
    return None


def _has(test: cst.BaseExpression, choices: str) -> bool:
    """`chunk.choices`, `len(chunk.choices) > 0`, or one of these `and` more."""
    match test:
        case cst.Attribute():
            return path_of(test) == choices
        case cst.BooleanOperation(operator=cst.And(), left=left):
            return _has(left, choices)
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=cst.GreaterThan())]):
            return _is_length(left, choices)
    return False


def _has_not(test: cst.BaseExpression, choices: str) -> bool:
    """`not chunk.choices`, `len(chunk.choices) == 0`."""
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return path_of(inner) == choices
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=number)]):
            return _is_length(left, choices) and isinstance(number, cst.Integer) and number.value == "0"
    return False


def _is_length(node: cst.BaseExpression, choices: str) -> bool:
    match node:
        case cst.Call(func=cst.Name(value="len"), args=[only]):
            return path_of(only.value) == choices
    return False
