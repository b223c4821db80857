"""Imports that fixes add and drop, touching existing statements where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import ancestors
from oaimigrate.analysis.walk import dotted
from oaimigrate.diagnostics import Edit
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def has_module(file: FileContext, module: str) -> bool:
    bindings = file.tree.module_scope.names.get(module, [])
    return any(b.how == "import" and b.module == module and not b.member for b in bindings)


def changes(file: FileContext, wanted: set[str], dropped: set[str]) -> list[Edit]:
    """Add and remove imports, touching existing statements where that is possible."""
    names = sorted(n.partition(":")[2] for n in wanted if n.startswith("openai:"))
    names = [n for n in names if not _imported(file, n)]
    modules = sorted(n for n in wanted if ":" not in n and not has_module(file, n))
    edits = _from_project(file, {n for n in wanted if ":" in n and not n.startswith("openai:")})
    for statement in _sdk_imports(file):
        assert not isinstance(statement.names, cst.ImportStar)
        aliases = list(statement.names)
        gone = [a for a in aliases if _local_name(a) in dropped]
        own = isinstance(statement.module, cst.Name)
        if gone and len(gone) == len(aliases):
            text, names, modules = _successor(names, modules)
            edits.append(_replace_statement(file, statement, text))
        elif not own or for_types_only(file, statement):
            edits += build.remove_items(file, aliases, gone)
        elif gone or names:
            edits += _change_names(file, aliases, gone, names)
            names = []
    lines = [f"import {m}" for m in modules]
    if names:
        lines.append(f"from openai import {', '.join(names)}")
    if lines:
        edits.append(_new_imports(file, lines))
    return edits


def _from_project(file: FileContext, wanted: set[str]) -> list[Edit]:
    """Names that are added to imports from modules of the project: `.config:client`."""
    edits = []
    for item in sorted(wanted):
        module, _, name = item.partition(":")
        for statement in file.nodes(cst.ImportFrom):
            spelled = "." * len(statement.relative) + (dotted(statement.module) or "")
            top = file.scope(statement) is file.tree.module_scope
            if spelled == module and top and not isinstance(statement.names, cst.ImportStar):
                edits += _change_names(file, list(statement.names), [], [name])
                break
    return edits


def _imported(file: FileContext, name: str) -> bool:
    bindings = file.tree.module_scope.names.get(name, [])
    return any(b.how == "import" and b.module == "openai" and b.member == name for b in bindings)


def _sdk_imports(file: FileContext) -> list[cst.ImportFrom]:
    found = []
    for statement in file.nodes(cst.ImportFrom):
        module = dotted(statement.module) or ""
        if file.scope(statement) is not file.tree.module_scope or statement.relative:
            continue
        if module == "openai" or module.startswith(("openai.api_resources", "openai.embeddings_utils")):
            if not isinstance(statement.names, cst.ImportStar):
                found.append(statement)
    return found


def for_types_only(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a statement runs for type checkers alone: `if TYPE_CHECKING:`."""
    return any(
        isinstance(parent, cst.If) and child is parent.body and (dotted(parent.test) or "").endswith("TYPE_CHECKING")
        for child, parent in ancestors(file, node)
    )


def _local_name(alias: cst.ImportAlias) -> str:
    name = alias.asname.name if alias.asname is not None else alias.name
    return name.value if isinstance(name, cst.Name) else ""


def _successor(names: list[str], modules: list[str]) -> tuple[str, list[str], list[str]]:
    """What stands in place of an import that lost all its names, and what is still to be imported."""
    if names:
        return f"from openai import {', '.join(names)}", [], modules
    if "openai" in modules:
        return "import openai", names, [m for m in modules if m != "openai"]
    return "", names, modules


def _replace_statement(file: FileContext, statement: cst.ImportFrom, text: str) -> Edit:
    if text:
        return build.replace(file, statement, text)
    line = file.line_of(statement)
    if line is None or len(line.body) > 1:
        return build.replace(file, statement, "pass")
    span = file.span(statement)
    start = max(file.text.rfind("\n", 0, span.start), file.text.rfind("\r", 0, span.start)) + 1
    return Edit(start, file.whole(line).end, "")


def _change_names(
    file: FileContext, aliases: list[cst.ImportAlias], gone: list[cst.ImportAlias], names: list[str]
) -> list[Edit]:
    """Replace the first names that go by the ones that come, remove the rest, append what is left."""
    edits = [build.replace(file, alias, name) for alias, name in zip(gone, names, strict=False)]
    if len(gone) > len(names):
        edits += build.remove_items(file, aliases, gone[len(names) :])
    elif len(names) > len(gone):
        last = (
            next(a for a in reversed(aliases) if all(a is not g for g in gone))
            if len(gone) < len(aliases)
            else aliases[-1]
        )
        edits.append(build.insert(file.span(last).end, "".join(f", {n}" for n in names[len(gone) :])))
    return edits


def _new_imports(file: FileContext, lines: list[str]) -> Edit:
    """Put new imports after the first import of the SDK, else before the first import, else after the docstring."""
    newline = file.source.newline
    text = newline.join(lines)
    anchor: cst.CSTNode | None = None
    for statement in file.module.body:
        if isinstance(statement, cst.SimpleStatementLine):
            if any(isinstance(s, cst.ImportFrom) and _is_future(s) for s in statement.body):
                anchor = statement
                continue
            if any(isinstance(s, (cst.Import, cst.ImportFrom)) for s in statement.body):
                start = file.span(statement).start
                return build.insert(start, text + newline)
            if anchor is None and statement is file.module.body[0] and _is_docstring(statement):
                anchor = statement
    if anchor is not None:
        return build.insert(file.whole(anchor).end, newline + text + newline)
    start = file.span(file.module.body[0]).start
    return build.insert(start, text + newline)


def _is_future(statement: cst.ImportFrom) -> bool:
    return isinstance(statement.module, cst.Name) and statement.module.value == "__future__"


def _is_docstring(statement: cst.SimpleStatementLine) -> bool:
    return isinstance(statement.body[0], cst.Expr) and isinstance(
        statement.body[0].value, (cst.SimpleString, cst.ConcatenatedString)
    )
