"""Requests of the v1+ SDK: calls of a client's methods, and the construction of clients.

`request_at` answers by kind: `client.chat.completions.create`, `self.llm.embeddings.create`,
`openai.responses.create`, a method kept in a variable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.kinds import Client, Doubt, Member, Symbol
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
        """Whether the client is certainly one of Azure."""
        return self.client is not None and self.client.azure is True

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


def is_legacy_request(file: FileContext, node: cst.Call) -> bool:
    """Whether a call makes a request as 0.28 did: `openai.ChatCompletion.create(…)`."""
    kind = file.kind(node.func).kind
    return isinstance(kind, Symbol) and kind.path in file.api.methods


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
    value = file.kind(node.func)
    if not isinstance(value.kind, Symbol) or not value.certain:
        return None  # `OpenAI` of several libraries in one notebook
    return value.kind.path if value.kind.path in CLIENTS else None


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
