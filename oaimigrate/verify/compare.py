"""Two runs of one program: what is the first thing in which they differ?

Compared are the exit status, the standard output, and the requests in order, after the rules of `normal.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from oaimigrate.verify.normal import UNNAMED, normal, normal_output
from oaimigrate.verify.process import Ended
from oaimigrate.verify.recording import Part, Request

_SHOWN = 200  # characters of a value in a report


@dataclass(frozen=True, slots=True)
class Run:
    """What is seen of a run: how the program ended and what it asked the server for."""

    ended: Ended
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which two runs differ; `old_source` and `new_source` are the lines that made the requests."""

    what: str
    old: str
    new: str
    old_source: str = ""
    new_source: str = ""


def difference(old: Run, new: Run, command: Sequence[str]) -> Difference | None:
    """The first difference: a request if there is one, for it is the cause of what follows; then output and status."""
    found = _requests(normal(old.requests), normal(new.requests))
    if found is None:
        found = _output(normal_output(old.ended.output, command), normal_output(new.ended.output, command))
    if found is None and old.ended.status != new.ended.status:
        found = Difference("exit status", str(old.ended.status), str(new.ended.status))
    return found


def _output(old: str, new: str) -> Difference | None:
    if old == new:
        return None
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    for number, (left, right) in enumerate(zip(before, after, strict=False), 1):
        if left != right:
            return Difference(f"standard output, line {number}", _line(left), _line(right))
    number = min(len(before), len(after)) + 1
    rest = [_line(lines[number - 1]) if len(lines) >= number else "(nothing)" for lines in (before, after)]
    return Difference(f"standard output, line {number}", *rest)


def _line(text: str) -> str:
    return _short(text.removesuffix("\n")) + ("" if text.endswith("\n") else " (no newline)")


def _requests(old: list[Request], new: list[Request]) -> Difference | None:
    """The first request in which the sides differ. Requests of several threads or tasks have no order of their own."""
    found = _in_order(old, new)
    if found and _concurrent(old) and _concurrent(new):
        return _in_order(sorted(old, key=_key), sorted(new, key=_key))
    return found


def _in_order(old: list[Request], new: list[Request]) -> Difference | None:
    for number, (before, after) in enumerate(zip(old, new, strict=False), 1):
        if found := next(_aspects(before, after), None):
            aspect, left, right = found
            return Difference(f"request {number}: {aspect}", left, right, before.source, after.source)
    if len(old) == len(new):
        return None
    number = min(len(old), len(new))
    sides = [side[number] if len(side) > number else None for side in (old, new)]
    shown = [f"{request.method} {request.origin}{request.path}" if request else "(no request)" for request in sides]
    sources = [request.source if request else "" for request in sides]
    return Difference(f"request {number + 1}", shown[0], shown[1], sources[0], sources[1])


def _concurrent(requests: list[Request]) -> bool:
    return len({request.lane for request in requests}) > 1


def _key(request: Request) -> str:
    body = request.body
    if isinstance(body, tuple):
        body = [(part.name, part.text) for part in body if isinstance(part, Part)]
    head = (request.origin, request.method, request.path, request.query)
    return json.dumps([*head, sorted(request.headers.items()), body], sort_keys=True, default=str)


def _aspects(old: Request, new: Request) -> Iterator[tuple[str, str, str]]:
    """Everything in which two requests differ, each with its two values."""
    for name in ("method", "origin", "path", "proxy"):
        if (left := getattr(old, name)) != (right := getattr(new, name)):
            yield _NAMES.get(name, name), left or "(none)", right or "(none)"
    if old.query != new.query:
        yield "query", _value(dict(old.query)), _value(dict(new.query))
    for name in sorted({*old.headers, *new.headers}):
        values = [request.headers.get(name) for request in (old, new)]
        if values[0] != values[1]:
            yield f"header {name}", *(_credential(name, value) for value in values)  # type: ignore[misc]
    yield from _bodies(old.body, _with_names(old.body, new.body), "body")


_NAMES = {"origin": "host"}


def _credential(name: str, value: str | None) -> str:
    """A header's value, of a key only the ends."""
    if value is None:
        return "(not sent)"
    if name not in ("authorization", "api-key") or len(value) < 24:
        return _short(value)
    return f"{value[:10]}…{value[-4:]}"


def _with_names(old: Any, new: Any) -> Any:
    """The new form, with no names for files to which the old side gave none."""
    if not isinstance(old, tuple) or not isinstance(new, tuple) or len(old) != len(new):
        return new
    unnamed = [isinstance(part, Part) and part.filename == UNNAMED for part in old]
    return tuple(
        replace(part, filename=UNNAMED) if free and part.filename is not None else part
        for part, free in zip(new, unnamed, strict=True)
    )


def _bodies(old: Any, new: Any, where: str) -> Iterator[tuple[str, str, str]]:
    """The places in which two bodies differ, the innermost ones."""
    if type(old) is type(new) and isinstance(old, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            place = f"{where}.{key}"
            if key in old and key in new:
                yield from _bodies(old[key], new[key], place)
            else:
                yield place, *(_value(side[key]) if key in side else "(not sent)" for side in (old, new))  # type: ignore[misc]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _bodies(left, right, f"{where}[{index}]")
    elif isinstance(old, Part) and isinstance(new, Part) and old.name == new.name:
        for f in fields(Part):
            if (left := getattr(old, f.name)) != (right := getattr(new, f.name)):
                yield f"{where} field {old.name} ({f.name})", _value(left), _value(right)
    elif isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        for left, right in zip(old, new, strict=True):
            yield from _bodies(left, right, where)
    elif old != new or type(old) is not type(new):
        yield where, _value(old), _value(new)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return _short(", ".join(f"{part.name}={part.text!r}" for part in value if isinstance(part, Part)))
    return "(none)" if value is None else _short(json.dumps(value, ensure_ascii=False, default=str))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
