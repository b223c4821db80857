"""The 0.28 requests of a file: every place that spells a method or class of a resource, and what its call passes.

A `Request` is found by kind, not by name: `openai.ChatCompletion.create`, `ai.Completion.acreate`, `Embedding.create`
after a from-import, `self.openai.Image.create`. What is reached through a variable that holds a resource is an
"indirect" request: its callee stays as written and only the method name and the arguments change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.api import Method
from oaimigrate.analysis.kinds import Symbol, one_by_one
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
    bases = one_by_one(base)
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
        method = merged(method, others)
    parent = file.parent(node)
    call = parent if isinstance(parent, cst.Call) and parent.func is node else None
    indirect = not spelled(file, node.value)
    return Request(node, method, asynchronous, call, module_of(file, node), indirect, file.scope(node), others)


def merged(method: Method, others: Sequence[Method]) -> Method:
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
        return file.mentions_namespaces and file.kind(node.value).kind == Symbol("__dict__")
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


Key = cst.SimpleString | cst.Name


@dataclass(slots=True)
class Keys:
    """The keys of a dict that are spelled; `whole` if there are no others, `shared` if other code gets the dict."""

    spelled: list[Key] = field(default_factory=list)
    whole: bool = True
    shared: bool = False

    def add(self, other: Keys) -> None:
        self.spelled += other.spelled
        self.whole, self.shared = self.whole and other.whole, self.shared or other.shared


def expanded(file: FileContext, call: cst.Call) -> list[Keys]:
    """What stands behind each `**` argument of a call."""
    return [_keys(file, argument.value) for argument in call.args if argument.star == "**"]


def _keys(file: FileContext, value: cst.BaseExpression) -> Keys:
    """The keys of one dict that is unpacked into a call."""
    if not isinstance(value, cst.Name):
        return _literal_keys(file, value)
    owner = file.scope(value).owner_of(value.value)
    if owner is None:
        return Keys(whole=False)
    keys = _added(file, value.value, owner)
    bindings = owner.names[value.value]
    only = bindings[0] if len(bindings) == 1 and not bindings[0].path and bindings[0].how != "param" else None
    keys.add(_literal_keys(file, only.value) if only is not None and only.value is not None else Keys(whole=False))
    return keys


def _literal_keys(file: FileContext, value: cst.BaseExpression) -> Keys:
    """The keys of `{…}` and `dict(…)`; where one of several cannot be seen, none is given."""
    match value:
        case cst.Call(func=cst.Name(value="dict") as func, args=arguments):
            given = [a.keyword for a in arguments if a.keyword is not None]
            plain = len(given) == len(arguments) and file.scope(func).owner_of("dict") is None
            return Keys([*given], whole=True) if plain else Keys(whole=False)
        case cst.Dict(elements=elements):
            spelled: list[Key] = []
            for element in elements:
                if not isinstance(element, cst.DictElement) or not isinstance(element.key, cst.SimpleString):
                    return Keys(whole=False)
                spelled.append(element.key)
            return Keys(spelled)
    return Keys(whole=False)


def _added(file: FileContext, name: str, owner: Scope) -> Keys:
    """What `name["k"] = …` and `name.update(…)` add to a dict."""
    keys = Keys()
    for node in file.nodes(cst.Name):
        if node.value != name or file.scope(node).owner_of(name) is not owner:
            continue
        match file.parent(node):
            case cst.AssignTarget() | cst.Arg(star="**"):
                continue
            case cst.Subscript(
                value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]
            ) if base is node:
                keys.spelled.append(key)
            case cst.Attribute(attr=cst.Name(value="update")) as method:
                keys.add(_updated(file, file.parent(method)))
            case _:
                keys.shared = True
    return keys


def _updated(file: FileContext, call: cst.CSTNode | None) -> Keys:
    """The keys that `name.update(…)` brings."""
    keys = Keys(whole=isinstance(call, cst.Call), shared=not isinstance(call, cst.Call))
    for argument in call.args if isinstance(call, cst.Call) else ():
        if argument.keyword is not None:
            keys.spelled.append(argument.keyword)
        else:
            keys.add(_literal_keys(file, argument.value))
    return keys
