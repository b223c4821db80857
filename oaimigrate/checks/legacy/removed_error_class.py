"""OAI104: an exception of `openai.error`, in every form of import and use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import Symbol
from oaimigrate.analysis.scopes import Binding
from oaimigrate.analysis.walk import dotted
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Need, Note, Safety
from oaimigrate.fixing import classes
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI104")


@dataclass(frozen=True, slots=True)
class Rename:
    """What one reference becomes: new class names, or the reason why nothing."""

    names: tuple[str, ...] = ()
    problem: str = ""
    notes: tuple[Note, ...] = ()
    safety: Safety = Safety.SAFE


@rule.on(cst.Attribute, cst.Name)
def reference(node: cst.Attribute | cst.Name, file: FileContext) -> Iterator[Diagnostic]:
    """`openai.error.X`, or a name imported from there, wherever it is used."""
    path = classes.legacy_path(file, node)
    if path is None:
        return
    rename = _rename(file, node, path)
    binding = classes.import_of(file, node)
    problem = rename.problem or (_blocked(file, binding) if binding is not None else "")
    message = _message(path, rename)
    if problem:
        yield Diagnostic(rule.code, message, file.span(node), None, (Note(f"not rewritten: {problem}"), *rename.notes))
        return
    handler_fix = _reorder(file, node) if binding is None else _pending(file, binding)
    if handler_fix is not None:
        note = Note("since 1.0 the classes form a tree: the clauses are put in order first, then renamed")
        yield Diagnostic(rule.code, message, file.span(node), handler_fix, (note, *rename.notes))
        return
    edits, needs = classes.edits(file, node, rename.names, binding)
    group = _group(file, binding) if binding is not None else None
    fix = Fix(f"Use {_listed(rename.names)}", tuple(edits), rename.safety, tuple(needs), group)
    yield Diagnostic(rule.code, message, file.span(node), fix, rename.notes)


def _message(path: str, rename: Rename) -> str:
    if rename.names:
        return f"`openai.{path}` was removed in openai 1.0; it is {_listed(rename.names)} now"
    return f"`openai.{path}` was removed in openai 1.0"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"`openai.{n}`" for n in names)


def _rename(file: FileContext, node: cst.Attribute | cst.Name, path: str) -> Rename:
    row = file.api.errors[path.removeprefix("error.")]
    names = errors.successors(file, path, wide=errors.is_wide(file, node))
    notes = (Note(row.note),) if row.precision != "exact" and row.note else ()
    if not names:
        return Rename() if _one_of_several(file, node) else Rename(problem="nothing took its place", notes=notes)
    safety = Safety.SAFE if row.precision == "exact" or row.old == "OpenAIError" else Safety.UNSAFE
    if row.old == "APIConnectionError" and _timeout_is_named(file, node):
        safety = Safety.SAFE
    parent = file.parent(node)
    match parent:
        case cst.Call(func=func) if func is node and names != ("OpenAIError",):
            return Rename(names, "errors of v1+ are made from an HTTP response, not from a message", notes)
        case cst.Raise() if names != ("OpenAIError",):
            return Rename(names, "errors of v1+ are made from an HTTP response", notes)
        case cst.Arg() if isinstance(file.parent(parent), cst.ClassDef) and names != ("OpenAIError",):
            return Rename(names, "the class is a base class, and its constructor changed", notes)
        case cst.AssignTarget() if isinstance(node, cst.Attribute):
            return Rename(names, "another class is put in its place here, which the SDK does not raise any more", notes)
        case cst.Attribute() if len(names) > 1:
            return Rename(names, "one class became several", notes)
        case cst.Assign() | cst.AnnAssign() | cst.Param() | cst.Return() if len(names) > 1:
            return Rename(
                names, "", (*notes, Note("one class became several; check that a tuple is welcome here")), Safety.UNSAFE
            )
        case cst.Annotation() | cst.DictElement() | cst.Comparison() | cst.ComparisonTarget() if len(names) > 1:
            return Rename(names, "one class became several, and this is not a place for a tuple", notes)
    return Rename(names, "", notes, safety)


def _one_of_several(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a class stands in an `except (A, B)` with others that have a successor, so that it can go."""
    element = file.parent(node)
    group = file.parent(element) if isinstance(element, cst.Element) else None
    if not isinstance(group, cst.Tuple) or errors.handler_of(file, node) is None:
        return False
    return any(e is not element and _keeps(file, e.value) for e in group.elements)


def _keeps(file: FileContext, node: cst.BaseExpression) -> bool:
    path = classes.legacy_path(file, node) if isinstance(node, (cst.Name, cst.Attribute)) else None
    return path is None or bool(errors.successors(file, path))


def _timeout_is_named(file: FileContext, node: cst.Attribute | cst.Name) -> bool:
    """Whether timeouts are named beside APIConnectionError, so that its being their base class changes nothing."""
    handler = errors.handler_of(file, node)
    statement = file.parent(handler) if handler is not None else None
    if isinstance(statement, (cst.Try, cst.TryStar)):
        return any(
            p.endswith("Timeout") or p == "APITimeoutError" for c in errors.clauses(file, statement) for p in c.names
        )
    group = file.parent(file.parent(node) or node)
    if isinstance(group, (cst.Tuple, cst.List)):
        return any(
            file.kind(e.value).kind in (Symbol("error.Timeout"), Symbol("APITimeoutError")) for e in group.elements
        )
    return False


def _blocked(file: FileContext, binding: Binding) -> str:
    """Why the names of an import cannot be renamed together; "" if they can. Those of one `from openai.error import …`
    share a statement, which changes as a whole or not at all."""
    together = _together(file, binding)
    if all(_is_dead(file, b) for b in together):
        return f"nothing took the place of `{binding.member}`"
    return next((p for b in together if (p := _blocked_alone(file, b))), "")


def _is_dead(file: FileContext, binding: Binding) -> bool:
    """Whether an import brings a class that nothing took the place of, so that its name can only go."""
    alias = binding.node
    if binding.module != "openai.error" or not isinstance(alias, cst.ImportAlias):
        return False
    return _new_alias(file, alias, binding, []) == ([], None)


def _together(file: FileContext, binding: Binding) -> list[Binding]:
    statement = file.parent(binding.node)
    if binding.module != "openai.error" or not isinstance(statement, cst.ImportFrom):
        return [binding]
    every = (b for bs in file.scope(statement).names.values() for b in bs)
    return [b for b in every if file.parent(b.node) is statement]


def _blocked_alone(file: FileContext, binding: Binding) -> str:
    for node, path in classes.uses(file, binding):
        problem = _rename(file, node, path).problem
        if problem:
            return f"another use of the import cannot be: {problem}" if len(file.nodes(cst.Name)) > 1 else problem
    return ""


def _pending(file: FileContext, binding: Binding) -> Fix | None:
    """The reordering that must come before an import and all uses of it are renamed together, if one is due."""
    return next((fix for node, _ in classes.uses(file, binding) if (fix := _reorder(file, node)) is not None), None)


# -- order of clauses -------------------------------------------------------------------------------------------------


def _reorder(file: FileContext, node: cst.CSTNode) -> Fix | None:
    handler = errors.handler_of(file, node)
    if handler is None:
        return None
    statement = file.parent(handler)
    assert isinstance(statement, (cst.Try, cst.TryStar))
    order = errors.order(file, statement)
    if order is None:
        return None
    spans = [file.whole(h) for h in statement.handlers]
    newline = file.source.newline
    texts = [file.text[s.start : s.end] for s in spans]
    texts = [t if t.endswith(("\n", "\r")) else t + newline for t in texts]
    text = "".join(texts[i] for i in order)
    if not file.text[spans[-1].start : spans[-1].end].endswith(("\n", "\r")):
        text = text[: -len(newline)]
    return Fix("Put the clauses in an order in which none hides another", (Edit(spans[0].start, spans[-1].end, text),))


# -- references -------------------------------------------------------------------------------------------------------


# -- imports ----------------------------------------------------------------------------------------------------------


@rule.on(cst.Import)
def imported_module(node: cst.Import, file: FileContext) -> Iterator[Diagnostic]:
    """`import openai.error`, with or without `as`."""
    for alias in node.names:
        if dotted(alias.name) != "openai.error" or file.shadowed_sdk:
            continue
        message = "the module `openai.error` was removed in openai 1.0; its classes are in `openai`"
        if alias.asname is None:
            fix = _plain_import(file, node, alias)
            yield Diagnostic(rule.code, message, file.span(alias), fix)
            continue
        local = alias.asname.name.value if isinstance(alias.asname.name, cst.Name) else ""
        yield _module_alias(file, alias, local, build.replace(file, alias.name, "openai"), message)


def _plain_import(file: FileContext, node: cst.Import, alias: cst.ImportAlias) -> Fix:
    title = "Import `openai`"
    twins = [a for a in node.names if dotted(a.name) == "openai" and a.asname is None]
    if twins:
        return Fix(title, tuple(build.remove_items(file, node.names, [alias])))
    if len(node.names) == 1 and _needless(file, node):
        return Fix(title, (_without_line(file, node),))
    return Fix(title, (build.replace(file, alias.name, "openai"),))


def _needless(file: FileContext, node: cst.Import | cst.ImportFrom) -> bool:
    """Whether `import openai` in place of a statement would say what stands above, so that its line can go."""
    order = file.tree.orders[node]
    above = any(
        b.how == "import" and b.module == "openai" and not b.member and b.order < order
        for b in file.scope(node).names.get("openai", [])
    )
    line = file.line_of(node)
    if line is None or len(line.body) > 1 or line.trailing_whitespace.comment is not None:
        return False
    return above and len(getattr(file.parent(line), "body", ())) > 1


def _without_line(file: FileContext, node: cst.CSTNode) -> Edit:
    line = file.line_of(node)
    assert line is not None
    span = file.span(node)
    start = max(file.text.rfind("\n", 0, span.start), file.text.rfind("\r", 0, span.start)) + 1
    return Edit(start, file.whole(line).end, "")


def _module_alias(file: FileContext, alias: cst.ImportAlias, local: str, edit: Edit, message: str) -> Diagnostic:
    binding = next((b for b in file.scope(alias).names.get(local, []) if b.node is alias), None)
    binding = binding or next((b for b in file.tree.module_scope.names.get(local, []) if b.node is alias), None)
    problem = _blocked(file, binding) if binding is not None else ""
    if problem:
        return Diagnostic(rule.code, message, file.span(alias), None, (Note(f"not rewritten: {problem}"),))
    fix = (_pending(file, binding) if binding is not None else None) or Fix(
        "Import `openai`", (edit,), Safety.SAFE, (), f"error-import:{local}"
    )
    return Diagnostic(rule.code, message, file.span(alias), fix)


@rule.on(cst.ImportFrom)
def imported_names(node: cst.ImportFrom, file: FileContext) -> Iterator[Diagnostic]:
    """`from openai.error import X as Y, Z`, `from openai import error`, `from openai import InvalidRequestError`."""
    module = dotted(node.module) or ""
    if node.relative or module not in ("openai", "openai.error") or file.shadowed_sdk:
        return
    if isinstance(node.names, cst.ImportStar):
        if module == "openai.error":
            yield _star(file, node)
        return
    if module == "openai.error":
        yield _from_error(file, node, list(node.names))
        return
    for alias in node.names:
        name = dotted(alias.name) or ""
        if name == "error":
            yield _from_openai(file, node, alias)
        elif errors.is_legacy(file, name):
            yield _legacy_name(file, node, alias, name)


def _from_error(file: FileContext, node: cst.ImportFrom, aliases: list[cst.ImportAlias]) -> Diagnostic:
    message = "the module `openai.error` was removed in openai 1.0; import its classes from `openai`"
    span = file.span(node.module) if node.module is not None else file.span(node)
    bindings = {a: b for bs in _all_bindings(file) for b in bs for a in aliases if b.node is a}
    problem = next((p for b in bindings.values() if (p := _blocked(file, b))), "")
    names: list[str] = []
    edits = [build.replace(file, node.module, "openai")] if node.module is not None else []
    gone = []
    for alias in aliases:
        fresh, edit = _new_alias(file, alias, bindings.get(alias), names)
        if edit is not None:
            edits.append(edit)
        elif not fresh:
            gone.append(alias)
        names += fresh
    if problem:
        return Diagnostic(rule.code, message, span, None, (Note(f"not rewritten: {problem}"),))
    due = next((f for b in bindings.values() if (f := _pending(file, b)) is not None), None)
    if due is not None:
        return Diagnostic(rule.code, message, span, due)
    edits += build.remove_items(file, aliases, gone)
    first = next(iter(bindings.values()), None)
    group = _group(file, first) if first is not None else None
    return Diagnostic(
        rule.code, message, span, Fix("Import from `openai`", tuple(sorted(edits)), Safety.SAFE, (), group)
    )


def _group(file: FileContext, binding: Binding) -> str:
    """One group for an import and all uses of its names: they change together or not at all."""
    first = min(_together(file, binding), key=lambda b: b.order)
    return f"error-import:{first.name}"


def _new_alias(
    file: FileContext, alias: cst.ImportAlias, binding: Binding | None, seen: list[str]
) -> tuple[list[str], Edit | None]:
    """The names an imported class becomes, and the edit of its part of the statement."""
    old = dotted(alias.name) or ""
    names: list[str] = []
    for node, path in classes.uses(file, binding) if binding is not None else ():
        names += [n for n in errors.successors(file, path, wide=errors.is_wide(file, node)) if n not in names]
    names = names or list(errors.successors(file, f"error.{old}"))
    if alias.asname is not None and len(names) == 1:
        return [], build.replace(file, alias.name, names[0])
    fresh = [n for n in names if n not in seen]
    if fresh == [old]:
        return fresh, None
    return fresh, build.replace(file, alias, ", ".join(fresh)) if fresh else None


def _all_bindings(file: FileContext) -> list[list[Binding]]:
    return [bs for scope in file.tree.scope_of_node.values() for bs in scope.names.values()]


def _from_openai(file: FileContext, node: cst.ImportFrom, alias: cst.ImportAlias) -> Diagnostic:
    """`from openai import error [as e]` becomes `import openai [as e]`."""
    message = "the module `openai.error` was removed in openai 1.0; its classes are in `openai`"
    assert not isinstance(node.names, cst.ImportStar)
    local = "error"
    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
        local = alias.asname.name.value
    if len(node.names) == 1:
        text = f"import openai as {local}" if alias.asname is not None else "import openai"
        edit = build.replace(file, node, text)
        if alias.asname is None and _needless(file, node):
            edit = _without_line(file, node)
        return _module_alias(file, alias, local, edit, message)
    if alias.asname is not None or file.scope(node) is not file.tree.module_scope:
        note = Note("not rewritten: the import has an alias or stands in a function beside other names")
        return Diagnostic(rule.code, message, file.span(alias), None, (note,))
    edits = build.remove_items(file, node.names, [alias])
    needs = () if file.module_name else (Need("import", "openai"),)
    binding = next((b for b in file.tree.module_scope.names.get(local, []) if b.node is alias), None)
    problem = _blocked(file, binding) if binding is not None else ""
    if problem:
        return Diagnostic(rule.code, message, file.span(alias), None, (Note(f"not rewritten: {problem}"),))
    due = _pending(file, binding) if binding is not None else None
    fix = due or Fix("Import `openai`", tuple(edits), Safety.SAFE, needs, f"error-import:{local}")
    return Diagnostic(rule.code, message, file.span(alias), fix)


def _legacy_name(file: FileContext, node: cst.ImportFrom, alias: cst.ImportAlias, name: str) -> Diagnostic:
    """`from openai import InvalidRequestError`, which 0.28 exported at top level too."""
    message = f"`{name}` is no longer a class of `openai`"
    binding = next((b for bs in _all_bindings(file) for b in bs if b.node is alias), None)
    problem = _blocked(file, binding) if binding is not None else ""
    fresh, edit = _new_alias(file, alias, binding, [])
    if problem or edit is None:
        return Diagnostic(
            rule.code, message, file.span(alias), None, (Note(f"not rewritten: {problem or 'nothing took its place'}"),)
        )
    due = _pending(file, binding) if binding is not None else None
    if due is not None:
        return Diagnostic(rule.code, message, file.span(alias), due)
    group = _group(file, binding) if binding is not None else None
    return Diagnostic(
        rule.code, message, file.span(alias), Fix(f"Import `{', '.join(fresh)}`", (edit,), Safety.SAFE, (), group)
    )


def _star(file: FileContext, node: cst.ImportFrom) -> Diagnostic:
    message = "the module `openai.error` was removed in openai 1.0; import its classes from `openai`"
    note = Note("not rewritten: `import *` does not say which names are used")
    return Diagnostic(rule.code, message, file.span(node), None, (note,))
