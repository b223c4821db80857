"""OAI103: one field of a response read as 0.28 allowed, through dict syntax: `r["k"]`, `r.get("k", d)`, `"k" in r`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.api import Field
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import Either, ListOf, Model, OneOf, PageOf, StreamOf, Value
from oaimigrate.analysis.narrowing import for_dicts_only, looked_at, stands_in, told_apart, told_from_dict
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety, Span
from oaimigrate.fixing import edits as build
from oaimigrate.fixing import has_field
from oaimigrate.registry import Rule

rule = Rule("OAI103")

PAGE_FIELDS = {name: Field(name, name, "object", False, True) for name in ("data", "object", "has_more")}


def fields_of(file: FileContext, value: Value) -> tuple[str, dict[str, Field]] | None:
    """The name and the fields of the response model that a value is, None if it is none."""
    kind = value.kind.whole if isinstance(value.kind, Either) else value.kind
    match kind:
        case OneOf(kinds=kinds):
            single = [k for k in kinds if not isinstance(k, (ListOf, StreamOf))]
            return _shared([f for k in single if (f := fields_of(file, value.of(k))) is not None], len(single))
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
    if stands_in(base):
        if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index) and not _is_changed(file, node):
            yield from _of_both(file, node, node.value, node.slice[0].slice.value, base)
        return
    found = fields_of(file, base)
    if found is None or len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
        return
    model, fields = found
    if _is_changed(file, node) or for_dicts_only(file, node, node.value, fields):
        return  # OAI107 reports assignments and deletions
    index = node.slice[0].slice.value
    key = literal(index)
    confidence = "certain" if base.certain else "maybe"
    if isinstance(index, (cst.Integer, cst.UnaryOperation)):
        return  # answers never had numbers for keys, so this is something else
    if key is None:
        message = f"`{model}` is an object, not a dict, since openai 1.0: it cannot be subscripted"
        end = file.whole(node.value).end
        note = Note("`.to_dict()` has the keys of the API's answer, and plain dicts below them")
        fix = Fix("Read from `.to_dict()`", (Edit(end, end, ".to_dict()"),), Safety.UNSAFE) if model != "page" else None
        yield Diagnostic(rule.code, message, file.span(index), fix, (note, *file.doubts(base)), confidence)
        return
    if key not in fields and not base.certain and told_apart(file, node.value):
        return  # no answer has such a key, and the code asks what this is
    fix, note_text = _attribute(file, node, fields, key, base)
    message = f'`["{key}"]` on a response fails since openai 1.0; read the attribute'
    if fix is not None:
        message = f'`["{key}"]` on a response fails since openai 1.0; read `.{fields[key].name}`'
    notes = ((Note(note_text),) if note_text else ()) + file.doubts(base)
    start = file.whole(node.value).end
    span = Span(start, file.span(node).end)
    yield Diagnostic(rule.code, message, span, fix, notes, confidence)


def _of_both(
    file: FileContext, node: cst.BaseExpression, holder: cst.BaseExpression, index: cst.BaseExpression, base: Value
) -> Iterator[Diagnostic]:
    """A read of what is a response in some cases and a dict in others: reported where the reading begins."""
    assert isinstance(base.kind, OneOf)
    models = [fields for k in base.kind.kinds if (fields := fields_of(file, base.of(k))) is not None]
    key = literal(index)
    if not any(key in fields for _, fields in models) or told_apart(file, holder):
        return
    message = f'`["{key}"]` fails since openai 1.0 when this is a response'
    note = Note("not rewritten: it is a dict in other cases; convert the response with `.to_dict()` where it is made")
    span = Span(file.whole(holder).end, file.span(node).end)
    yield Diagnostic(rule.code, message, span, None, (note, *file.doubts(base)), "maybe")


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
    """`r.get("k")`, `r.get("k", default)`, `r.get("a", {}).get("b", default)`."""
    func = node.func
    if not isinstance(func, cst.Attribute) or func.attr.value != "get" or not 1 <= len(node.args) <= 2:
        return
    base = file.kind(func.value)
    if stands_in(base):
        yield from _of_both(file, node, func.value, node.args[0].value, base)
    found = fields_of(file, base)
    if found is None or for_dicts_only(file, node, func.value, found[1]):
        return
    key = literal(node.args[0].value)
    message = f"`.get({file.code(node.args[0].value)}…)` on a response fails since openai 1.0; read the attribute"
    confidence = "certain" if base.certain else "maybe"
    span = Span(file.whole(func.value).end, file.span(node).end)
    field = found[1].get(key) if key is not None else None
    if field is None or any(a.star or a.keyword for a in node.args):
        note = Note("not rewritten: the model has no such field" if key else "not rewritten: the key is not a literal")
        yield Diagnostic(rule.code, message, span, None, (note, *file.doubts(base)), confidence)
        return
    fix, notes = _get_fix(file, node, func, field)
    if fix is not None and (not base.certain or field.extra or build.loses_comment(file, fix.edits)):
        fix = fix.at_least(Safety.UNSAFE)
    yield Diagnostic(rule.code, message, span, fix, (*notes, *file.doubts(base)), confidence)


def _get_fix(
    file: FileContext, node: cst.Call, func: cst.Attribute, field: Field
) -> tuple[Fix | None, tuple[Note, ...]]:
    links = _links(file, node)
    if len(links) > 1:
        return _chain(file, links)
    default = node.args[1].value if len(node.args) == 2 else None
    if isinstance(default, cst.Dict) and field.type in file.api.models:
        if field.required and not field.nullable:
            return Fix(
                f"Read `.{field.name}`", (Edit(file.whole(func.value).end, file.span(node).end, f".{field.name}"),)
            ), ()
        return None, (Note("not rewritten: an empty dict cannot stand for a missing part of a response any more"),)
    return _default(file, node, func, field)


def _links(file: FileContext, node: cst.Call) -> list[tuple[cst.Call, Field]]:
    """The `.get`s of `r.get("a", {}).get("b", {}).get("c", d)` that `node` is one of, from the response outwards."""
    while isinstance(inner := _inner_get(node), cst.Call) and _get_field(file, inner) is not None:
        node = inner
    links: list[tuple[cst.Call, Field]] = []
    current: cst.Call | None = node
    while current is not None and (field := _get_field(file, current)) is not None:
        links.append((current, field))
        empty = (
            len(current.args) == 2
            and isinstance(current.args[1].value, cst.Dict)
            and not current.args[1].value.elements
        )
        if not empty:
            break
        outer = file.parent(current)
        call = file.parent(outer) if isinstance(outer, cst.Attribute) and outer.attr.value == "get" else None
        current = call if isinstance(call, cst.Call) and call.func is outer else None
    return links


def _inner_get(node: cst.Call) -> cst.BaseExpression | None:
    func = node.func
    if isinstance(func, cst.Attribute) and func.attr.value == "get":
        inner = func.value
        if isinstance(inner, cst.Call) and isinstance(inner.func, cst.Attribute) and inner.func.attr.value == "get":
            return inner
    return None


def _get_field(file: FileContext, node: cst.Call) -> Field | None:
    func = node.func
    if not isinstance(func, cst.Attribute) or func.attr.value != "get" or not node.args:
        return None
    found = fields_of(file, file.kind(func.value))
    key = literal(node.args[0].value)
    return found[1].get(key) if found is not None and key is not None else None


def _chain(file: FileContext, links: list[tuple[cst.Call, Field]]) -> tuple[Fix | None, tuple[Note, ...]]:
    """One expression for a chain of `.get`s: a missing part on the way gives the last default."""
    first, last = links[0][0], links[-1][0]
    assert isinstance(first.func, cst.Attribute)
    root = first.func.value
    if not _repeatable(root):
        return None, (
            Note("not rewritten: the expression before the chain of `.get`s would be evaluated more than once"),
        )
    path = modern(file, root)
    tests: list[str] = []
    for index, (_, field) in enumerate(links):
        path += f".{field.name}"
        if index < len(links) - 1 and (field.nullable or not field.required) and field.type in file.api.models:
            if not _always_there(field):
                tests.append(f"{path} is not None")
    default = last.args[1].value if len(last.args) == 2 else None
    other = file.code(default) if default is not None else "None"
    field = links[-1][1]
    text = path
    if default is not None and (field.nullable or not field.required):
        text = f"{path} or {other}" if _falsy(default) else f"{path} if {path} is not None else {other}"
    if tests:
        text = (
            f"({text}) if {' and '.join(tests)} else {other}"
            if " " in text
            else f"{text} if {' and '.join(tests)} else {other}"
        )
    span = file.span(last)
    if " " in text and build.needs_parentheses(file, last):
        text = f"({text})"
    safety = Safety.SAFE if default is None or _same_type(field, default) or not _falsy(default) else Safety.UNSAFE
    return Fix(f"Read `{path}`", (Edit(span.start, span.end, text),), safety), ()


def _always_there(field: Field) -> bool:
    """A choice of a chunk always has its delta, even where 0.28's JSON lacked one."""
    return field.name == "delta"


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
    if _is_requesting(file, func.value):
        note = Note("the request itself stands before `.get`; bind its result to a name first")
        return Fix("Bind the response to a name", (), Safety.DISPLAY), (note,)
    whole = modern(file, func.value)
    safety = Safety.SAFE if _repeatable(func.value) else Safety.UNSAFE
    notes = () if safety is Safety.SAFE else (Note("the expression before `.get` is now evaluated twice"),)
    text = f"{whole}{read} if {whole}{read} is not None else {text}"
    return Fix(f"Read `{read}` with its default", _wrapped_whole(file, node, file.span(node), text), safety), notes


def modern(file: FileContext, node: cst.BaseExpression) -> str:
    """The text of a chain of reads with string subscripts on responses already turned into attributes."""
    match node:
        case cst.Attribute(value=base, attr=attr) if not node.lpar:
            return f"{modern(file, base)}.{attr.value}"
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=index))]) if not node.lpar:
            found = fields_of(file, file.kind(base))
            key = literal(index)
            if found is not None and key is not None and key in found[1]:
                return f"{modern(file, base)}.{found[1][key].name}"
            start, end = file.whole(base).end, file.whole(node).end
            return modern(file, base) + file.text[start:end]
    return file.code(node)


def _wrapped(file: FileContext, node: cst.Call, start: int, end: int, text: str) -> tuple[Edit, ...]:
    if not build.needs_parentheses(file, node):
        return (Edit(start, end, text),)
    opening = file.span(node).start
    return (Edit(opening, opening, "("), Edit(start, end, text + ")"))


def _wrapped_whole(file: FileContext, node: cst.Call, span: Span, text: str) -> tuple[Edit, ...]:
    return (Edit(span.start, span.end, f"({text})" if build.needs_parentheses(file, node) else text),)


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
            return _repeatable(base) and isinstance(
                index, (cst.Integer, cst.SimpleString, cst.Name, cst.UnaryOperation)
            )
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
    may_be_none = field.nullable and field.type in file.api.models
    if (field.required and not may_be_none) or looked_at(file, node, key) or told_from_dict(file, node, key):
        return  # a key that answers have always had: 0.28 said the same
    message = f'`hasattr(…, "{key}")` on a response is always True since openai {field.since}.0'
    fix = has_field.fix(file, node, base, found[0], field)
    yield Diagnostic(
        rule.code, message, file.span(node), fix, file.doubts(base), "certain" if base.certain else "maybe"
    )
