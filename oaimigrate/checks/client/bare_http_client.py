"""OAI207: an HTTP client of httpx handed to the SDK, without the SDK's own defaults."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import is_external, source_of
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI207")

CLIENTS = ("httpx.Client", "httpx.AsyncClient", "httpx2.Client", "httpx2.AsyncClient")
DEFAULTS = ("limits", "follow_redirects", "transport", "mounts")


@rule.on(cst.Call)
def construction(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`OpenAI(http_client=httpx.Client())`."""
    value = argument(node, "http_client")
    if value is None or file.is_test or constructed(file, node) is None:
        return
    built = source_of(file, value)
    if not isinstance(built, cst.Call) or not is_external(file, built.func, *CLIENTS):
        return
    if any(a.star for a in built.args) or any(argument(built, name) is not None for name in DEFAULTS):
        return
    asynchronous = is_external(file, built.func, "httpx.AsyncClient", "httpx2.AsyncClient")
    right = "openai.DefaultAsyncHttpxClient" if asynchronous else "openai.DefaultHttpxClient"
    message = f"`{file.code(built.func)}` lacks the SDK's defaults (1000 connections, redirects); build `{right}`"
    yield Diagnostic(rule.code, message, file.span(built))
