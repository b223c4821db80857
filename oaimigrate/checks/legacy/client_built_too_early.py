"""OAI113: a client of the module stands above the names or the environment that it is built from.

`openai migrate` put the client in place of `import openai`, wherever the key came from.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, within
from oaimigrate.analysis.kinds import External
from oaimigrate.analysis.settings import ENVIRONMENT_WRITERS, loads_environment
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.fixing.construction import line_start
from oaimigrate.registry import Rule

rule = Rule("OAI113")

CREDENTIALS = ("api_key", "azure_ad_token", "azure_ad_token_provider")
READERS = ("os.environ", "os.getenv", "os.environ.get")


@rule.on(cst.SimpleStatementLine)
def early(node: cst.SimpleStatementLine, file: FileContext) -> Iterator[Diagnostic]:
    """`client = OpenAI(api_key=KEY)` above `from settings import KEY`."""
    if file.parent(node) is not file.module or not isinstance(node.body[0], cst.Assign):
        return
    call = node.body[0].value
    if not isinstance(call, cst.Call) or constructed(file, call) is None:
        return
    missing = list(_unbound(file, call))
    foreign = next((name for name, below in missing if below is None), None)
    if foreign is not None:
        message = f"`{foreign}` is a name of a function, and not known where this client is built"
        note = Note(f"not rewritten: build the client where `{foreign}` is known, or read the key from the environment")
        yield Diagnostic(rule.code, message, file.span(call), None, (note,))
        return
    loaded = _loaded_below(file, call)
    places = [below for _, below in missing if below is not None] + ([loaded] if loaded is not None else [])
    if not places:
        return
    target = max(places, key=lambda place: file.tree.places[place].order)
    if missing:
        message = f"`{missing[0][0]}` is bound only below: building the client raises NameError"
    else:
        message = "the environment is filled only below, after this client has looked for its key"
    fix, problem = _moved(file, node, target, certain=bool(missing) and loaded is None)
    notes = (Note(f"not rewritten: {problem}"),) if problem else ()
    yield Diagnostic(rule.code, message, file.span(call), fix, notes)


def _unbound(file: FileContext, call: cst.Call) -> Iterator[tuple[str, cst.CSTNode | None]]:
    """Names of the construction that are not bound yet, with the top-level statement that binds them (None: a name of
    some function only)."""
    module = file.tree.module_scope
    if module.stars:
        return
    here = file.tree.orders[call]
    for node in within(call):
        if not isinstance(node, cst.Name) or node not in file.tree.scopes or hasattr(builtins, node.value):
            continue
        parent = file.parent(node)
        if (isinstance(parent, cst.Attribute) and parent.attr is node) or file.scope(node) is not module:
            continue
        if isinstance(parent, cst.Arg) and parent.keyword is node:
            continue
        bindings = module.names.get(node.value, [])
        if bindings and min(b.order for b in bindings) > here:
            place = next((p for b in bindings if (p := _top(file, b.node)) is not None), None)
            if place is not None:
                yield node.value, place
        elif not bindings and _local_somewhere(file, node.value):
            yield node.value, None


def _top(file: FileContext, node: cst.CSTNode) -> cst.CSTNode | None:
    """The top-level statement that runs a node when the module is imported."""
    current: cst.CSTNode | None = node
    while current is not None:
        parent = file.parent(current)
        if parent is file.module:
            return current
        if isinstance(parent, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            return None
        current = parent
    return None


def _local_somewhere(file: FileContext, name: str) -> bool:
    scopes = file.tree.scope_of_node.values()
    return any(b.how in ("param", "assign") for s in scopes if s.kind == "function" for b in s.names.get(name, ()))


def _loaded_below(file: FileContext, call: cst.Call) -> cst.CSTNode | None:
    """The last statement below that fills the environment, where this client reads it and nothing above fills it."""
    keys = _keys_read(file, call)
    if keys is None:
        return None
    here = file.tree.orders[call]
    found: cst.CSTNode | None = None
    candidates: list[cst.Call | cst.AssignTarget] = [*file.nodes(cst.Call), *file.nodes(cst.AssignTarget)]
    for node in candidates:
        place = _top(file, node) if _fills(file, node, keys) and not _is_guarded(file, node) else None
        if place is None:
            continue
        if file.tree.places[place].order < here:
            return None
        if found is None or file.tree.places[place].order > file.tree.places[found].order:
            found = place
    return found


def _keys_read(file: FileContext, call: cst.Call) -> frozenset[str] | None:
    """The variables that a construction reads, "" standing for the ones the client looks up; None if it reads none."""
    keys: set[str] = set()
    for node in within(call):
        match node:
            case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
                read = file.kind(base).kind
            case cst.Call(func=func, args=[cst.Arg(value=key), *_]):
                read = file.kind(func).kind
            case _:
                continue
        if isinstance(read, External) and read.path in READERS:
            keys.add(literal(key) or "?")
    if not keys and not any(argument(call, n) is not None for n in CREDENTIALS) and not any(a.star for a in call.args):
        keys.add("")
    return frozenset(keys) or None


def _fills(file: FileContext, node: cst.Call | cst.AssignTarget, keys: frozenset[str]) -> bool:
    if isinstance(node, cst.Call):
        if loads_environment(file, node):
            return True
        kind = file.kind(node.func).kind
        if not isinstance(kind, External) or kind.path not in ENVIRONMENT_WRITERS or not node.args:
            return False
        return _is_key(literal(node.args[0].value), keys)
    match node.target:
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            return file.kind(base).kind == External("os.environ") and _is_key(literal(key), keys)
    return False


def _is_key(name: str | None, keys: frozenset[str]) -> bool:
    return name is not None and (name in keys or ("" in keys and name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY")))


def _is_guarded(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a node stands below `if __name__ == "__main__"`."""
    return any(isinstance(p, cst.If) and "__name__" in file.code(p.test) for _, p in ancestors(file, node))


def _moved(
    file: FileContext, line: cst.SimpleStatementLine, target: cst.CSTNode, *, certain: bool
) -> tuple[Fix | None, str]:
    """The construction, moved below the statement that it depends on and the imports that follow there."""
    if len(line.body) > 1:
        return None, "the client shares its line with something else"
    body: list[cst.CSTNode] = list(file.module.body)
    at = body.index(target)
    while at + 1 < len(body) and (_is_import(body[at + 1]) or _builds(file, body[at + 1])):
        at += 1
    problem = _used_between(file, line, body[at])
    if problem:
        return None, problem
    newline = file.source.newline
    start, end = line_start(file, file.span(line).start), file.whole(line).end
    text = file.text[start:end]
    after = file.whole(body[at]).end
    rest = file.text[after:]
    gap = "" if _builds(file, body[at]) else newline
    if not file.text[:after].endswith(("\n", "\r")):
        moved = newline + gap + text.rstrip("\r\n")
    else:
        moved = gap + text + (newline if rest and not rest.startswith(("\n", "\r")) else "")
    if file.text[:start].endswith(newline * 2) and file.text[end:].startswith(newline):
        end += len(newline)
    edits = (Edit(start, end, ""), Edit(after, after, moved))
    return Fix("Build the client below", edits, Safety.SAFE if certain else Safety.UNSAFE), ""


def _is_import(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(s, (cst.Import, cst.ImportFrom)) for s in statement.body
    )


def _builds(file: FileContext, statement: cst.CSTNode) -> bool:
    """Whether a statement is another client."""
    match statement:
        case cst.SimpleStatementLine(body=[cst.Assign(value=cst.Call() as call)]):
            return constructed(file, call) is not None
    return False


def _used_between(file: FileContext, line: cst.SimpleStatementLine, last: cst.CSTNode) -> str:
    """Why the client cannot move: what runs between needs it."""
    start, end = file.tree.places[line].order, file.tree.places[last].order
    names = {n.value for small in line.body for t in getattr(small, "targets", ()) for n in within(t.target)
             if isinstance(n, cst.Name)}  # fmt: skip
    for statement in file.module.body:
        if not start < file.tree.places[statement].order <= end:
            continue
        for node in within(statement, functions=False):
            if isinstance(node, cst.Name) and node.value in names and node in file.tree.scopes:
                return "the client is used before what it is built from"
    return ""
