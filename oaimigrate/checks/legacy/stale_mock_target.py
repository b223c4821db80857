"""OAI109: a test that patches a 0.28 path: since 1.0 that patches something nobody calls, or raises."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI109")

PATCHERS = frozenset({"patch", "object", "setattr", "delattr", "multiple", "spy", "stub", "wrap_function_wrapper"})
PATH = re.compile(r"(?:^|\.)openai\.(?P<path>[A-Z]\w+(?:\.\w+)?|error(?:\.\w+)?|api_base|proxy)$")


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
    if resource in file.api.settings:
        message = f"`{text}` was removed in openai 1.0; patch what the client is built from"
        yield Diagnostic(rule.code, message, file.span(node.args[0].value))
        return
    if resource not in file.api.resources and resource != "error":
        return
    row = file.api.methods.get(path)
    if row is None and resource == "error":
        names = errors.successors(file, path)
        fix = _retarget(file, node, text or "", f"openai.{names[0]}") if len(names) == 1 else None
        message = f"`{text}` does not exist since openai 1.0"
        yield Diagnostic(rule.code, message, file.span(node.args[0].value), fix)
        return
    message = f"`{text}` is not what the code under test calls since openai 1.0"
    if row is not None and row[0].new:
        shared = _shared_method(row[0].new, row[1])
        fix = _retarget(file, node, text or "", shared)
        advice = "every client calls this method; the mock must return an object of `openai.types` and not a dict"
        yield Diagnostic(rule.code, message, file.span(node.args[0].value), fix, (Note(advice),))
        return
    advice = "patch what the migrated code really uses"
    yield Diagnostic(rule.code, message, file.span(node.args[0].value), None, (Note(advice),))


def _shared_method(path: str, asynchronous: bool) -> str:
    """The method that all clients share: `openai.resources.chat.completions.Completions.create`."""
    resource, _, method = path.rpartition(".")
    name = "".join(part.capitalize() for part in resource.rpartition(".")[2].split("_"))
    return f"openai.resources.{resource}.{'Async' if asynchronous else ''}{name}.{method}"


def _retarget(file: FileContext, node: cst.Call, text: str, target: str) -> Fix | None:
    argument = node.args[0].value
    if not isinstance(argument, cst.SimpleString):
        return None
    edit = build.replace(file, argument, f"{argument.quote}{target}{argument.quote}")
    return Fix(f"Patch `{target}`", (edit,), Safety.UNSAFE)
