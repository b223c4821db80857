"""OAI210: a client that is built when the module is imported, with a key that may not be there."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, function_of, is_external, source_of
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI210")


@rule.on(cst.Call)
def construction(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`client = OpenAI()` at the top of a module."""
    name = constructed(file, node)
    if name is None or file.is_test or any(a.star for a in node.args) or not _may_lack_key(file, node, name):
        return
    guards = (cst.If, cst.Try, cst.IfExp, cst.BooleanOperation)
    if function_of(file, node) is not None or any(isinstance(p, guards) for _, p in ancestors(file, node)):
        return
    message = f"`{name}` raises when there is no key, and so does importing this module; build it where it is used"
    yield Diagnostic(rule.code, message, file.span(node))


def _may_lack_key(file: FileContext, node: cst.Call, name: str) -> bool:
    key = argument(node, "api_key")
    if key is None:
        return argument(node, "azure_ad_token_provider") is None and argument(node, "azure_ad_token") is None
    source = source_of(file, key)
    if isinstance(source, cst.Call):
        return len(source.args) == 1 and is_external(file, source.func, "os.getenv", "os.environ.get")
    return isinstance(source, cst.Subscript) and path_of(source).startswith("os.environ.")
