"""OAI310: an answer parsed as JSON that may be cut, or no JSON at all."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, by_hand, function_of, is_external, source_of, within
from oaimigrate.analysis.guards import Subject, caught_by_callers, guarded, named_errors, path_of
from oaimigrate.analysis.kinds import Model
from oaimigrate.analysis.reach import definition, handed_on, may_be_local, part_of
from oaimigrate.analysis.retries import is_repeated
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI310")

SIGNS = frozenset({"finish_reason", "refusal", "status", "incomplete_details"})
ERRORS = frozenset({"JSONDecodeError", "ValueError", "Exception", "BaseException"})
TEXTS = {"ChatMessage": ("content",), "ParsedMessage": ("content",), "Response": ("output_text",)}


@rule.on(cst.Call)
def parsed(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`json.loads(response.choices[0].message.content)`."""
    if is_unguarded(file, node) and not by_hand(file, node):
        message = (
            "the answer may be cut (`finish_reason`) or be no JSON: look at it first, and catch `json.JSONDecodeError`"
        )
        yield Diagnostic(rule.code, message, file.span(node))


def is_unguarded(file: FileContext, node: cst.Call) -> bool:
    """Whether a call parses an answer that nothing has looked at."""
    if (
        file.is_test
        or len(node.args) != 1
        or not is_external(file, node.func, "json.loads", "orjson.loads", "ujson.loads")
    ):
        return False
    home, text = _text(file, node.args[0].value)
    if not isinstance(text, cst.Attribute):
        return False
    kind = home.kind(text.value).kind
    if not isinstance(kind, Model) or text.attr.value not in TEXTS.get(kind.name, ()):
        return False
    reached = part_of(home, text)
    if reached is None or _is_caught(file, node) or _looks(file, node) or _looks(home, text):
        return False
    given = path_of(node.args[0].value)
    if caught_by_callers(file, node, ERRORS) or guarded(file, node, Subject(frozenset(), given or "?")):
        return False  # `if is_json(text):`
    return not may_be_local(reached.file, reached.call.node.func)  # a server beside the program follows a grammar


def _text(file: FileContext, node: cst.BaseExpression) -> tuple[FileContext, cst.BaseExpression]:
    """What is parsed: the expression, or what the helper that is called returns (`json.loads(ask(prompt))`)."""
    text = source_of(file, node)
    found = handed_on(file, text) if isinstance(text, cst.Call) else None
    return found if found is not None else (file, text)


def _is_caught(file: FileContext, node: cst.Call) -> bool:
    for child, parent in ancestors(file, node):
        match parent:
            case cst.Try(body=body) if child is body:
                caught = (name for h in parent.handlers for name in named_errors(file, h.type))
                if any(name.rpartition(".")[2] in ERRORS for name in caught):
                    return True
            case cst.With(items=items) if any(isinstance(i.item, cst.Call) for i in items):
                if any("suppress" in file.code(i.item) or "raises" in file.code(i.item) for i in items):
                    return True
            case cst.FunctionDef():
                return is_repeated(file, node)
    return False


def _looks(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether the function looks at how the answer ended, itself or in functions that it calls."""
    function = function_of(file, node)
    body: cst.CSTNode = function.body if function is not None else file.module
    if _reads_the_end(body):
        return True
    calls = (n for n in within(body) if isinstance(n, cst.Call) and n.args)
    found = (definition(file, call.func) for call in calls)
    return any(helper is not None and _reads_the_end(helper[1].body) for helper in found)


def _reads_the_end(body: cst.CSTNode) -> bool:
    """`choice.finish_reason`, `getattr(choice, "finish_reason")`."""
    for node in within(body):
        name = node.attr.value if isinstance(node, cst.Attribute) else ""
        if name in SIGNS or (isinstance(node, cst.SimpleString) and literal(node) in SIGNS):
            return True
    return False
