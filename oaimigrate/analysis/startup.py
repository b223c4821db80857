"""What runs while a module is imported: the first statement there that needs a client.

A request inside a function runs as soon as a statement of the module calls that function, or one that calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import ClassOf, Function
from oaimigrate.analysis.scopes import Scope

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def first_request(file: FileContext) -> int | None:
    """The order of the first expression, run at import, that makes a request or calls something that does."""
    asking = _asking(file)
    found = [file.tree.orders[r.node] for r in file.plan.requests if r.at_import]
    for call in file.nodes(cst.Call):
        if file.scope(call).function is None and _called(file, call) in asking:
            found.append(file.tree.orders[call])
    return min(found, default=None)


def _asking(file: FileContext) -> set[cst.CSTNode]:
    """The functions and classes of the file that make requests, or use others that do."""
    asking: set[cst.CSTNode] = set()
    for request in file.plan.requests:
        asking |= _around(request.scope)
    uses = [(target, _around(file.scope(c))) for c in file.nodes(cst.Call) if (target := _called(file, c)) is not None]
    grown = True
    while grown:
        grown = False
        for target, users in uses:
            if target in asking and not users <= asking:
                asking |= users
                grown = True
    return asking


def _called(file: FileContext, call: cst.Call) -> cst.CSTNode | None:
    match file.kind(call.func).kind:
        case Function(node=node) | ClassOf(node=node):
            return node
    return None


def _around(scope: Scope | None) -> set[cst.CSTNode]:
    """The definitions that a scope stands in."""
    found: set[cst.CSTNode] = set()
    while scope is not None:
        if isinstance(scope.node, (cst.FunctionDef, cst.ClassDef)):
            found.add(scope.node)
        scope = scope.parent
    return found
