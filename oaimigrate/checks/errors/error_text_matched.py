"""OAI504: the reason of an API error looked for in its text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, is_external, source_of, within
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

_MATCHERS = ("re.search", "re.match", "re.fullmatch", "re.findall")
_SPACES = re.compile(r"(?:\\s[+*]?|\\ | )+")  # how a pattern writes the spaces of a phrase


@rule.on(cst.Comparison)
def comparison(node: cst.Comparison, file: FileContext) -> Iterator[Diagnostic]:
    """`"context_length_exceeded" in str(e)`."""
    text = literal(node.left)
    if text is None or len(node.comparisons) != 1:
        return
    target = node.comparisons[0]
    error = _error(file, target.comparator)
    if (
        error is None
        or _is_raised_here(file, node)
        or _asks_for_code(file, node)
        or not isinstance(target.operator, (cst.In, cst.NotIn))
    ):
        return
    code = _code(text)
    if code and not _asks_for_code(file, node):  # for others there may be no other way to tell
        yield _finding(file, node, error, code, negative=isinstance(target.operator, cst.NotIn))


@rule.on(cst.Call)
def pattern(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`if re.search("context_length_exceeded", str(e)):`, also of a compiled pattern; not what a match is read for."""
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="search" | "match" | "fullmatch" | "findall"))):
            pass
        case cst.Call(func=cst.Name()) if is_external(file, node.func, *_MATCHERS):
            pass
        case _:
            return
    matched = _pattern_and_text(file, node)
    error = _error(file, matched[1]) if matched is not None else None
    if matched is None or error is None or not _is_test(file, node) or _is_raised_here(file, node):
        return
    if _asks_for_code(file, node):
        return
    codes = {_code(_SPACES.sub(" ", part)) for part in matched[0].split("|")}
    if len(codes) == 1 and (code := codes.pop()):
        yield _finding(file, node, error, code, negative=False)


def _code(text: str) -> str:
    """The code of the API that a text says, or goes with; "" for any other text."""
    return next((code for phrase, code in CODES.items() if phrase in text.lower()), "")


def _pattern_and_text(file: FileContext, node: cst.Call) -> tuple[str, cst.BaseExpression] | None:
    """What is looked for, and what it is looked for in: `re.search(pattern, text)`, `PATTERN.search(text)`."""
    if not all(a.keyword is None and not a.star for a in node.args[:2]):
        return None
    if is_external(file, node.func, *_MATCHERS):
        given = [a.value for a in node.args[:2]]
    elif isinstance(node.func, cst.Attribute) and node.args:
        made = source_of(file, node.func.value)
        if not isinstance(made, cst.Call) or not made.args or not is_external(file, made.func, "re.compile"):
            return None
        given = [made.args[0].value, node.args[0].value]
    else:
        return None
    text = literal(source_of(file, given[0])) if len(given) == 2 else None
    return (text, given[1]) if text is not None else None


def _asks_for_code(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether the test asks for the code too: `e.code == "insufficient_quota" or "insufficient_quota" in str(e)`."""
    top = node
    for _, parent in ancestors(file, node):
        if not isinstance(parent, cst.BooleanOperation):
            break
        top = parent
    return any(isinstance(n, cst.Attribute) and n.attr.value == "code" for n in within(top))


def _is_test(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether only the truth of an expression is asked for."""
    for child, parent in ancestors(file, node):
        match parent:
            case cst.BooleanOperation() | cst.UnaryOperation(operator=cst.Not()):
                continue
            case cst.If(test=test) | cst.While(test=test) | cst.IfExp(test=test) | cst.Assert(test=test):
                return child is test
        return isinstance(parent, cst.Arg) and _is_bool(file, parent)
    return False


def _is_bool(file: FileContext, argument: cst.Arg) -> bool:
    match file.parent(argument):
        case cst.Call(func=cst.Name(value="bool")):
            return True
    return False


def _finding(
    file: FileContext, node: cst.BaseExpression, error: cst.BaseExpression, code: str, *, negative: bool
) -> Diagnostic:
    message = "the text of an error is no interface and has changed within openai 3; "
    fix = _fix(file, node, error, code, negative=negative)
    return Diagnostic(rule.code, f'{message}ask for `code == "{code}"`', file.span(node), fix)


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


def _fix(file: FileContext, node: cst.BaseExpression, error: cst.BaseExpression, code: str, *, negative: bool) -> Fix:
    operator = "!=" if negative else "=="
    span = file.span(node)
    text = f'{file.code(error)}.code {operator} "{code}"'
    return Fix("Compare the code", (Edit(span.start, span.end, text),), Safety.UNSAFE)
