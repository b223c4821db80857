"""Functions of the project: what their parameters are given, and what calling them gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import arrivals, carriers, overrides, special, typehints
from oaimigrate.analysis.kinds import (
    NEUTRAL,
    SILENT,
    Awaitable,
    ClassOf,
    Client,
    Doubt,
    ErrorOf,
    Function,
    InstanceOf,
    Nothing,
    Plain,
    StreamOf,
    Symbol,
    Value,
    join,
    matters,
)  # fmt: skip
from oaimigrate.analysis.scopes import Binding, Scope
from oaimigrate.analysis.steps import known

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference


def parameter(inference: Inference, binding: Binding) -> Value:
    node, scope = binding.node, binding.scope
    assert isinstance(node, cst.Param)
    owner = scope.parent
    if scope.kind == "function" and owner is not None and owner.kind == "class":
        assert isinstance(scope.node, cst.FunctionDef)
        assert isinstance(owner.node, cst.ClassDef)
        parameters = [*scope.node.params.posonly_params, *scope.node.params.params]
        if parameters and parameters[0] is node and not static(inference, scope.node):
            return receiver(inference, scope.node, owner.node)
    if node.annotation is not None:
        value = typehints.annotated(inference, node.annotation.annotation)
        if known(value.kind):
            return value
    if isinstance(scope.node, cst.Lambda):
        return carriers.lambda_parameter(inference, scope.node, node)
    values: list[Value] = []
    if isinstance(scope.node, cst.FunctionDef):
        shown = given(inference, scope.node, node)
        values += (inference.kind(value) if value is not None else SILENT for value in shown)
        values += items(inference, scope.node, node)
        values += (value for _, value in arrivals.received(inference, scope.node, node))
        values += (home.binding(b) for home, b in overrides.filled_parameters(inference, scope.node, node))
    if isinstance(node.default, cst.BaseExpression):
        values.append(inference.kind(node.default))
    if len({v.kind for v in values if isinstance(v.kind, ClassOf)}) > 1:
        return SILENT  # each caller gets back an object of its own, as from `make(cls, data)`
    value = join(values, Doubt(f"a caller passes something else for `{node.name.value}`", node))
    if not known(value.kind) or isinstance(value.kind, (Plain, Nothing)):
        return SILENT if isinstance(value.kind, Plain) else value
    if isinstance(value.kind, Client):
        return value  # who calls from elsewhere passes another client, not another kind of thing
    if private(scope):
        return value
    return value.doubted(Doubt(f"callers outside this file may pass something else for `{node.name.value}`", node))


def private(scope: Scope | None) -> bool:
    """Whether a function is none that other projects call: its name says so, or that of its class, or it is local."""
    while scope is not None and scope.kind != "module":
        name = scope.node.name.value if isinstance(scope.node, (cst.FunctionDef, cst.ClassDef)) else "_"
        outer = scope.parent
        if (name.startswith("_") and not name.endswith("__")) or (outer is not None and outer.kind == "function"):
            return True
        scope = outer
    return False


def static(inference: Inference, function: cst.FunctionDef) -> bool:
    return any(inference.decorator_path(d) == "staticmethod" for d in function.decorators)


def receiver(inference: Inference, function: cst.FunctionDef, owner: cst.ClassDef) -> Value:
    decorators = {inference.decorator_path(d) for d in function.decorators}
    return Value(ClassOf(owner) if "classmethod" in decorators else InstanceOf(owner))


def given(inference: Inference, function: cst.FunctionDef, parameter: cst.Param) -> Iterator[cst.BaseExpression | None]:
    """What the calls that this file shows pass for a parameter, made here or by an executor that takes the function.

    None stands for what a star may pass.
    """
    name = function.name.value
    owner = inference.tree.scopes[function]
    if name == "__init__" and isinstance(owner.node, cst.ClassDef):
        name = owner.node.name.value
    for call in inference.index.calls(name):
        match inference.kind(call.func).kind:
            case Function(node=target, bound=bound) if target is function:
                yield from argument(call.args, function, parameter, 1 if bound else 0)
            case ClassOf(node=target) if target is owner.node:
                yield from argument(call.args, function, parameter, 1)
    for use, arguments in inference.index.given if name == "__call__" else ():
        called = special.method(inference, inference.kind(use), name)
        if called is not None and isinstance(called.kind, Function) and called.kind.node is function:
            yield from argument(arguments, function, parameter, 1)
    for use, arguments in inference.index.handed(name):
        match inference.kind(use).kind:
            case Function(node=target, bound=bound) if target is function:
                yield from argument(arguments, function, parameter, 1 if bound else 0)


def items(inference: Inference, function: cst.FunctionDef, parameter: cst.Param) -> Iterator[Value]:
    """What a parameter is given by `map(function, xs)` and the like: an item of the iterable in its place."""
    for use, iterables in inference.index.mapped(function.name.value):
        match inference.kind(use).kind:
            case Function(node=target, bound=bound) if target is function:
                for found in argument(iterables, function, parameter, 1 if bound else 0):
                    yield inference.iterated(inference.kind(found)) if found is not None else SILENT


def argument(
    arguments: Sequence[cst.Arg], function: cst.FunctionDef, parameter: cst.Param, skip: int
) -> Iterator[cst.BaseExpression | None]:
    position = 0
    parameters = [*function.params.posonly_params, *function.params.params][skip:]
    for argument in arguments:
        if argument.star:
            yield None
            return
        if argument.keyword is not None:
            if argument.keyword.value == parameter.name.value:
                yield argument.value
        else:
            if position < len(parameters) and parameters[position] is parameter:
                yield argument.value
            position += 1


def answer(inference: Inference, home: Inference, function: cst.FunctionDef, call: cst.Call | None) -> Value:
    """What a call of a function gives.

    A method that a class inherits and that calls an abstract one calls what this class fills in.
    What other files pass to it counts where this call passes something of the SDK, too: a helper that hands back what
    it is given does not make a response of everything.
    """
    if call is not None and not overrides.apply(inference, home, function, call):
        return home.unfilled.returned(function)
    if not home.arrived or not any(name in home.arrived for name, _ in arrivals.names(home, function)):
        return home.returned(function)
    kinds = [inference.kind(a.value).kind for a in call.args] if call is not None else []
    concerned = any(matters(k) or isinstance(k, (Symbol, ErrorOf)) for k in kinds)
    return (home if concerned else home.alone).returned(function)


def returned(inference: Inference, function: cst.FunctionDef) -> Value:
    exits = inference.index.exits(inference.tree.scope_of_node[function])
    yields = [e for e in exits if isinstance(e, cst.Yield)]
    asynchronous = function.asynchronous is not None
    if yields:
        value = join(yielded(inference, y) for y in yields)
        value = value.of(StreamOf(value.kind, asynchronous)) if known(value.kind) else SILENT
    else:
        doubt = Doubt(f"`{function.name.value}` also returns something else", function.name)
        value = join(
            (inference.kind(e.value) if isinstance(e.value, cst.BaseExpression) else NEUTRAL for e in exits), doubt
        )
        if not exits and overrides.is_open(inference, function):
            filled = overrides.filled(inference, function)
            if known(filled.kind):
                return filled
        if not known(value.kind) and function.returns is not None:
            annotated = typehints.annotated(inference, function.returns.annotation)
            value = annotated if known(annotated.kind) else value
        if asynchronous:
            value = value.of(Awaitable(value.kind)) if known(value.kind) else value
    for decorator in function.decorators:
        value = carriers.decorated(inference, decorator, value)
    return value


def yielded(inference: Inference, node: cst.Yield) -> Value:
    if isinstance(node.value, cst.From):
        return inference.iterated(inference.kind(node.value.item))
    return inference.kind(node.value) if node.value is not None else NEUTRAL
