"""OAI105: an attribute of a caught error that v1+ spells differently or keeps elsewhere."""

from __future__ import annotations

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
