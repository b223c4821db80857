"""OAI801: an object of httpx where openai 3 needs one of its own HTTP library, which is httpx2.

The SDK turns what its own arguments are given (`OpenAI(timeout=httpx.Timeout(5))`), but a client it only hands out
keeps what it is built from.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import is_external, source_of, uses_of
from oaimigrate.analysis.generations import serves_both
from oaimigrate.analysis.kinds import External, InstanceOf, Symbol
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.fixing import names
from oaimigrate.registry import Rule

rule = Rule("OAI801")

OWN = ("DefaultHttpxClient", "DefaultAsyncHttpxClient")
TRANSPORTS = tuple(
    f"httpx.{name}"
    for name in (
        "HTTPTransport", "AsyncHTTPTransport", "MockTransport", "WSGITransport", "ASGITransport", "BaseTransport",
        "AsyncBaseTransport",
    )
)  # fmt: skip
AUTH = ("httpx.BasicAuth", "httpx.DigestAuth", "httpx.NetRCAuth")
ARGUMENTS = frozenset({"timeout", "transport", "mounts", "auth", "cookies", "base_url"})
WHY = "its client is one of httpx2"


@rule.on(cst.Call)
def construction(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`DefaultHttpxClient(timeout=httpx.Timeout(5))`, `OpenAI(base_url=httpx.URL(…))`, and the first turned round."""
    if file.config.target < 3 or not any(a.keyword is not None and a.keyword.value in ARGUMENTS for a in node.args):
        return
    found: list[Diagnostic] = []
    kind = file.kind(node.func).kind
    if isinstance(kind, Symbol) and kind.path in OWN:
        found = [d for item in node.args if item.keyword is not None for d in _given(file, node, item)]
    elif constructed(file, node) is not None:
        found = list(_address(file, node))
    elif isinstance(kind, External) and kind.path in ("httpx.Client", "httpx.AsyncClient"):
        found = list(_turned_round(file, node))
    if found and not serves_both(file, node):
        yield from found


def _given(file: FileContext, client: cst.Call, item: cst.Arg) -> Iterator[Diagnostic]:
    """What one argument of the SDK's own HTTP client is given."""
    assert item.keyword is not None
    match item.keyword.value:
        case "timeout" if not _is_overruled(file, client):
            for value in _possible(item.value):
                yield from _timeout(file, client, value)
        case "transport":
            for value in _possible(item.value):
                yield from _transport(file, value)
        case "mounts" if isinstance(mounts := source_of(file, item.value), cst.Dict):
            for element in mounts.elements:
                yield from _transport(file, element.value)
        case "auth" if (made := _made(file, item.value, *AUTH)) is not None:
            right = "; give `(user, password)`" if is_external(file, made.func, "httpx.BasicAuth") else ""
            yield _raises(file, item.value, made, right)
        case "cookies" if (made := _made(file, item.value, "httpx.Cookies")) is not None:
            yield _raises(file, item.value, made, "; give a dict")
        case "base_url":
            yield from _address(file, client)


def _possible(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """An expression, or what it may come to: `a if b else c`, `a or b`."""
    match node:
        case cst.IfExp(body=left, orelse=right) | cst.BooleanOperation(left=left, right=right):
            yield from _possible(left)
            yield from _possible(right)
        case _:
            yield node


def _made(file: FileContext, node: cst.BaseExpression, *paths: str) -> cst.Call | None:
    """The call of one of these functions of another package that a value comes from."""
    source = source_of(file, node)
    return source if isinstance(source, cst.Call) and is_external(file, source.func, *paths) else None


def _raises(file: FileContext, node: cst.BaseExpression, made: cst.Call, right: str) -> Diagnostic:
    message = f"`{file.code(made.func)}` raises an error with openai 3: {WHY}{right}"
    return Diagnostic(rule.code, message, file.span(node))


def _is_overruled(file: FileContext, client: cst.Call) -> bool:
    """Whether requests get a timeout from where the client goes: `OpenAI(timeout=5, http_client=…)`, `with_options`."""
    uses = uses_of(file, client)
    return bool(uses) and all(_sets_timeout(file, use) for use in uses)


def _sets_timeout(file: FileContext, use: cst.BaseExpression) -> bool:
    item = file.parent(use)
    call = file.parent(item) if isinstance(item, cst.Arg) else None
    if not isinstance(call, cst.Call):
        return False
    if constructed(file, call) is not None:
        return argument(call, "timeout") is not None
    return isinstance(call.func, cst.Attribute) and call.func.attr.value in ("with_options", "copy")


def _timeout(file: FileContext, client: cst.Call, node: cst.BaseExpression) -> Iterator[Diagnostic]:
    made = _made(file, node, "httpx.Timeout")
    if made is None:
        return
    message = (
        f"requests that set no timeout fail with openai 3: {WHY} and takes no `{file.code(made.func)}`; "
        "write `openai.Timeout`"
    )
    fix, notes = _renamed(file, client, node, made)
    yield Diagnostic(rule.code, message, file.span(node), fix, notes)


def _renamed(
    file: FileContext, client: cst.Call, node: cst.BaseExpression, made: cst.Call
) -> tuple[Fix | None, tuple[Note, ...]]:
    """`openai.Timeout` is the same class in openai 1 and 2, and the right one in 3."""
    safety = Safety.SAFE
    if made is not node:
        uses = uses_of(file, made)
        if not uses or not all(_is_timeout_of_sdk(file, use) for use in uses):
            return None, (Note("not rewritten: the value is used elsewhere, too", file.span(made)),)
        if file.scope(made) is file.tree.module_scope or isinstance(file.parent(made), cst.AnnAssign):
            safety = Safety.UNSAFE  # other modules may import it, or an annotation names the class
    beside = client.func if made is node else None
    spelled = names.spelled(file, "Timeout", made, beside=beside)
    if spelled is None:
        return None, (Note("not rewritten: no import at the top brings `openai`, or its name is taken"),)
    text, needs = spelled
    return Fix(f"Write `{text}`", (build.replace(file, made.func, text),), safety, needs), ()


def _is_timeout_of_sdk(file: FileContext, use: cst.BaseExpression) -> bool:
    item = file.parent(use)
    call = file.parent(item) if isinstance(item, cst.Arg) else None
    if not isinstance(item, cst.Arg) or item.keyword is None or item.keyword.value != "timeout":
        return False
    if not isinstance(call, cst.Call):
        return False
    kind = file.kind(call.func).kind
    return constructed(file, call) is not None or (isinstance(kind, Symbol) and kind.path in OWN)


def _transport(file: FileContext, node: cst.BaseExpression) -> Iterator[Diagnostic]:
    source = source_of(file, node)
    if not isinstance(source, cst.Call):
        return
    message = f"every request fails with openai 3: {WHY} and takes no `{file.code(source.func)}`"
    kind = file.kind(source).kind
    if is_external(file, source.func, *TRANSPORTS):
        message += "; give a transport of httpx2"
    elif isinstance(kind, InstanceOf) and _is_transport(file, kind.node):
        message += ", a transport of httpx; derive it from one of httpx2"
    else:
        return
    yield Diagnostic(rule.code, message, file.span(node))


def _is_transport(file: FileContext, node: cst.ClassDef) -> bool:
    """Whether a class of this file is derived from a transport of httpx."""
    return node in file.tree.scope_of_node and any(is_external(file, base.value, *TRANSPORTS) for base in node.bases)


def _address(file: FileContext, node: cst.Call) -> Iterator[Diagnostic]:
    item = next((a for a in node.args if a.keyword is not None and a.keyword.value == "base_url"), None)
    made = _made(file, item.value, "httpx.URL") if item is not None else None
    if item is None or made is None:
        return
    message = f"`{file.code(made.func)}` raises TypeError with openai 3, whose URLs are those of httpx2; give text"
    edit = build.replace_whole(file, item.value, f"str({file.code(item.value)})")
    if made is item.value and len(made.args) == 1 and made.args[0].keyword is None and not made.args[0].star:
        text = made.args[0].value
        if literal(text) is not None or isinstance(text, cst.FormattedString):
            edit = build.replace_whole(file, item.value, file.code(text))
    safety = Safety.UNSAFE if build.loses_comment(file, (edit,)) else Safety.SAFE
    yield Diagnostic(rule.code, message, file.span(item.value), Fix("Give text", (edit,), safety))


def _turned_round(file: FileContext, client: cst.Call) -> Iterator[Diagnostic]:
    """`httpx.Client(timeout=openai.Timeout(5))`."""
    item = next((a for a in client.args if a.keyword is not None and a.keyword.value == "timeout"), None)
    made = source_of(file, item.value) if item is not None else None
    if item is None or not isinstance(made, cst.Call) or file.kind(made.func).kind != Symbol("Timeout"):
        return
    if _is_overruled(file, client):
        return
    message = (
        f"requests that set no timeout fail with openai 3: `{file.code(made.func)}` is one of httpx2 there; "
        "write `httpx.Timeout`"
    )
    fix = None
    if made is item.value and isinstance(client.func, cst.Attribute):
        text = f"{file.code(client.func.value)}.Timeout"
        fix = Fix(f"Write `{text}`", (build.replace(file, made.func, text),))
    yield Diagnostic(rule.code, message, file.span(item.value), fix)
