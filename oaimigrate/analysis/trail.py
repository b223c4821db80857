"""Where a value comes from, step by step, through assignments, calls and modules: the chain behind `kind()`.

The inference keeps what an expression is, not how it got there; this walks the same bindings again for the few
expressions that somebody asks about.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from oaimigrate.analysis.flow import bindings_of
from oaimigrate.analysis.kinds import (
    Awaitable,
    ClassOf,
    Client,
    DictOf,
    Either,
    ErrorOf,
    External,
    Function,
    InstanceOf,
    Kind,
    ListOf,
    Managed,
    Member,
    Model,
    OneOf,
    PageOf,
    Plain,
    Record,
    StreamOf,
    Symbol,
    TupleOf,
    matters,
)
from oaimigrate.analysis.scopes import Binding
from oaimigrate.diagnostics import Diagnostic, Note, Span

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

_HOW = {"for": "loops over", "with": "is entered from", "assign": "is assigned", "except": "catches"}
MAX_STEPS = 24  # longer chains are cut: nobody reads them


class Step(NamedTuple):
    """One place a value passed; `span` is in the text of `path`."""

    path: str
    span: Span
    row: int
    text: str


def describe(kind: Kind) -> str:
    """What a kind is, in words."""
    match kind:
        case Symbol(path=""):
            return "the module `openai`"
        case Symbol(path=path):
            return f"`openai.{path}`"
        case Client(asynchronous=asynchronous, azure=azure):
            prefixes = ("", "Azure") if azure is None else ("Azure",) if azure else ("",)
            names = [f"`{'Async' if asynchronous else ''}{prefix}OpenAI`" for prefix in prefixes]
            return f"a client ({' or '.join(names)})"
        case Member(path=path):
            return f"`{path}` of a client"
        case Model(name=name):
            return f"a `{name}` of an API response"
        case Either(whole=whole):
            return f"{describe(whole)}, or a stream of its parts"
        case PageOf(item=item):
            return f"a page with items, each {describe(item)}"
        case StreamOf(item=item):
            return f"a stream, each part {describe(item)}"
        case ListOf(item=item):
            return f"a list, each item {describe(item)}"
        case TupleOf(items=items):
            return f"a tuple of {', '.join(describe(i) for i in items)}"
        case DictOf(value=value):
            return f"a dict, each value {describe(value)}"
        case Record(items=pairs):
            said = [f"{describe(inner)} under `{name}`" for name, inner in pairs if matters(inner)]
            return f"a dict with {', '.join(said)}" if said else "a plain dict"
        case OneOf(kinds=kinds):
            return " or ".join(describe(k) for k in kinds)
        case Awaitable(result=result):
            return f"an awaitable of {describe(result)}"
        case Managed(item=item):
            return f"a context manager of {describe(item)}"
        case ErrorOf(classes=classes):
            return f"an exception of the SDK ({', '.join(f'`{c}`' for c in classes)})"
        case Function(node=cst.FunctionDef(name=cst.Name(value=name))):
            return f"the function `{name}`"
        case ClassOf(node=cst.ClassDef(name=cst.Name(value=name))):
            return f"the class `{name}`"
        case InstanceOf(node=cst.ClassDef(name=cst.Name(value=name))):
            return f"an object of the class `{name}`"
        case External(path=path):
            return f"the module {path[5:]}" if path.startswith("file:") else f"`{path}`"
        case Plain(what=what):
            return "a plain value" if what == "other" else f"a plain {what}"
    return "not known to come from the SDK"


def trail(file: FileContext, node: cst.BaseExpression) -> list[Step]:
    """The places that the value of an expression passed, the expression's own first."""
    steps: list[Step] = []
    for step in _steps(file, node, set()):
        if step not in steps:
            steps.append(step)
        if len(steps) == MAX_STEPS:
            break
    return steps


def noted(file: FileContext, diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with a note for each step that the value it speaks of took, if it came from somewhere else."""
    node = _subject(file, diagnostic.span)
    steps = trail(file, node) if node is not None else []
    if len(steps) < 2:
        return diagnostic
    own = file.source.path
    notes = tuple(
        Note(s.text, s.span) if s.path == own else Note(f"{s.path}:{s.row}: {s.text}", None, s.path) for s in steps
    )
    return replace(diagnostic, notes=diagnostic.notes + notes)


def _subject(file: FileContext, span: Span) -> cst.BaseExpression | None:
    """The smallest subscript, attribute or call that holds a span: what a finding about a value points at."""
    values = file.values
    at = bisect.bisect_right(values, span.start, key=lambda item: item[0])
    return next((node for _, end, node in reversed(values[:at]) if end >= span.end), None)


def _steps(file: FileContext, node: cst.CSTNode, seen: set[cst.CSTNode]) -> Iterator[Step]:
    if node in seen or len(seen) > 4 * MAX_STEPS:
        return
    seen.add(node)
    match node:
        case cst.Attribute(value=base):
            kind = file.kind(node).kind
            if isinstance(kind, (Symbol, Member)):
                code, what = _code(file, node), describe(kind)
                yield _step(file, node, f"{code} is named here" if code == what else f"{code} is {what}")
                return
            yield from _held(file, node, seen)
            yield from _steps(file, base, seen)
        case cst.Subscript(value=base) | cst.Await(expression=base) | cst.NamedExpr(value=base):
            yield from _steps(file, base, seen)
        case cst.Call():
            yield from _called(file, node, seen)
        case cst.Name():
            for binding in bindings_of(file, node):
                yield from _bound(file, binding, seen)
        case cst.IfExp(body=left, orelse=right) | cst.BooleanOperation(left=left, right=right):
            yield from _steps(file, left, seen)
            yield from _steps(file, right, seen)
        case cst.List(elements=elements) | cst.Tuple(elements=elements):
            for element in elements:
                if matters(file.kind(element.value).kind):
                    yield from _steps(file, element.value, seen)


def _held(file: FileContext, node: cst.Attribute, seen: set[cst.CSTNode]) -> Iterator[Step]:
    """`self.reply`: what the class stores there; `llm.ask`: what the module binds."""
    match file.kind(node.value).kind:
        case InstanceOf(node=owner) | ClassOf(node=owner):
            home = file.inference.home(owner)
            scope = home.tree.scope_of_node[owner]
            stored = home.tree.attributes.get(scope, {}).get(node.attr.value, [])
            for binding in [*stored, *scope.names.get(node.attr.value, [])]:
                yield from _bound(home.file, binding, seen)
        case External(path=path) if path.startswith("file:"):
            yield from _exported(file, path[5:], node.attr.value, seen)


def _called(file: FileContext, node: cst.Call, seen: set[cst.CSTNode]) -> Iterator[Step]:
    kind = file.kind(node.func).kind
    if isinstance(kind, (Symbol, Member)):
        yield _step(file, node, f"the call of {describe(kind)} gives {describe(file.kind(node).kind)}")
        return
    yield from _steps(file, node.func, seen)
    if isinstance(kind, Function) and isinstance(kind.node, cst.FunctionDef):
        home = file.inference.home(kind.node)
        for leave in home.index.exits(home.tree.scope_of_node[kind.node]):
            if leave.value is not None and matters(home.kind(leave.value).kind):
                yield _step(home.file, leave, f"`{kind.node.name.value}()` gives {_code(home.file, leave.value)}")
                yield from _steps(home.file, leave.value, seen)
        return
    for argument in node.args:  # `list(r)`, `await asyncio.wait_for(r, 5)`, `copy(r)`
        if matters(file.kind(argument.value).kind):
            yield from _steps(file, argument.value, seen)


def _bound(file: FileContext, binding: Binding, seen: set[cst.CSTNode]) -> Iterator[Step]:
    how = _HOW.get(binding.how)
    match binding.how:
        case "import":
            origin = f"`{'.' * binding.level}{binding.module}`"
            yield _step(file, binding.node, f"`{binding.name}` is imported from {origin}")
            path = file.project.modules.resolve(file.source.path, binding.module, binding.level)
            if path is not None and binding.member:
                yield from _exported(file, path, binding.member, seen)
        case "param":
            yield _step(file, binding.node, f"`{binding.name}` is a parameter")
            yield from _passed(file, binding, seen)
        case "function" | "class":
            yield _step(file, binding.node, f"`{binding.name}` is defined here")
        case _ if how is not None and binding.value is not None:
            yield _step(file, binding.node, f"`{binding.name}` {how} {_code(file, binding.value)}")
            yield from _steps(file, binding.value, seen)


def _exported(file: FileContext, path: str, name: str, seen: set[cst.CSTNode]) -> Iterator[Step]:
    other = file.project.modules.file(path)
    if other is not None:
        for binding in other.tree.module_scope.names.get(name, []):
            yield from _bound(other, binding, seen)


def _passed(file: FileContext, binding: Binding, seen: set[cst.CSTNode]) -> Iterator[Step]:
    """The arguments that the calls of this file give for a parameter."""
    function = binding.scope.node
    if not isinstance(function, cst.FunctionDef):
        return
    names = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
    for call in file.inference.index.calls(function.name.value):
        kind = file.kind(call.func).kind
        if not isinstance(kind, Function) or kind.node is not function:
            continue
        at = names.index(binding.name) - bool(kind.bound) if binding.name in names else -1
        plain = [a.value for a in call.args if a.keyword is None and not a.star]
        given = [a.value for a in call.args if a.keyword is not None and a.keyword.value == binding.name]
        given += plain[at : at + 1] if at >= 0 else []
        for value in given:
            yield _step(file, call, f"a call passes {_code(file, value)} for it")
            yield from _steps(file, value, seen)


def _code(file: FileContext, node: cst.CSTNode) -> str:
    text = " ".join(file.code(node).split())
    return f"`{text}`" if len(text) <= 70 else f"`{text[:67]}…`"


def _step(file: FileContext, node: cst.CSTNode, text: str) -> Step:
    span = file.span(node)
    return Step(file.source.path, span, file.source.position(span.start)[0], text)
