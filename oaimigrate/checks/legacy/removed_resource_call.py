"""OAI101: a request through a resource class of openai 0.28, or such a class or method kept as a value."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.carriers import BY_NAME
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors
from oaimigrate.analysis.kinds import External, Symbol, one_by_one
from oaimigrate.analysis.requests import Reference, Request, looked_up, merged, request_at, spelled
from oaimigrate.analysis.steps import literal
from oaimigrate.analysis.walk import dotted
from oaimigrate.checks.legacy.stale_mock_target import is_patched
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Need, Note, Safety
from oaimigrate.fixing import arguments, kept, twins
from oaimigrate.fixing import edits as build
from oaimigrate.fixing.receiver import receiver
from oaimigrate.registry import Rule

rule = Rule("OAI101")

MIXED = "the variable serves both sync and async calls, which are made on two clients now"


@rule.on(cst.Attribute)
def method(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`openai.ChatCompletion.create`, called or not."""
    request = request_at(file, node)
    if request is None or not request.convertible or _is_store(file, node) or _is_meant_to_fail(file, node):
        return
    old = f"openai.{request.method.old.partition('.')[0]}.{node.attr.value}"
    message = f"`{old}` was removed in openai 1.0; call `client.{request.method.new}`"
    fix, notes = _fix(file, request)
    span = file.span(request.call or node) if not request.call else file.span(node)
    yield Diagnostic(rule.code, message, span, fix, notes)


def _is_store(file: FileContext, node: cst.CSTNode) -> bool:
    """`openai.X.create = …` and `del` replace the SDK's own code: nothing to rewrite here (OAI106 reports it)."""
    parent = file.parent(node)
    return isinstance(parent, (cst.AssignTarget, cst.Del, cst.AnnAssign)) and getattr(parent, "target", None) is node


def _is_meant_to_fail(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether the error that says so is expected: `with pytest.raises(APIRemovedInV1):`, `except APIRemovedInV1:`."""
    if "APIRemovedInV1" not in file.text:
        return False
    for child, parent in ancestors(file, node):
        match parent:
            case cst.With(items=items, body=body) if child is body:
                named = [a.value for i in items if isinstance(i.item, cst.Call) for a in i.item.args]
            case cst.Try(body=body, handlers=handlers) if child is body:
                named = [h.type for h in handlers if h.type is not None]
            case _:
                continue
        if any((dotted(n) or "").endswith("APIRemovedInV1") for n in named):
            return True
    return False


def _fix(file: FileContext, request: Request) -> tuple[Fix | None, tuple[Note, ...]]:
    if request.indirect:
        return _indirect(file, request)
    return _direct(file, request)


def _direct(file: FileContext, request: Request) -> tuple[Fix | None, tuple[Note, ...]]:
    result = kept.given(file, request)
    problem = result.problem or (kept.calls_problem(file, kept.path_of(request)) if request.call is None else "")
    if problem:
        return None, (Note(f"not rewritten: {problem}"),)
    use = receiver(file, request, result.options)
    if use.problem:
        return None, (Note(f"not rewritten: {use.problem}"),)
    target = f"{use.text}.{request.method.new}"
    callee = build.replace(file, request.node, target)
    edits = [callee, *result.edits, *_suffix(file, request)]
    notes = [*use.notes, *result.notes]
    safety = max(use.safety, result.safety)
    if build.loses_comment(file, [callee]):
        safety = Safety.UNSAFE
        notes.append(Note("a comment inside the old name goes with it"))
    if request.call is None and not _call_seen(file, request):
        safety = Safety.UNSAFE
        notes.append(Note("the method is kept as a value; the arguments it is called with are not seen here"))
    title = f"Call `{target}`"
    stuck = _stuck(file) if file.plan.from_imports else ()
    needs = (*(n for n in use.needs if n.kind != "drop-import" or n.name not in stuck), *result.needs)
    return Fix(title, tuple(sorted(edits)), safety, needs, use.group), tuple(notes)


def _stuck(file: FileContext) -> frozenset[str]:
    """Names of imported resource classes on which a request is made that stays, so that the import must stay, too."""
    found = set()
    for request in file.plan.requests:
        root = request.node.value if isinstance(request.node, cst.Attribute) else None
        if isinstance(root, cst.Name) and root.value in file.plan.droppable and not request.indirect:
            result = kept.given(file, request)
            if result.problem or receiver(file, request, result.options).problem:
                found.add(root.value)
    return frozenset(found)


def _suffix(file: FileContext, request: Request) -> list[Edit]:
    """What must follow the new call to keep its value: `.content` after a download (outside the await)."""
    if not request.method.suffix or request.call is None:
        return []
    if not request.asynchronous:
        return [build.insert(file.whole(request.call).end, request.method.suffix)]
    parent = file.parent(request.call)
    if not isinstance(parent, cst.Await):
        return []
    span = file.whole(parent)
    if parent.lpar:
        return [build.insert(span.end, request.method.suffix)]
    return [build.insert(span.start, "("), build.insert(span.end, f"){request.method.suffix}")]


def _call_seen(file: FileContext, request: Request) -> bool:
    """Whether the reference stands in a `partial(…)` or an assignment whose calls this file shows."""
    parent = file.parent(request.node)
    return (
        isinstance(parent, cst.Arg)
        and isinstance(file.parent(parent), cst.Call)
        and _partial(file, file.parent(parent))
    )


def _indirect(file: FileContext, request: Request) -> tuple[Fix | None, tuple[Note, ...]]:
    """A method of a resource class that a variable holds: the variable becomes the new resource."""
    rows = (request.method, *request.others)
    prefixes = [kept.prefix(file, m.old.partition(".")[0]) for m in rows]
    names = {m.new[len(p) + 1 :] for m, p in zip(rows, prefixes, strict=True)}
    if not all(prefixes) or len(names) > 1 or not all(m.new for m in rows):
        return None, (Note("not rewritten: the class is kept in a variable and its methods moved to different places"),)
    assert isinstance(request.node, cst.Attribute)
    holder = request.node.value
    result = arguments.rewrite(file, request.call, request.method) if request.call else arguments.Arguments()
    problem = result.problem or kept.class_problem(file, request.method.old.partition(".")[0], holder)
    renamed: list[Edit] = []
    if not problem and kept.mixed(file, request.method.old.partition(".")[0], holder):
        twin = twins.twin(file, holder)
        problem = MIXED if twin is None else ""
        renamed = [build.replace(file, holder, twin.name)] if twin is not None and request.asynchronous else []
    if problem:
        return None, (Note(f"not rewritten: {problem}"),)
    (name,) = names
    edits = tuple(sorted([*renamed, build.replace(file, request.node.attr, name), *result.edits]))
    notes = (*result.notes, Note("the class is kept in a variable; check what else it may hold"))
    group = "resource"  # the places that keep a class and the ones that use it change together
    return Fix(f"Call `.{name}`", edits, Safety.UNSAFE, tuple(result.needs), group), notes


@rule.on(cst.Call, cst.Subscript)
def by_name(node: cst.Call | cst.Subscript, file: FileContext) -> Iterator[Diagnostic]:
    """`getattr(openai, "ChatCompletion")`, `vars(openai)["Completion"]`, `openai.__dict__[…]`, `getattr(openai, n)`."""
    if not looked_up(file, node):
        return
    kind = file.kind(node).kind
    if not isinstance(kind, Symbol) or file.in_legacy_branch(node):
        return
    if kind.path in file.api.resources and not isinstance(file.parent(node), cst.Attribute):
        message = f"`openai.{kind.path}` was removed in openai 1.0"
        yield Diagnostic(rule.code, message, file.span(node), *_class_fix(file, node, kind.path))
    elif kind.path == BY_NAME and _names_resources(file):
        message = "a part of the `openai` module is chosen by name, and resource classes were removed in openai 1.0"
        note = Note("not rewritten: which class this is, is not known here")
        yield Diagnostic(rule.code, message, file.span(node), None, (note,))


@rule.on(cst.Call)
def method_by_name(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`getattr(self.api, method)`, where a resource class is kept in `self.api`."""
    if not isinstance(node.func, cst.Name) or node.func.value != "getattr" or len(node.args) < 2:
        return
    base, name = node.args[0].value, node.args[1].value
    kind = file.kind(base).kind
    kept = one_by_one(kind)
    paths = [k.path for k in kept if isinstance(k, Symbol) and k.path in file.api.resources]
    spelt = isinstance(base, (cst.Name, cst.Attribute)) and spelled(file, base)  # then the class itself is reported
    if not paths or spelt or literal(name) is not None or file.in_legacy_branch(node):
        return
    message = f"a method of `openai.{paths[0]}` is chosen by name, and the class was removed in openai 1.0"
    note = Note("not rewritten: `acreate` is `create` of an asynchronous client now, and other methods have new names")
    yield Diagnostic(rule.code, message, file.span(node), None, (note,))


def _names_resources(file: FileContext) -> bool:
    """Whether the file spells a resource class of 0.28 in a string: names of today's SDK may be looked up as well."""
    return any(literal(text) in file.api.resources for text in file.nodes(cst.SimpleString))


@rule.on(cst.Attribute, cst.Name)
def kept_class(node: cst.Attribute | cst.Name, file: FileContext) -> Iterator[Diagnostic]:
    """`api = openai.ChatCompletion`: a resource class kept as a value."""
    if isinstance(node, cst.Name):  # most nodes end here
        if node.value not in file.imported_names and not file.tree.module_scope.stars:
            return
    elif node.attr.value not in file.api.resources:
        return
    parent = file.parent(node)
    if isinstance(parent, (cst.Attribute, cst.ImportAlias, cst.AsName)) or node not in file.tree.scopes:
        return
    if isinstance(parent, cst.Arg) and parent.keyword is node:
        return
    if not spelled(file, node):
        return
    kind = file.kind(node).kind
    if not isinstance(kind, Symbol) or kind.path not in file.api.resources:
        return
    if _is_store(file, node) or isinstance(parent, (cst.FunctionDef, cst.ClassDef)):
        return
    if isinstance(parent, cst.Param) and parent.default is not node:
        return
    if isinstance(parent, cst.Arg) and is_patched(file, file.parent(parent)):
        return
    message = f"`openai.{kind.path}` was removed in openai 1.0"
    fix, notes = _class_fix(file, node, kind.path)
    yield Diagnostic(rule.code, message, file.span(node), fix, notes)


def _class_fix(file: FileContext, node: Reference, resource: str) -> tuple[Fix | None, tuple[Note, ...]]:
    prefix = kept.prefix(file, resource)
    parent = file.parent(node)
    if isinstance(parent, (cst.Annotation, cst.Subscript, cst.ComparisonTarget, cst.Comparison)) or _is_base(
        file, node
    ):
        return None, (Note("not rewritten: the class is used as a type, and no class took its place"),)
    if isinstance(parent, cst.Call):
        return None, (Note("not rewritten: an object of the class is made; call the methods of the class itself"),)
    if isinstance(parent, cst.Arg) and _looks_at_class(file, file.parent(parent)):
        return None, (Note("not rewritten: the class itself is inspected or patched"),)
    if not prefix:
        return None, (Note("not rewritten: what the class is used for is not one resource of one client"),)
    variable = twins.assigned(file, node)
    if problem := kept.class_problem(file, resource, variable):
        return None, (Note(f"not rewritten: {problem}"),)
    mixed = kept.mixed(file, resource, variable)
    twin = twins.twin(file, variable) if mixed and variable is not None else None
    if mixed and twin is None:
        return None, (Note(f"not rewritten: {MIXED}"),)
    asynchronous = not mixed and any(r.asynchronous for r in kept.uses(file, resource, variable))
    use = kept.resource_of(file, node, resource, asynchronous=asynchronous)
    if use.problem:
        return None, (Note(f"not rewritten: {use.problem}"),)
    edits, needs = [build.replace(file, node, use.text)], [*use.needs]
    if twin is not None:
        uses = {r: kept.resource_of(file, n, r, asynchronous=True) for n, r in twins.resources(file, twin)}
        edits += twins.lines(file, twin, {r: u.text for r, u in uses.items()})
        needs += [need for u in uses.values() for need in u.needs]
    note = Note("the class is kept as a value; check how it is used")
    fix = Fix(f"Use `{use.text}`", tuple(sorted(edits)), Safety.UNSAFE, tuple(dict.fromkeys(needs)), "resource")
    return fix, (*use.notes, note)


def _is_base(file: FileContext, node: cst.CSTNode) -> bool:
    parent = file.parent(node)
    return isinstance(parent, cst.Arg) and isinstance(file.parent(parent), cst.ClassDef)


def _looks_at_class(file: FileContext, call: cst.CSTNode | None) -> bool:
    if not isinstance(call, cst.Call):
        return False
    func = call.func
    name = func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", "")
    return name in ("isinstance", "issubclass", "setattr", "getattr", "hasattr", "delattr", "object", "patch", "wraps")


@rule.on(cst.Call)
def arguments_elsewhere(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`fn(engine=…)` where `fn` holds a 0.28 method, which may be kept in an attribute, a dict or another module."""
    paths = kept.called(file, node)
    if not paths or file.in_legacy_branch(node):
        return
    row, *others = (file.api.methods[path][0] for path in paths)
    result = arguments.rewrite(file, node, merged(row, others) if others else row)
    if not result.edits and not result.problem:
        return
    message = f"arguments of `openai.{row.old}` that `{row.new}` does not take"
    problem = result.problem or next(filter(None, (kept.calls_problem(file, p) for p in paths)), "")
    problem = problem or next(filter(None, (kept.places_problem(file, p) for p in paths)), "")
    if problem:
        yield Diagnostic(rule.code, message, file.span(node), None, (Note(f"not rewritten: {problem}"),))
    else:
        fix = Fix("Rename the arguments", tuple(result.edits), Safety.UNSAFE, tuple(result.needs))
        yield Diagnostic(rule.code, message, file.span(node), fix, tuple(result.notes))


def _partial(file: FileContext, node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Call) and file.kind(node.func).kind == External("functools.partial")


@rule.on(cst.ImportFrom)
def imported_class(node: cst.ImportFrom, file: FileContext) -> Iterator[Diagnostic]:
    """`from openai import ChatCompletion`."""
    if isinstance(node.names, cst.ImportStar) or node.relative:
        return
    for alias in node.names:
        local = alias.asname.name if alias.asname is not None else alias.name
        if not isinstance(local, cst.Name):
            continue
        module, member = _source(file, node, alias)
        if module != "openai" and not module.startswith("openai.api_resources"):
            continue
        if member not in file.api.resources or file.shadowed_sdk or file.in_legacy_branch(node):
            continue
        message = f"`{member}` is no longer a class of the SDK; make requests on a client"
        droppable = file.scope(node) is file.tree.module_scope and local.value in file.plan.droppable
        if not droppable:
            yield Diagnostic(
                rule.code, message, file.span(alias), None, (Note("not rewritten: the name is used in other ways"),)
            )
            continue
        if local.value in _stuck(file):
            note = Note("not rewritten: a request that is made on it is not")
            yield Diagnostic(rule.code, message, file.span(alias), None, (note,))
            continue
        fix = Fix("Import the client class", (), Safety.SAFE, (Need("drop-import", local.value),), file.plan.group)
        yield Diagnostic(rule.code, message, file.span(alias), fix)


def _source(file: FileContext, node: cst.ImportFrom, alias: cst.ImportAlias) -> tuple[str, str]:
    return dotted(node.module) or "", dotted(alias.name) or ""
