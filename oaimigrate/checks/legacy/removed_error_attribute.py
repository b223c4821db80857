"""OAI105: an attribute of a caught error that v1+ spells differently or keeps elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import ErrorOf, Value
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI105")

FAMILIES = {"status": "APIStatusError", "api": "APIError"}


@rule.on(cst.Attribute)
def attribute(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    if node.attr.value not in file.api.error_attribute_names:
        return
    value = _narrowed(file, node.value)
    if not isinstance(value.kind, ErrorOf):
        return
    outer = file.parent(node)
    name = node.attr.value
    target: cst.BaseExpression = node
    if (
        isinstance(outer, cst.Attribute)
        and outer.value is node
        and f"{name}.{outer.attr.value}" in file.api.error_attributes
    ):
        name, target = f"{name}.{outer.attr.value}", outer
    elif name == "json_body" and isinstance(outer, cst.Subscript) and _key(outer) == "error":
        name, target = "error", outer  # the body is unwrapped now: `e.json_body["error"]` is `e.body`
    row = file.api.error_attributes.get(name)
    if row is None or isinstance(file.parent(target), (cst.AssignTarget, cst.Del)):
        return
    fits = all(_has(file, path, FAMILIES[row.on]) for path in value.kind.classes)
    template = row.new if fits else row.fallback
    error = file.code(node.value)
    text = template.replace("{e}", error)
    if text == file.code(target) or (
        row.new.replace("{e}", error) == file.code(target) and not _legacy(file, value.kind)
    ):
        return  # the same attribute, and every class caught here has it
    message = f"`{name}` of openai errors was removed in openai 1.0"
    if row.new:
        message += (
            f"; read `{row.new.replace('{e}.', '')}`"
            if "{" not in row.new.replace("{e}", "") and " " not in row.new
            else ""
        )
    if row.new.replace("{e}", error) == file.code(target):
        message = f"not every error caught here has `.{name}` since openai 1.0"
    notes = ((Note(row.note),) if row.note else ()) + file.doubts(value)
    if not template:
        yield Diagnostic(rule.code, message, file.span(target), None, notes)
        return
    if text.startswith("(") and text.endswith(")") and not build.needs_parentheses(file, target):
        text = text[1:-1]
    exact = not row.note or (fits and name in ("json_body", "code"))
    safety = Safety.SAFE if value.certain and exact else Safety.UNSAFE
    span = file.whole(target)
    fix = Fix(f"Read `{text}`", (Edit(span.start, span.end, text),), safety)
    yield Diagnostic(rule.code, message, file.span(target), fix, notes, "certain" if value.certain else "maybe")


BODY_MESSAGE = '({e}.body.get("message", "") if isinstance({e}.body, dict) else {e}.message)'
NEW_TEXTS = ("Error code", "Connection error", "Request timed out")


@rule.on(cst.Comparison)
def whole_text(node: cst.Comparison, file: FileContext) -> Iterator[Diagnostic]:
    """`str(e) == "The model is overloaded"`: the text has a beginning of its own now."""
    if len(node.comparisons) != 1 or not isinstance(node.comparisons[0].operator, (cst.Equal, cst.NotEqual)):
        return
    other = node.comparisons[0].comparator
    for text, expected in ((node.left, other), (other, node.left)):
        yield from _matched(file, text, literal(expected))


@rule.on(cst.Call)
def beginning_of_text(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`str(e).startswith("Rate limit")`, `re.match("Rate limit", str(e))`, `re.search("^Rate limit", str(e))`."""
    match node:
        case cst.Call(
            func=cst.Attribute(value=text, attr=cst.Name(value="startswith")), args=[cst.Arg(value=expected)]
        ):
            yield from _matched(file, text, _constant(file, expected))
        case cst.Call(
            func=cst.Attribute(
                value=cst.Name(value="re"), attr=cst.Name(value="match" | "fullmatch" | "search" as how)
            ),
            args=[cst.Arg(value=pattern, keyword=None), cst.Arg(value=text, keyword=None)],
        ):
            yield from _matched(file, text, _beginning(_constant(file, pattern), anchored=how != "search"))
        case cst.Call(
            func=cst.Attribute(value=cst.Name() as name, attr=cst.Name(value="match" | "fullmatch" | "search" as how)),
            args=[cst.Arg(value=text, keyword=None)],
        ):
            yield from _matched(file, text, _beginning(_constant(file, name), anchored=how != "search"))


def _constant(file: FileContext, node: cst.BaseExpression) -> str | None:
    """The text of a literal, of `re.compile(literal)` without flags, and of a name that holds one of them for good."""
    match node:
        case cst.Name(value=name):
            owner = file.scope(node).owner_of(name)
            bindings = owner.names[name] if owner is not None else []
            held = bindings[0].value if len(bindings) == 1 and bindings[0].how == "assign" else None
            whole = held is not None and not bindings[0].path and not isinstance(held, cst.Name)
            return _constant(file, held) if held is not None and whole else None
        case cst.Call(
            func=cst.Attribute(value=cst.Name(value="re"), attr=cst.Name(value="compile")),
            args=[cst.Arg(value=pattern)],
        ):
            return literal(pattern)
    return literal(node)


def _beginning(pattern: str | None, *, anchored: bool) -> str | None:
    """The plain letters that a text must begin with to match a pattern; None where that cannot be said."""
    if pattern is None or "|" in pattern or not (anchored or pattern.startswith("^")):
        return None
    found = re.match(r"\^?([\w ]{3,})([?*{]?)", pattern)
    if found is None:
        return None
    return found[1][:-1] if found[2] else found[1]


def _matched(file: FileContext, text: cst.BaseExpression, expected: str | None) -> Iterator[Diagnostic]:
    error = _text_of(text)
    if error is None or expected is None or expected.startswith(NEW_TEXTS):
        return
    if any(new.startswith(expected) for new in NEW_TEXTS):
        return  # `startswith("Error")` is true of the new text as well
    value = _narrowed(file, error)
    if not isinstance(value.kind, ErrorOf):
        return
    message = 'the text of an error begins with "Error code: …" since openai 1.0, so this never matches'
    if not all(_has(file, path, FAMILIES["status"]) for path in value.kind.classes):
        note = Note("the words of the server are in `body` of an `APIStatusError`; compare `code`, or the class")
        yield Diagnostic(rule.code, message, file.span(text), None, (note,))
        return
    new = BODY_MESSAGE.replace("{e}", file.code(error))
    span = file.whole(text)
    fix = Fix("Read the words of the server", (Edit(span.start, span.end, new),), Safety.UNSAFE)
    yield Diagnostic(rule.code, message, file.span(text), fix, file.doubts(value))


def _text_of(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """The error behind `str(e)` and `e.args[0]`."""
    match node:
        case cst.Call(func=cst.Name(value="str"), args=[cst.Arg(value=error)]):
            return error
        case cst.Subscript(
            value=cst.Attribute(value=error, attr=cst.Name(value="args")),
            slice=[cst.SubscriptElement(slice=cst.Index(value=cst.Integer(value="0")))],
        ):
            return error
    return None


def _narrowed(file: FileContext, node: cst.BaseExpression) -> Value:
    """The error that an expression is; a caught `Exception` counts as what an `isinstance` around it says."""
    value = file.kind(node)
    if isinstance(value.kind, ErrorOf) or not isinstance(node, cst.Name):
        return value
    current: cst.CSTNode = node
    while (parent := file.parent(current)) is not None and not isinstance(parent, cst.FunctionDef):
        if isinstance(parent, cst.If) and parent.body is current:
            found = _tested(file, parent.test, node.value)
            if found is not None:
                return found
        current = parent
    return value


def _tested(file: FileContext, test: cst.BaseExpression, name: str) -> Value | None:
    match test:
        case cst.BooleanOperation(left=left, operator=cst.And(), right=right):
            return _tested(file, left, name) or _tested(file, right, name)
        case cst.Call(
            func=cst.Name(value="isinstance"), args=[cst.Arg(value=cst.Name(value=tested)), cst.Arg(value=types)]
        ):
            if tested == name:
                found = file.inference.caught(types)
                return found if isinstance(found.kind, ErrorOf) else None
    return None


def _key(node: cst.Subscript) -> str | None:
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return literal(node.slice[0].slice.value)
    return None


def _has(file: FileContext, path: str, family: str) -> bool:
    """Whether every v1+ class that a caught class becomes belongs to a family."""
    names = {*errors.successors(file, path), *errors.successors(file, path, wide=True)}
    return bool(names) and all(family in errors.ancestors(file, n) for n in names)


def _legacy(file: FileContext, kind: ErrorOf) -> bool:
    return any(path.startswith("error.") for path in kind.classes)
