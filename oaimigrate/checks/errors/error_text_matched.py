"""OAI504: the reason of an API error looked for in its text."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, source_of, within
from oaimigrate.analysis.kinds import ErrorOf, Symbol
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Safety
from oaimigrate.registry import Rule

rule = Rule("OAI504")

CODES = {
    "context_length_exceeded": "context_length_exceeded",
    "maximum context length": "context_length_exceeded",
    "insufficient_quota": "insufficient_quota",
    "exceeded your current quota": "insufficient_quota",
    "rate_limit_exceeded": "rate_limit_exceeded",
    "invalid_api_key": "invalid_api_key",
    "incorrect api key": "invalid_api_key",
    "model_not_found": "model_not_found",
    "content_filter": "content_filter",
    "content_policy_violation": "content_policy_violation",
    "billing_hard_limit_reached": "billing_hard_limit_reached",
    "billing_not_active": "billing_not_active",
    "string_above_max_length": "string_above_max_length",
    "unsupported_parameter": "unsupported_parameter",
    "unsupported_value": "unsupported_value",
}


@rule.on(cst.Comparison)
def comparison(node: cst.Comparison, file: FileContext) -> Iterator[Diagnostic]:
    """`"context_length_exceeded" in str(e)`."""
    text = literal(node.left)
    if text is None or len(node.comparisons) != 1:
        return
    target = node.comparisons[0]
    error = _error(file, target.comparator)
    if error is None or _is_raised_here(file, node) or not isinstance(target.operator, (cst.In, cst.NotIn)):
        return
    code = next((code for phrase, code in CODES.items() if phrase in text.lower()), None)
    if code is None:
        return  # there may be no other way to tell
    message = "the text of an error is no interface and has changed within openai 3; "
    fix = _fix(file, node, error, code, negative=isinstance(target.operator, cst.NotIn))
    yield Diagnostic(rule.code, f'{message}ask for `code == "{code}"`', file.span(node), fix)


def _is_raised_here(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether the `try` raises an error of the SDK itself, whose text is the program's own."""
    for child, parent in ancestors(file, node):
        if isinstance(parent, cst.Try) and isinstance(child, cst.ExceptHandler):
            raised = (n.exc for n in within(parent.body) if isinstance(n, cst.Raise) and isinstance(n.exc, cst.Call))
            return any(isinstance(file.kind(call.func).kind, Symbol) for call in raised)
    return False


def _error(file: FileContext, node: cst.BaseExpression) -> cst.BaseExpression | None:
    """The error of v1+ whose text an expression is: `str(e)`, `e.message`, `str(e).lower()`, `repr(e)`."""
    match node:
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(value="lower" | "casefold" | "upper")), args=[]):
            return _error(file, inner)
        case cst.Call(func=cst.Name(value="str" | "repr"), args=[cst.Arg(value=error)]):
            pass
        case cst.Attribute(value=error, attr=cst.Name(value="message")):
            pass
        case cst.Name() if (source := source_of(file, node)) is not node:
            return _error(file, source)
        case _:
            return None
    kind = file.kind(error).kind
    if not isinstance(kind, ErrorOf) or any(errors.is_legacy(file, name) for name in kind.classes):
        return None
    return error if all("APIError" in errors.ancestors(file, name) for name in kind.classes) else None


def _fix(file: FileContext, node: cst.Comparison, error: cst.BaseExpression, code: str, *, negative: bool) -> Fix:
    operator = "!=" if negative else "=="
    span = file.span(node)
    text = f'{file.code(error)}.code {operator} "{code}"'
    return Fix("Compare the code", (Edit(span.start, span.end, text),), Safety.UNSAFE)
