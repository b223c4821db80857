"""What a base URL is: written out, kept in a constant, an attribute or a module of settings, or the default where the
environment, the caller or a dict of settings names none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import bindings_of, is_external
from oaimigrate.analysis.kinds import External, InstanceOf
from oaimigrate.analysis.steps import literal
from oaimigrate.source import SourceError, read_bytes

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.scopes import Binding

MAX_STEPS = 8  # names and defaults followed one from another


def address_of(file: FileContext, node: cst.BaseExpression, steps: int = 0) -> str:
    """The text of an address, "" where it cannot be seen."""
    if steps > MAX_STEPS:
        return ""
    match node:
        case cst.Name() if node in file.tree.places:
            return _bound(file, bindings_of(file, node), steps)
        case cst.Attribute(value=value, attr=attr):
            return _attribute(file, value, attr.value, steps)
        case cst.BooleanOperation(operator=cst.Or(), left=left, right=right):
            return address_of(file, left, steps + 1) or address_of(file, right, steps + 1)
        case cst.IfExp(body=body, orelse=orelse):
            return address_of(file, body, steps + 1) or address_of(file, orelse, steps + 1)
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="get")), args=[_, cst.Arg(value=default)]):
            return address_of(file, default, steps + 1)
        case cst.Call(func=func, args=[_, cst.Arg(value=default)]) if is_external(file, func, "os.getenv"):
            return address_of(file, default, steps + 1)
        case cst.FormattedString(parts=[cst.FormattedStringText(value=text), *_]):
            return text
    return literal(node) or ""


def _bound(file: FileContext, bindings: Iterable[Binding], steps: int) -> str:
    """The first address among what a name may be bound to: an assignment, the default of a parameter, an import."""
    for binding in bindings:
        text = ""
        if binding.how == "import" and binding.member:
            path = file.project.modules.resolve(file.source.path, binding.module, binding.level)
            text = _of_module(file, path, binding.member, steps) if path is not None else ""
        elif binding.how in ("assign", "param") and binding.value is not None and not binding.path:
            text = address_of(file, binding.value, steps + 1)
        if text:
            return text
    return ""


def _attribute(file: FileContext, owner: cst.BaseExpression, name: str, steps: int) -> str:
    """`self.base_url`, `settings.BASE_URL`."""
    kind = file.kind(owner).kind
    if isinstance(kind, External) and kind.path.startswith("file:"):
        return _of_module(file, kind.path.removeprefix("file:"), name, steps)
    if not isinstance(kind, InstanceOf):
        return ""
    home = file.inference.home(kind.node).file
    scope = home.tree.scope_of_node.get(kind.node)
    if scope is None:
        return ""
    return _bound(home, [*home.tree.attributes.get(scope, {}).get(name, ()), *scope.names.get(name, ())], steps)


def _of_module(file: FileContext, path: str, name: str, steps: int) -> str:
    if path not in file.project.modules.sources:
        return _constant(path, name)
    other = file.project.modules.file(path)
    return _bound(other, other.tree.module_scope.names.get(name, ()), steps + 1) if other is not None else ""


def _constant(path: str, name: str) -> str:
    """The first address in the value of a name, in a module of settings that does not use the SDK."""
    try:
        statements = ast.parse(read_bytes(path)).body
    except (SourceError, SyntaxError, ValueError, RecursionError):
        return ""
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if value is not None and any(isinstance(t, ast.Name) and t.id == name for t in targets):
            texts = (n.value for n in ast.walk(value) if isinstance(n, ast.Constant) and isinstance(n.value, str))
            return next((text for text in texts if text.startswith("http")), "")
    return ""
