"""OAI204: a client built anew for each request: in a loop, in a handler, or in the middle of a call."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, is_external, leaves, uses_of, within
from oaimigrate.analysis.kinds import Client, External
from oaimigrate.analysis.reach import definition, handed_on
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI204")

ROUTES = frozenset({"get", "post", "put", "patch", "delete", "route", "websocket", "on_message", "chat_message"})
OF_THE_REQUEST = ("flask.request", "flask.session", "flask.g", "quart.request", "quart.session", "bottle.request")
PATCHERS = ("unittest.mock.patch", "mock.patch", "mock.mock.patch")
TYPE_CHECKING = (External("typing.TYPE_CHECKING"), External("typing_extensions.TYPE_CHECKING"))
ADVICE = "build it once and share it: each client opens connections of its own"


@rule.on(cst.Call)
def construction(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`OpenAI()` in a loop or in the handler of a route."""
    name = constructed(file, node) or _built_by_helper(file, node)
    if not name:
        return
    place = _place(file, node)
    if place:
        yield Diagnostic(rule.code, f"`{name}` is built {place}; {ADVICE}", file.span(node))


def _built_by_helper(file: FileContext, node: cst.Call) -> str:
    """The client that a plain function of the project builds anew for each call; one that keeps it is decorated."""
    helper = definition(file, node.func) if isinstance(file.kind(node).kind, Client) else None
    if helper is None or helper[1].decorators:
        return ""
    found = handed_on(file, node)
    return (constructed(found[0], found[1]) or "") if found is not None and isinstance(found[1], cst.Call) else ""


def _place(file: FileContext, node: cst.Call) -> str:
    """Where a client is built more than once, in words; "" where that cannot be said."""
    for child, parent in ancestors(file, node):
        match parent:
            case cst.IndentedBlock() if leaves(file, parent) and not isinstance(file.parent(parent), cst.FunctionDef):
                return ""  # what comes next ends the loop: only a failure begins another round
            case cst.For(body=body) | cst.While(body=body) if child is body:
                once = _stored(file, node) or _depends(file, node, parent)
                return "" if once else "in every round of a loop"
            case cst.FunctionDef():
                same = child is parent.body and not _depends(file, node, parent) and not _is_closed(file, node)
                return "in every call of this handler" if same and _is_handler(file, parent) else ""
            case cst.If(test=test) if child is parent.body and (_asks_for_none(test) or _stored(file, node)):
                return ""  # only where there is none yet
            case cst.If(test=test) if child is parent.body and _is_for_type_checkers(file, test):
                return ""  # never run
            case cst.BooleanOperation(operator=cst.Or(), right=right) if child is right:
                return ""
            case cst.IfExp(test=test) if child is not test:
                return ""
            case cst.ExceptHandler():
                return ""  # another one after a failure: the next key, say
            case cst.WithItem() | cst.Lambda() | cst.ClassDef():
                return ""
            case cst.Dict() | cst.List() | cst.ListComp() | cst.DictComp():
                return ""  # one of several that are kept
    return ""


def _asks_for_none(test: cst.BaseExpression) -> bool:
    """`if client is None`, `if not client`."""
    match test:
        case cst.Comparison(comparisons=[cst.ComparisonTarget(operator=cst.Is(), comparator=cst.Name(value="None"))]):
            return True
        case cst.UnaryOperation(operator=cst.Not(), expression=cst.Name() | cst.Attribute()):
            return True
    return False


def _depends(file: FileContext, node: cst.Call, around: cst.CSTNode) -> bool:
    """Whether the client is another one each time: an argument gets its value inside the loop or handler."""
    start = file.tree.orders[around]
    names = [n for a in node.args for n in within(a.value) if isinstance(n, cst.Name) and n in file.tree.places]
    if any(b.order >= start for n in names for b in bindings_of(file, n) if b.how != "import"):
        return True
    return any(is_external(file, n, *OF_THE_REQUEST) for a in node.args for n in within(a.value))


def _is_closed(file: FileContext, node: cst.Call) -> bool:
    """`client.close()`: what `with` does, written out."""
    for use in uses_of(file, node):
        attribute = file.parent(use)
        if isinstance(attribute, cst.Attribute) and attribute.attr.value in ("close", "aclose"):
            return True
    return False


def _stored(file: FileContext, node: cst.Call) -> bool:
    parent = file.parent(node)
    targets = parent.targets if isinstance(parent, cst.Assign) else ()
    return any(isinstance(t.target, (cst.Attribute, cst.Subscript)) for t in targets)


def _is_for_type_checkers(file: FileContext, test: cst.BaseExpression) -> bool:
    """`if TYPE_CHECKING:`, which is False when the program runs."""
    return file.kind(test).kind in TYPE_CHECKING


def _is_handler(file: FileContext, function: cst.FunctionDef) -> bool:
    """Whether a decorator names a route: `@app.patch("/x")`, but not `@mock.patch("time.time")`."""
    for decorator in function.decorators:
        node = decorator.decorator
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in ROUTES:
            kind = file.kind(node.func).kind
            if not isinstance(kind, External) or kind.path not in PATCHERS:
                return True
    return False
