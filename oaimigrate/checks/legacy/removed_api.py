"""OAI106: a part of openai 0.28 that nothing replaces name for name: reported with the best advice.

Nothing is rewritten but the helpers of a few lines in `openai.embeddings_utils`, which are copied into the file.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import Symbol
from oaimigrate.analysis.requests import spelled
from oaimigrate.analysis.walk import dotted
from oaimigrate.diagnostics import Diagnostic, Fix, Need, Note, Safety
from oaimigrate.fixing import copied
from oaimigrate.registry import Rule

rule = Rule("OAI106")


@rule.on(cst.Attribute, cst.Name)
def use(node: cst.Attribute | cst.Name, file: FileContext) -> Iterator[Diagnostic]:
    """`openai.FineTune.create`, `openai.util.convert_to_dict`, `get_embedding(...)` from embeddings_utils."""
    if isinstance(node, cst.Name):  # most nodes end here
        if node.value not in file.imported_names:
            return
    elif node.attr.value not in file.api.removed_names:
        return
    parent = file.parent(node)
    if node not in file.tree.scopes or isinstance(parent, (cst.ImportAlias, cst.AsName)):
        return
    if isinstance(parent, cst.Attribute) and (parent.attr is node or _row(file, parent) or _is_error(file, parent)):
        return  # the longest path that has a row is the one to report; classes of `openai.error` are OAI104's
    if isinstance(parent, (cst.Arg, cst.Param)) and getattr(parent, "keyword", None) is node:
        return
    if isinstance(node, cst.Name) and not _imported(file, node):
        return
    found = _row(file, node)
    if found is not None:
        yield _diagnostic(file, node, *found)


def _is_error(file: FileContext, node: cst.Attribute) -> bool:
    kind = file.kind(node).kind
    return isinstance(kind, Symbol) and file.inference.is_error(kind.path)


def _imported(file: FileContext, node: cst.Name) -> bool:
    owner = file.scope(node).owner_of(node.value)
    return owner is not None and all(b.how == "import" for b in owner.names[node.value])


def _row(file: FileContext, node: cst.CSTNode) -> tuple[str, str] | None:
    """The path and the advice for an expression that names a removed part of the SDK."""
    kind = file.kind(node).kind
    if not isinstance(kind, Symbol) or not kind.path:
        return None
    path = kind.path
    method = file.api.methods.get(path)
    if method is not None:
        return (path, method[0].advice) if not method[0].new else None
    row = file.api.removed.get(path)
    if row is not None:
        return (path, row.advice) if not row.new and row.advice else None
    head = path.rpartition(".")[0]
    if head in file.api.resources and isinstance(node, cst.Attribute):
        inherited = file.api.removed.get(f"APIResource.{path.rpartition('.')[2]}")
        return (path, inherited.advice) if inherited is not None else None
    return None


def _diagnostic(file: FileContext, node: cst.CSTNode, path: str, advice: str) -> Diagnostic:
    message = f"`openai.{path}` was removed in openai 1.0"
    name = path.removeprefix("embeddings_utils.")
    if name in copied.HELPERS and name != path:
        return Diagnostic(rule.code, message, file.span(node), *_copied(file, node, name, advice))
    return Diagnostic(rule.code, message, file.span(node), None, (Note(advice),) if advice else ())


def _copied(file: FileContext, node: cst.CSTNode, name: str, advice: str) -> tuple[Fix | None, tuple[Note, ...]]:
    """The fix that gives a file the lines of a helper which it imports by name at the top."""
    local = copied.imported_as(file, name)
    if local is None or (isinstance(node, cst.Name) and node.value != local):
        return None, (Note(advice),)
    if problem := copied.problem(file, name, local):
        return None, (Note(advice), Note(f"not rewritten: {problem}"))
    helper = copied.HELPERS[name]
    module = "openai" if helper.requests else helper.module
    needs = (Need("helper", local), Need("drop-import", local), Need("import", module))
    notes = (Note(copied.RETRIES),) if helper.requests else ()
    safety = Safety.UNSAFE if helper.requests else Safety.SAFE
    return Fix(f"Define `{local}` in this file", (), safety, needs), notes


@rule.on(cst.ImportFrom, cst.Import)
def imported(node: cst.ImportFrom | cst.Import, file: FileContext) -> Iterator[Diagnostic]:
    """`from openai.embeddings_utils import get_embedding`, `import openai.util`."""
    if (isinstance(node, cst.ImportFrom) and node.relative) or file.shadowed_sdk:
        return
    if isinstance(node.names, cst.ImportStar):
        aliases: list[tuple[cst.CSTNode, str]] = [(node, "")]
    else:
        aliases = [(a, dotted(a.name) or "") for a in node.names]
    module = dotted(node.module) or "" if isinstance(node, cst.ImportFrom) else ""
    for place, name in aliases:
        full = ".".join(p for p in (module, name) if p)
        if not full.startswith("openai."):
            continue
        path = full[7:]
        row = file.api.removed.get(path) or file.api.removed.get(path.partition(".")[0])
        if row is not None and not row.new and row.advice and path.partition(".")[0] not in ("error", "api_resources"):
            yield _diagnostic(file, place, path, row.advice)


@rule.on(cst.Assign)
def patched(node: cst.Assign, file: FileContext) -> Iterator[Diagnostic]:
    """`openai.ChatCompletion.create = wrapper`: swapping the SDK's own methods."""
    for target in node.targets:
        if not isinstance(target.target, cst.Attribute):
            continue
        kind = file.kind(target.target).kind
        if not spelled(file, target.target):
            continue
        if isinstance(kind, Symbol) and (kind.path in file.api.methods or kind.path in file.api.resources):
            message = f"`openai.{kind.path}` is replaced here, which has no effect on clients since openai 1.0"
            note = Note("wrap the client you build, or pass it an `http_client` of your own")
            yield Diagnostic(rule.code, message, file.span(target.target), None, (note,))


@rule.on(cst.ClassDef)
def subclassed(node: cst.ClassDef, file: FileContext) -> Iterator[Diagnostic]:
    """`class Mine(openai.ChatCompletion)`."""
    for base in node.bases:
        kind = file.kind(base.value).kind
        if isinstance(kind, Symbol) and kind.path in file.api.resources:
            message = f"`openai.{kind.path}` cannot be subclassed since openai 1.0: doing so raises"
            note = Note("keep a client as an attribute and call it, instead of inheriting from a resource")
            yield Diagnostic(rule.code, message, file.span(base.value), None, (note,))
