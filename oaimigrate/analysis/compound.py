"""The walk through compound statements, functions, classes and comprehensions: what makes blocks, places and scopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from oaimigrate.analysis.scopes import Block, Place, Scope

if TYPE_CHECKING:
    from oaimigrate.analysis.walk import Walker


def for_(walker: Walker, node: cst.For, scope: Scope, place: Place) -> None:
    walker.order += 1
    inside = Block(node, "for", place)
    head = Place(inside, walker.order, node.target)
    walker.later(
        walker.node(node.iter, node, scope, place),
        (walker.target, (node.target, node, "for", node.iter, (), scope, head, node.asynchronous is not None)),
        (loop_body, (walker, node.body, node, scope, inside)),
        *orelse(walker, node, scope, place),
    )


def loop_body(walker: Walker, body: Any, owner: cst.CSTNode, scope: Scope, block: Block) -> None:
    walker.tree.parents[body] = owner
    walker.tree.scopes[body] = scope
    if isinstance(body, cst.SimpleStatementSuite):
        walker.later(*((walker.small, (small, body, scope, block)) for small in body.body))
    else:
        walker.statements(body.body, body, scope, block)


def orelse(walker: Walker, node: Any, scope: Scope, place: Place, role: str = "orelse") -> list[Any]:
    other = node.orelse
    if other is None:
        return []
    walker.tree.parents[other] = node
    if isinstance(other, cst.If):  # elif: an `if` that stands alone in the else block
        walker.order += 1
        inner = Place(Block(node, role, place), walker.order, other)
        return [(walker.visit, (other, node, scope, inner))]
    return [(walker.suite, (other.body, other, role, scope, place))]


def while_(walker: Walker, node: cst.While, scope: Scope, place: Place) -> None:
    walker.later(
        walker.node(node.test, node, scope, place),
        (walker.suite, (node.body, node, "while", scope, place)),
        *orelse(walker, node, scope, place),
    )


def if_(walker: Walker, node: cst.If, scope: Scope, place: Place) -> None:
    walker.later(
        walker.node(node.test, node, scope, place),
        (walker.suite, (node.body, node, "body", scope, place)),
        *orelse(walker, node, scope, place),
    )


def try_(walker: Walker, node: Any, scope: Scope, place: Place) -> None:
    steps: list[Any] = [(walker.suite, (node.body, node, "body", scope, place))]
    for handler in node.handlers:
        walker.tree.parents[handler] = node
        walker.tree.scopes[handler] = scope
        walker.tree.places[handler] = place
        walker.tree.nodes.setdefault(type(handler), []).append(handler)
        steps.append((except_, (walker, handler, scope, place)))
    steps += orelse(walker, node, scope, place)
    if node.finalbody is not None:
        walker.tree.parents[node.finalbody] = node
        steps.append((walker.suite, (node.finalbody.body, node.finalbody, "finally", scope, place)))
    walker.later(*steps)


def except_(walker: Walker, handler: Any, scope: Scope, place: Place) -> None:
    block = Block(handler, "handler", place)
    walker.order += 1
    steps = [walker.node(handler.type, handler, scope, place)]
    if handler.name is not None:
        walker.tree.parents[handler.name] = handler
        head = Place(block, walker.order, handler.name)
        steps.append((walker.target, (handler.name.name, handler.name, "except", handler.type, (), scope, head)))
    steps.append((loop_body, (walker, handler.body, handler, scope, block)))
    walker.later(*steps)


def with_(walker: Walker, node: cst.With, scope: Scope, place: Place) -> None:
    walker.order += 1
    inside = Block(node, "with", place)
    steps: list[Any] = []
    for item in node.items:
        walker.tree.parents[item] = node
        steps.append(walker.node(item.item, item, scope, place))
        if item.asname is not None:
            walker.tree.parents[item.asname] = item
            head = Place(inside, walker.order, item.asname.name)
            arguments = (item.asname.name, item.asname, "with", item.item, (), scope, head)
            steps.append((walker.target, (*arguments, node.asynchronous is not None)))
    walker.later(*steps, (loop_body, (walker, node.body, node, scope, inside)))


def match(walker: Walker, node: cst.Match, scope: Scope, place: Place) -> None:
    steps = [walker.node(node.subject, node, scope, place)]
    for case in node.cases:
        walker.tree.parents[case] = node
        steps.append((case_, (walker, case, scope, place)))
    walker.later(*steps)


def case_(walker: Walker, case: cst.MatchCase, scope: Scope, place: Place) -> None:
    block = Block(case, "case", place)
    walker.order += 1
    head = Place(block, walker.order, case.pattern)
    walker.later(
        walker.node(case.pattern, case, scope, head),
        walker.node(case.guard, case, scope, head),
        (loop_body, (walker, case.body, case, scope, block)),
    )


def pattern(walker: Walker, node: Any, scope: Scope, place: Place) -> None:
    name = node.rest if isinstance(node, cst.MatchMapping) else node.name
    if isinstance(name, cst.Name):
        walker.bind(name.value, "opaque", node, scope, place)
    walker.children(node, scope, place)


def function(walker: Walker, node: cst.FunctionDef, scope: Scope, place: Place) -> None:
    inner = Scope("function", node, scope, place)
    walker.tree.scope_of_node[node] = inner
    steps: list[Any] = []
    for decorator in node.decorators:
        steps.append(walker.node(decorator, node, scope, place))
    steps += parameters(walker, node.params, inner, scope, place)
    if node.returns is not None:
        steps.append(walker.node(node.returns, node, scope, place))
    steps.append((lambda: walker.bind(node.name.value, "function", node, scope, place), ()))
    steps.append((walker.suite, (node.body, node, "body", inner, None)))
    walker.later(*steps)


def parameters(walker: Walker, parameters: cst.Parameters, inner: Scope, outer: Scope, place: Place) -> list[Any]:
    tree = walker.tree
    tree.parents[parameters] = inner.node
    steps: list[Any] = []
    every: list[Any] = [*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]
    every += [p for p in (parameters.star_arg, parameters.star_kwarg) if isinstance(p, cst.Param)]
    for parameter in every:
        tree.parents[parameter] = parameters
        steps.append(walker.node(parameter.default, parameter, outer, place))
        if parameter.annotation is not None:
            steps.append(walker.node(parameter.annotation, parameter, outer, place))
        walker.bind(parameter.name.value, "param", parameter, inner, None, value=parameter.default)
    for bindings in inner.names.values():
        walker.order += 1
        bindings[0].place = Place(Block(None, "parameters", None), walker.order, bindings[0].node)
    return steps


def lambda_(walker: Walker, node: cst.Lambda, scope: Scope, place: Place) -> None:
    inner = Scope("lambda", node, scope, place)
    walker.tree.scope_of_node[node] = inner
    steps = parameters(walker, node.params, inner, scope, place)
    body = Place(Block(None, "body", None), walker.order, node.body)
    walker.later(*steps, walker.node(node.body, node, inner, body))


def class_(walker: Walker, node: cst.ClassDef, scope: Scope, place: Place) -> None:
    inner = Scope("class", node, scope, place)
    walker.tree.scope_of_node[node] = inner
    steps: list[Any] = [walker.node(d, node, scope, place) for d in node.decorators]
    steps += [walker.node(a, node, scope, place) for a in (*node.bases, *node.keywords)]
    steps.append((lambda: walker.bind(node.name.value, "class", node, scope, place), ()))
    steps.append((walker.suite, (node.body, node, "body", inner, None)))
    walker.later(*steps)


def comprehension(walker: Walker, node: Any, scope: Scope, place: Place) -> None:
    inner = Scope("comprehension", node, scope, place)
    walker.tree.scope_of_node[node] = inner
    steps: list[Any] = []
    clause, parent = node.for_in, node
    first = True
    while clause is not None:
        walker.tree.parents[clause] = parent
        walker.tree.nodes.setdefault(cst.CompFor, []).append(clause)
        steps.append(walker.node(clause.iter, clause, scope if first else inner, place))
        arguments = (clause.target, clause, "for", clause.iter, (), inner, place)
        steps.append((walker.target, (*arguments, clause.asynchronous is not None)))
        steps += [walker.node(condition, clause, inner, place) for condition in clause.ifs]
        clause, parent, first = clause.inner_for_in, clause, False
    parts = [node.key, node.value] if isinstance(node, cst.DictComp) else [node.elt]
    walker.later(*steps, *(walker.node(part, node, inner, place) for part in parts))


HANDLERS: dict[type, Callable[[Walker, Any, Scope, Place], None]] = {
    cst.FunctionDef: function,
    cst.Lambda: lambda_,
    cst.ClassDef: class_,
    cst.For: for_,
    cst.While: while_,
    cst.If: if_,
    cst.Try: try_,
    cst.TryStar: try_,
    cst.With: with_,
    cst.Match: match,
    cst.MatchAs: pattern,
    cst.MatchStar: pattern,
    cst.MatchMapping: pattern,
    cst.ListComp: comprehension,
    cst.SetComp: comprehension,
    cst.GeneratorExp: comprehension,
    cst.DictComp: comprehension,
}
