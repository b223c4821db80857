"""OAI206: a client of OpenAI with an address of Azure, or an Azure client with an address it cannot use."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI206")

RESOURCE = re.compile(r"https://[^/]*\.(?:openai|cognitiveservices|services\.ai)\.azure\.(?:com|us|cn)(?P<path>/.*)?$")


@rule.on(cst.Call)
def construction(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`OpenAI(base_url="https://acme.openai.azure.com/")`."""
    name = constructed(file, node) if node.args else None
    if name is None:
        return
    base, endpoint = argument(node, "base_url"), argument(node, "azure_endpoint")
    found = _of_azure(file, name, base, endpoint) if "Azure" in name else _of_openai(file, name, base)
    if found is not None:
        place, message = found
        yield Diagnostic(rule.code, message, file.span(place))


def _of_openai(file: FileContext, name: str, base: cst.BaseExpression | None) -> tuple[cst.BaseExpression, str] | None:
    path = _path(file, base)
    if base is None or path is None or "/openai/v1" in path or "/openai/deployments/" in path or "/models" in path:
        return None
    azure = name.replace("OpenAI", "AzureOpenAI").replace("Client", "AzureOpenAI")
    return base, f"`{name}` finds nothing there: add `/openai/v1/`, or build `{azure}(azure_endpoint=…)`"


def _of_azure(
    file: FileContext, name: str, base: cst.BaseExpression | None, endpoint: cst.BaseExpression | None
) -> tuple[cst.BaseExpression, str] | None:
    if base is not None and endpoint is not None and _is_there(file, base) and _is_there(file, endpoint):
        return base, f"`{name}` takes `base_url` or `azure_endpoint`, not both: it raises ValueError"
    if base is not None and "/openai/v1" in (_path(file, base) or ""):
        plain = name.replace("Azure", "")
        return base, f"`{name}` adds `api-version` and deployments, which `/openai/v1` does not know; build `{plain}`"
    if endpoint is not None and _is_openai(file, endpoint):
        plain = name.replace("Azure", "")
        return endpoint, f"this is the address of OpenAI, which knows no deployments; build `{plain}`"
    if endpoint is not None and "/openai" in (_path(file, endpoint) or ""):
        return (
            endpoint,
            "`azure_endpoint` is the address of the resource alone; `/openai` and what follows is added to it",
        )
    return None


def _path(file: FileContext, node: cst.BaseExpression | None) -> str | None:
    """The path of an address of Azure that is written out; None for any other."""
    text = literal(source_of(file, node)) if node is not None else None
    found = RESOURCE.match(text) if text is not None else None
    return (found["path"] or "/") if found is not None else None


def _is_openai(file: FileContext, node: cst.BaseExpression) -> bool:
    return (literal(source_of(file, node)) or "").startswith("https://api.openai.com")


def _is_there(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether a value is certainly not None: text, or `os.environ[…]`."""
    source = source_of(file, node)
    if isinstance(source, cst.Subscript):
        return path_of(source).startswith("os.environ.")
    return isinstance(source, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString))
