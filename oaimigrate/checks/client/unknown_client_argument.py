"""OAI202: an argument that the constructor of a client does not take."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.checks.legacy.removed_call_argument import CONSTRUCTORS
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Need, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI202")

_OPENAI = (
    "api_key admin_api_key workload_identity organization project webhook_secret provider base_url data_residency"
    " websocket_base_url timeout max_retries default_headers default_query http_client _strict_response_validation"
    " _enforce_credentials"
)
_AZURE = f"{_OPENAI} api_version azure_endpoint azure_deployment azure_ad_token azure_ad_token_provider"
KNOWN = {"azure": frozenset(_AZURE.split()), "": frozenset(_OPENAI.split())}
ADVICE = {
    "proxies": "pass `http_client=openai.DefaultHttpxClient(proxy=…)`",
    "proxy": "pass `http_client=openai.DefaultHttpxClient(proxy=…)`",
    "transport": "pass `http_client=openai.DefaultHttpxClient(transport=…)`",
    "connection_pool_limits": "pass `http_client=openai.DefaultHttpxClient(limits=…)`",
    "limits": "pass `http_client=openai.DefaultHttpxClient(limits=…)`",
    "verify": "pass `http_client=openai.DefaultHttpxClient(verify=…)`",
    "headers": "it is `default_headers=`",
    "model": "the model is an argument of each request",
    "api_type": "the class says it: `AzureOpenAI` or `OpenAI`",
}
RENAMED = {"headers": "default_headers", "org": "organization", "retries": "max_retries", "url": "base_url"}
HTTP_OPTIONS = {
    "proxies": "proxy", "proxy": "proxy", "transport": "transport", "connection_pool_limits": "limits",
    "limits": "limits", "verify": "verify",
}  # fmt: skip


@rule.on(cst.Call)
def arguments(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`OpenAI(proxies=…)`."""
    name = constructed(file, node)
    if name is None:
        return
    known = KNOWN["azure" if "Azure" in name else ""]
    given = {a.keyword.value for a in node.args if a.keyword is not None}
    for item in node.args:
        option = item.keyword.value if item.keyword is not None else ""
        if not option or option in known or option in CONSTRUCTORS.get(name, ()):
            continue
        meant = RENAMED.get(option, "")
        if not meant and option not in ADVICE and option not in KNOWN["azure"]:
            meant = next(iter(difflib.get_close_matches(option, known, n=1, cutoff=0.8)), "")
        advice = f"did you mean `{meant}=`?" if meant else ADVICE.get(option, "")
        if option in KNOWN["azure"]:
            advice = f"only `{name.replace('OpenAI', 'AzureOpenAI')}` does"
        message = f"`{name}` takes no `{option}=`: it raises TypeError" + (f"; {advice}" if advice else "")
        fix, notes = _fix(file, item, option, meant, given, asynchronous=name.startswith("Async"))
        yield Diagnostic(rule.code, message, build.item_span(file, item), fix, notes)


def _fix(
    file: FileContext, item: cst.Arg, option: str, meant: str, given: set[str], *, asynchronous: bool
) -> tuple[Fix | None, tuple[Note, ...]]:
    assert item.keyword is not None
    if meant and meant not in given:
        return Fix(f"Rename to `{meant}`", (build.replace(file, item.keyword, meant),), Safety.UNSAFE), ()
    if option not in HTTP_OPTIONS or "http_client" in given:
        return None, ()
    if option == "proxies" and not isinstance(item.value, (cst.SimpleString, cst.FormattedString)):
        return None, (Note("not rewritten: httpx has taken one `proxy=` or `mounts=` instead of a dict since 0.26"),)
    client, needs = file.symbol("DefaultAsyncHttpxClient" if asynchronous else "DefaultHttpxClient")
    span, value = build.item_span(file, item), file.code(item.value)
    text = f"http_client={client}({HTTP_OPTIONS[option]}={value})"
    wanted: list[Need] = needs
    return Fix("Build an HTTP client with it", (Edit(span.start, span.end, text),), Safety.UNSAFE, tuple(wanted)), ()
