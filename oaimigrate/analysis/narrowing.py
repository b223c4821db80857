"""Where a test has said that a name holds a plain dict or a string, or no model: it cannot hold a response any more."""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import partial
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import ancestors, leaves, within
from oaimigrate.analysis.kinds import External, OneOf, Plain, Record, Symbol, Value, matters
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.analysis.steps import literal

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

MODEL_BASES = (External("pydantic.BaseModel"), Symbol("BaseModel"))
SCALARS = frozenset({"str", "bytes", "int", "float", "bool"})
MAPPINGS = tuple(External(f"{m}.{n}") for m in ("typing", "collections.abc") for n in ("Mapping", "MutableMapping"))
MODEL_METHODS = ("model_dump", "model_dump_json", "to_dict", "to_json")  # no dict has them

Tells = Callable[[cst.Call | cst.Comparison], bool | None]  # the outcome of a test from which something follows


def narrowed(file: FileContext, name: cst.Name, value: Value) -> Value:
    """A value of the SDK, or what `isinstance(name, dict)` (where it may be one) and `isinstance(name, str)` say."""
    if not matters(value.kind):
        return value
    maybe = value.doubt is not None or stands_in(value)
    if maybe and _told(file, name, ("isinstance", "hasattr", "type"), partial(_dict_if, file, name.value)):
        return Value(Plain("dict"))
    if _told(file, name, ("isinstance",), partial(_scalar_if, name.value)):
        return Value(Plain("str"))
    return value


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


def _told(file: FileContext, name: cst.Name, functions: tuple[str, ...], tells: Tells) -> bool:
    """Whether a test of one of `functions` has said what `tells` hears, where a name stands."""
    tests = (call for function in functions for call in file.inference.index.calls(function))
    if not any(tells(_compared(file, call)) is not None for call in tests):
        return False
    for child, parent in ancestors(file, name):
        match parent:
            case cst.If(test=test) | cst.IfExp(test=test) | cst.While(test=test) if child is not test:
                if _says(tells, test, child is parent.body):
                    return True
            case cst.BooleanOperation(left=left, operator=operator, right=right) if child is right:
                if _says(tells, left, isinstance(operator, cst.And)):
                    return True
            case cst.IndentedBlock() | cst.Module():
                if _said_before(file, parent, child, tells):
                    return True
            case cst.FunctionDef() | cst.Lambda() | cst.ClassDef():
                return False
    return False


def _said_before(file: FileContext, suite: cst.CSTNode, child: cst.CSTNode, tells: Tells) -> bool:
    """Whether an earlier statement of the same suite leaves it unless a test says what `tells` hears."""
    inner = child.body if isinstance(child, cst.SimpleStatementLine) else [child]
    for statement in statements_of(suite):
        if any(statement is part for part in inner):
            return False
        match statement:
            case cst.If(test=test, body=body):
                if _says(tells, test, False) and leaves(file, body):
                    return True
            case cst.Assert(test=test):
                if _says(tells, test, True):
                    return True
    return False


def _says(tells: Tells, test: cst.BaseExpression, outcome: bool) -> bool:
    """Whether a test that came out so says what `tells` hears."""
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return _says(tells, inner, not outcome)
        case cst.BooleanOperation(left=left, operator=operator, right=right):
            said = (_says(tells, left, outcome), _says(tells, right, outcome))
            return any(said) if isinstance(operator, cst.And) == outcome else all(said)
        case cst.Call() | cst.Comparison():
            return tells(test) is outcome
    return False


def _compared(file: FileContext, call: cst.Call) -> cst.Call | cst.Comparison:
    """The comparison that a call of `type` stands at the left of; any other call as it is."""
    parent = file.parent(call)
    return parent if isinstance(parent, cst.Comparison) and parent.left is call else call


def _dict_if(file: FileContext, name: str, test: cst.Call | cst.Comparison) -> bool | None:
    """The answer of `isinstance(name, …)`, `hasattr(name, …)` or `type(name) is dict` that leaves only the dict."""
    match test:
        case cst.Comparison(
            left=cst.Call(func=cst.Name(value="type"), args=[cst.Arg(value=cst.Name(value=asked))]),
            comparisons=[cst.ComparisonTarget(operator=operator, comparator=cst.Name(value="dict"))],
        ) if asked == name:
            return isinstance(operator, (cst.Is, cst.Equal))
        case cst.Call(
            func=cst.Name(value="isinstance"), args=[cst.Arg(value=cst.Name(value=asked)), cst.Arg(value=classes)]
        ) if asked == name:
            if isinstance(classes, cst.Name) and dict_named(classes) is not None:
                return True
            return False if _names_models(file, classes) else None
        case cst.Call(
            func=cst.Name(value="hasattr"), args=[cst.Arg(value=cst.Name(value=asked)), cst.Arg(value=attribute)]
        ) if asked == name:
            return False if literal(attribute) in MODEL_METHODS else None
    return None


def _scalar_if(name: str, test: cst.Call | cst.Comparison) -> bool | None:
    """The answer of `isinstance(name, str)` or `isinstance(name, (str, bytes))` that leaves only those."""
    match test:
        case cst.Call(
            func=cst.Name(value="isinstance"), args=[cst.Arg(value=cst.Name(value=asked)), cst.Arg(value=classes)]
        ) if asked == name:
            parts = [e.value for e in classes.elements] if isinstance(classes, cst.Tuple) else [classes]
            return True if all(isinstance(p, cst.Name) and p.value in SCALARS for p in parts) else None
    return None


def _names_models(file: FileContext, classes: cst.BaseExpression) -> bool:
    """Whether a class, or one of a tuple, is the base of all responses."""
    parts = [e.value for e in classes.elements] if isinstance(classes, cst.Tuple) else [classes]
    return any(file.kind(part).kind in MODEL_BASES for part in parts)


def dict_named(classes: cst.BaseExpression) -> cst.Name | None:
    """The name `dict` in the second argument of isinstance, alone or in a tuple."""
    parts = [e.value for e in classes.elements] if isinstance(classes, cst.Tuple) else [classes]
    return next((p for p in parts if isinstance(p, cst.Name) and p.value == "dict"), None)


def _names_mappings(file: FileContext, classes: cst.BaseExpression) -> bool:
    """Whether a class, or one of a tuple, is that of mappings: `dict`, or `Mapping`, which no response is either."""
    parts = [e.value for e in classes.elements] if isinstance(classes, cst.Tuple) else [classes]
    return dict_named(classes) is not None or any(file.kind(part).kind in MAPPINGS for part in parts)


def from_caller(file: FileContext, node: cst.BaseExpression, depth: int = 0) -> bool:
    """Whether a value comes from a parameter: callers may bring something else than annotations say."""
    while isinstance(node, (cst.Attribute, cst.Subscript)):
        node = node.value
    owner = file.scope(node).owner_of(node.value) if isinstance(node, cst.Name) and depth < 5 else None
    bindings = owner.names[node.value] if owner is not None and isinstance(node, cst.Name) else []
    values = (b.value for b in bindings if b.how in ("assign", "for") and b.value is not None)
    return any(b.how == "param" for b in bindings) or any(from_caller(file, v, depth + 1) for v in values)


def looked_at(file: FileContext, node: cst.Call, key: str) -> bool:
    """`hasattr(r, "id") and r.id`, `not hasattr(r, "id") or not r.id`, `r.id if hasattr(r, "id") else None`: what is
    always True changes nothing.
    """
    base = file.code(node.args[0].value)
    match _branches(file, node):
        case [read], [cst.Name(value="None")] if _reads(file, read, base, key):
            return True
    whole: cst.CSTNode = node
    parent = file.parent(node)
    joined: type[cst.BaseBooleanOp] = cst.And
    if isinstance(parent, cst.UnaryOperation) and isinstance(parent.operator, cst.Not):
        whole, parent, joined = parent, file.parent(parent), cst.Or
    first = whole
    while isinstance(parent, cst.BooleanOperation) and isinstance(parent.operator, joined):
        whole, parent = parent, file.parent(parent)
    return whole is not first and any(_reads(file, n, base, key) for n in within(whole))


def _reads(file: FileContext, node: cst.CSTNode, base: str, key: str) -> bool:
    """`base.key`, `getattr(base, "key", …)`."""
    match node:
        case cst.Attribute(value=value, attr=attr):
            return attr.value == key and file.code(value) == base
        case cst.Call(func=cst.Name(value="getattr"), args=[cst.Arg(value=value), cst.Arg(value=name), *_]):
            return literal(name) == key and file.code(value) == base
    return False


def told_from_dict(file: FileContext, test: cst.Call, key: str) -> bool:
    """`r.id if hasattr(r, "id") else r["id"]`: the test tells a response from a dict, and holds for one today."""
    found, text = _branches(file, test), file.code(test.args[0].value)
    if found is None or not _reads_as_object(file, found[0], text):
        return False
    subscripts = (n for part in found[1] for n in within(part) if isinstance(n, cst.Subscript))
    return any(file.code(n.value) == text and _index(n) == key for n in subscripts)


def _index(node: cst.Subscript) -> str | None:
    index = node.slice[0].slice
    return literal(index.value) if isinstance(index, cst.Index) else None


def read_both_ways(file: FileContext, test: cst.Call) -> bool:
    """Whether what `isinstance(r, dict)` says no to reads `r` as an object: `getattr(r, "id", None)`, `r.id`."""
    found = _branches(file, test)
    return found is not None and _reads_as_object(file, found[1], file.code(test.args[0].value))


def dumps_models(file: FileContext, asked: cst.BaseExpression) -> bool:
    """Whether the code also asks whether the same value has a method of models: `hasattr(r, "model_dump")`."""
    calls = [c for c in file.inference.index.calls("hasattr") if len(c.args) == 2]
    scope, text = file.scope(asked), file.code(asked)
    same = [c for c in calls if file.scope(c) is scope and file.code(c.args[0].value) == text]
    return any(literal(c.args[1].value) in MODEL_METHODS for c in same)


def for_dicts_only(file: FileContext, node: cst.CSTNode, base: cst.BaseExpression, fields: Container[str]) -> bool:
    """Whether a line runs only where `base` is a dict, beside one that reads it as an object with `fields`."""
    for call in file.inference.index.calls("isinstance"):
        if len(call.args) == 2 and _names_mappings(file, call.args[1].value):
            if _stands_between(file, node, base, call, _branches(file, call)):
                return True
    for call in file.inference.index.calls("hasattr"):
        if len(call.args) == 2 and literal(call.args[1].value) in fields:
            found = _branches(file, call)
            if found is not None and _stands_between(file, node, base, call, (found[1], found[0])):
                return True
    return False


def _stands_between(
    file: FileContext,
    node: cst.CSTNode,
    base: cst.BaseExpression,
    test: cst.Call,
    found: tuple[list[cst.CSTNode], list[cst.CSTNode]] | None,
) -> bool:
    """Whether a node is among what runs for a dict, and what runs otherwise reads `base`, as the test, as an object."""
    if found is None or not file.inside(node, found[0]):
        return False
    text = file.code(base)
    return file.code(test.args[0].value) == text and _reads_as_object(file, found[1], text)


def _branches(file: FileContext, test: cst.Call) -> tuple[list[cst.CSTNode], list[cst.CSTNode]] | None:
    """What runs after a test that held and after one that did not."""
    parent: cst.CSTNode | None = file.parent(test)
    whole: cst.CSTNode = test
    negated = isinstance(parent, cst.UnaryOperation) and isinstance(parent.operator, cst.Not)
    if negated and parent is not None:
        whole, parent = parent, file.parent(parent)
    match parent:
        case cst.IfExp(test=asked, body=yes, orelse=no) if asked is whole:
            held: list[cst.CSTNode] = [yes]
            failed: list[cst.CSTNode] = [no]
        case cst.If(test=asked, body=suite, orelse=other) if asked is whole:
            held = [suite]
            failed = [other] if other is not None else _behind(file, parent) if leaves(file, suite) else []
        case _:
            return None
    return (failed, held) if negated else (held, failed)


def _behind(file: FileContext, statement: cst.CSTNode) -> list[cst.CSTNode]:
    """The statements of the same suite after one."""
    suite = file.parent(statement)
    statements = list(suite.body) if isinstance(suite, (cst.IndentedBlock, cst.Module)) else []
    at = next((i for i, other in enumerate(statements) if other is statement), len(statements))
    return list(statements[at + 1 :])


def _reads_as_object(file: FileContext, parts: list[cst.CSTNode], text: str) -> bool:
    for node in (n for part in parts for n in within(part)):
        match node:
            case cst.Attribute(value=value, attr=attr) if file.code(value) == text and not hasattr(dict, attr.value):
                return True
            case cst.Call(func=cst.Name(value="getattr" | "hasattr"), args=[first, *_]) if (
                file.code(first.value) == text
            ):
                return True
    return False
