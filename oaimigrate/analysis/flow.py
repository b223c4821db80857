"""Small questions about syntax and control flow that several rules ask: what is inside a node, which bindings reach a
name, where a suite ends, which exceptions a clause takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import libcst as cst

from oaimigrate.analysis.kinds import External
from oaimigrate.analysis.scopes import Binding, reaching, statements_of
from oaimigrate.analysis.walk import NO_NODES, dotted, slots

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

FUNCTIONS = (cst.FunctionDef, cst.Lambda, cst.ClassDef)
EXITS = (cst.Return, cst.Raise, cst.Continue, cst.Break)
ENDING_CALLS = frozenset({"exit", "quit", "sys.exit", "os._exit", "pytest.skip", "pytest.fail"})


def within(node: cst.CSTNode, *, functions: bool = True) -> Iterator[cst.CSTNode]:
    """A node and everything inside it; with `functions=False` not the bodies of functions and classes in it."""
    stack: list[Any] = [node]
    while stack:
        current = stack.pop()
        kind = type(current)
        if kind in NO_NODES:
            continue
        yield current
        if not functions and current is not node and kind in FUNCTIONS:
            continue
        for name in slots(kind):
            value = getattr(current, name)
            if type(value) in (list, tuple):
                stack.extend(reversed(value))
            else:
                stack.append(value)


def ancestors(file: FileContext, node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """Pairs (child, parent) from a node up to the module."""
    child, parent = node, file.parent(node)
    while parent is not None:
        yield child, parent
        child, parent = parent, file.parent(parent)


def function_of(file: FileContext, node: cst.CSTNode) -> cst.FunctionDef | cst.Lambda | None:
    """The function in whose body a node runs; comprehensions belong to the function around them."""
    parents = file.tree.parents
    child, parent = node, parents.get(node)
    while parent is not None:
        if type(parent) in (cst.FunctionDef, cst.Lambda) and child is parent.body:  # type: ignore[attr-defined]
            return parent  # type: ignore[return-value]
        child, parent = parent, parents.get(parent)
    return None


def by_hand(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a line stands at the top of a notebook's cell: who runs it reads its traceback."""
    return file.source.virtual and function_of(file, node) is None


def bindings_of(file: FileContext, node: cst.Name) -> list[Binding]:
    """The bindings that may supply the value of a name where it is used."""
    scope = file.scope(node)
    owner = scope.owner_of(node.value)
    if owner is None:
        return []
    inner = scope
    while inner is not owner and inner.kind == "comprehension" and inner.parent is not None:
        inner = inner.parent
    bindings = owner.names[node.value]
    if inner is not owner:
        return bindings
    return reaching(bindings, file.tree.places[node], file.tree.orders[node])


def source_of(file: FileContext, node: cst.BaseExpression) -> cst.BaseExpression:
    """The expression behind a name that is assigned once, through `await` and other such names."""
    for _ in range(8):
        match node:
            case cst.Await(expression=inner):
                node = inner
            case cst.Name():
                bindings = bindings_of(file, node)
                if len(bindings) != 1 or bindings[0].how not in ("assign", "with") or bindings[0].path:
                    return node
                if bindings[0].value is None:
                    return node
                node = bindings[0].value
            case _:
                return node
    return node


def written_out(file: FileContext, node: cst.BaseExpression) -> cst.BaseExpression:
    """The list or text behind a name that nothing changes: `messages = […]`, then `create(messages=messages)`."""
    source = source_of(file, node)
    if source is node or not isinstance(node, cst.Name):
        return source
    owner = file.scope(node).owner_of(node.value)
    for use in file.nodes(cst.Name):
        if use.value != node.value or use not in file.tree.places or file.scope(use).owner_of(use.value) is not owner:
            continue
        parent = file.parent(use)
        if not isinstance(parent, cst.AssignTarget) and not (isinstance(parent, cst.Arg) and parent.keyword):
            return node  # it may be added to; requests take it by keyword
    return source


def uses_of(file: FileContext, node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """An expression itself, or the uses of the name it is assigned to where they can mean nothing else."""
    parent = file.parent(node)
    match parent:
        case cst.Assign(targets=[cst.AssignTarget(target=target)]) | cst.AnnAssign(target=target):
            pass
        case cst.Assign():
            return []
        case _:
            return [node]
    if not isinstance(target, cst.Name):
        return []
    names = [n for n in file.nodes(cst.Name) if n.value == target.value and n is not target and n in file.tree.places]
    return [n for n in names if [b.value for b in bindings_of(file, n)] == [node]]


def leaves(file: FileContext, suite: cst.CSTNode) -> bool:
    """Whether a suite never runs on into the code behind its statement."""
    statements = statements_of(suite)
    return bool(statements) and _leaves(file, statements[-1])


def _leaves(file: FileContext, last: cst.CSTNode) -> bool:
    match last:
        case cst.Return() | cst.Raise() | cst.Continue() | cst.Break():
            return True
        case cst.Expr(value=cst.Call(func=func)):
            return dotted(func) in ENDING_CALLS
        case cst.If(body=body, orelse=cst.Else(body=other)):
            return leaves(file, body) and leaves(file, other)
        case cst.If(body=body, orelse=cst.If() as other):
            return leaves(file, body) and _leaves(file, other)
        case cst.With(body=body):
            return leaves(file, body)
    return False


def caught_names(file: FileContext, types: cst.BaseExpression | None) -> list[str]:
    """What an `except` clause or `suppress(...)` names, as dotted text; `BaseException` for a bare clause."""
    if types is None:
        return ["BaseException"]
    parts = [e.value for e in types.elements] if isinstance(types, cst.Tuple) else [types]
    return [dotted(p) or "" for p in parts]


def is_external(file: FileContext, node: cst.CSTNode, *paths: str) -> bool:
    """Whether an expression is something imported from another package under one of these dotted paths."""
    kind = file.kind(node).kind
    return isinstance(kind, External) and kind.path in paths
