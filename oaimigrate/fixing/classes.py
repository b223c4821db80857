"""How a 0.28 exception class is written after the migration, alone or as one of several in a tuple."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.kinds import Symbol
from oaimigrate.analysis.requests import module_of
from oaimigrate.analysis.scopes import Binding
from oaimigrate.diagnostics import Edit, Need
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def edits(
    file: FileContext, node: cst.Attribute | cst.Name, names: tuple[str, ...], binding: Binding | None
) -> tuple[list[Edit], list[Need]]:
    spelled, needs = spelled_names(file, node, names, binding)
    if spelled is None:
        return [], needs  # an alias keeps its name: `from openai import RateLimitError as R`
    element = file.parent(node)
    if isinstance(element, cst.Element) and isinstance(file.parent(element), (cst.Tuple, cst.List, cst.Set)):
        return _element_edits(file, node, element, spelled), needs
    parent = file.parent(node)
    if isinstance(parent, cst.BinaryOperation) and isinstance(parent.operator, cst.BitOr):
        return [build.replace_whole(file, node, " | ".join(spelled))], needs
    if len(spelled) == 1:
        return [build.replace(file, node, spelled[0])], needs
    if isinstance(parent, cst.AssignTarget):  # `RateLimitError = APIError = Exception`, where there is no SDK
        return [build.replace_whole(file, node, " = ".join(spelled))], needs
    return [build.replace_whole(file, node, f"({', '.join(spelled)})")], needs


def spelled_names(
    file: FileContext, node: cst.Attribute | cst.Name, names: tuple[str, ...], binding: Binding | None
) -> tuple[list[str] | None, list[Need]]:
    """How the new classes are written where `node` stands; None if the name stays."""
    module = module_of(file, node)
    if module is not None:
        prefix = file.code(module)
        return [f"{prefix}.{n}" for n in names], []
    assert binding is not None
    if isinstance(node, cst.Name):
        alias = binding.node
        if isinstance(alias, cst.ImportAlias) and alias.asname is not None and len(names) == 1:
            return None, []
        return list(names), []
    if not binding.member or _alias_name(binding.node):  # `import openai.error as e`, `from openai import error as e`
        return [f"{binding.name}.{n}" for n in names], []
    return [f"{file.module_name or 'openai'}.{n}" for n in names], []


def _alias_name(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.ImportAlias) and node.asname is not None


def _element_edits(file: FileContext, node: cst.CSTNode, element: cst.Element, spelled: list[str]) -> list[Edit]:
    """One element of a tuple of classes: classes that an earlier element gave already are left out."""
    group = file.parent(element)
    assert isinstance(group, (cst.Tuple, cst.List, cst.Set))
    new, gone = _flattened(file, group)
    fresh = [s for s in spelled if s in new[element]]
    edits: list[Edit] = []
    if fresh and not gone:
        edits.append(build.replace_whole(file, node, ", ".join(fresh)))
    elif fresh and _only_one(file, group, new, gone, node):
        whole = file.whole(group)
        return [Edit(whole.start, whole.end, fresh[0])]
    elif fresh:
        edits.append(build.replace_whole(file, node, ", ".join(fresh)))
    if gone:
        edits += build.remove_items(file, group.elements, gone)
        kept = [e for e in group.elements if e not in gone]
        if _only_one(file, group, new, gone, node):
            whole = file.whole(group)
            return [Edit(whole.start, whole.end, new[kept[0]][0])]
        alone = len(kept) == 1 and len(new[kept[0]]) <= 1
        if alone and isinstance(group, cst.Tuple) and not isinstance(group.elements[-1].comma, cst.Comma):
            end = file.whole(group.elements[-1].value).end
            edits = [e if e.end != end or e.text else Edit(e.start, e.end, ",") for e in edits]
    return edits


def _only_one(
    file: FileContext, group: cst.BaseExpression, new: dict[cst.BaseElement, list[str]], gone: list[cst.BaseElement],
    node: cst.CSTNode,
) -> bool:  # fmt: skip
    """Whether an `except (A, B)` comes down to one class, so that the tuple can go."""
    kept = [e for e in new if e not in gone]
    whole = file.whole(group)
    alone = len(kept) == 1 and len(new[kept[0]]) == 1 and "#" not in file.text[whole.start : whole.end]
    return alone and errors.handler_of(file, node) is not None


def _flattened(
    file: FileContext, group: cst.Tuple | cst.List | cst.Set
) -> tuple[dict[cst.BaseElement, list[str]], list[cst.BaseElement]]:
    """What each element contributes after renaming, without repetition, and the elements that contribute nothing."""
    seen: set[str] = set()
    new: dict[cst.BaseElement, list[str]] = {}
    gone = []
    for element in group.elements:
        value = element.value
        path = legacy_path(file, value) if isinstance(value, (cst.Name, cst.Attribute)) else None
        if path is None or not isinstance(value, (cst.Name, cst.Attribute)):
            text = file.code(value)
            new[element] = [text]
            seen.add(text)
            continue
        names = errors.successors(file, path, wide=errors.is_wide(file, value))
        spelled, _ = spelled_names(file, value, names, import_of(file, value))
        if spelled is None:
            new[element] = [file.code(value)]
            continue
        new[element] = [s for s in spelled if s not in seen]
        seen.update(spelled)
        if not new[element]:
            gone.append(element)
    return new, gone


def legacy_path(file: FileContext, node: cst.Attribute | cst.Name) -> str | None:
    if isinstance(node, cst.Name):  # most nodes end here
        if node.value not in file.imported_names or import_of(file, node) is None:
            return None
    elif node.attr.value not in file.api.errors:
        return None
    parent = file.parent(node)
    if isinstance(parent, (cst.ImportAlias, cst.AsName)) or node not in file.tree.scopes:
        return None
    if isinstance(node, cst.Name) and isinstance(parent, (cst.Attribute, cst.Arg, cst.Param)):
        if (isinstance(parent, cst.Attribute) and parent.attr is node) or getattr(parent, "keyword", None) is node:
            return None
    kind = file.kind(node).kind
    if kind == Symbol("Timeout") and errors.handler_of(file, node) is not None and isinstance(node, cst.Attribute):
        return "error.Timeout"
    if not isinstance(kind, Symbol) or not errors.is_legacy(file, kind.path):
        return None
    return kind.path


def uses(file: FileContext, binding: Binding) -> Sequence[tuple[cst.Name | cst.Attribute, str]]:
    """The uses of classes of 0.28 whose name an import brings, with their paths."""
    if file.error_uses is None:
        file.error_uses = {}
        nodes: list[cst.Name | cst.Attribute] = [*file.nodes(cst.Name), *file.nodes(cst.Attribute)]
        for node in nodes:
            path = legacy_path(file, node)
            bringing = import_of(file, node) if path is not None else None
            if path is not None and bringing is not None:
                file.error_uses.setdefault(bringing, []).append((node, path))
    return file.error_uses.get(binding, ())


def import_of(file: FileContext, node: cst.CSTNode) -> Binding | None:
    """The import that brings the name at the root of a reference, unless that name is the `openai` module itself."""
    root = node
    while isinstance(root, cst.Attribute):
        root = root.value
    if not isinstance(root, cst.Name):
        return None
    owner = file.scope(root).owner_of(root.value)
    bindings = owner.names[root.value] if owner is not None else []
    for binding in bindings:
        path = f"{binding.module}.{binding.member}" if binding.member else binding.module
        if binding.how == "import" and path.startswith("openai."):
            return binding
    return None
