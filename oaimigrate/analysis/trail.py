"""Where a value comes from, step by step, through assignments, calls and modules: the chain behind `kind()`.

The inference keeps what an expression is, not how it got there; this walks the same bindings again for the few
expressions that somebody asks about. Where a value may have come in several ways, each is a branch of its own.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from oaimigrate.analysis import arrivals, containers, functions, overrides, special
from oaimigrate.analysis.flow import bindings_of
from oaimigrate.analysis.kinds import (
    ClassOf,
    External,
    Function,
    InstanceOf,
    Kind,
    Member,
    Symbol,
    Value,
    matters,
    one_by_one,
)
from oaimigrate.analysis.scopes import Binding
from oaimigrate.analysis.words import describe
from oaimigrate.diagnostics import Diagnostic, Note, Span

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.infer import Inference

_HOW = {"for": "loops over", "with": "is entered from", "assign": "is assigned", "except": "catches"}
_SPECIAL = {"for": ("__iter__", "__aiter__", "__next__", "__anext__"), "with": ("__enter__", "__aenter__")}
MAX_STEPS = 24  # longer chains are cut: nobody reads them
MAX_CALLS = 4  # of those that pass something to a parameter


class Step(NamedTuple):
    """One place a value passed; `span` is in the text of `path`."""

    path: str
    span: Span
    row: int
    text: str
    branch: tuple[int, ...] = ()  # 2, 1: on the first of the ways that meet on the second of those that meet later

    @property
    def label(self) -> str:
        return ".".join(map(str, self.branch))


def trail(file: FileContext, node: cst.BaseExpression) -> list[Step]:
    """The places that the value of an expression passed, the expression's own first."""
    steps: list[Step] = []
    known: set[Step] = set()
    repeats = False
    for step in itertools.islice(_steps(file, node, set()), 4 * MAX_STEPS):
        bare = step._replace(branch=())
        if bare not in known:
            steps.append(step)
        elif not repeats and step.branch:
            steps.append(step._replace(text=f"{step.text}, as above"))
        repeats = bare in known
        known.add(bare)
    return steps[:MAX_STEPS]


def noted(file: FileContext, diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with a note for each step that the value it speaks of took, if it came from somewhere else."""
    node = _subject(file, diagnostic.span)
    steps = trail(file, node) if node is not None else []
    if len(steps) < 2:
        return diagnostic
    notes = tuple(_note(file, step, f"{step.label}: " if step.branch else "") for step in steps)
    return replace(diagnostic, notes=diagnostic.notes + notes)


def _note(file: FileContext, step: Step, label: str) -> Note:
    if step.path == file.source.path:
        return Note(f"{label}{step.text}", step.span)
    return Note(f"{label}{step.path}:{step.row}: {step.text}", None, step.path)


def _subject(file: FileContext, span: Span) -> cst.BaseExpression | None:
    """The smallest subscript, attribute or call that holds a span: what a finding about a value points at."""
    values = file.values
    at = bisect.bisect_right(values, span.start, key=lambda item: item[0])
    return next((node for _, end, node in reversed(values[:at]) if end >= span.end), None)


def _met(ways: Iterable[Iterable[Step]]) -> Iterator[Step]:
    """The steps of several ways that meet here: a branch for each, if there is more than one."""
    found = [steps for way in ways if (steps := list(itertools.islice(way, MAX_STEPS)))]
    for number, steps in enumerate(found, 1):
        for step in steps:
            yield step._replace(branch=(number, *step.branch)) if len(found) > 1 else step


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
            if not _is_receiver(file, base):
                yield from _steps(file, base, seen)
            yield from _held(file, node, seen)
        case cst.Subscript(value=base) | cst.Await(expression=base) | cst.NamedExpr(value=base):
            yield from _steps(file, base, seen)
        case cst.Call():
            yield from _called(file, node, seen)
        case cst.Name() if not _is_receiver(file, node):
            yield from _met(_bound(file, binding, seen) for binding in bindings_of(file, node))
        case cst.IfExp(body=left, orelse=right) | cst.BooleanOperation(left=left, right=right):
            yield from _met(_steps(file, side, seen) for side in (left, right))
        case cst.List(elements=elements) | cst.Tuple(elements=elements):
            values = [e.value for e in elements if matters(file.kind(e.value).kind)]
            yield from _met(_steps(file, value, seen) for value in values)
        case cst.ListComp(elt=inner) | cst.SetComp(elt=inner) | cst.GeneratorExp(elt=inner) | cst.DictComp(value=inner):
            yield from _steps(file, inner, seen)
        case cst.Dict(elements=elements):
            values = [e.value for e in elements if matters(file.kind(e.value).kind)]
            yield from _met(_steps(file, value, seen) for value in values)


def _is_receiver(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether an expression is the `self` or `cls` of a method: that it is a parameter is news to nobody."""
    if not isinstance(node, cst.Name) or not isinstance(file.kind(node).kind, (InstanceOf, ClassOf)):
        return False
    bindings = bindings_of(file, node)
    owner = bindings[0].scope.parent if bindings and bindings[0].how == "param" else None
    return owner is not None and owner.kind == "class"


def _held(file: FileContext, node: cst.Attribute, seen: set[cst.CSTNode]) -> Iterator[Step]:
    """`self.reply`: what the class stores there; `llm.ask`: what the module binds."""
    yield from _met(_of(file, kind, node, seen) for kind in one_by_one(file.kind(node.value).kind))


def _of(file: FileContext, kind: Kind, node: cst.Attribute, seen: set[cst.CSTNode]) -> Iterator[Step]:
    match kind:
        case InstanceOf(node=owner) | ClassOf(node=owner):
            home = file.inference.home(owner)
            scope = home.tree.scope_of_node[owner]
            stored = home.tree.attributes.get(scope, {}).get(node.attr.value, [])
            bindings = [*stored, *scope.names.get(node.attr.value, [])]
            yield from _met(_bound(home.file, binding, seen) for binding in bindings)
        case External(path=path) if path.startswith("file:"):
            yield from _exported(file, path[5:], node.attr.value, seen)


def _called(file: FileContext, node: cst.Call, seen: set[cst.CSTNode]) -> Iterator[Step]:
    value = file.kind(node.func)
    kind = (special.method(file.inference, value, "__call__") or value).kind
    if isinstance(kind, (Symbol, Member)):
        yield _step(file, node, f"the call of {describe(kind)} gives {describe(file.kind(node).kind)}")
        return
    yield from _steps(file, node.func, seen)
    functions = [k.node for k in one_by_one(kind) if isinstance(k, Function) and isinstance(k.node, cst.FunctionDef)]
    if functions:
        yield from _met(way for f in functions for way in _returned(file.inference.home(f), f, seen))
        return
    values = [a.value for a in node.args if matters(file.kind(a.value).kind)]
    # `list(r)`, `await asyncio.wait_for(r, 5)`, `copy(r)`, `map(ask, xs)`, `pool.submit(ask, x)`
    yield from _met(itertools.chain(_steps(file, v, seen), _made_by(file, file.kind(v), seen)) for v in values)


def _made_by(file: FileContext, function: Value, seen: set[cst.CSTNode]) -> Iterator[Step]:
    """What a function gives that something else than a call of it calls."""
    kind = function.kind
    if isinstance(kind, Function) and isinstance(kind.node, cst.FunctionDef):
        yield from _met(_returned(file.inference.home(kind.node), kind.node, seen))


def _returned(home: Inference, function: cst.FunctionDef, seen: set[cst.CSTNode]) -> Iterator[Iterator[Step]]:
    """What a function returns; where it is there to be filled in, what those return that do."""
    exits = home.index.exits(home.tree.scope_of_node[function])
    for way in [(e, e.value) for e in exits if e.value is not None and matters(home.kind(e.value).kind)]:
        yield _given(home.file, f"`{function.name.value}()` gives", *way, seen)
    if not exits and function not in seen:
        seen.add(function)
        for other, method in overrides.methods(home, function):
            owner = other.tree.scopes[method].node
            assert isinstance(owner, cst.ClassDef)
            step = _step(other.file, method.name, f"`{owner.name.value}.{method.name.value}` fills it in")
            yield itertools.chain([step], _met(_returned(other, method, seen)))


def _given(
    file: FileContext, text: str, at: cst.CSTNode, value: cst.CSTNode, seen: set[cst.CSTNode], end: str = ""
) -> Iterator[Step]:
    yield _step(file, at, f"{text} {_code(file, value)}{end}")
    yield from _steps(file, value, seen)


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
            function = binding.scope.node
            of = f" of `{function.name.value}`" if isinstance(function, cst.FunctionDef) else ""
            yield _step(file, binding.node, f"`{binding.name}` is a parameter{of}")
            yield from _met(_passed(file, binding, seen))
        case "function" | "class":
            yield _step(file, binding.node, f"`{binding.name}` is defined here")
        case _ if how is not None and binding.value is not None:
            name = _code(file, binding.node) if isinstance(binding.node, cst.Attribute) else f"`{binding.name}`"
            yield _step(file, binding.node, f"{name} {how} {_code(file, binding.value)}")
            yield from _steps(file, binding.value, seen)
            for method in _SPECIAL.get(binding.how, ()):
                found = special.method(file.inference, file.kind(binding.value), method)
                yield from _made_by(file, found, seen) if found is not None else ()
            if how == _HOW["assign"]:
                added = itertools.islice(_put_in(file.inference, binding), MAX_CALLS)
                yield from _met(_given(file, f"{name} gets", at, value, seen) for at, value in added)


def _put_in(inference: Inference, binding: Binding) -> Iterator[tuple[cst.CSTNode, cst.BaseExpression]]:
    """What of the SDK is put into a list or a dictionary that begins empty, and where."""
    assert binding.value is not None
    if inference.kind(binding.value).kind in containers.EMPTY:
        yield from containers.additions(inference, binding)
    elif containers.begins_empty(inference, binding.value):
        found = ((at, value) for at, _, value, _ in containers.entries(inference, binding))
        yield from (way for way in found if matters(inference.kind(way[1]).kind))


def _exported(file: FileContext, path: str, name: str, seen: set[cst.CSTNode]) -> Iterator[Step]:
    other = file.project.modules.file(path)
    if other is not None:
        yield from _met(_bound(other, binding, seen) for binding in other.tree.module_scope.names.get(name, []))


def _passed(file: FileContext, binding: Binding, seen: set[cst.CSTNode]) -> Iterator[Iterator[Step]]:
    """The arguments that the calls of this file, and of others, give for a parameter."""
    function, parameter = binding.scope.node, binding.node
    if not isinstance(function, cst.FunctionDef) or not isinstance(parameter, cst.Param):
        return
    for above, filled in overrides.filled_parameters(file.inference, function, parameter):
        yield _bound(above.file, filled, seen)
    here = ((file, value) for value in functions.given(file.inference, function, parameter) if value)
    elsewhere = arrivals.arguments(file.inference, function, parameter)
    for home, value in itertools.islice(itertools.chain(here, elsewhere), MAX_CALLS):
        yield _given(home, "a call passes", value, value, seen, " for it")


def _code(file: FileContext, node: cst.CSTNode) -> str:
    text = " ".join(file.code(node).split())
    return f"`{text}`" if len(text) <= 70 else f"`{text[:67]}…`"


def _step(file: FileContext, node: cst.CSTNode, text: str) -> Step:
    span = file.span(node)
    return Step(file.source.path, span, file.source.position(span.start)[0], text)
