"""OAI103: one field of a response read as 0.28 allowed, through dict syntax: `r["k"]`, `r.get("k", d)`, `"k" in r`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.api import Field
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import Either, Model, OneOf, PageOf, Value
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI103")

PAGE_FIELDS = {name: Field(name, name, "object", False, True) for name in ("data", "object", "has_more")}


def fields_of(file: FileContext, value: Value) -> tuple[str, dict[str, Field]] | None:
    """The name and the fields of the response model that a value is, None if it is none."""
    kind = value.kind.whole if isinstance(value.kind, Either) else value.kind
    match kind:
        case OneOf(kinds=kinds):
            return _shared([f for k in kinds if (f := fields_of(file, value.of(k))) is not None], len(kinds))
        case Model(name=name):
            return name, dict(file.api.models[name].fields)
        case PageOf():
            return "page", PAGE_FIELDS
    return None


def _shared(models: list[tuple[str, dict[str, Field]]], count: int) -> tuple[str, dict[str, Field]] | None:
    """The fields that any of several models has."""
    if len(models) != count:
        return None
    every: dict[str, Field] = {}
    for _, fields in models:
        every |= fields
    shared = {k: f if all(k in fs for _, fs in models) else f._replace(extra=True) for k, f in every.items()}
    return " or ".join(name for name, _ in models), shared


@rule.on(cst.Subscript)
def subscript(node: cst.Subscript, file: FileContext) -> Iterator[Diagnostic]:
    """`r["choices"]`, and `r[key]`, which has no attribute to become."""
    base = file.kind(node.value)
    found = fields_of(file, base)
    if found is None or len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
        return
    model, fields = found
    if _is_changed(file, node):
        return  # OAI107 reports assignments and deletions
    index = node.slice[0].slice.value
    key = literal(index)
    confidence = "certain" if base.certain else "maybe"
    if key is None:
        message = f"`{model}` is an object, not a dict, since openai 1.0: it cannot be subscripted"
        note = Note("not rewritten: the key is not a literal; `getattr(r, key)` reads an attribute by name")
        yield Diagnostic(rule.code, message, file.span(index), None, (note, *file.doubts(base)), confidence)
        return
    fix, note_text = _attribute(file, node, fields, key, base)
    message = f'`["{key}"]` on a response fails since openai 1.0; read the attribute'
    if fix is not None:
        message = f'`["{key}"]` on a response fails since openai 1.0; read `.{fields[key].name}`'
    notes = ((Note(note_text),) if note_text else ()) + file.doubts(base)
    start = file.whole(node.value).end
    span = type(file.span(node))(start, file.span(node).end)
    yield Diagnostic(rule.code, message, span, fix, notes, confidence)


def _is_changed(file: FileContext, node: cst.CSTNode) -> bool:
    parent = file.parent(node)
    return isinstance(parent, (cst.AssignTarget, cst.Del, cst.AugAssign)) and getattr(parent, "target", None) is node


def _attribute(
    file: FileContext, node: cst.Subscript, fields: dict[str, Field], key: str, base: Value
) -> tuple[Fix | None, str]:
    """`["k"]` → `.k`, only for fields that the model has."""
    field = fields.get(key)
    if field is None:
        return None, f'not rewritten: the model has no field "{key}"; what else the service sent is in `.model_extra`'
    start, end = file.whole(node.value).end, file.span(node).end
    text = f".{field.name}"
    edits = (Edit(start, end, text),)
    safety = Safety.SAFE if base.certain else Safety.UNSAFE
    note = ""
    if field.extra:
        safety, note = Safety.UNSAFE, "only some answers have this field; the attribute is missing where they do not"
    if "#" in file.text[start:end] or "\n" in file.text[start:end]:
        safety = max(safety, Safety.UNSAFE) if "#" in file.text[start:end] else safety
    return Fix(f"Read `{text}`", edits, safety), note


@rule.on(cst.Call)
def get(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`r.get("k")`, `r.get("k", default)`."""
    func = node.func
    if not isinstance(func, cst.Attribute) or func.attr.value != "get" or not 1 <= len(node.args) <= 2:
        return
    base = file.kind(func.value)
    found = fields_of(file, base)
    if found is None:
        return
    _, fields = found
    key = literal(node.args[0].value)
    message = f"`.get({file.code(node.args[0].value)}…)` on a response fails since openai 1.0; read the attribute"
    confidence = "certain" if base.certain else "maybe"
    span = type(file.span(node))(file.whole(func.value).end, file.span(node).end)
    field = fields.get(key) if key is not None else None
    if field is None or any(a.star or a.keyword for a in node.args):
        note = Note("not rewritten: the model has no such field" if key else "not rewritten: the key is not a literal")
        yield Diagnostic(rule.code, message, span, None, (note, *file.doubts(base)), confidence)
        return
    fix, notes = _default(file, node, func, field)
    if not base.certain or field.extra:
        fix = fix.at_least(Safety.UNSAFE)
    yield Diagnostic(rule.code, message, span, fix, (*notes, *file.doubts(base)), confidence)


def _default(file: FileContext, node: cst.Call, func: cst.Attribute, field: Field) -> tuple[Fix, tuple[Note, ...]]:
    """The attribute, with the default kept for a field that v1+ gives as None where 0.28 gave no key."""
    start, end = file.whole(func.value).end, file.span(node).end
    read = f".{field.name}"
    default = node.args[1].value if len(node.args) == 2 else None
    if default is None or (isinstance(default, cst.Name) and default.value == "None"):
        return Fix(f"Read `{read}`", (Edit(start, end, read),)), ()
    text = file.code(default)
    if _falsy(default):
        edits = _wrapped(file, node, start, end, f"{read} or {text}")
        safety = Safety.SAFE if _same_type(field, default) else Safety.UNSAFE
        return Fix(f"Read `{read} or {text}`", edits, safety), ()
    whole = file.code(func.value)
    safety = Safety.SAFE if _repeatable(func.value) else Safety.UNSAFE
    notes = () if safety is Safety.SAFE else (Note("the expression before `.get` is now evaluated twice"),)
    if _is_requesting(file, func.value):
        note = Note("the request itself stands before `.get`; bind its result to a name first")
        return Fix("Bind the response to a name", (), Safety.DISPLAY), (note,)
    return Fix(
        f"Read `{read}` with its default",
        _wrapped(file, node, start, end, f"{read} if {whole}{read} is not None else {text}"),
        safety,
    ), notes


def _wrapped(file: FileContext, node: cst.Call, start: int, end: int, text: str) -> tuple[Edit, ...]:
    if not build.needs_parentheses(file, node):
        return (Edit(start, end, text),)
    opening = file.span(node).start
    return (Edit(opening, opening, "("), Edit(start, end, text + ")"))


def _falsy(node: cst.BaseExpression) -> bool:
    match node:
        case cst.SimpleString():
            return node.evaluated_value in ("", b"")
        case cst.Integer(value="0") | cst.Name(value="False"):
            return True
        case cst.List(elements=[]) | cst.Dict(elements=[]) | cst.Tuple(elements=[]):
            return True
    return False


def _same_type(field: Field, default: cst.BaseExpression) -> bool:
    """Whether an empty default has the type of the field, so that `or` cannot turn one empty value into another."""
    match default:
        case cst.SimpleString():
            return field.type == "str"
        case cst.Integer():
            return field.type in ("int", "float")
        case cst.List():
            return field.type.startswith("list[")
        case cst.Name():
            return field.type == "bool"
    return False


def _repeatable(node: cst.BaseExpression) -> bool:
    match node:
        case cst.Name():
            return True
        case cst.Attribute(value=base):
            return _repeatable(base)
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
            return _repeatable(base) and isinstance(index, (cst.Integer, cst.SimpleString, cst.Name, cst.UnaryOperation))
    return False


def _is_requesting(file: FileContext, node: cst.BaseExpression) -> bool:
    while isinstance(node, (cst.Attribute, cst.Subscript)):
        node = node.value
    return isinstance(node, (cst.Call, cst.Await))


@rule.on(cst.Comparison)
def membership(node: cst.Comparison, file: FileContext) -> Iterator[Diagnostic]:
    """`"k" in r`, `"k" not in r`: always False on a model, without any error."""
    if len(node.comparisons) != 1:
        return
    target = node.comparisons[0]
    if not isinstance(target.operator, (cst.In, cst.NotIn)):
        return
    base = file.kind(target.comparator)
    found = fields_of(file, base)
    if found is None or found[0] == "page":
        return
    key = literal(node.left)
    word = "in" if isinstance(target.operator, cst.In) else "not in"
    confidence = "certain" if base.certain else "maybe"
    message = f"`{word}` on a response looks for something else since openai 1.0 and is silently wrong"
    field = found[1].get(key) if key is not None else None
    if field is None:
        note = Note("not rewritten: the model has no such field" if key else "not rewritten: the key is not a literal")
        yield Diagnostic(rule.code, message, file.span(node), None, (note, *file.doubts(base)), confidence)
        return
    test = "is not None" if word == "in" else "is None"
    span = file.span(node)
    comparator = target.comparator
    safe = base.certain and not field.extra and not (field.nullable and field.required)
    notes = () if safe or not base.certain else (Note("0.28 also counted a key whose value is null"),)
    fix = Fix(f"Test `.{field.name} {test}`", _test_edits(file, node, comparator, field.name, test),
              Safety.SAFE if safe else Safety.UNSAFE)  # fmt: skip
    yield Diagnostic(rule.code, message, span, fix, (*notes, *file.doubts(base)), confidence)


def _test_edits(
    file: FileContext, node: cst.Comparison, comparator: cst.BaseExpression, name: str, test: str
) -> tuple[Edit, ...]:
    """Delete `"k" in ` and append `.k is not None`, so that edits inside the response expression still fit."""
    span, inner = file.span(node), file.whole(comparator)
    return (Edit(span.start, inner.start, ""), Edit(inner.end, span.end, f".{name} {test}"))


@rule.on(cst.Call)
def has_attribute(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`hasattr(message, "function_call")`: always True on a model."""
    if not isinstance(node.func, cst.Name) or node.func.value != "hasattr" or len(node.args) != 2:
        return
    base = file.kind(node.args[0].value)
    found = fields_of(file, base)
    key = literal(node.args[1].value)
    if found is None or key is None or found[0] == "page" or key not in found[1] or found[1][key].extra:
        return
    field = found[1][key]
    message = f'`hasattr(…, "{key}")` on a response is always True since openai 1.0'
    span = file.span(node)
    inner = file.whole(node.args[0].value)
    edits = (Edit(span.start, inner.start, ""), Edit(inner.end, span.end, f".{field.name} is not None"))
    if _binds_tighter(file, node):
        edits = (Edit(span.start, inner.start, "("), Edit(inner.end, span.end, f".{field.name} is not None)"))
    safe = base.certain and not field.required
    fix = Fix(f"Test `.{field.name} is not None`", edits, Safety.SAFE if safe else Safety.UNSAFE)
    yield Diagnostic(rule.code, message, span, fix, file.doubts(base), "certain" if base.certain else "maybe")


def _binds_tighter(file: FileContext, node: cst.CSTNode) -> bool:
    parent = file.parent(node)
    return isinstance(parent, (cst.Comparison, cst.ComparisonTarget, cst.BinaryOperation, cst.Attribute, cst.Subscript))
