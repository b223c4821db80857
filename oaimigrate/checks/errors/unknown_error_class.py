"""OAI502: an `except` clause that names an exception the SDK does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.kinds import Symbol
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI502")

OTHERS = frozenset({"APIRemovedInV1", "Timeout", "SubjectTokenProviderError"})  # `Timeout` is OAI104's
MEANT = {
    "TimeoutError": "APITimeoutError",
    "TimeoutException": "APITimeoutError",
    "RequestTimeout": "APITimeoutError",
    "ConnectionError": "APIConnectionError",
    "ServerError": "InternalServerError",
    "APIServerError": "InternalServerError",
    "ServiceUnavailable": "InternalServerError",
    "InvalidAPIKeyError": "AuthenticationError",
    "QuotaExceededError": "RateLimitError",
    "InsufficientQuotaError": "RateLimitError",
    "ContextLengthExceededError": "BadRequestError",
    "InvalidRequest": "BadRequestError",
    "Error": "OpenAIError",
    "OpenAIException": "OpenAIError",
}


@rule.on(cst.ExceptHandler)
def handler(node: cst.ExceptHandler, file: FileContext) -> Iterator[Diagnostic]:
    """`except openai.TimeoutError`."""
    if node.type is None:
        return
    for part in [e.value for e in node.type.elements] if isinstance(node.type, cst.Tuple) else [node.type]:
        if isinstance(source_of(file, part) if isinstance(part, cst.Name) else part, cst.Call):
            continue  # `getattr(openai, name, instead)` asks whether it is there
        kind = file.kind(part).kind
        if isinstance(kind, Symbol) and _is_missing(file, kind.path):
            yield _finding(file, part, kind.path)


def _is_missing(file: FileContext, path: str) -> bool:
    name = path.removeprefix("error.")
    if "." in name or name in OTHERS or name.startswith("_"):
        return False
    return not errors.is_legacy(file, path) and (path != name or name not in file.api.error_tree)


def _finding(file: FileContext, node: cst.BaseExpression, path: str) -> Diagnostic:
    name = path.rpartition(".")[2]
    new = name if name in file.api.error_tree else MEANT.get(name, "")
    if not new:
        new = next(iter(difflib.get_close_matches(name, file.api.error_tree, n=1, cutoff=0.8)), "")
    message = f"`openai.{path}` does not exist: looking it up while an error is handled raises AttributeError"
    if not new:
        note = Note("every error of the SDK is an `openai.OpenAIError`")
        return Diagnostic(rule.code, message, file.span(node), None, (note,))
    message = f"{message}; catch `openai.{new}`"
    if not isinstance(node, cst.Attribute) or not isinstance(file.kind(node.value).kind, Symbol):
        return Diagnostic(rule.code, message, file.span(node), None, (Note("not rewritten: the name is imported"),))
    module = node.value.value if path != name and isinstance(node.value, cst.Attribute) else node.value
    fix = Fix(f"Catch `{new}`", (build.replace(file, node, f"{file.code(module)}.{new}"),), Safety.UNSAFE)
    return Diagnostic(rule.code, message, file.span(node), fix)
