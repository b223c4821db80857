"""Requests of the v1+ SDK: calls of a client's methods, and the construction of clients.

`request_at` answers by kind: `client.chat.completions.create`, `self.llm.embeddings.create`,
`openai.responses.create`, a method kept in a variable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.kinds import Client, Doubt, InstanceOf, Member, Symbol
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.analysis.symbols import CLIENTS

if TYPE_CHECKING:
    from oaimigrate.analysis.api import Call
    from oaimigrate.analysis.file import FileContext

RAW = ("with_raw_response.", "with_streaming_response.")
NO_REQUEST = ("webhooks.unwrap", "webhooks.verify_signature")  # these compute, they send nothing


@dataclass(frozen=True, slots=True)
class SdkCall:
    """One request. `signature` is its row in rules/api.toml; `client` is None where it cannot be seen."""

    node: cst.Call
    path: str
    asynchronous: bool
    signature: Call
    client: Client | None
    doubt: Doubt | None
    streaming: bool = False  # made through `with_streaming_response`, which gives a context manager

    @property
    def azure(self) -> bool:
        return self.client is not None and self.client.azure

    def argument(self, name: str) -> cst.BaseExpression | None:
        return argument(self.node, name)

    @property
    def open_ended(self) -> bool:
        """Whether `**kwargs` may pass arguments that cannot be seen."""
        return any(a.star for a in self.node.args)


def request_at(file: FileContext, node: cst.Call) -> SdkCall | None:
    """The request that a call makes, if its function is a method of a v1+ client (or of the module's own)."""
    value = file.kind(node.func)
    if not isinstance(value.kind, Member):
        return None
    path = value.kind.path
    streaming = "with_streaming_response." in path
    for raw in RAW:
        path = path.replace(raw, "")
    signature = file.api.calls.get(path)
    if signature is None or path in NO_REQUEST or path.endswith(".connect"):
        return None
    return SdkCall(node, path, value.kind.asynchronous, signature, client_of(file, node.func), value.doubt, streaming)


def client_of(file: FileContext, node: cst.BaseExpression) -> Client | None:
    """The client at the root of `client.chat.completions.create`."""
    while True:
        kind = file.kind(node).kind
        if isinstance(kind, Client):
            return kind
        if isinstance(node, cst.Attribute):
            node = node.value
        elif isinstance(node, cst.Call):
            node = node.func
        elif isinstance(node, cst.Name) and (source := source_of(file, node)) is not node:
            node = source
        else:
            return None


def constructed(file: FileContext, node: cst.Call) -> str | None:
    """The name of the client class that a call makes an instance of."""
    kind = file.kind(node.func).kind
    return kind.path if isinstance(kind, Symbol) and kind.path in CLIENTS else None


def constructor_of(file: FileContext, node: cst.BaseExpression) -> cst.Call | None:
    """The construction of the client at the root of `client.chat.completions.create`, where this file shows it."""
    while isinstance(node, cst.Attribute):
        inner = file.kind(node.value).kind
        if isinstance(inner, InstanceOf):  # `self.client`
            return _stored(file, inner, node.attr.value)
        node = node.value
    source = source_of(file, node)
    return source if isinstance(source, cst.Call) and constructed(file, source) else None


def _stored(file: FileContext, instance: InstanceOf, name: str) -> cst.Call | None:
    scope = file.tree.scope_of_node.get(instance.node)
    if scope is None:
        return None  # a class of another module
    bindings = [*file.tree.attributes.get(scope, {}).get(name, ()), *scope.names.get(name, ())]
    value = bindings[0].value if len(bindings) == 1 else None
    return value if isinstance(value, cst.Call) and constructed(file, value) else None


def at_openai(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether a request certainly goes to OpenAI itself: not to Azure, nor to a compatible server or a proxy."""
    built = constructor_of(file, node)
    if built is not None:
        name = constructed(file, built) or ""
        return "Azure" not in name and not any(a.star for a in built.args) and argument(built, "base_url") is None
    root = node
    while isinstance(root, cst.Attribute):
        root = root.value
    settings = ("base_url", "api_base", "azure", "Azure", "api_type")
    return isinstance(file.kind(root).kind, Symbol) and not any(word in file.text for word in settings)


def request_of_part(file: FileContext, node: cst.BaseExpression) -> SdkCall | None:
    """The request that `response.choices[0].message` is a part of the answer of."""
    call = call_of_part(file, node)
    return request_at(file, call) if call is not None else None


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


def request_behind(file: FileContext, node: cst.BaseExpression) -> SdkCall | None:
    """The request whose result an expression is, seen through `await`, `with … as` and names assigned once."""
    source = source_of(file, node)
    return request_at(file, source) if isinstance(source, cst.Call) else None


def asks_for_usage(call: SdkCall) -> bool:
    """Whether a request says `stream_options={"include_usage": True}`."""
    options = call.argument("stream_options")
    if isinstance(options, cst.Dict):
        return any(
            isinstance(e, cst.DictElement) and literal(e.key) == "include_usage" and is_true(e.value)
            for e in options.elements
        )
    return isinstance(options, cst.Call) and is_true(argument(options, "include_usage"))


def is_true(node: cst.BaseExpression | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "True"


def shown(file: FileContext, func: cst.BaseExpression, fallback: str) -> str:
    """How a message writes the function of a call: as the code does, where that is short."""
    text = file.code(func)
    return text if len(text) <= 60 and "\n" not in text and "(" not in text else f"client.{fallback}"
