"""OAI109: a test that patches a 0.28 path: since 1.0 that patches something nobody calls, or raises."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Note
from oaimigrate.registry import Rule

rule = Rule("OAI109")

PATCHERS = frozenset({"patch", "object", "setattr", "delattr", "multiple", "spy", "stub", "wrap_function_wrapper"})
PATH = re.compile(r"(?:^|\.)openai\.(?P<path>[A-Z]\w+(?:\.\w+)?|error(?:\.\w+)?)$")


@rule.on(cst.Call)
def target(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`patch("openai.ChatCompletion.create")`, `monkeypatch.setattr("openai.Embedding.create", …)`."""
    func = node.func
    name = func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", None)
    if name not in PATCHERS or not node.args:
        return
    text = literal(node.args[0].value)
    found = PATH.search(text) if text else None
    if found is None:
        return
    path = found["path"]
    resource = path.partition(".")[0]
    if resource not in file.api.resources and resource != "error":
        return
    row = file.api.methods.get(path)
    message = f"`{text}` is not what the code under test calls since openai 1.0"
    if row is not None and row[0].new:
        advice = (
            f"patch the client the code uses, for example `client.{row[0].new}`, and return an object of `openai.types`"
        )
    else:
        advice = "patch what the migrated code really uses"
    yield Diagnostic(rule.code, message, file.span(node.args[0].value), None, (Note(advice),))
