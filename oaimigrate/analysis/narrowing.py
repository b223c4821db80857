"""Where a test has said that a name holds a plain dict, so that it cannot hold a response any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import ancestors, leaves
from oaimigrate.analysis.kinds import OneOf, Plain, Record, Value, matters
from oaimigrate.analysis.scopes import statements_of

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def narrowed(file: FileContext, name: cst.Name, value: Value) -> Value:
    """A value that may be the SDK's, or a plain dict where `isinstance(name, dict)` holds."""
    maybe = matters(value.kind) and (value.doubt is not None or stands_in(value))
    return Value(Plain("dict")) if maybe and _is_dict_here(file, name) else value


def stands_in(value: Value) -> bool:
    """Whether a value is a response in some cases and a dict in others."""
    return isinstance(value.kind, OneOf) and any(isinstance(k, Record) for k in value.kind.kinds)


def told_apart(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether the code around an expression asks what the name at its root holds."""
    while isinstance(node, (cst.Subscript, cst.Attribute)):
        node = node.value
    if not isinstance(node, cst.Name):
        return False
    owner = file.scope(node).owner_of(node.value)
    asked = (c for name in ("isinstance", "hasattr", "type", "issubclass") for c in file.inference.index.calls(name))
    firsts = (call.args[0].value for call in asked if call.args)
    return any(
        isinstance(n, cst.Name) and n.value == node.value and file.scope(n).owner_of(n.value) is owner for n in firsts
    )


def _is_dict_here(file: FileContext, name: cst.Name) -> bool:
    if not any(_asks(call, name.value) for call in file.inference.index.calls("isinstance")):
        return False
    for child, parent in ancestors(file, name):
        match parent:
            case cst.If(test=test) | cst.IfExp(test=test) | cst.While(test=test) if child is not test:
                if _says(test, name.value, child is parent.body):
                    return True
            case cst.BooleanOperation(left=left, operator=operator, right=right) if child is right:
                if _says(left, name.value, isinstance(operator, cst.And)):
                    return True
            case cst.IndentedBlock() | cst.Module():
                if _said_before(file, parent, child, name.value):
                    return True
            case cst.FunctionDef() | cst.Lambda() | cst.ClassDef():
                return False
    return False


def _said_before(file: FileContext, suite: cst.CSTNode, child: cst.CSTNode, name: str) -> bool:
    """Whether an earlier statement of the same suite leaves it unless the name holds a dict."""
    inner = child.body if isinstance(child, cst.SimpleStatementLine) else [child]
    for statement in statements_of(suite):
        if any(statement is part for part in inner):
            return False
        match statement:
            case cst.If(test=test, body=body):
                if _says(test, name, False) and leaves(file, body):
                    return True
            case cst.Assert(test=test):
                if _says(test, name, True):
                    return True
    return False


def _says(test: cst.BaseExpression, name: str, outcome: bool) -> bool:
    """Whether a test that came out so means that the name holds a dict."""
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return _says(inner, name, not outcome)
        case cst.BooleanOperation(left=left, operator=operator, right=right):
            said = (_says(left, name, outcome), _says(right, name, outcome))
            return any(said) if isinstance(operator, cst.And) == outcome else all(said)
        case cst.Call():
            return outcome and _asks(test, name)
    return False


def _asks(call: cst.Call, name: str) -> bool:
    """`isinstance(name, dict)`, and nothing but dict."""
    match call:
        case cst.Call(
            func=cst.Name(value="isinstance"),
            args=[cst.Arg(value=cst.Name(value=asked)), cst.Arg(value=cst.Name() as kind)],
        ):
            return asked == name and dict_named(kind) is not None
    return False


def dict_named(classes: cst.BaseExpression) -> cst.Name | None:
    """The name `dict` in the second argument of isinstance, alone or in a tuple."""
    parts = [e.value for e in classes.elements] if isinstance(classes, cst.Tuple) else [classes]
    return next((p for p in parts if isinstance(p, cst.Name) and p.value == "dict"), None)
