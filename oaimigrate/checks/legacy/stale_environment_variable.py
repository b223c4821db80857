"""OAI111: an environment variable of 0.28 that a program sets for the SDK, which reads another name now.

A program that reads such a variable and hands the value over itself is right, so only what is set and left to the SDK
to find is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.api import Setting
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import External, Member, Symbol
from oaimigrate.analysis.settings import AZURE_TYPES
from oaimigrate.analysis.steps import literal
from oaimigrate.analysis.symbols import CLIENTS
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety, Span
from oaimigrate.notebooks.magics import SIGN
from oaimigrate.registry import Rule

rule = Rule("OAI111")

SETTERS = frozenset({"os.environ.setdefault", "os.putenv"})
REMOVERS = frozenset({"os.environ.pop", "os.unsetenv"})
OPTIONS = frozenset({"base_url", "azure_endpoint"})  # `api_base` under its new names
_MAGIC = re.compile(rf"#{SIGN}%(?:set_)?env[ \t]+(?P<name>OPENAI_\w+)(?:=|[ \t]+\S)")
READERS = ("langchain", "llama_index", "litellm", "guidance", "autogen", "instructor", "haystack")  # of the old names


@rule.on(cst.SimpleString)
def named(node: cst.SimpleString, file: FileContext) -> Iterator[Diagnostic]:
    """`os.environ["OPENAI_API_BASE"] = …`, `os.environ.update({"OPENAI_API_BASE": …})`."""
    if "OPENAI_" in node.value and _row(file, literal(node) or "") is not None:
        skip = len(node.prefix) + len(node.quote)
        span = file.span(node)
        inside = Span(span.start + skip, span.end - len(node.quote))
        yield from _finding(file, span, inside, literal(node) or "", _deed(file, node))


@rule.on(cst.Arg)
def keyword(node: cst.Arg, file: FileContext) -> Iterator[Diagnostic]:
    """`os.environ.update(OPENAI_API_BASE=…)`."""
    if node.keyword is not None and node.keyword.value.startswith("OPENAI_"):
        call = file.parent(node)
        deed = "sets" if isinstance(call, cst.Call) and _updates(file, call) else ""
        span = file.span(node.keyword)
        yield from _finding(file, span, span, node.keyword.value, deed)


@rule.on(cst.Module)
def magic(_: cst.Module, file: FileContext) -> Iterator[Diagnostic]:
    """`%env OPENAI_API_BASE=…` in a notebook."""
    for found in _MAGIC.finditer(file.text) if file.source.virtual else ():
        span = Span(*found.span("name"))
        yield from _finding(file, span, span, found["name"], "sets")


def _row(file: FileContext, name: str) -> Setting | None:
    return next((r for r in file.api.settings.values() if r.env == name and r.env != r.new_env), None)


def _finding(file: FileContext, span: Span, name_at: Span, name: str, deed: str) -> Iterator[Diagnostic]:
    row = _row(file, name)
    if row is None or not deed or not _uses_sdk(file) or _given(file, row):
        return
    mentions = [n for n in file.nodes(cst.SimpleString) if name in n.value and literal(n) == name]
    deeds = {_deed(file, n) for n in mentions}
    if deed == "removes" and "sets" not in deeds:
        return
    new = _new_name(file, row)
    if not new:
        note = Note(row.advice)
        yield Diagnostic(rule.code, f"`{name}` is not read since openai 1.0", span, None, (note,))
        return
    message = f"`{name}` is not read since openai 1.0; set `{new}`"
    reader = _other_reader(file)
    if reader or "" in deeds:
        why = f"`{reader}` may read the old name" if reader else "the old name is used in other ways too"
        yield Diagnostic(rule.code, message, span, None, (Note(f"not rewritten: {why}"),))
        return
    edit = Edit(name_at.start, name_at.end, new)
    fix = Fix(f"Set `{new}`", (edit,), Safety.UNSAFE, (), f"environment:{name}")
    yield Diagnostic(rule.code, message, span, fix)


def _deed(file: FileContext, node: cst.SimpleString) -> str:
    """What is done to the variable that a string names: "sets", "removes", or "" for anything else."""
    parent = file.parent(node)
    match parent:
        case cst.Index():
            element = file.parent(parent)
            item = file.parent(element) if element is not None else None
            if not isinstance(item, cst.Subscript) or not _is_environment(file, item.value):
                return ""
            owner = file.parent(item)
            if isinstance(owner, cst.Del):
                return "removes"
            stored = isinstance(owner, (cst.AssignTarget, cst.AnnAssign)) and owner.target is item
            return "sets" if stored else ""
        case cst.Arg(keyword=None):
            call = file.parent(parent)
            return _named_first(file, call) if isinstance(call, cst.Call) and call.args[0] is parent else ""
        case cst.DictElement(key=key) if key is node:
            return "sets" if _goes_to_environment(file, file.parent(parent)) else ""
    return ""


def _named_first(file: FileContext, call: cst.Call) -> str:
    """`os.environ.setdefault("X", …)`, `monkeypatch.setenv("X", …)`."""
    func = call.func
    kind = file.kind(func).kind
    if isinstance(kind, External):
        return "sets" if kind.path in SETTERS else "removes" if kind.path in REMOVERS else ""
    fixture = isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and func.value.value == "monkeypatch"
    name = func.attr.value if fixture and isinstance(func, cst.Attribute) else ""
    return {"setenv": "sets", "delenv": "removes"}.get(name, "")


def _goes_to_environment(file: FileContext, mapping: cst.CSTNode | None) -> bool:
    """`os.environ |= {…}`, `os.environ.update({…})`, `patch.dict(os.environ, {…})`."""
    owner = file.parent(mapping) if mapping is not None else None
    if isinstance(owner, cst.AugAssign):
        return _is_environment(file, owner.target)
    call = file.parent(owner) if isinstance(owner, cst.Arg) else None
    return isinstance(call, cst.Call) and _updates(file, call)


def _updates(file: FileContext, call: cst.Call) -> bool:
    if file.kind(call.func).kind == External("os.environ.update"):
        return True
    func = call.func
    if not isinstance(func, cst.Attribute) or func.attr.value != "dict" or not call.args:
        return False
    target = call.args[0].value
    return _is_environment(file, target) or literal(target) == "os.environ"


def _is_environment(file: FileContext, node: cst.CSTNode) -> bool:
    return file.kind(node).kind == External("os.environ")


def _uses_sdk(file: FileContext) -> bool:
    """Whether this file makes requests, clients or settings of the SDK."""
    return bool(file.plan.requests or file.plan.settings) or any(True for _ in _sdk_calls(file))


def _sdk_calls(file: FileContext) -> Iterator[cst.Call]:
    for call in file.nodes(cst.Call):
        match file.kind(call.func).kind:
            case Symbol(path=path) if path in CLIENTS or path.partition(".")[0] in file.api.resources:
                yield call
            case Member():
                yield call


def _given(file: FileContext, row: Setting) -> bool:
    """Whether the file hands the SDK this setting itself, so that nothing depends on the environment."""
    names = {row.old, row.option, row.module} | (OPTIONS if row.old == "api_base" else set())
    names |= {"api_key"} if row.old == "api_key_path" else set()
    if any(s.name in names for s in file.plan.settings):
        return True
    for target in file.nodes(cst.AssignTarget):
        place = target.target
        if isinstance(place, cst.Attribute) and place.attr.value in names and file.kind(place.value).kind == Symbol(""):
            return True
    for call in _sdk_calls(file):
        client = isinstance(file.kind(call.func).kind, Symbol)
        if any((a.keyword is not None and a.keyword.value in names) or (client and a.star == "**") for a in call.args):
            return True
    return False


def _new_name(file: FileContext, row: Setting) -> str:
    """The variable that the client reads now; an Azure client has one of its own for the endpoint."""
    if row.old != "api_base":
        return row.new_env
    azure = file.plan.kind in AZURE_TYPES or any(
        isinstance(kind := file.kind(call.func).kind, Symbol) and "Azure" in kind.path for call in _sdk_calls(file)
    )
    azure = azure or any(literal(n) == "OPENAI_API_TYPE" for n in file.nodes(cst.SimpleString) if "API_TYPE" in n.value)
    return "AZURE_OPENAI_ENDPOINT" if azure else row.new_env


def _other_reader(file: FileContext) -> str:
    """A library that this file imports and that reads the old names."""
    for scope in file.tree.scope_of_node.values():
        for bindings in scope.names.values():
            for binding in bindings:
                found = next((r for r in READERS if binding.module.startswith(r)), "") if binding.module else ""
                if found:
                    return found
    return ""
