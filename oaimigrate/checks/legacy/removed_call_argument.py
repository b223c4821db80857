"""OAI108: an argument of 0.28 on a call that is already v1+: what half a migration leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.invented import meant
from oaimigrate.analysis.kinds import Member, Symbol
from oaimigrate.checks.concurrency.awaited_sync_call import asynchronous_client
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Need, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI108")

RENAMED = {"engine": "model", "deployment_id": "model", "request_timeout": "timeout", "headers": "extra_headers"}
CONSTRUCTORS = {
    "OpenAI": {"api_base": "base_url"},
    "AsyncOpenAI": {"api_base": "base_url"},
    "AzureOpenAI": {"api_base": "azure_endpoint", "deployment_id": "azure_deployment", "engine": "azure_deployment"},
    "AsyncAzureOpenAI": {
        "api_base": "azure_endpoint",
        "deployment_id": "azure_deployment",
        "engine": "azure_deployment",
    },
}
GONE = {"edits": "Edit", "fine_tunes": "FineTune"}
CLIENT_OPTIONS = frozenset({"api_key", "api_base", "api_type", "api_version", "organization"})


@rule.on(cst.Attribute)
def invented(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`client.audio.transcribe(…)`: a method that neither 0.28 nor v1+ has under this name."""
    value = file.kind(node)
    if not isinstance(value.kind, Member) or not value.certain:
        return
    path = value.kind.path
    new, asynchronous = meant(file.api, path)
    if not new:
        yield from _gone(file, node, path)
        return
    message = f"clients have no `{path}`; it is `{new}`"
    base = _client(node, path)
    if base is None:
        return
    edits = [Edit(file.whole(base).end, file.span(node).end, f".{new}")]
    parent = file.parent(node)
    if asynchronous and not value.kind.asynchronous:
        yield _on_async_client(file, node, base, edits, message)
        return
    safety = Safety.SAFE
    if new == "files.content" and isinstance(parent, cst.Call):
        if not value.kind.asynchronous:
            edits.append(build.insert(file.whole(parent).end, ".content"))
        else:
            safety = Safety.UNSAFE
    yield Diagnostic(rule.code, message, file.span(node), Fix(f"Call `{new}`", tuple(edits), safety))


def _gone(file: FileContext, node: cst.Attribute, path: str) -> Iterator[Diagnostic]:
    """`client.edits.create(…)`: the first releases of 1.x still had it."""
    resource, _, name = path.partition(".")
    row = file.api.methods.get(f"{GONE.get(resource)}.{name}")
    if row is not None:
        message = f"`{path}` was removed in openai 1.7.2: its endpoint was shut down"
        yield Diagnostic(rule.code, message, file.span(node), None, (Note(row[0].advice),))


def _client(node: cst.Attribute, path: str) -> cst.BaseExpression | None:
    """The expression before `.audio.transcribe`; None for a method that was stored away first."""
    base: cst.BaseExpression = node
    for name in reversed(path.split(".")):
        if not isinstance(base, cst.Attribute) or base.attr.value != name:
            return None
        base = base.value
    return base


def _on_async_client(
    file: FileContext, node: cst.Attribute, base: cst.BaseExpression, edits: list[Edit], message: str
) -> Diagnostic:
    """`await client.chat.completions.acreate(…)`: the client itself has to be an asynchronous one."""
    call = file.parent(node)
    if isinstance(call, cst.Call) and isinstance(file.parent(call), cst.Await):
        built = asynchronous_client(file, call)
        if built is not None:
            fix = replace(built, title=f"{built.title} and call its method", edits=(*built.edits, *edits))
            return Diagnostic(rule.code, message, file.span(node), fix)
        if file.kind(base).kind == Symbol("") and not file.plan.consumed:
            use = file.plan.lazy(True)
            edits = [build.replace_whole(file, base, use.text), *edits]
            fix = Fix("Call it on an asynchronous client", tuple(edits), Safety.UNSAFE, use.needs)
            return Diagnostic(rule.code, message, file.span(node), fix, use.notes)
    note = Note("not rewritten: it needs an async client")
    return Diagnostic(rule.code, message, file.span(node), None, (note,))


@rule.on(cst.Call)
def argument(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    match file.kind(node.func).kind:
        case Member(path=path) if path in file.api.calls:
            params = file.api.calls[path].params.get(file.config.target)
            if params:
                yield from _request(file, node, path, params)
        case Symbol(path=path) if path in CONSTRUCTORS:
            yield from _constructor(file, node, path)


def _request(file: FileContext, node: cst.Call, path: str, params: frozenset[str]) -> Iterator[Diagnostic]:
    given = {a.keyword.value for a in node.args if a.keyword is not None}
    yield from _positional(file, node, path)
    for item in node.args:
        name = item.keyword.value if item.keyword is not None else ""
        if not name or name in params:
            continue
        new = RENAMED.get(name)
        if new is not None and (new in params or new in ("timeout", "extra_headers")):
            yield _renamed(file, node, item, name, new, given, path)
        elif name in CLIENT_OPTIONS:
            message = f"`{path}` takes no `{name}=`: it is an option of the client"
            note = Note(f"call `client.with_options({_option(name)}=…).{path}(…)`, or build a client with it")
            yield Diagnostic(rule.code, message, build.item_span(file, item), None, (note,))


def _option(name: str) -> str:
    return "base_url" if name == "api_base" else name


def _renamed(
    file: FileContext, node: cst.Call, item: cst.Arg, old: str, new: str, given: set[str], path: str
) -> Diagnostic:
    message = f"`{path}` takes no `{old}=` since openai 1.0; it is `{new}=`"
    span = build.item_span(file, item)
    assert item.keyword is not None
    if new in given:
        note = Note(f"not rewritten: `{new}=` is given too")
        return Diagnostic(rule.code, message, span, None, (note,))
    edits: list[Edit] = [build.replace(file, item.keyword, new)]
    needs: list[Need] = []
    if old == "request_timeout" and isinstance(item.value, cst.Tuple) and len(item.value.elements) == 2:
        connect, read = (file.code(e.value) for e in item.value.elements)
        text, needs = file.symbol("Timeout")
        edits.append(build.replace_whole(file, item.value, f"{text}({read}, connect={connect})"))
    return Diagnostic(rule.code, message, span, Fix(f"Rename to `{new}`", tuple(edits), Safety.SAFE, tuple(needs)))


def _positional(file: FileContext, node: cst.Call, path: str) -> Iterator[Diagnostic]:
    """`client.moderations.create(text)`: all but a few methods of v1+ take keywords only."""
    allowed = file.api.calls[path].positional_ok
    given = [a for a in node.args if a.keyword is None and not a.star]
    if len(given) <= len(allowed) or any(a.star for a in node.args):
        return
    old = next((m for m, _ in file.api.methods.values() if m.new == path), None)
    names = [old.rename.get(n, n) for n in old.positional] if old is not None else []
    message = f"`{path}` takes its arguments by keyword only"
    fix = None
    if len(given) <= len(names) and not set(names[: len(given)]) & CLIENT_OPTIONS:
        pairs = list(zip(given, names, strict=False))[len(allowed) :]
        edits = tuple(build.insert(build.item_span(file, a).start, f"{n}=") for a, n in pairs)
        fix = Fix("Name the arguments", edits, Safety.UNSAFE)
    yield Diagnostic(rule.code, message, build.item_span(file, given[len(allowed)]), fix)


def _constructor(file: FileContext, node: cst.Call, name: str) -> Iterator[Diagnostic]:
    given = {a.keyword.value for a in node.args if a.keyword is not None}
    for item in node.args:
        old = item.keyword.value if item.keyword is not None else ""
        new = CONSTRUCTORS[name].get(old)
        if new is None or item.keyword is None:
            continue
        message = f"`{name}` takes no `{old}=`; it is `{new}=`"
        fix = None if new in given else Fix(f"Rename to `{new}`", (build.replace(file, item.keyword, new),))
        yield Diagnostic(rule.code, message, build.item_span(file, item), fix)
