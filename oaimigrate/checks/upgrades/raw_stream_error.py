"""OAI802: errors of httpx caught around a stream, which are the SDK's own since openai 3.

The request itself always raised errors of the SDK (that is OAI509); what went wrong while its stream was read came from
httpx as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from oaimigrate.analysis.calls import is_true
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, is_external, within
from oaimigrate.analysis.generations import serves_both
from oaimigrate.analysis.kinds import Either, External, StreamOf, TupleOf
from oaimigrate.analysis.reach import definition, request_behind
from oaimigrate.analysis.rising import ALL_OF_THE_SDK, classes_of, requests_in, runs, suppressed
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.fixing import names
from oaimigrate.registry import Rule

rule = Rule("OAI802")

TIMEOUTS = ("httpx.TimeoutException", "httpx.ReadTimeout")
ALL = ("httpx.TransportError", "httpx.RequestError", "httpx.HTTPError")
SOME = ("httpx.RemoteProtocolError", "httpx.ProtocolError", "httpx.ReadError", "httpx.NetworkError")
OURS = frozenset({"APITimeoutError", "APIConnectionError"})
ERRORS = "errors of a stream are the SDK's own since openai 3.14"
NOT_SPELLED = "not rewritten: no import at the top brings `openai`, or its name is taken"
OF_THE_REQUEST = "it gets such errors of the request itself, too, which it did not"
MAX_HOPS = 2  # functions between the clause and the loop


@rule.on(cst.Try)
def handlers(node: cst.Try, file: FileContext) -> Iterator[Diagnostic]:
    """`except httpx.ReadTimeout` around `for chunk in stream`."""
    if file.config.target < 3:
        return
    found = [(handler, paths) for handler in node.handlers if (paths := _of_httpx(file, handler))]
    if not found or serves_both(file, node) or not _reads_stream(file, node.body, MAX_HOPS):
        return
    if any(OURS & set(classes_of(file, handler.type)) for handler in node.handlers):
        return  # a clause is there for the SDK's errors
    wanted = [(h, paths, _successor(paths)) for h, paths in found if not _is_taken_above(file, node, h)]
    given = [new for _, _, new in wanted]
    for index, (handler, paths, new) in enumerate(wanted):
        if "APIConnectionError" not in given[:index]:
            swallows = new == "APIConnectionError" and "APITimeoutError" in given[index:]
            yield _finding(file, node, handler, paths, new, swallows=swallows)


@rule.on(cst.With)
def dropped(node: cst.With, file: FileContext) -> Iterator[Diagnostic]:
    """`with suppress(httpx.ReadError):` around such a loop."""
    calls = [i.item for i in node.items if isinstance(i.item, cst.Call)]
    for call in (c for c in calls if is_external(file, c.func, "contextlib.suppress")):
        types = [a.value for a in call.args if not a.star]
        paths = _named(file, types) if file.config.target >= 3 and len(types) == len(call.args) else []
        if not paths or serves_both(file, node) or suppressed(file, node) & (ALL_OF_THE_SDK | OURS):
            continue
        if _reads_stream(file, node.body, MAX_HOPS):
            new = _successor(paths)
            message = f"{ERRORS}, and this `suppress` does not drop them; add `openai.{new}`"
            yield Diagnostic(rule.code, message, file.span(call), *_added(file, node, call, new))


def _added(file: FileContext, node: cst.With, call: cst.Call, new: str) -> tuple[Fix | None, tuple[Note, ...]]:
    spelled = names.spelled(file, new, call)
    if spelled is None:
        return None, (Note(NOT_SPELLED),)
    text, needs = spelled
    notes = (Note(OF_THE_REQUEST),) if requests_in(file, node.body) else ()
    edit = build.insert(file.whole(call.args[-1].value).end, f", {text}")
    return Fix(f"Drop `{text}` too", (edit,), Safety.UNSAFE, needs), notes


def _successor(paths: list[str]) -> str:
    return "APITimeoutError" if all(path in TIMEOUTS for path in paths) else "APIConnectionError"


def _of_httpx(file: FileContext, handler: cst.ExceptHandler) -> list[str]:
    """The classes of httpx that a clause names and that reading a stream may raise."""
    return _named(file, [handler.type] if handler.type is not None else [])


def _named(file: FileContext, types: Iterable[cst.BaseExpression]) -> list[str]:
    """The classes of httpx in types, which may be tuples or stand for one."""
    kinds = [file.kind(part).kind for part in types]
    flat = [k for kind in kinds for k in (kind.items if isinstance(kind, TupleOf) else (kind,))]
    return [k.path for k in flat if isinstance(k, External) and k.path in (*TIMEOUTS, *ALL, *SOME)]


def _reads_stream(file: FileContext, node: cst.CSTNode, hops: int) -> bool:
    """Whether code reads a stream of the SDK, itself or in functions of the project, and lets its errors rise."""
    for inner in within(node, functions=False):
        if isinstance(inner, (cst.For, cst.CompFor)):
            if _is_stream(file, inner.iter) and not _is_tried(file, inner, node) and not _is_read_later(file, inner):
                return True
        elif isinstance(inner, cst.Call) and hops and (found := definition(file, inner.func)) is not None:
            home, function = found
            if runs(file, inner, *found) and not _is_tried(file, inner, node):
                if _reads_stream(home, function.body, hops - 1):
                    return True
    return False


def _is_stream(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether a loop reads what `stream=True` gave, chunk by chunk; lines of a raw response fail as httpx does."""
    reached = request_behind(file, node)
    if reached is None:
        return False
    asked = is_true(reached.call.argument("stream")) or reached.call.path.endswith(".stream")
    return asked or isinstance(file.kind(node).kind, (StreamOf, Either))


def _is_read_later(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a loop is that of a generator that no call here reads: `return (chunk for chunk in stream)`."""
    owner = file.parent(node)
    return isinstance(owner, cst.GeneratorExp) and not isinstance(file.parent(owner), cst.Arg)


def _is_tried(file: FileContext, node: cst.CSTNode, top: cst.CSTNode) -> bool:
    """Whether a `try` of its own stands between a loop and the code around it."""
    for child, parent in ancestors(file, node):
        if child is top:
            return False
        if isinstance(parent, cst.Try) and child is parent.body and parent.handlers:
            return True
    return False


def _is_taken_above(file: FileContext, node: cst.Try, handler: cst.ExceptHandler) -> bool:
    """Whether the clause itself, or one above it, takes all errors of the SDK."""
    index = next(i for i, other in enumerate(node.handlers) if other is handler)
    return any(ALL_OF_THE_SDK & set(classes_of(file, other.type)) for other in node.handlers[: index + 1])


def _finding(
    file: FileContext, node: cst.Try, handler: cst.ExceptHandler, paths: list[str], new: str, *, swallows: bool
) -> Diagnostic:
    assert handler.type is not None
    message = f"{ERRORS}, and this clause does not get them; catch `openai.{new}` too"
    spelled = names.spelled(file, new, handler)
    if swallows:
        note = Note("not rewritten: it stands for timeouts, too, for which there is a clause below")
        return Diagnostic(rule.code, message, file.span(handler.type), None, (note,))
    if spelled is None:
        return Diagnostic(rule.code, message, file.span(handler.type), None, (Note(NOT_SPELLED),))
    text, needs = spelled
    notes, safety = [], Safety.SAFE
    if requests_in(file, node.body):
        notes.append(Note(OF_THE_REQUEST))
    if new == "APIConnectionError" and not any(path in ALL for path in paths):
        notes.append(Note("`APIConnectionError` stands for timeouts, too"))
    if notes or _is_looked_into(file, handler):
        safety = Safety.UNSAFE
    if isinstance(handler.type, cst.Tuple):
        edit = build.insert(file.whole(handler.type.elements[-1].value).end, f", {text}")
    else:
        star = "*" if isinstance(file.kind(handler.type).kind, TupleOf) else ""
        edit = build.replace_whole(file, handler.type, f"({star}{file.code(handler.type)}, {text})")
    fix = Fix(f"Catch `{text}` too", (edit,), safety, needs)
    return Diagnostic(rule.code, message, file.span(handler.type), fix, tuple(notes))


def _is_looked_into(file: FileContext, handler: cst.ExceptHandler) -> bool:
    """Whether the handler reads attributes of the error, which another class may not have."""
    name = handler.name.name if handler.name is not None else None
    return isinstance(name, cst.Name) and any(
        isinstance(n, cst.Attribute) and isinstance(n.value, cst.Name) and n.value.value == name.value
        for n in within(handler.body)
    )
