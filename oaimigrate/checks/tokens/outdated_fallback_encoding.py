"""OAI705: models that tiktoken does not know are counted with the encoding of old ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.encodings import NEWEST, encoding_name, maker
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, caught_names, function_of, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI705")

OTHERS = re.compile(
    r"llama|claude|anthropic|gemini|mistral|qwen|deepseek|groq|bedrock|bison|palm|openrouter", re.IGNORECASE
)


@rule.on(cst.Call)
def fallback(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`except KeyError: encoding = tiktoken.get_encoding("cl100k_base")`."""
    name = literal(node.args[0].value) if len(node.args) == 1 else None
    if name is None or not (function := maker(file, node)):
        return
    chosen = name if function == "get_encoding" else encoding_name(name)
    if chosen != "cl100k_base" or name.startswith("text-embedding") or not _after_key_error(file, node):
        return
    if _of_others(file, node) or _refuses_unknown(file, node):
        return
    message = f"tiktoken knows every model with `{chosen}`; one that it does not know is newer: fall back to `{NEWEST}`"
    edits = [build.replace_whole(file, node.args[0].value, f'"{NEWEST}"')]
    fix = Fix(f"Fall back to `{NEWEST}`", tuple(edits), Safety.UNSAFE) if function == "get_encoding" else None
    yield Diagnostic(rule.code, message, file.span(node.args[0].value), fix)


def _is_written(file: FileContext, model: cst.BaseExpression) -> bool:
    """Whether a model is written out, here or in each assignment of its name."""
    if not isinstance(model, cst.Name):
        return literal(model) is not None
    bindings = bindings_of(file, model)
    return all(b.how == "assign" and b.value is not None and literal(b.value) is not None for b in bindings)


def _of_others(file: FileContext, node: cst.Call) -> bool:
    """Whether the file or the function is about models of others, for which any encoding is a guess."""
    function = function_of(file, node)
    if OTHERS.search(f"{file.source.path} {file.code(function) if function is not None else ''}"):
        return True
    return function is not None and any(literal(n) == "/" for n in within(function.body))  # "openai/gpt-4o"


def _refuses_unknown(file: FileContext, node: cst.Call) -> bool:
    """Whether the function goes on to raise NotImplementedError for models that it does not name."""
    function = function_of(file, node)
    raised = (n.exc for n in within(function.body) if isinstance(n, cst.Raise)) if function is not None else ()
    return any(path_of(e.func if isinstance(e, cst.Call) else e) == "NotImplementedError" for e in raised if e)


def _after_key_error(file: FileContext, node: cst.Call) -> bool:
    """Whether the call stands in the handler of a `try` that asks tiktoken for the encoding of a model."""
    for child, parent in ancestors(file, node):
        if isinstance(parent, cst.Try) and isinstance(child, cst.ExceptHandler):
            catches = {"KeyError", "LookupError", "Exception", "BaseException"} & set(caught_names(file, child.type))
            asks = (n for n in within(parent.body) if isinstance(n, cst.Call))
            return bool(catches) and any(
                maker(file, n) == "encoding_for_model" and not _is_written(file, n.args[0].value) for n in asks
            )
        if isinstance(parent, cst.FunctionDef):
            return False
    return False
