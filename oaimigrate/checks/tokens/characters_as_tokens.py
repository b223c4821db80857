"""OAI702: tokens guessed from the number of characters or words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI702")

PER_TOKEN = frozenset({"2", "2.5", "3", "3.0", "3.2", "3.3", "3.5", "4", "4.0", "4.2", "4.5", "5", "0.75", "0.7"})
TOKENS = frozenset(
    {"0.25", "0.3", "0.33", "0.35", "0.4", "0.5", "0.75", "1.3", "1.33", "1.35", "1.4", "1.5", "2", "2.0"}
)
COUNTS = re.compile(r"encode|encoding|tokeni[sz]e|tiktoken|count_\w*tokens|num_tokens", re.IGNORECASE)
SAYS_TOKENS = re.compile(r"tok(?:en)?s?(?:_|$|\b)|tokens?", re.IGNORECASE)


@rule.on(cst.BinaryOperation)
def ratio(node: cst.BinaryOperation, file: FileContext) -> Iterator[Diagnostic]:
    """`tokens = len(text) // 4`."""
    match node:
        case cst.BinaryOperation(
            left=cst.Call(func=cst.Name(value="len"), args=[_]) as length,
            operator=cst.Divide() | cst.FloorDivide(),
            right=cst.Integer(value=number) | cst.Float(value=number),
        ) if number in PER_TOKEN:
            pass
        case cst.BinaryOperation(
            left=cst.Call(func=cst.Name(value="len"), args=[_]) as length,
            operator=cst.Multiply(),
            right=cst.Integer(value=number) | cst.Float(value=number),
        ) if number in TOKENS:
            pass
        case _:
            return
    inner = length.args[0].value
    if file.is_test or _is_tokens(inner) or not _counts_tokens(file, node) or _stands_in(file, node):
        return
    unit = "words" if isinstance(inner, cst.Call) and path_of(inner.func).endswith("split") else "characters"
    message = f"tokens guessed from {unit}: off by a factor of two and more for code and other languages; count them"
    yield Diagnostic(rule.code, message, file.span(node))


def _is_tokens(node: cst.BaseExpression) -> bool:
    """Whether what is counted are tokens already: `len(enc.encode(text)) // 2`, `len(tokens) / 2`."""
    text = path_of(node.func) if isinstance(node, cst.Call) else path_of(node)
    return "encode" in text or "token" in text.lower()


def _stands_in(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether this is what is left when a real count is not to be had: the function counts too, or the first of two."""
    for child, parent in ancestors(file, node):
        match parent:
            case cst.ExceptHandler():
                return True
            case cst.IfExp(body=body) if child is not body and child is not parent.test:
                return True
            case cst.FunctionDef(body=body):
                return any(_counts(n) for n in within(body))
    return False


def _counts(node: cst.CSTNode) -> bool:
    """`tokenizer.encode(text)`, `count_tokens(text)`, `tiktoken.…`."""
    return isinstance(node, cst.Call) and COUNTS.search(path_of(node.func)) is not None


def _counts_tokens(file: FileContext, node: cst.BaseExpression) -> bool:
    for child, parent in ancestors(file, node):
        match parent:
            case cst.Assign(targets=[cst.AssignTarget(target=target), *_]) | cst.AugAssign(target=target):
                if SAYS_TOKENS.search(path_of(target).rpartition(".")[2]):
                    return True
            case cst.Arg(keyword=cst.Name(value=name)) if SAYS_TOKENS.search(name):
                return True
            case cst.DictElement(key=cst.SimpleString(value=name)) if child is parent.value and "token" in name.lower():
                return True
            case cst.FunctionDef(name=cst.Name(value=name)):
                return "token" in name.lower()
    return False
