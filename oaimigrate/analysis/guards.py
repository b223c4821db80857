"""Whether code has looked at a list before it takes an element: every usual guard, by where it stands.

A guard is a test that mentions the list (or a name that was made from it) and stands on every way to the use: around
it, to its left, or before it with a way out. Which way the test points is not asked: nobody writes it the
wrong way round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import ancestors, bindings_of, caught_names, function_of, leaves, source_of, within
from oaimigrate.analysis.kinds import Function
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.analysis.steps import literal

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

INDEX_ERRORS = frozenset({"IndexError", "LookupError"})
ALL_ERRORS = frozenset({"Exception", "BaseException"})
NOT_LOOKING = frozenset({"isinstance", "hasattr", "print", "type", "id", "repr", "str", "callable", "getattr"})
SIEVES = frozenset({"filter", "filterfalse", "map", "takewhile", "dropwhile"})
Conditional = cst.If | cst.While | cst.IfExp


@dataclass(frozen=True, slots=True)
class Subject:
    """What must be looked at: `keys` are paths such as `chunk.choices`, `holder` is the path of the object itself.

    `within` is the statement beyond which `except Exception` is no guard any more (the loop over the stream); `errors`
    are the exceptions that a use without a guard may raise.
    """

    keys: frozenset[str]
    holder: str
    within: cst.CSTNode | None = None
    errors: frozenset[str] = INDEX_ERRORS


def path_of(node: cst.CSTNode) -> str:
    """`chunk.choices` for `chunk.choices`, `chunk["choices"]`, `chunk.get("choices")`, `getattr(chunk, "choices")`."""
    match node:
        case cst.Name(value=name):
            return name
        case cst.Await(expression=inner) | cst.NamedExpr(target=inner):
            return path_of(inner)
        case cst.Attribute(value=base, attr=attr):
            return _joined(path_of(base), attr.value)
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
            key = literal(index)
            if key is None and isinstance(index, cst.Integer):
                key = f"[{index.value}]"
            return _joined(path_of(base), key)
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name(value="get")), args=[first, *_]):
            return _joined(path_of(base), literal(first.value))
        case cst.Call(func=cst.Name(value="getattr"), args=[first, second, *_]):
            return _joined(path_of(first.value), literal(second.value))
    return ""


def end_index(node: cst.Subscript) -> str:
    """`0` or `-1` for `x[0]` and `x[-1]`, "" for anything else."""
    part = node.slice[0].slice if len(node.slice) == 1 else None
    match part:
        case cst.Index(value=cst.Integer(value="0")):
            return "0"
        case cst.Index(value=cst.UnaryOperation(operator=cst.Minus(), expression=cst.Integer(value="1"))):
            return "-1"
    return ""


def _joined(base: str, key: str | None) -> str:
    return f"{base}.{key}" if base and key else ""


def guarded(file: FileContext, node: cst.CSTNode, subject: Subject) -> bool:
    """Whether every way to `node` has passed a guard for `subject`."""
    inside = True
    for child, parent in ancestors(file, node):
        if any(_mentions(file, test, subject) for test in _tests(parent, child)):
            return True
        match parent:
            case cst.Try(body=body, handlers=handlers) | cst.TryStar(body=body, handlers=handlers) if child is body:
                if any(_catches(file, h.type, subject.errors, inside=inside) for h in handlers):
                    return True
            case cst.With(body=body) if child is body and _suppresses(parent, subject.errors):
                return True
            case cst.IndentedBlock() | cst.SimpleStatementSuite() | cst.Module() | cst.SimpleStatementLine():
                if _looked_before(file, parent, child, subject):
                    return True
        if parent is subject.within:
            inside = False
        if isinstance(parent, cst.FunctionDef):
            return False
    return False


def _tests(parent: cst.CSTNode, child: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The conditions in a parent that are decided before the child runs."""
    match parent:
        case cst.If(test=test) | cst.While(test=test) | cst.IfExp(test=test):
            if child is not test:
                yield test
        case cst.BooleanOperation(left=left, right=right):
            if child is right:
                yield left
        case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
            clause: cst.CompFor | None = parent.for_in
            while clause is not None:
                yield from (condition.test for condition in clause.ifs if child is not clause)
                clause = clause.inner_for_in
        case cst.CompFor(ifs=conditions):
            yield from (condition.test for condition in conditions if condition is not child)
        case cst.Match(subject=subject, cases=cases):
            yield subject
            earlier = cases[: next((i for i, c in enumerate(cases) if c is child), 0)]
            yield from (c.guard for c in earlier if c.guard is not None)
        case cst.MatchCase(guard=guard) if guard is not None and guard is not child:
            yield guard


def _looked_before(file: FileContext, suite: cst.CSTNode, child: cst.CSTNode, subject: Subject) -> bool:
    """Whether an earlier statement of the same suite leaves, asserts or raises when there is nothing."""
    statements = list(suite.body) if isinstance(suite, cst.SimpleStatementLine) else statements_of(suite)
    inner = child.body if isinstance(child, cst.SimpleStatementLine) else [child]
    for statement in statements:
        if any(statement is part for part in inner):
            return False
        match statement:
            case cst.If():
                if _way_out(file, statement, subject):
                    return True
            case cst.While(test=test) | cst.Assert(test=test):
                if _mentions(file, test, subject):
                    return True
            case cst.For():
                if _found_in_loop(file, statement, subject):
                    return True
            case cst.Expr(value=cst.Call() as call):
                if _helper_raises(file, call, subject):
                    return True
    return False


def _found_in_loop(file: FileContext, loop: cst.For, subject: Subject) -> bool:
    """Whether a loop looks through the list and may leave, or asks until there is something and leaves in `else`."""
    if path_of(loop.iter) in subject.keys:
        return any(isinstance(n, (cst.Return, cst.Raise)) for n in within(loop.body, functions=False))
    if loop.orelse is None or not leaves(file, loop.orelse.body):
        return False
    tests = (n.test for n in within(loop.body, functions=False) if isinstance(n, cst.If))
    return any(_mentions(file, test, subject) for test in tests)


def _way_out(file: FileContext, statement: cst.If, subject: Subject) -> bool:
    """Whether an `if` (or one of its `elif`s) on the subject leaves the suite in one of its branches."""
    branch: cst.If | cst.Else | None = statement
    mentioned = False
    while branch is not None:
        if isinstance(branch, cst.Else):
            return mentioned and leaves(file, branch.body)
        mentioned = mentioned or _mentions(file, branch.test, subject)
        if mentioned and leaves(file, branch.body):
            return True
        branch = branch.orelse
    return False


def _mentions(file: FileContext, test: cst.CSTNode, subject: Subject, depth: int = 0) -> bool:
    """Whether a test looks at the subject: the list as a whole, or its holder passed to a function that may."""
    for node in within(test):
        path = path_of(node)
        if path in subject.keys and not _indexed(file, node):
            return True
        if isinstance(node, cst.Call) and path_of(node.func) not in NOT_LOOKING and _passes(node, subject):
            return True
        if isinstance(node, cst.Name) and depth < 2 and path not in subject.keys and node in file.tree.places:
            bindings = [b for b in bindings_of(file, node) if b.how == "assign" and b.value is not None]
            if any(_mentions(file, b.value, subject, depth + 1) for b in bindings if b.value is not None):
                return True
            if depth == 0 and any(_is_flag(file, b.node, subject) for b in bindings):
                return True
    return False


def _is_flag(file: FileContext, target: cst.CSTNode, subject: Subject) -> bool:
    """Whether a name is set where a test on the subject decides: `if not chunk.choices: empty = True`."""
    for child, parent in ancestors(file, target):
        if isinstance(parent, cst.If) and child is not parent.test:
            return _mentions(file, parent.test, subject, 1)
        if isinstance(parent, (cst.For, cst.While, cst.FunctionDef)):
            return False
    return False


def _passes(call: cst.Call, subject: Subject) -> bool:
    """Whether a call is told the holder: `is_empty(chunk)`, or is one of its own methods, `chunk.model_dump()`."""
    if isinstance(call.func, cst.Attribute) and path_of(call.func.value) == subject.holder != "":
        return True
    return any(path_of(a.value) == subject.holder for a in call.args)


def _indexed(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a mention of the list is itself only a use of one element; a slice of nothing is nothing."""
    parent = file.parent(node)
    if not isinstance(parent, cst.Subscript) or parent.value is not node:
        return False
    return not any(isinstance(element.slice, cst.Slice) for element in parent.slice)


def _catches(file: FileContext, types: cst.BaseExpression | None, errors: frozenset[str], *, inside: bool) -> bool:
    names = {name.rpartition(".")[2] for name in named_errors(file, types)}
    return bool(names & errors or (inside and names & ALL_ERRORS))


def named_errors(file: FileContext, types: cst.BaseExpression | None) -> list[str]:
    """What an `except` clause names, as dotted text, also through a name: `ERRORS = (ValueError, TypeError)`."""
    return caught_names(file, source_of(file, types) if isinstance(types, cst.Name) else types)


def _suppresses(node: cst.With, errors: frozenset[str]) -> bool:
    for item in node.items:
        match item.item:
            case cst.Call(func=func, args=arguments) if path_of(func) in ("suppress", "contextlib.suppress"):
                names = {path_of(a.value) for a in arguments}
                if names & (errors | ALL_ERRORS):
                    return True
    return False


def _helper_raises(file: FileContext, call: cst.Call, subject: Subject) -> bool:
    """Whether a statement hands the subject to a function of this file that may raise: `ensure_choices(chunk)`."""
    paths = {path_of(a.value) for a in call.args}
    if not paths & {*subject.keys, subject.holder}:
        return False
    kind = file.kind(call.func).kind
    return isinstance(kind, Function) and any(isinstance(n, cst.Raise) for n in within(kind.node))


def caught_by_callers(file: FileContext, node: cst.CSTNode, errors: frozenset[str]) -> bool:
    """Whether each call in this file of the function around a node stands in a `try` that takes such an error."""
    function = function_of(file, node)
    if not isinstance(function, cst.FunctionDef):
        return False
    calls = [c for c in file.inference.index.calls(function.name.value) if _calls(file, c, function)]
    return bool(calls) and all(_is_tried(file, call, errors) for call in calls)


def _calls(file: FileContext, call: cst.Call, function: cst.FunctionDef) -> bool:
    kind = file.kind(call.func).kind
    return isinstance(kind, Function) and kind.node is function


def _is_tried(file: FileContext, call: cst.Call, errors: frozenset[str]) -> bool:
    for child, parent in ancestors(file, call):
        if isinstance(parent, cst.Try) and child is parent.body:
            if any(_catches(file, h.type, errors, inside=True) for h in parent.handlers):
                return True
        if isinstance(parent, (cst.FunctionDef, cst.Lambda)):
            return False
    return False


def sifted(file: FileContext, stream: cst.BaseExpression, ending: str) -> bool:
    """Whether a filter, a comprehension or a generator that looks at `….choices` gives what a loop goes through."""
    match source_of(file, stream):
        case cst.GeneratorExp() | cst.ListComp() as made:
            return _speaks_of(made, ending)
        case cst.Call(func=func, args=[first, _, *_]) if path_of(func).rpartition(".")[2] in SIEVES:
            return _speaks_of(first, ending) or _looks_inside(file, first.value, ending)
        case cst.Call(func=func):
            return _looks_inside(file, func, ending)
    return False


def _looks_inside(file: FileContext, func: cst.BaseExpression, ending: str) -> bool:
    kind = file.kind(func).kind
    return isinstance(kind, Function) and _speaks_of(kind.node, ending)


def _speaks_of(node: cst.CSTNode, ending: str) -> bool:
    return any(path_of(n).endswith(ending) for n in within(node))
