"""OAI201: an API key in the source. The key itself is never part of a message."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.addresses import address_of
from oaimigrate.analysis.calls import constructed, is_legacy_request
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import is_external, source_of
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.kinds import Client, External, Symbol
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic, Fix, Need, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.redaction import holds_secret, is_secret
from oaimigrate.registry import Rule

rule = Rule("OAI201")

ARGUMENTS = ("api_key", "azure_ad_token", "admin_api_key")
VARIABLES = {
    "api_key": "OPENAI_API_KEY",
    "azure_ad_token": "AZURE_OPENAI_AD_TOKEN",
    "admin_api_key": "OPENAI_ADMIN_KEY",
}
OWN = re.compile(r"sk-(?:proj|svcacct|admin)-|sk-[\w-]*T3BlbkFJ")  # prefixes of OpenAI, and "OpenAI" in base64
PLAIN = re.compile(r"sk-(?!lf-|ant-)")  # what OpenAI gave out before, and others do
USES = re.compile(r"^[ \t]*(?:from|import)[ \t]+openai\b", re.MULTILINE)
CALLED = re.compile(r"(?:^|_)(?:api_?)?key$", re.IGNORECASE)


@rule.on(cst.Module)
def keys(node: cst.Module, file: FileContext) -> Iterator[Diagnostic]:
    """Each key once: where the SDK takes it, with what to do instead, and then where it stands by its looks."""
    if not holds_secret(file.text):
        return
    found: dict[cst.CSTNode, Diagnostic] = {}
    for value, variable in (*_passed(file), *_assigned(file), *_set_default(file)):
        found |= _finding(file, value, variable)
    for text in file.nodes(cst.SimpleString):
        if text not in found and "sk-" in text.value and not file.is_test and _is_key(file, text):
            variable = "OPENAI_ADMIN_KEY" if "sk-admin-" in text.value else "OPENAI_API_KEY"
            found |= _finding(file, text, variable if _is_whole_value(file, text) else "")
    yield from found.values()


def _passed(file: FileContext) -> Iterator[tuple[cst.BaseExpression, str]]:
    """`OpenAI(api_key="sk-…")`, `client.with_options(api_key="sk-…")`, a 0.28 request with its own key."""
    for node in file.nodes(cst.Call):
        if not any(a.keyword is not None and a.keyword.value in ARGUMENTS for a in node.args):
            continue
        name = constructed(file, node)
        if name is None and not is_legacy_request(file, node) and not isinstance(file.kind(node).kind, Client):
            continue
        for keyword in ARGUMENTS:
            value = argument(node, keyword)
            if value is not None:
                yield value, _variable(file, node, keyword, name or "")


def _variable(file: FileContext, node: cst.Call, keyword: str, name: str) -> str:
    """The variable that should hold a key; "" where the key is another server's, which only its owner can name."""
    address = argument(node, "base_url")
    if address is not None and not address_of(file, address).startswith("https://api.openai.com"):
        return ""
    return "AZURE_OPENAI_API_KEY" if keyword == "api_key" and "Azure" in name else VARIABLES[keyword]


def _assigned(file: FileContext) -> Iterator[tuple[cst.BaseExpression, str]]:
    """`openai.api_key = "sk-…"`, `os.environ["OPENAI_API_KEY"] = "sk-…"`."""
    for node in file.nodes(cst.Assign):
        for target in node.targets:
            match target.target:
                case cst.Attribute(value=base, attr=cst.Name(value="api_key")):
                    kind = file.kind(base).kind
                    if kind == Symbol("") or isinstance(kind, Client):
                        azure = isinstance(kind, Client) and kind.azure is True
                        yield node.value, "AZURE_OPENAI_API_KEY" if azure else "OPENAI_API_KEY"
                case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
                    named = (literal(key) or "").endswith("OPENAI_API_KEY")
                    if named and file.kind(base).kind == External("os.environ"):
                        yield node.value, ""


def _set_default(file: FileContext) -> Iterator[tuple[cst.BaseExpression, str]]:
    """`os.environ.setdefault("OPENAI_API_KEY", "sk-…")`."""
    for node in file.nodes(cst.Call):
        if len(node.args) == 2 and is_external(file, node.func, "os.environ.setdefault", "os.putenv"):
            if (literal(node.args[0].value) or "").endswith("OPENAI_API_KEY"):
                yield node.args[1].value, ""


def _is_key(file: FileContext, text: cst.SimpleString) -> bool:
    """Whether a string is a key by its looks: one that only OpenAI gives out, or any behind a name that says so."""
    value = (literal(text) or "").removeprefix("Bearer ")
    return is_secret(value) and (
        OWN.match(value) is not None
        or (PLAIN.match(value) is not None and _named(file, text) and USES.search(file.text) is not None)
    )


def _named(file: FileContext, text: cst.SimpleString) -> bool:
    """`API_KEY = "sk-…"`, `ask(api_key="sk-…")`, `{"api_key": "sk-…"}`, `def ask(key="sk-…")`."""
    parent = file.parent(text)
    match parent:
        case cst.Assign(targets=[cst.AssignTarget(target=target)]) | cst.AnnAssign(target=target):
            name = _key(target) or path_of(target).rpartition(".")[2]
        case cst.Arg(keyword=cst.Name(value=name)) | cst.Param(name=cst.Name(value=name)):
            pass
        case cst.DictElement(key=key):
            name = literal(key) or ""
        case _:
            return False
    return CALLED.search(name) is not None


def _key(target: cst.BaseExpression) -> str:
    match target:
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
            return literal(index) or ""
    return ""


def _is_whole_value(file: FileContext, text: cst.SimpleString) -> bool:
    """Whether a key is what a name or attribute is set to, so that the variable can stand in its place."""
    match file.parent(text):
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name() | cst.Attribute())]) | cst.AnnAssign():
            return OWN.match(literal(text) or "") is not None
    return False


def _given_in_case(file: FileContext, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """The key that is taken where the environment has none: `os.getenv(name, "sk-…")`, `os.getenv(name) or "sk-…"`."""
    match value:
        case cst.BooleanOperation(operator=cst.Or(), right=right):
            return right
        case cst.Call(func=func, args=[_, second]) if is_external(file, func, "os.getenv", "os.environ.get"):
            return second.value
    return None


def _finding(file: FileContext, value: cst.BaseExpression, variable: str) -> dict[cst.CSTNode, Diagnostic]:
    """What is said of a key, by the string that it stands in; nothing where there is none."""
    text = source_of(file, value)
    default = _given_in_case(file, text)
    text = source_of(file, default) if default is not None else text
    if not isinstance(text, cst.SimpleString) or not is_secret((literal(text) or "").removeprefix("Bearer ")):
        return {}
    message = "an API key stands in the source; revoke it, and read the new one from the environment"
    if default is not None or not variable:
        why = "it stands in for a missing variable; say what should happen then"
        if default is None:
            why = "only its owner can say which variable shall hold it, and who sets that"
        return {text: Diagnostic(rule.code, message, file.span(text), None, (Note(f"not rewritten: {why}"),))}
    os = next((n for n, bs in file.tree.module_scope.names.items() if all(_is_os(b.module, b.member) for b in bs)), "")
    needs = () if os else (Need("import", "os"),)
    edit = build.replace(file, text, f'{os or "os"}.environ["{variable}"]')
    fix = Fix(f"Read `{variable}`", (edit,), Safety.UNSAFE, needs)
    return {text: Diagnostic(rule.code, message, file.span(text), fix)}


def _is_os(module: str, member: str) -> bool:
    return module == "os" and not member
