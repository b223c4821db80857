"""OAI804: `client.beta.vector_stores`, which openai 1.66 moved to `client.vector_stores`, and its types."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, caught_names
from oaimigrate.analysis.kinds import Client, Member
from oaimigrate.analysis.walk import dotted
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI804")

OLD = "beta.vector_stores"
TYPES = "openai.types.beta"
MOVED = (
    "VectorStore", "VectorStoreDeleted", "VectorStoreListParams", "VectorStoreCreateParams", "VectorStoreUpdateParams",
    "FileChunkingStrategy", "FileChunkingStrategyParam", "StaticFileChunkingStrategy", "AutoFileChunkingStrategyParam",
    "OtherFileChunkingStrategyObject", "StaticFileChunkingStrategyParam", "StaticFileChunkingStrategyObject",
    "StaticFileChunkingStrategyObjectParam",
)  # fmt: skip
SUBMODULES = (".vector_store", ".file_chunking", ".static_file_chunking", ".auto_file_chunking", ".other_file_chunking")


@rule.on(cst.Attribute)
def resource(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`client.beta.vector_stores`, whatever of it is called."""
    if node.attr.value != "vector_stores":
        return
    value = file.kind(node)
    if not isinstance(value.kind, Member) or value.kind.path != OLD or not value.certain or _is_tried(file, node):
        return
    message = "clients have no `beta.vector_stores` since openai 1.66; it is `vector_stores`"
    beta = node.value
    if not isinstance(beta, cst.Attribute) or not isinstance(file.kind(beta.value).kind, Client):
        note = Note("not rewritten: `beta` was stored away first")
        yield Diagnostic(rule.code, message, file.span(node), None, (note,))
        return
    edit = Edit(file.whole(beta.value).end, file.span(node).end, ".vector_stores")
    safety = Safety.UNSAFE if build.loses_comment(file, (edit,)) else Safety.SAFE
    yield Diagnostic(rule.code, message, file.span(node), Fix("Leave out `beta`", (edit,), safety))


@rule.on(cst.ImportFrom)
def types(node: cst.ImportFrom, file: FileContext) -> Iterator[Diagnostic]:
    """`from openai.types.beta import VectorStore`."""
    module = dotted(node.module) or ""
    if node.relative or not module.startswith(TYPES) or isinstance(node.names, cst.ImportStar) or node.module is None:
        return
    below = module.removeprefix(TYPES)
    if below.startswith(SUBMODULES):
        moved = [alias.name for alias in node.names]
    elif not below:
        moved = [alias.name for alias in node.names if isinstance(alias.name, cst.Name) and alias.name.value in MOVED]
    else:
        return
    if not moved or _is_tried(file, node):
        return
    fix: Fix | None = None
    notes: tuple[Note, ...] = ()
    if len(moved) == len(node.names):
        edit = build.replace(file, node.module, f"openai.types{below}")
        fix = Fix(f"Import from `openai.types{below}`", (edit,))
    else:
        notes = (Note("not rewritten: other names of the statement stay where they are"),)
    for name in moved:
        message = f"`{module}` has no `{file.code(name)}` since openai 1.66; `openai.types{below}` has"
        yield Diagnostic(rule.code, message, file.span(name), fix, notes)


def _is_tried(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether the code asks first, or is ready for its not being there."""
    for child, parent in ancestors(file, node):
        match parent:
            case cst.Try(handlers=handlers):
                names = {name for handler in handlers for name in caught_names(file, handler.type)}
                if names & {"AttributeError", "ImportError", "ModuleNotFoundError"}:
                    return True
            case cst.If(test=test) | cst.IfExp(test=test) if child is not test:
                if any(word in file.code(test).lower() for word in ("hasattr", "version")):
                    return True
    return False
