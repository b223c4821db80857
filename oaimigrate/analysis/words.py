"""What a kind is, in words."""

from __future__ import annotations

import libcst as cst

from oaimigrate.analysis.kinds import (
    Awaitable,
    ClassOf,
    Client,
    DictOf,
    Either,
    ErrorOf,
    External,
    Function,
    InstanceOf,
    Kind,
    ListOf,
    Managed,
    Member,
    Model,
    OneOf,
    PageOf,
    Plain,
    Record,
    StreamOf,
    Symbol,
    TupleOf,
    matters,
)  # fmt: skip


def describe(kind: Kind) -> str:
    """What a kind is, in words."""
    match kind:
        case Symbol(path=""):
            return "the module `openai`"
        case Symbol(path=path):
            return f"`openai.{path}`"
        case Client(asynchronous=asynchronous, azure=azure):
            prefixes = ("", "Azure") if azure is None else ("Azure",) if azure else ("",)
            names = [f"`{'Async' if asynchronous else ''}{prefix}OpenAI`" for prefix in prefixes]
            return f"a client ({' or '.join(names)})"
        case Member(path=path):
            return f"`{path}` of a client"
        case Model(name=name):
            return f"a `{name}` of an API response"
        case Either(whole=whole):
            return f"{describe(whole)}, or a stream of its parts"
        case PageOf(item=item):
            return f"a page with items, each {describe(item)}"
        case StreamOf(item=item):
            return f"a stream, each part {describe(item)}"
        case ListOf(item=item):
            return f"a list, each item {describe(item)}"
        case TupleOf(items=items):
            return f"a tuple of {', '.join(describe(i) for i in items)}"
        case DictOf(value=value):
            return f"a dict, each value {describe(value)}"
        case Record(items=pairs):
            said = [f"{describe(inner)} under `{name}`" for name, inner in pairs if matters(inner)]
            return f"a dict with {', '.join(said)}" if said else "a plain dict"
        case OneOf(kinds=kinds):
            return " or ".join(describe(k) for k in kinds)
        case Awaitable(result=result):
            return f"an awaitable of {describe(result)}"
        case Managed(item=item):
            return f"a context manager of {describe(item)}"
        case ErrorOf(classes=classes):
            return f"an exception of the SDK ({', '.join(f'`{c}`' for c in classes)})"
        case Function(node=cst.FunctionDef(name=cst.Name(value=name))):
            return f"the function `{name}`"
        case ClassOf(node=cst.ClassDef(name=cst.Name(value=name))):
            return f"the class `{name}`"
        case InstanceOf(node=cst.ClassDef(name=cst.Name(value=name))):
            return f"an object of the class `{name}`"
        case External(path=path):
            return f"the module {path[5:]}" if path.startswith("file:") else f"`{path}`"
        case Plain(what=what):
            return "a plain value" if what == "other" else f"a plain {what}"
    return "not known to come from the SDK"
