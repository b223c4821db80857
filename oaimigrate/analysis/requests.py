"""The 0.28 requests of a file: every place that spells a method or class of a resource, and what its call passes.

A `Request` is found by kind, not by name: `openai.ChatCompletion.create`, `ai.Completion.acreate`, `Embedding.create`
after a from-import, `self.openai.Image.create`. What is reached through a variable that holds a resource is an
"indirect" request: its callee stays as written and only the method name and the arguments change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.api import Method
from oaimigrate.analysis.kinds import OneOf, Symbol
from oaimigrate.analysis.scopes import Scope

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

Reference = cst.Name | cst.Attribute | cst.Call | cst.Subscript


@dataclass(frozen=True, slots=True)
class Request:
    """One reference to a 0.28 resource method; `call` is the call it is made in, None for one kept as a value."""

    node: Reference
    method: Method
    asynchronous: bool
    call: cst.Call | None
    module: cst.BaseExpression | None  # the expression that is the `openai` module, None after a from-import
    indirect: bool
    scope: Scope
    others: tuple[Method, ...] = ()  # further methods it may be, where a flag chose the class

    @property
    def convertible(self) -> bool:
        return bool(self.method.new)

    @property
    def at_import(self) -> bool:
        """Whether the request runs when the module is imported."""
        return self.scope.function is None and self.call is not None


def find(file: FileContext) -> list[Request]:
    """Every reference to a 0.28 resource method, in source order."""
    return [r for node in file.nodes(cst.Attribute) if (r := request_at(file, node)) is not None]


def request_at(file: FileContext, node: cst.Attribute) -> Request | None:
    """The request that an attribute access makes, if it names a method of a 0.28 resource class."""
    if node.attr.value not in file.api.method_names:
        return None
    base = file.kind(node.value).kind
    bases = base.kinds if isinstance(base, OneOf) else (base,)
    rows = [
        file.api.methods.get(f"{b.path}.{node.attr.value}")
        if isinstance(b, Symbol) and b.path in file.api.resources
        else None
        for b in bases
    ]
    if rows[0] is None or any(r is None for r in rows) or file.in_legacy_branch(node):
        return None
    method, asynchronous = rows[0]
    others = tuple(r[0] for r in rows[1:] if r is not None)
    if others:
        method = _merged(method, others)
    parent = file.parent(node)
    call = parent if isinstance(parent, cst.Call) and parent.func is node else None
    indirect = not spelled(file, node.value)
    return Request(node, method, asynchronous, call, module_of(file, node), indirect, file.scope(node), others)


def _merged(method: Method, others: tuple[Method, ...]) -> Method:
    """A method that may be several: it takes what any of them takes and requires what all of them require."""
    params = {m: frozenset().union(*(o.params.get(m, frozenset()) for o in (method, *others))) for m in method.params}
    required = tuple(r for r in method.required if all(r in o.required for o in others))
    return method._replace(params=params, required=required)


def spelled(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether an expression spells out a name of the SDK, rather than a variable that holds one."""
    match node:
        case cst.Attribute(value=base):
            return isinstance(file.kind(base).kind, Symbol)
        case cst.Name(value=name):
            owner = file.scope(node).owner_of(name)
            return owner is None or all(b.how == "import" for b in owner.names[name])
        case cst.Call() | cst.Subscript():
            return looked_up(file, node)
    return False


def looked_up(file: FileContext, node: cst.Call | cst.Subscript) -> bool:
    """`getattr(openai, "ChatCompletion")`, `vars(openai)["ChatCompletion"]`, `openai.__dict__["ChatCompletion"]`."""
    if isinstance(node, cst.Subscript):
        return file.kind(node.value).kind == Symbol("__dict__")
    match node:
        case cst.Call(func=cst.Name(value="getattr"), args=[first, _, *_]):
            return file.kind(first.value).kind == Symbol("")
    return False


def module_of(file: FileContext, node: cst.CSTNode) -> cst.BaseExpression | None:
    """The part of `openai.A.b` that is the module itself."""
    while isinstance(node, cst.Attribute):
        node = node.value
        if file.kind(node).kind == Symbol(""):
            return node if isinstance(node, (cst.Name, cst.Attribute)) else None
    if isinstance(node, cst.Call) and node.args:  # getattr(openai, "ChatCompletion"), vars(openai)
        inner = node.args[0].value
        named = isinstance(inner, (cst.Name, cst.Attribute)) and file.kind(inner).kind == Symbol("")
        return inner if named else None
    return module_of(file, node.value) if isinstance(node, cst.Subscript) else None


def expanded(file: FileContext, call: cst.Call) -> tuple[list[cst.SimpleString | cst.Name], bool]:
    """The keys behind the `**` arguments of a call, as far as they are spelled, and whether those are all of them."""
    keys: list[cst.SimpleString | cst.Name] = []
    whole = True
    for argument in call.args:
        if argument.star == "**":
            found = _keys(file, argument.value)
            if found is None and isinstance(argument.value, cst.Name):
                owner = file.scope(argument.value).owner_of(argument.value.value)
                seen = _added(file, argument.value.value, owner, strict=False) if owner is not None else None
                found, whole = [*(seen or [])], False
            whole = whole and found is not None
            keys += found or []
    return keys, whole


def _keys(file: FileContext, value: cst.BaseExpression) -> list[cst.SimpleString | cst.Name] | None:
    """The keys of one dict that is unpacked into a call; None if some cannot be seen."""
    keys: list[cst.SimpleString | cst.Name] = []
    if isinstance(value, cst.Name):
        owner = file.scope(value).owner_of(value.value)
        bindings = owner.names[value.value] if owner is not None else []
        if len(bindings) != 1 or bindings[0].value is None or bindings[0].path or owner is None:
            return None
        if bindings[0].how == "param":
            return None
        added = _added(file, value.value, owner)
        if added is None:
            return None
        keys += added
        value = bindings[0].value
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == "dict":
        if any(a.keyword is None for a in value.args) or file.scope(value.func).owner_of("dict") is not None:
            return None
        return [*keys, *(a.keyword for a in value.args if a.keyword is not None)]
    if not isinstance(value, cst.Dict):
        return None
    for element in value.elements:
        if not isinstance(element, cst.DictElement) or not isinstance(element.key, cst.SimpleString):
            return None
        keys.append(element.key)
    return keys


def _added(file: FileContext, name: str, owner: Scope, *, strict: bool = True) -> list[cst.SimpleString] | None:
    """The literal keys that `name["k"] = …` adds to a dict; None if it may grow or leave in ways not seen here (or,
    where that is known already and not `strict`, the keys that are seen)."""
    keys: list[cst.SimpleString] = []
    for node in file.nodes(cst.Name):
        if node.value != name or file.scope(node).owner_of(name) is not owner:
            continue
        parent = file.parent(node)
        match parent:
            case cst.AssignTarget() | cst.Arg(star="**"):
                continue
            case cst.Subscript(
                value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]
            ) if base is node:
                keys.append(key)
            case _ if strict:
                return None
    return keys
