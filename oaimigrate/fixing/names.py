"""How a fix writes a name of the SDK: so that it means that name where it stands, and with the import that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import Symbol
from oaimigrate.diagnostics import Need
from oaimigrate.fixing import imports

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def spelled(
    file: FileContext, name: str, at: cst.CSTNode, *, beside: cst.BaseExpression | None = None
) -> tuple[str, tuple[Need, ...]] | None:
    """How to write `openai.<name>` at a node, and the imports it needs; None where its names mean something else.

    `beside` is another name of the SDK in the same expression: written behind a module, it says how that is called.
    """
    if isinstance(beside, cst.Attribute) and file.kind(beside.value).kind == Symbol(""):
        return f"{file.code(beside.value)}.{name}", ()
    module = file.module_name
    if module and file.scope(at).owner_of(module) is file.tree.module_scope and _is_real(file, module):
        return f"{module}.{name}", ()
    found = [b for b in file.tree.module_scope.names.get(name, ()) if b.how == "import"]
    of_sdk = bool(found) and all(b.module == "openai" and b.member == name for b in found)
    if of_sdk and len(found) == len(file.tree.module_scope.names[name]) and _is_real(file, name):
        return (name, ()) if file.scope(at).owner_of(name) is file.tree.module_scope else None
    if not _imports_sdk(file):
        return None  # imported where it is used: an import at the top may not be wanted
    if not _is_bound(file, name):
        return name, (Need("import", f"openai:{name}"),)
    return None if _is_bound(file, "openai") else (f"openai.{name}", (Need("import", "openai"),))


def _imports_sdk(file: FileContext) -> bool:
    return any(
        b.how == "import" and b.module.partition(".")[0] == "openai" and not b.level and _is_real(file, name)
        for name, bindings in file.tree.module_scope.names.items()
        for b in bindings
    )


def _is_real(file: FileContext, name: str) -> bool:
    """Whether a name of the module is there when the program runs: not only for type checkers."""
    bindings = file.tree.module_scope.names[name]
    return all(b.place is None or not imports.for_types_only(file, b.place.statement) for b in bindings)


def _is_bound(file: FileContext, name: str) -> bool:
    """Whether anything in the file gives a name another meaning."""
    return any(name in scope.names for scope in file.tree.scope_of_node.values())
