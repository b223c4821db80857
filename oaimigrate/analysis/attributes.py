"""Attributes: what `value.name` is, by what the value is: the SDK, a client, a response, a class of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import records
from oaimigrate.analysis.kinds import (
    NOTHING,
    SILENT,
    UNKNOWN,
    ClassOf,
    Client,
    Either,
    External,
    Function,
    InstanceOf,
    Kind,
    ListOf,
    Member,
    Model,
    OneOf,
    PageOf,
    Plain,
    SuperOf,
    Symbol,
    Value,
)  # fmt: skip
from oaimigrate.analysis.steps import agreed, known

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference


def attribute(inference: Inference, base: Value, name: str) -> Value:
    match base.kind:
        case OneOf(kinds=kinds):
            return agreed([attribute(inference, base.of(k), name) for k in kinds], base.kind)
        case Symbol(path=path):
            return base.of(symbol(inference, path, name))
        case Client(asynchronous=asynchronous):
            return base.of(Member(name, asynchronous))
        case Member(path=path, asynchronous=asynchronous):
            return base.of(Member(f"{path}.{name}", asynchronous))
        case Either(whole=whole):
            return attribute(inference, base.of(whole), name)
        case Model() | PageOf():
            return field(inference, base, name)
        case InstanceOf(node=node):
            return member(inference.home(node), node, name).doubted(base.doubt)
        case ClassOf(node=node):
            return member(inference.home(node), node, name, instance=False).doubted(base.doubt)
        case SuperOf(node=node):
            return inherited(inference.home(node), node, name, instance=True)
        case External(path=path) if path.startswith("file:"):
            return inference.file.project.modules.attribute(path[5:], name)
        case External(path=path, file=file, name=outer):
            return Value(External(f"{path}.{name}", file, f"{outer}.{name}" if file else ""))
    return SILENT


def symbol(inference: Inference, path: str, name: str) -> Kind:
    if not path and name in inference.roots:
        return Member(name, False)
    full = f"{path}.{name}" if path else name
    last = full.rpartition(".")[2]
    if full.startswith("api_resources.") and last in inference.api.resources:
        return Symbol(last)  # openai.api_resources.ChatCompletion, openai.api_resources.chat_completion.…
    return Symbol(full)


def field(inference: Inference, base: Value, key: str) -> Value:
    """The kind of one field of a response model, by JSON key or attribute name."""
    if isinstance(base.kind, PageOf):
        return base.of(ListOf(base.kind.item)) if key == "data" else base.of(Plain("other"))
    if not isinstance(base.kind, Model):
        return SILENT
    fields = inference.api.models[base.kind.name].fields
    found = fields.get(key) or next((f for f in fields.values() if f.name == key), None)
    return base.of(typed(inference, found.type)) if found is not None else SILENT


def typed(inference: Inference, text: str) -> Kind:
    """The kind a type expression of rules/api.toml names."""
    text = text.strip()
    if text.startswith("list[") and text.endswith("]"):
        return ListOf(typed(inference, text[5:-1]))
    if text.startswith("Page[") and text.endswith("]"):
        return PageOf(typed(inference, text[5:-1]))
    if text in inference.api.models:
        return Model(text)
    if "|" in text:
        return typed(inference, text.split("|")[0])
    return Plain(
        text if text in ("str", "dict", "bytes") else "number" if text in ("int", "float", "bool") else "other"
    )


def member(inference: Inference, node: cst.ClassDef, name: str, *, instance: bool = True) -> Value:
    """What `self.name` holds, joined over the class; else what it inherits."""
    found = _own(inference, node, name, instance=instance)
    return found if found is not None else inherited(inference, node, name, instance=instance)


def _own(inference: Inference, node: cst.ClassDef, name: str, *, instance: bool) -> Value | None:
    scope = inference.tree.scope_of_node[node]
    bindings = [*inference.tree.attributes.get(scope, {}).get(name, ()), *scope.names.get(name, ())]
    if not bindings:
        return None
    value = inference.bound(bindings, node)
    if not known(value.kind) or value.kind == NOTHING:
        given = records.field(inference, node, name)
        return given if given is not SILENT else value
    if isinstance(value.kind, Function) and isinstance(value.kind.node, cst.FunctionDef):
        decorators = {inference.decorator_path(d).rpartition(".")[2] for d in value.kind.node.decorators}
        if decorators & {"property", "cached_property"}:
            return inference.returned(value.kind.node)
        bound = "classmethod" in decorators or (instance and "staticmethod" not in decorators)
        return value.of(Function(value.kind.node, bound))
    return value


def inherited(inference: Inference, node: cst.ClassDef, name: str, *, instance: bool) -> Value:
    """What a class and its objects have from the classes above it."""
    for above, parent in ancestors(inference, node):
        value = _own(above, parent, name, instance=instance)
        if value is not None and value.kind != UNKNOWN:
            return value
    return SILENT


def ancestors(inference: Inference, node: cst.ClassDef) -> list[tuple[Inference, cst.ClassDef]]:
    """The classes of the project that a class inherits from, in the order in which Python asks them."""
    found: list[tuple[Inference, cst.ClassDef]] = []
    seen = {node}
    waiting = [(inference, node, False)]
    while waiting:
        at, current, followed = waiting.pop()
        if followed:  # what is above it is found: it comes before all that
            found.append((at, current))
            continue
        waiting.append((at, current, True))
        for base in current.bases:
            match at.kind(base.value).kind:
                case ClassOf(node=parent) if parent not in seen:
                    seen.add(parent)
                    waiting.append((at.home(parent), parent, False))
    return found[-2::-1]
