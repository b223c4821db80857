"""Views of Flask and Quart: what they return is sent, a dict or a list as JSON, and any other object is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.kinds import External

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

APPS = frozenset({"flask.Flask", "flask.Blueprint", "quart.Quart", "quart.Blueprint"})
ROUTES = frozenset({"route", "get", "post", "put", "patch", "delete"})


def sent(file: FileContext, node: cst.Return) -> cst.BaseExpression | None:
    """The body that a `return` of a view gives: all of it, or what stands before a status and headers."""
    scope = file.scope(node).function
    function = scope.node if scope is not None else None
    if not isinstance(function, cst.FunctionDef) or not any(_routes(file, d) for d in function.decorators):
        return None
    whole = node.value
    return whole.elements[0].value if isinstance(whole, cst.Tuple) and whole.elements else whole


def _routes(file: FileContext, decorator: cst.Decorator) -> bool:
    match decorator.decorator:
        case cst.Call(func=cst.Attribute(value=app, attr=cst.Name(value=name))) if name in ROUTES:
            made = source_of(file, app)
            kind = file.kind(made.func).kind if isinstance(made, cst.Call) else None
            return isinstance(kind, External) and kind.path in APPS
    return False
