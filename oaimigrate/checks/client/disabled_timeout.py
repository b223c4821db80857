"""OAI203: `timeout=None`, which takes every limit away."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed, request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, function_of, is_external, source_of, within
from oaimigrate.analysis.kinds import Client, InstanceOf, Symbol
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic, Note
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI203")


@rule.on(cst.Call)
def timeout(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`OpenAI(timeout=None)`, `create(…, timeout=None)`, and a parameter that is None by default passed on."""
    item = next((a for a in node.args if a.keyword is not None and a.keyword.value == "timeout"), None)
    if item is None or not _takes_timeout(file, node):
        return
    if _is_none(item.value) and (_asks_own_server(file, node) or _is_timed(file, node)):
        return
    if _is_none(item.value):
        message = "`timeout=None` takes every limit away: a request may hang for ever; leave it out, or give seconds"
        yield Diagnostic(rule.code, message, build.item_span(file, item))
    elif _is_empty_timeout(file, item.value):
        message = f"`{file.code(item.value)}` takes every limit away: a request may hang for ever; give seconds"
        yield Diagnostic(rule.code, message, build.item_span(file, item))
    elif (parameter := _parameter(file, item.value)) is not None:
        name = file.code(item.value)
        message = f"`{name}` is None by default, and None takes every limit away; default to `openai.NOT_GIVEN`"
        yield Diagnostic(rule.code, message, build.item_span(file, item), None, _default(file, parameter))
    elif _may_be_missing(file, item.value):
        message = (
            f"`{file.code(item.value)}` is None where nothing is set, and None takes every limit away; name a default"
        )
        yield Diagnostic(rule.code, message, build.item_span(file, item))


def _default(file: FileContext, parameter: cst.Param) -> tuple[Note, ...]:
    return (Note("the default", file.span(parameter)),)


def _asks_own_server(file: FileContext, node: cst.Call) -> bool:
    """Whether a client is built for a server without TLS: one beside the program, whose answers may take long."""
    address = argument(node, "base_url") if constructed(file, node) else None
    source = source_of(file, address) if address is not None else None
    if isinstance(source, cst.FormattedString) and source.parts:
        first = source.parts[0]
        return isinstance(first, cst.FormattedStringText) and first.value.startswith("http://")
    return (literal(source) or "").startswith("http://")


def _is_timed(file: FileContext, node: cst.Call) -> bool:
    """Whether something around a request ends it: `async with asyncio.timeout(60):`, `asyncio.wait_for(…, 60)`."""
    for child, parent in ancestors(file, node):
        if isinstance(parent, cst.With) and child is parent.body:
            if any("timeout" in file.code(i.item).lower() for i in parent.items):
                return True
        if isinstance(parent, cst.Call) and is_external(file, parent.func, "asyncio.wait_for"):
            return True
        if isinstance(parent, cst.FunctionDef):
            return False
    return False


def _is_empty_timeout(file: FileContext, node: cst.BaseExpression) -> bool:
    """`httpx.Timeout(None)`, `openai.Timeout(timeout=None)`."""
    value = source_of(file, node)
    if not isinstance(value, cst.Call) or len(value.args) != 1 or not _is_none(value.args[0].value):
        return False
    kind = file.kind(value.func).kind
    return kind == Symbol("Timeout") or is_external(file, value.func, "httpx.Timeout", "httpx2.Timeout")


def _parameter(file: FileContext, node: cst.BaseExpression) -> cst.Param | None:
    """The parameter with the default None that is passed: by its name, or kept as `self.timeout` until then."""
    if isinstance(node, cst.Name):
        return _none_by_default(file, node)
    match node:
        case cst.Attribute(value=cst.Name() as owner, attr=cst.Name(value=name)):
            instance = file.kind(owner).kind
            scope = file.tree.scope_of_node.get(instance.node) if isinstance(instance, InstanceOf) else None
            bindings = file.tree.attributes.get(scope, {}).get(name, ()) if scope is not None else ()
            value = bindings[0].value if len(bindings) == 1 else None
            function = function_of(file, node)
            if not isinstance(value, cst.Name) or function is None or _is_tested(function, name):
                return None
            return _none_by_default(file, value)
    return None


def _may_be_missing(file: FileContext, node: cst.BaseExpression) -> bool:
    """`options.get("timeout")`, passed on as it comes."""
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="get")), args=[first]):
            return literal(first.value) is not None
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="get")), args=[first, second]):
            return literal(first.value) is not None and _is_none(second.value)
    return False


def _takes_timeout(file: FileContext, node: cst.Call) -> bool:
    return (
        constructed(file, node) is not None
        or request_at(file, node) is not None
        or (isinstance(file.kind(node).kind, Client) and isinstance(node.func, cst.Attribute))
    )


def _is_none(node: cst.BaseExpression | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def _none_by_default(file: FileContext, use: cst.Name) -> cst.Param | None:
    """The parameter with the default None that a name can only be, if nothing in the function looks at it."""
    bindings = bindings_of(file, use)
    if len(bindings) != 1 or bindings[0].how != "param":
        return None
    parameter, function = bindings[0].node, function_of(file, use)
    if not isinstance(parameter, cst.Param) or not isinstance(parameter.default, cst.Name) or function is None:
        return None
    if parameter.default.value != "None":
        return None
    return None if _is_tested(function, use.value) else parameter


def _is_tested(function: cst.FunctionDef | cst.Lambda, name: str) -> bool:
    tests = (cst.Comparison, cst.BooleanOperation, cst.UnaryOperation, cst.If, cst.IfExp, cst.While, cst.Assert)
    for test in within(function.body):
        if isinstance(test, (*tests, cst.Match)):
            inner = test.test if isinstance(test, (cst.If, cst.IfExp, cst.While, cst.Assert)) else test
            inner = inner.subject if isinstance(inner, cst.Match) else inner
            if any(isinstance(n, cst.Name) and n.value == name for n in within(inner)):
                return True
    return False
