"""Do the new exception classes catch what the old one caught, and do the errors carry what the map says?

Every SDK, 0.28 included, met the same answers of the same server: HTTP status by kind of body, timeouts, lost
connections, errors inside a stream. What 0.28 raised in a case says which rows the case belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import in_server
import sdk_envs

from oaimigrate.analysis.api import Api, ErrorAttribute, ErrorClass

STATUSES = [400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504, 529]
FOREIGN = ("plain", "string", "html", "empty")  # bodies that are not the API's own
LABELS = {f"{status}-error": str(status) for status in STATUSES} | {
    "timeout": "timeout",
    "drop": "connection",
    "refused": "connection",
    "stream": "stream",
    "200-broken": "not-json",
    "200-empty": "not-json",
    "200-html": "not-json",
    "local": "local",
}
OWN_WORDS = "The server is overloaded or not ready yet."  # what 0.28 said for any 503
CASES = [*LABELS, *(f"{status}-{body}" for status in STATUSES for body in FOREIGN)]

# What the API's guide names: https://platform.openai.com/docs/guides/error-codes
DOCUMENTED = {"400", "401", "403", "404", "409", "422", "429", "500", "503", "timeout", "connection", "stream", "local"}


def classes(api: Api, failures: Mapping[str, Any]) -> Iterator[str]:
    """For every row: what the new classes miss and what they add is what the row says, in every SDK and both forms."""
    old = failures[sdk_envs.OLD]
    for row in api.errors.values():
        for sdk in sdk_envs.NEW:
            for form in ("", "/async"):
                missed, extra = _balance(row.old, row.new, old, failures[sdk], form)
                if missed != set(row.missed):
                    yield f"{sdk}{form}: {row.old} misses {sorted(missed)}"
                if extra != set(row.extra):
                    yield f"{sdk}{form}: {row.old} adds {sorted(extra)}"
                beyond, _ = _balance(row.old, row.new + row.wide, old, failures[sdk], form)
                if row.wide and beyond - {"not-json"}:
                    yield f"{sdk}{form}: {row.old} misses {sorted(beyond)} even so"
        if row.precision == "lossy" and not row.wide:
            yield f"{row.old} misses something and names no wider class"
        if row.precision != (measured := _precision(row, old)):
            yield f"{row.old} is {measured}"


def _balance(
    name: str, new: tuple[str, ...], old: Mapping[str, Any], now: Mapping[str, Any], form: str
) -> tuple[set[str], set[str]]:
    """Labels of the cases that only the old class caught, and that only the new ones catch."""
    missed, extra = set(), set()
    for case, label in LABELS.items():
        before = name in old[case + form]["raised"]
        after = any(cls in now[case + form]["raised"] for cls in new)
        if before and not after:
            missed.add(label)
        if after and not before:
            extra.add(label)
    return missed, extra


def _precision(row: ErrorClass, old: Mapping[str, Any]) -> str:
    if not any(row.old in outcome["raised"] for outcome in old.values()):
        return "dead"
    if DOCUMENTED & set(row.missed):
        return "lossy"
    return "superset" if DOCUMENTED & set(row.extra) else "exact"


def tree(api: Api, new: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The exceptions that each SDK exports, and their bases."""
    for sdk, facts in new.items():
        ours = {n: b for n, b in api.error_tree.items() if api.error_since[n] <= sdk_envs.major(sdk)}
        theirs = {n: b for n, b in facts["exceptions"].items() if not n.startswith("_")}
        for name in sorted({n for n, _ in ours.items() ^ theirs.items()}):
            yield f"{sdk}: {name} comes from {theirs.get(name, 'nowhere')}"


def foreign_bodies(failures: Mapping[str, Any]) -> Iterator[str]:
    """The new class follows from the status alone, which is why rows are compared on the API's own error body."""
    for sdk in sdk_envs.NEW:
        for status in STATUSES:
            raised = {tuple(failures[sdk][f"{status}-{body}"]["raised"]) for body in ("error", *FOREIGN)}
            if len(raised) != 1:
                yield f"{sdk}: the class for {status} depends on the body"


def expressions(api: Api) -> tuple[dict[str, str], dict[str, str]]:
    """What to read from each error: in 0.28 the attribute itself, later the templates of its row."""
    rows = api.error_attributes.values()
    before = {row.old: _shown(row.old, f"e.{row.old}") for row in rows}
    after = {t: _shown(row.old, t.replace("{e}", "e")) for row in rows for t in (row.new, row.fallback) if t}
    after |= {f"hasattr {row.old}": f"hasattr(e, {row.old!r})" for row in rows if not row.new}
    return before, after


def _shown(name: str, expression: str) -> str:
    """Headers are compared by the names that the server chose; the rest of them is the transport's."""
    ours = sorted(in_server.HEADERS)
    return f"[k for k in {ours!r} if k in {{k.lower() for k in ({expression})}}]" if name == "headers" else expression


def attributes(api: Api, failures: Mapping[str, Any]) -> Iterator[str]:
    """Where 0.28 gave a value, `new` gives it on the errors that have it, and `fallback` gives it on every error."""
    for row in api.error_attributes.values():
        for sdk in sdk_envs.NEW:  # the first difference of each: the rest is the same in other cases
            yield from (f"{sdk}: e.{row.old}: {problem}" for problem in islice(_attribute(row, failures, sdk), 1))


def _attribute(row: ErrorAttribute, failures: Mapping[str, Any], sdk: str) -> Iterator[str]:
    for case, outcome in failures[sdk].items():
        values, before = outcome["values"], failures[sdk_envs.OLD][case]["values"].get(row.old)
        if not values or case.removesuffix("/async") not in LABELS:
            continue
        if not row.new:
            if values[f"hasattr {row.old}"]:
                yield f"{case}: is still there"
            continue
        has_it = ("APIStatusError" if row.on == "status" else "APIError") in outcome["raised"]
        if has_it:
            yield from (f"{case}: {row.new} {p}" for p in _compare(before, values.get(row.new), case))
        elif case.startswith("local") and "raises" not in (values.get(row.new) or {}):
            yield f"{case}: {row.new} is there, so `on` is too narrow"
        if row.on == "api" and case.startswith("timeout") and not _unbroken(before, values.get(row.new)):
            yield f"{case}: {row.new} is not there, so `on` is too wide"
        if row.on == "status" and not has_it and "APIError" in outcome["raised"] and _is_value(values.get(row.new)):
            yield f"{case}: {row.new} is there, so `on` is too narrow"
        yield from (f"{case}: {row.fallback} {p}" for p in _compare(before, values.get(row.fallback), case))


def _is_value(value: Any) -> bool:
    return not (isinstance(value, dict) and "raises" in value)


def _unbroken(before: Any, after: Any) -> bool:
    return _is_value(after) or not _is_value(before)


def _compare(before: Any, after: Any, case: str) -> Iterator[str]:
    if not _unbroken(before, after):
        yield f"raises {after['raises']}"
    elif before in (None, OWN_WORDS) or not _is_value(before):
        return
    elif not case.removesuffix("/async").endswith(("-error", "local")):
        return  # a text about the transport: every SDK has its own
    elif isinstance(before, str) and isinstance(after, str) and after and before.startswith(after):
        return  # for a status it did not know, 0.28 added the whole answer to the words of the server
    elif before != after:
        yield f"gives {after!r} and not {before!r}"
