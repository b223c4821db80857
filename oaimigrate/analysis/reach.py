"""Through functions and modules: the request behind a helper's result, and the client behind a request.

A helper counts as the request itself only where it hands the result on untouched: what it looks at on the way, or makes
anew, is its own business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import special
from oaimigrate.analysis.calls import SdkCall, constructed, request_at
from oaimigrate.analysis.flow import bindings_of, source_of, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Client, External, Function, InstanceOf, Symbol
from oaimigrate.analysis.steps import argument, literal

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.scopes import Binding

    Construction = tuple[FileContext, cst.Call]

_LOCAL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?:[:/]|$)")
MAX_HOPS = 4  # functions that return what another one returns
MAX_STEPS = 64  # expressions that are looked at for one client
# Decorators after which a function still gives what it returns.
_TRANSPARENT = ("tenacity.", "backoff.", "stamina.", "retry", "staticmethod", "classmethod", "functools.", "typing.")


@dataclass(frozen=True, slots=True)
class Reached:
    """A request and the file that it stands in; `hops` counts the functions between it and where it was asked for."""

    file: FileContext
    call: SdkCall
    hops: int = 0


def definition(file: FileContext, func: cst.BaseExpression) -> tuple[FileContext, cst.FunctionDef] | None:
    """The function of the project that an expression is, with the file it stands in."""
    value = file.kind(func)
    kind = (special.method(file.inference, value, "__call__") or value).kind
    if not isinstance(kind, Function) or not isinstance(kind.node, cst.FunctionDef):
        return None
    home = file.inference.home(kind.node).file
    return (home, kind.node) if kind.node in home.tree.scope_of_node else None


def is_transparent(file: FileContext, decorator: cst.Decorator) -> bool:
    return file.inference.decorator_path(decorator).startswith(_TRANSPARENT)


def handed_on(file: FileContext, node: cst.Call) -> tuple[FileContext, cst.BaseExpression] | None:
    """What the function that is called returns, if it is one expression that nothing else in it looks at."""
    found = definition(file, node.func)
    if found is None:
        return None
    home, function = found
    if not all(is_transparent(home, d) for d in function.decorators):
        return None
    exits = home.inference.index.exits(home.tree.scope_of_node[function])
    if len(exits) != 1 or not isinstance(exits[0], cst.Return) or exits[0].value is None:
        return None
    value = exits[0].value
    if isinstance(value, cst.Name):
        uses = [n for n in home.nodes(cst.Name) if n.value == value.value and home.scope(n) is home.scope(value)]
        if len(uses) != 2:  # where it is assigned, and here
            return None
    return home, source_of(home, value)


def request_of(file: FileContext, node: cst.CSTNode | None) -> Reached | None:
    """The request that a call makes, itself or through functions of the project that hand its answer on."""
    for hops in range(MAX_HOPS):
        if not isinstance(node, cst.Call):
            return None
        call = request_at(file, node)
        if call is not None:
            return Reached(file, call, hops)
        found = handed_on(file, node)
        if found is None:
            return None
        file, node = found
    return None


def request_behind(file: FileContext, node: cst.BaseExpression) -> Reached | None:
    """The request whose result an expression is, seen through `await`, `with … as` and names assigned once."""
    return request_of(file, source_of(file, node))


def part_of(file: FileContext, node: cst.BaseExpression) -> Reached | None:
    """The request that `response.choices[0].message` is a part of the answer of."""
    return request_of(file, call_of_part(file, node))


def call_of_part(file: FileContext, node: cst.BaseExpression) -> cst.Call | None:
    """The call whose result `response.choices[0].message` is a part of."""
    for _ in range(16):
        if isinstance(node, (cst.Attribute, cst.Subscript)):
            node = node.value
        elif isinstance(node, (cst.Name, cst.Await)):
            source = source_of(file, node)
            if source is node:
                return None
            node = source
        else:
            break
    return node if isinstance(node, cst.Call) else None


def constructor_of(file: FileContext, node: cst.BaseExpression) -> Construction | None:
    """The construction of the client at the root of `client.chat.completions.create`, if it can be but one."""
    found = constructions(file, node)
    return found[0] if len(found) == 1 else None


def constructions(file: FileContext, node: cst.BaseExpression) -> list[Construction | None]:
    """Every construction of that client, each with the file it stands in; None stands for one that cannot be seen."""
    return list(_constructions(file, node, set()))


def _constructions(
    file: FileContext, node: cst.BaseExpression, seen: set[cst.CSTNode]
) -> Iterator[Construction | None]:
    if node in seen or len(seen) > MAX_STEPS:
        return
    seen.add(node)
    match node:
        case cst.Attribute(value=value, attr=attr):
            base = file.kind(value).kind
            if isinstance(base, InstanceOf):  # `self.client`
                yield from _stored(file, base, attr.value, seen)
            elif isinstance(base, External) and base.path.startswith("file:"):  # `settings.client`
                yield from _of_module(file, base.path.removeprefix("file:"), attr.value, seen)
            else:
                yield from _constructions(file, value, seen)
        case cst.Await(expression=value) | cst.NamedExpr(value=value):
            yield from _constructions(file, value, seen)
        case cst.IfExp(body=left, orelse=right) | cst.BooleanOperation(left=left, operator=cst.Or(), right=right):
            yield from _constructions(file, left, seen)
            yield from _constructions(file, right, seen)
        case cst.Call() if constructed(file, node):
            yield file, node
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="with_options" | "copy"))) if _is_client(
            file, value
        ):
            elsewhere = any(a.star for a in node.args) or argument(node, "base_url") is not None
            yield from [(file, node)] if elsewhere else _constructions(file, value, seen)
        case cst.Call():
            yield from _returned(file, node, seen)
        case cst.Name(value="None"):
            return
        case cst.Name() if node in file.tree.places:
            yield from _bound(file, bindings_of(file, node), seen)
        case _:
            yield None


def _is_client(file: FileContext, node: cst.BaseExpression) -> bool:
    return isinstance(file.kind(node).kind, Client)


def _returned(file: FileContext, call: cst.Call, seen: set[cst.CSTNode]) -> Iterator[Construction | None]:
    """The clients that `get_client()` may return."""
    found = definition(file, call.func)
    if found is None or not all(is_transparent(found[0], d) for d in found[1].decorators):
        yield None
        return
    home, function = found
    for leave in home.inference.index.exits(home.tree.scope_of_node[function]):
        if isinstance(leave, cst.Return) and leave.value is not None:
            yield from _constructions(home, leave.value, seen)
        else:
            yield None


def _bound(file: FileContext, bindings: Iterable[Binding], seen: set[cst.CSTNode]) -> Iterator[Construction | None]:
    for binding in bindings:
        if binding.how == "import" and binding.member:
            path = file.project.modules.resolve(file.source.path, binding.module, binding.level)
            if path is not None:
                yield from _of_module(file, path, binding.member, seen)
                continue
        if binding.value is None and binding.how == "declare":
            continue
        if binding.how in ("assign", "with") and binding.value is not None and not binding.path:
            yield from _constructions(file, binding.value, seen)
        else:
            yield None


def _stored(
    file: FileContext, instance: InstanceOf, name: str, seen: set[cst.CSTNode]
) -> Iterator[Construction | None]:
    home = file.inference.home(instance.node).file
    scope = home.tree.scope_of_node.get(instance.node)
    if scope is None:
        yield None
        return
    yield from _bound(home, [*home.tree.attributes.get(scope, {}).get(name, ()), *scope.names.get(name, ())], seen)


def _of_module(file: FileContext, path: str, name: str, seen: set[cst.CSTNode]) -> Iterator[Construction | None]:
    other = file.project.modules.file(path) if path in file.project.modules.sources else None
    if other is None:
        yield None
    else:
        yield from _bound(other, other.tree.module_scope.names.get(name, ()), seen)


def may_be_local(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether the client at the root of `client.chat.completions.create` may be one of a server on this machine."""
    return any(found is not None and is_local(*found) for found in constructions(file, node))


def is_local(file: FileContext, construction: cst.Call) -> bool:
    """Whether a client is built for a server on this machine."""
    address = argument(construction, "base_url")
    return address is not None and _LOCAL.match(literal(source_of(file, address)) or "") is not None


def has_own_fields(file: FileContext, loop: cst.For | cst.CompFor) -> bool:
    """Whether a loop over chunks reads fields that those of OpenAI do not have: another server sends them."""
    fields = file.api.models["ChatCompletionChunk"].fields
    target = path_of(loop.target)
    for node in within(loop):
        if isinstance(node, cst.Attribute) and path_of(node.value) == target and node.attr.value not in fields:
            if not node.attr.value.startswith(("model_", "to_", "_")):
                return True
    return False


def at_openai(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether a request certainly goes to OpenAI itself: not to Azure, nor to a compatible server or a proxy."""
    found = constructions(file, node)
    if found and None not in found:
        return all(c is not None and is_openai(*c) for c in found)
    root = node
    while isinstance(root, cst.Attribute):
        root = root.value
    settings = ("base_url", "OPENAI_BASE_URL", "api_base", "azure", "Azure", "api_type")
    return isinstance(file.kind(root).kind, Symbol) and not any(word in file.text for word in settings)


def is_openai(file: FileContext, construction: cst.Call) -> bool:
    """Whether a client is built for OpenAI itself."""
    elsewhere = argument(construction, "base_url") is not None or "OPENAI_BASE_URL" in file.text
    open_ended = any(a.star for a in construction.args) or elsewhere
    return not open_ended and "Azure" not in (constructed(file, construction) or "")
