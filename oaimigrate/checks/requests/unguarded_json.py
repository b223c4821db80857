"""OAI310: an answer parsed as JSON that may be cut, or no JSON at all."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, caught_names, function_of, is_external, source_of, within
from oaimigrate.analysis.kinds import Model
from oaimigrate.analysis.reach import constructor_of, handed_on, is_local, part_of
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI310")

ERRORS = frozenset({"JSONDecodeError", "ValueError", "Exception", "BaseException"})
TEXTS = {"ChatMessage": ("content",), "ParsedMessage": ("content",), "Response": ("output_text",)}


@rule.on(cst.Call)
def parsed(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`json.loads(response.choices[0].message.content)`."""
    if (
        file.is_test
        or len(node.args) != 1
        or not is_external(file, node.func, "json.loads", "orjson.loads", "ujson.loads")
    ):
        return
    home, text = _text(file, node.args[0].value)
    if not isinstance(text, cst.Attribute):
        return
    kind = home.kind(text.value).kind
    if not isinstance(kind, Model) or text.attr.value not in TEXTS.get(kind.name, ()):
        return
    reached = part_of(home, text)
    if reached is None or _is_caught(file, node) or _looks(file, node) or _looks(home, text):
        return
    client = constructor_of(reached.file, reached.call.node.func)
    if client is not None and is_local(*client):
        return  # a server beside the program that follows a grammar
    message = (
        "the answer may be cut (`finish_reason`) or be no JSON: look at it first, and catch `json.JSONDecodeError`"
    )
    yield Diagnostic(rule.code, message, file.span(node))


def _text(file: FileContext, node: cst.BaseExpression) -> tuple[FileContext, cst.BaseExpression]:
    """What is parsed: the expression, or what the helper that is called returns (`json.loads(ask(prompt))`)."""
    text = source_of(file, node)
    found = handed_on(file, text) if isinstance(text, cst.Call) else None
    return found if found is not None else (file, text)


def _is_caught(file: FileContext, node: cst.Call) -> bool:
    for child, parent in ancestors(file, node):
        match parent:
            case cst.Try(body=body) if child is body:
                caught = (name for h in parent.handlers for name in caught_names(file, h.type))
                if any(name.rpartition(".")[2] in ERRORS for name in caught):
                    return True
            case cst.With(items=items) if any(isinstance(i.item, cst.Call) for i in items):
                if any("suppress" in file.code(i.item) or "raises" in file.code(i.item) for i in items):
                    return True
            case cst.FunctionDef(decorators=decorators) if decorators:
                return any("retry" in file.code(d.decorator) or "backoff" in file.code(d.decorator) for d in decorators)
            case cst.FunctionDef():
                return False
    return False


def _looks(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether the function looks at how the answer ended."""
    function = function_of(file, node)
    body: cst.CSTNode = function.body if function is not None else file.module
    words = ("finish_reason", "refusal", "status", "incomplete_details")
    return any(isinstance(n, cst.Attribute) and n.attr.value in words for n in within(body))
