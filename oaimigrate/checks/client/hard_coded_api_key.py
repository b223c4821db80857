"""OAI201: an API key in the source. The key itself is never part of a message."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import is_external, source_of
from oaimigrate.analysis.kinds import Client, External, Symbol
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic, Fix, Need, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.redaction import is_secret
from oaimigrate.registry import Rule

rule = Rule("OAI201")

ARGUMENTS = ("api_key", "azure_ad_token", "admin_api_key")
VARIABLES = {
    "api_key": "OPENAI_API_KEY",
    "azure_ad_token": "AZURE_OPENAI_AD_TOKEN",
    "admin_api_key": "OPENAI_ADMIN_KEY",
}


@rule.on(cst.Call)
def passed(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`OpenAI(api_key="sk-…")`, `client.with_options(api_key="sk-…")`, a 0.28 request with its own key."""
    if not any(a.star or (a.keyword is not None and a.keyword.value in ARGUMENTS) for a in node.args):
        return
    name = constructed(file, node)
    kind = file.kind(node.func).kind
    legacy = isinstance(kind, Symbol) and kind.path in file.api.methods
    if name is None and not legacy and not isinstance(file.kind(node).kind, Client):
        return
    for keyword in ARGUMENTS:
        value = argument(node, keyword)
        if value is not None:
            variable = VARIABLES[keyword]
            if keyword == "api_key" and name is not None and "Azure" in name:
                variable = "AZURE_OPENAI_API_KEY"
            yield from _finding(file, value, variable)


@rule.on(cst.Assign)
def assigned(node: cst.Assign, file: FileContext) -> Iterator[Diagnostic]:
    """`openai.api_key = "sk-…"`, `os.environ["OPENAI_API_KEY"] = "sk-…"`."""
    for target in node.targets:
        match target.target:
            case cst.Attribute(value=base, attr=cst.Name(value="api_key")):
                kind = file.kind(base).kind
                if kind == Symbol("") or isinstance(kind, Client):
                    azure = isinstance(kind, Client) and kind.azure is True
                    yield from _finding(file, node.value, "AZURE_OPENAI_API_KEY" if azure else "OPENAI_API_KEY")
            case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
                if file.kind(base).kind == External("os.environ") and (literal(key) or "").endswith("OPENAI_API_KEY"):
                    yield from _finding(file, node.value, "")


@rule.on(cst.Call)
def set_default(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`os.environ.setdefault("OPENAI_API_KEY", "sk-…")`."""
    if len(node.args) == 2 and is_external(file, node.func, "os.environ.setdefault", "os.putenv"):
        if (literal(node.args[0].value) or "").endswith("OPENAI_API_KEY"):
            yield from _finding(file, node.args[1].value, "")


def _given_in_case(file: FileContext, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """The key that is taken where the environment has none: `os.getenv(name, "sk-…")`, `os.getenv(name) or "sk-…"`."""
    match value:
        case cst.BooleanOperation(operator=cst.Or(), right=right):
            return right
        case cst.Call(func=func, args=[_, second]) if is_external(file, func, "os.getenv", "os.environ.get"):
            return second.value
    return None


def _finding(file: FileContext, value: cst.BaseExpression, variable: str) -> Iterator[Diagnostic]:
    text = source_of(file, value)
    default = _given_in_case(file, text)
    text = source_of(file, default) if default is not None else text
    if not isinstance(text, cst.SimpleString) or not is_secret(literal(text) or ""):
        return
    message = "an API key stands in the source; revoke it, and read the new one from the environment"
    if not variable:
        note = Note("not rewritten: the variable must be set outside of the program")
        yield Diagnostic(rule.code, message, file.span(text), None, (note,))
        return
    if default is not None:
        note = Note("not rewritten: it stands in for a missing variable; say what should happen then")
        yield Diagnostic(rule.code, message, file.span(text), None, (note,))
        return
    os = next((n for n, bs in file.tree.module_scope.names.items() if all(_is_os(b.module, b.member) for b in bs)), "")
    needs = () if os else (Need("import", "os"),)
    edit = build.replace(file, text, f'{os or "os"}.environ["{variable}"]')
    yield Diagnostic(rule.code, message, file.span(text), Fix(f"Read `{variable}`", (edit,), Safety.UNSAFE, needs))


def _is_os(module: str, member: str) -> bool:
    return module == "os" and not member
