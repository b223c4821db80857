"""OAI102: a setting of the `openai` module that became a client argument, moved, or has no effect any more."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis import logins
from oaimigrate.analysis import settings as setting_finder
from oaimigrate.analysis.clients import GROUP
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import Symbol
from oaimigrate.analysis.settings import WITHOUT_EFFECT, Setting
from oaimigrate.analysis.settings import option as option_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Need, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.fixing import handover
from oaimigrate.registry import Rule

rule = Rule("OAI102")

STILL_WORKS = frozenset({"api_key", "organization", "api_type", "api_version"})  # on the SDK's module-level client


@rule.on(cst.Attribute)
def setting(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    if node.attr.value not in file.api.settings or file.kind(node.value).kind != Symbol(""):
        return
    found = next((s for s in file.plan.settings if s.target is node), None)
    if found is not None:
        yield from _made(file, found)
    elif not isinstance(file.parent(node), (cst.AssignTarget, cst.Del)):
        yield from _read(file, node)


@rule.on(cst.Call)
def by_name(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`setattr(openai, name, value)`."""
    if isinstance(node.func, cst.Name) and node.func.value == "setattr" and len(node.args) == 3:
        name = literal(node.args[1].value)
        if file.kind(node.args[0].value).kind == Symbol("") and (name is None or name in file.api.settings):
            message = "a setting of the `openai` module is made by name; pass it to the client instead"
            note = Note("not rewritten: which setting this is, and when, is not known here")
            yield Diagnostic(rule.code, message, file.span(node), None, (note,))


def _made(file: FileContext, found: Setting) -> Iterator[Diagnostic]:
    plan = file.plan
    row = file.api.settings[found.name]
    if plan.consumed:
        message = f"`openai.{found.name}` belongs to the client since openai 1.0; pass it to the client"
        safety, notes = plan.safety, plan.notes
        if found.name == "proxy" and not isinstance(found.value, (cst.SimpleString, cst.FormattedString)):
            safety = Safety.UNSAFE
            notes = (*notes, Note("0.28 took a dict of proxies too; the HTTP client takes one URL"))
        fix = Fix("Build a client from the settings", (), safety, (Need("client", "settings"),), GROUP)
        yield Diagnostic(rule.code, message, file.span(found.target), fix, notes)
        return
    if found.scope in plan.locals:
        yield _local(file, found)
        return
    client = handover.meant_for(plan)
    if client is not None and handover.unseen(plan, client, found):
        option = option_of(found, plan.kind or "openai")
        message = f"`openai.{found.name}` does not reach the client of this file; pass it `{option}=`"
        passed = handover.fix(plan, client)
        why = "not rewritten: not every setting of this file can become an argument there"
        yield Diagnostic(rule.code, message, file.span(found.target), passed, () if passed else (Note(why),))
        return
    if found.name in STILL_WORKS and not _token(file, found):
        return
    login = found.name in STILL_WORKS
    message = f"`openai.{found.name}` {'means no Azure AD login' if login else 'has no effect'} since openai 1.0"
    fix_or_none, reason = _kept(file, found)
    said = [Note(reason)] if reason else []
    if plan.reason and fix_or_none is not None:
        said.append(Note(f"the module-level client is kept: {plan.reason}"))
    if fix_or_none is None and plan.varying and found.name == "api_base":
        said.append(Note("build one client for each endpoint, `AzureOpenAI(azure_endpoint=…)`, and choose among them"))
    elif fix_or_none is None and row.advice and not login:
        said.append(Note(row.advice))
    yield Diagnostic(rule.code, message, file.span(found.target), fix_or_none, tuple(said))


def _local(file: FileContext, found: Setting) -> Diagnostic:
    """A setting of a function that builds an Azure client of its own."""
    requests = [r for r in file.plan.requests if r.scope.function is found.scope]
    group, need = file.plan.local_need(found.scope, any(r.asynchronous for r in requests))
    message = f"`openai.{found.name}` belongs to the client since openai 1.0; pass it to the client"
    note = Note("the module-level Azure client would keep the endpoint of its first request")
    fix = Fix("Build a client in this function", (), Safety.UNSAFE, (need,), group)
    return Diagnostic(rule.code, message, file.span(found.target), fix, (note,))


def _token(file: FileContext, found: Setting) -> bool:
    """Whether the setting is part of an Azure AD login, which the module-level client spells differently."""
    if found.name == "api_type":
        return logins.says_login(found)
    return found.name == "api_key" and logins.is_token(file.plan, found)


def _kept(file: FileContext, found: Setting) -> tuple[Fix | None, str]:
    """The same setting on the SDK's module-level client, and a note."""
    plan = file.plan
    name, value = found.name, found.value
    if not found.plain and name != "api_type":
        return None, "not rewritten: the setting shares its statement or line with something else"
    if name in WITHOUT_EFFECT:
        return _deleted(file, found), "it had no effect in 0.28 either"
    if name in ("api_type", "api_key"):
        return _login(file, found)
    if name == "api_base":
        if plan.kind is None and not setting_finder.is_azure(plan.settings):
            return (
                None,
                "not rewritten: `openai.api_type` is not known here, so this is either `base_url` or `azure_endpoint`",
            )
        if plan.kind != "openai":
            if plan.homeless:
                return None, (
                    "not rewritten: an `openai.api_base` of this file is set where `openai.api_type` is not, so it is "
                    "not known which is `azure_endpoint` and which `base_url`"
                )
            if plan.varying:
                return None, "not rewritten: the module-level Azure client keeps the endpoint of its first request"
            fix = _renamed(file, found, "azure_endpoint", "azure")
            return fix.at_least(plan.safety), ""
        return _base_url(file, found)
    if name == "proxy" and not isinstance(value, cst.Dict):
        return _proxy(file, found)
    return None, "not rewritten: nothing on the client takes this value as it is"


def _login(file: FileContext, found: Setting) -> tuple[Fix | None, str]:
    """The type and the token of an Azure AD login, which change together."""
    if problem := logins.problem(file.plan):
        return None, f"not rewritten: {problem}; {logins.PROVIDER}"
    if found.name == "api_key":
        fix = _renamed(file, found, "azure_ad_token", "azure")
        once = "the module-level Azure client keeps the token of its first request: call this function once"
        return (fix.at_least(Safety.UNSAFE), once) if found.scope.kind == "function" else (fix, "")
    edit = build.replace_whole(file, found.value, '"azure"')
    return Fix('Set `api_type` to "azure"', (edit,), Safety.SAFE, (), "azure"), ""


def _renamed(file: FileContext, found: Setting, name: str, group: str | None = None) -> Fix:
    return Fix(f"Set `openai.{name}`", (build.replace(file, found.target.attr, name),), Safety.SAFE, (), group)


def _base_url(file: FileContext, found: Setting) -> tuple[Fix, str]:
    """`openai.base_url` must end in a slash, or the SDK joins it wrongly; `api_base` had none."""
    rename = build.replace(file, found.target.attr, "base_url")
    value = found.value
    text = literal(value)
    title = "Set `openai.base_url`"
    if text is not None and isinstance(value, cst.SimpleString):
        if text.endswith("/"):
            return Fix(title, (rename,)), ""
        span = file.span(value)
        at = span.end - len(value.quote)
        return Fix(title, (rename, Edit(at, at, "/"))), ""
    if isinstance(value, cst.Name) and value.value == "None":
        return Fix(title, (rename,)), ""
    code = file.code(value)
    simple = isinstance(value, (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.FormattedString)) or bool(
        value.lpar
    )
    text = f'{code if simple else f"({code})"}.rstrip("/") + "/"'
    note = "`openai.base_url` must end in a slash"
    return Fix(title, (rename, build.replace_whole(file, value, text)), Safety.UNSAFE), note


def _proxy(file: FileContext, found: Setting) -> tuple[Fix, str]:
    rename = build.replace(file, found.target.attr, "http_client")
    module = file.code(found.target.value)
    span = file.whole(found.value)
    edits = (rename, Edit(span.start, span.start, f"{module}.DefaultHttpxClient(proxy="), Edit(span.end, span.end, ")"))
    return Fix(
        "Set `openai.http_client`", edits, Safety.UNSAFE
    ), "a proxy is a property of the HTTP client now; async clients need their own"


def _deleted(file: FileContext, found: Setting) -> Fix:
    """Remove a setting that never did anything; `pass` where the block would be empty."""
    line = found.line
    if line is None:
        return Fix("Remove the setting", (build.replace(file, found.statement, "pass"),), Safety.UNSAFE)
    parent = file.parent(line)
    comment = line.trailing_whitespace.comment is not None or any(e.comment for e in line.leading_lines)
    span = file.span(line)
    if comment or len(getattr(parent, "body", ())) == 1:
        return Fix(
            "Remove the setting", (Edit(span.start, span.end, "pass"),), Safety.SAFE if not comment else Safety.UNSAFE
        )
    start = max(file.text.rfind("\n", 0, span.start), file.text.rfind("\r", 0, span.start)) + 1
    return Fix("Remove the setting", (Edit(start, file.whole(line).end, ""),))


def _read(file: FileContext, node: cst.Attribute) -> Iterator[Diagnostic]:
    """`if openai.api_key is None`, `print(openai.api_base)`."""
    name = node.attr.value
    row = file.api.settings[name]
    if row.module == name:
        return  # the name still exists; that it is None until set is a matter for another rule
    message = f"`openai.{name}` does not exist since openai 1.0"
    if name == "api_base" and _joined(file, node):
        note = Note("not rewritten: `openai.base_url` ends in a slash, which matters to what is made of it here")
        yield Diagnostic(rule.code, message, file.span(node), None, (note,))
        return
    if row.module and file.plan.strategy == "module" and file.plan.kind == "openai":
        fix = Fix(f"Read `openai.{row.module}`", (build.replace(file, node.attr, row.module),), Safety.UNSAFE)
        note = Note(f"`openai.{row.module}` is None until it is set, and then a URL that ends in a slash")
        yield Diagnostic(rule.code, message, file.span(node), fix, (note,))
        return
    yield Diagnostic(rule.code, message, file.span(node), None, (Note(row.advice),) if row.advice else ())


def _joined(file: FileContext, node: cst.Attribute) -> bool:
    """Whether a URL is compared, or something is put behind it."""
    match parent := file.parent(node):
        case cst.FormattedStringExpression():
            text = file.parent(parent)
            parts = list(text.parts) if isinstance(text, cst.FormattedString) else []
            return parts.index(parent) + 1 < len(parts) if parent in parts else False
        case cst.BinaryOperation(left=left):
            return left is node
        case cst.Comparison() | cst.ComparisonTarget():
            return True
    return False
