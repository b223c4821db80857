"""The asynchronous twin of a variable that holds a resource class of 0.28.

There, one class had `create` and `acreate`; today these are methods of two clients. A variable that serves both keeps
the synchronous resource, and a variable beside it, assigned on the line below, gets the asynchronous one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import Symbol
from oaimigrate.analysis.requests import Reference, spelled
from oaimigrate.analysis.scopes import Binding
from oaimigrate.diagnostics import Edit
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


@dataclass(frozen=True, slots=True)
class Twin:
    """How the new variable is written, and the assignments that it stands below."""

    name: str
    assignments: tuple[cst.Assign, ...]


def same(file: FileContext, first: cst.BaseExpression, second: cst.BaseExpression) -> bool:
    """Whether two expressions are one variable: a name of one scope, or an attribute of `self` in one class."""
    bindings = _bindings(file, first)
    return bool(bindings) and bindings == _bindings(file, second)


def closed(file: FileContext, variable: cst.BaseExpression) -> bool:
    """Whether nothing is done with a variable but to assign it and to call methods of what it holds."""
    bindings = _bindings(file, variable)
    if any(binding.how != "assign" for binding in bindings):
        return False  # a parameter, say, whose value comes from elsewhere
    own = [n for n in file.nodes(type(variable)) if _spells(n, variable) and _bindings(file, n) == bindings]
    parents = [file.parent(n) for n in own]
    return bool(own) and all(isinstance(p, (cst.AssignTarget, cst.Attribute)) for p in parents)


def assigned(file: FileContext, node: cst.CSTNode) -> cst.BaseExpression | None:
    """The variable that a node is assigned to, alone or in a conditional expression."""
    statement = file.statement(node)
    if isinstance(statement, cst.Assign) and node in resource_classes(file, statement.value):
        return statement.targets[0].target
    return None


def twin(file: FileContext, variable: cst.BaseExpression) -> Twin | None:
    """The twin of a variable, None where one of its assignments could not be written a second time."""
    assignments = [_assignment(file, binding) for binding in _bindings(file, variable)]
    seen = [a for a in assignments if a is not None]
    if not seen or len(seen) < len(assignments) or not closed(file, variable):
        return None
    base, dot, name = file.code(variable).rpartition(".")
    used = {n.value for n in file.nodes(cst.Name)} | {file.plan.sync_name, file.plan.async_name}
    fresh = next((n for n in (f"async_{name}", f"{name}_async", f"async_{name}_api") if n not in used), None)
    return Twin(f"{base}{dot}{fresh}", tuple(seen)) if fresh is not None else None


def resources(file: FileContext, made: Twin) -> list[tuple[Reference, str]]:
    """The classes that the assignments spell, each with its name in 0.28."""
    return [pair for a in made.assignments for pair in resource_classes(file, a.value).items()]


def held(file: FileContext, variable: cst.BaseExpression) -> list[tuple[Reference, str]]:
    """The classes that are assigned to a variable, each with its name in 0.28."""
    values = [b.value for b in _bindings(file, variable) if b.value is not None]
    return [pair for value in values for pair in resource_classes(file, value).items()]


def lines(file: FileContext, made: Twin, new: Mapping[str, str]) -> list[Edit]:
    """The assignments of a twin; `new` has what takes the place of each class, by its name in 0.28."""
    edits = []
    for statement in made.assignments:
        span, value = file.span(statement), file.whole(statement.value)
        text, at = "", value.start
        for node, resource in resource_classes(file, statement.value).items():
            old = file.span(node)
            text, at = f"{text}{file.text[at : old.start]}{new[resource]}", old.end
        text += file.text[at : value.end]
        start, end = file.source.line_bounds(file.source.position(span.start)[0])
        _, end = file.source.line_bounds(file.source.position(span.end)[0])
        indent = file.text[start : span.start]
        edits.append(build.insert(end, f"{file.source.newline}{indent}{made.name} = {text}"))
    return edits


def resource_classes(file: FileContext, value: cst.BaseExpression) -> dict[Reference, str]:
    """The resource classes that an assigned value spells, in source order; none if it may be anything else."""
    if isinstance(value, cst.IfExp) and isinstance(value.test, (cst.Name, cst.Attribute, cst.UnaryOperation)):
        first, second = resource_classes(file, value.body), resource_classes(file, value.orelse)
        return {**first, **second} if first and second else {}
    kind = file.kind(value).kind
    if isinstance(kind, Symbol) and kind.path in file.api.resources and isinstance(value, Reference):
        return {value: kind.path} if spelled(file, value) else {}
    return {}


def _assignment(file: FileContext, binding: Binding) -> cst.Assign | None:
    """The statement of a binding, if it stands alone on its line and gives nothing but resource classes."""
    if binding.how != "assign" or binding.path or binding.remote or binding.value is None:
        return None
    statement, line = file.parent(binding.value), file.line_of(binding.value)
    if not isinstance(statement, cst.Assign) or len(statement.targets) > 1 or line is None or len(line.body) > 1:
        return None
    return statement if resource_classes(file, statement.value) else None


def _spells(node: cst.BaseExpression, variable: cst.BaseExpression) -> bool:
    match node, variable:
        case cst.Name(value=first), cst.Name(value=second):
            return first == second
        case cst.Attribute(attr=cst.Name(value=first)), cst.Attribute(attr=cst.Name(value=second)):
            return first == second
    return False


def _bindings(file: FileContext, variable: cst.BaseExpression) -> list[Binding]:
    match variable:
        case cst.Name(value=name):
            owner = file.scope(variable).owner_of(name)
            return owner.names[name] if owner is not None else []
        case cst.Attribute(value=cst.Name(value="self"), attr=cst.Name(value=name)):
            function = file.scope(variable).function
            owner = function.parent if function is not None else None
            if owner is not None and owner.kind == "class" and name not in owner.names:
                return file.tree.attributes.get(owner, {}).get(name, [])
    return []
