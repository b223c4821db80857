"""OAI703: what surrounds a message counted as for gpt-3.5-turbo-0301, the only model that counted so."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.encodings import encode_call
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, function_of, source_of, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI703")

MESSAGE = (
    "a name costs one token more; only gpt-3.5-turbo-0301, which is gone, counted 4 for a message and -1 for its name"
)


@rule.on(cst.AugAssign)
def added(node: cst.AugAssign, file: FileContext) -> Iterator[Diagnostic]:
    """`num_tokens += -1  # role is always required and always 1 token`."""
    if not _takes_one(node) or _is_for_the_old_model(file, node):
        return
    if any(isinstance(p, cst.If) and _asks_for_name(p.test) for _, p in ancestors(file, node)) and _counts(file, node):
        yield Diagnostic(rule.code, MESSAGE, file.span(node))


@rule.on(cst.Assign)
def constant(node: cst.Assign, file: FileContext) -> Iterator[Diagnostic]:
    """`tokens_per_name = -1`."""
    if not _is_minus_one(node.value) or path_of(node.targets[0].target) != "tokens_per_name":
        return
    if not _is_for_the_old_model(file, node):
        yield Diagnostic(rule.code, MESSAGE, file.span(node))


def _takes_one(node: cst.AugAssign) -> bool:
    match node:
        case cst.AugAssign(operator=cst.AddAssign(), value=value):
            return _is_minus_one(value)
        case cst.AugAssign(operator=cst.SubtractAssign(), value=cst.Integer(value="1")):
            return True
    return False


def _is_minus_one(node: cst.BaseExpression) -> bool:
    match node:
        case cst.UnaryOperation(operator=cst.Minus(), expression=cst.Integer(value="1")):
            return True
    return False


def _asks_for_name(test: cst.BaseExpression) -> bool:
    """`key == "name"` or `"name" in message`."""
    return isinstance(test, cst.Comparison) and any(literal(n) == "name" for n in within(test))


def _counts(file: FileContext, node: cst.CSTNode) -> bool:
    function = function_of(file, node)
    return function is not None and any(encode_call(file, n) is not None for n in within(function.body))


def _asks_for_model(test: cst.BaseExpression) -> bool:
    """`model.startswith("chatglm")`, `model == "…"`."""
    return any(isinstance(n, cst.Name) and "model" in n.value.lower() for n in within(test))


def _is_for_the_old_model(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a test or a `case` around names the one model that counts like this, or only models of others."""
    for _, parent in ancestors(file, node):
        test = (
            parent.test if isinstance(parent, cst.If) else parent.pattern if isinstance(parent, cst.MatchCase) else None
        )
        tests = [test, *_behind(file, test)] if test is not None else []
        named = [text for t in tests for n in within(t) if (text := literal(n))]
        if any("0301" in text for text in named):
            return True
        if named and isinstance(parent, cst.If) and _asks_for_model(parent.test) and not any("gpt" in n for n in named):
            return True  # models of others count in ways of their own
    return False


def _behind(file: FileContext, test: cst.CSTNode) -> list[cst.BaseExpression]:
    """What the names in a test are: `is_old = model == "gpt-3.5-turbo-0301"`."""
    names = [n for n in within(test) if isinstance(n, cst.Name) and n in file.tree.places]
    return [source for n in names if (source := source_of(file, n)) is not n]
