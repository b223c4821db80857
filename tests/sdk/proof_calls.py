"""Does every call of the map exist in every SDK it speaks of, with the parameters and the result that its row says?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import sdk_envs

from oaimigrate.analysis.api import Api, Call

OPTIONS = ["extra_body", "extra_headers", "extra_query", "timeout"]
WITHOUT_OPTIONS = {"files.wait_for_processing"}  # a helper that polls; it passes nothing on
SUBCLASSES = {"ParsedResponse": "Response"}  # adds to `Response` what this map does not describe


def signatures(api: Api, new: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Parameters by SDK, which of them may be positional, which are required; the same on an asynchronous client."""
    for call in api.calls.values():
        for sdk, facts in new.items():
            for form in ("calls", "async_calls"):
                found = facts[form].get(call.path)
                if found is None:
                    if sdk_envs.major(sdk) == 3 or call.params:
                        yield f"{sdk}: no {call.path} in {form}"
                elif call.params:
                    yield from (f"{sdk}: {form}: {call.path} {p}" for p in _differences(call, found, sdk))


def _differences(call: Call, found: Mapping[str, Any], sdk: str) -> Iterator[str]:
    parameters = call.params[sdk_envs.major(sdk)]
    if difference := parameters ^ {*found["positional"], *found["keywords"]}:
        yield f"parameters differ in {sorted(difference)}"
    if list(call.positional_ok) != found["positional"]:
        yield f"positional are {found['positional']}"
    if sorted(call.required) != sorted(found["required"]):
        yield f"required are {found['required']}"
    if found["options"] != OPTIONS and call.path not in WITHOUT_OPTIONS:
        yield f"takes only {found['options']}"


def missing(api: Api, newest: Mapping[str, Any]) -> Iterator[str]:
    """Calls of the newest SDK without a row."""
    yield from (f"client.{path} has no row" for path in newest["calls"] if path not in api.calls)


def results(api: Api, newest: Mapping[str, Any]) -> Iterator[str]:
    """The type of a result as its annotation has it, in the terms of the map."""
    ours = {model.cls.rpartition(".")[2]: name for name, model in api.models.items()}
    ambiguous = _shared_names(api)
    for call in api.calls.values():
        if not call.params:
            continue
        annotation = newest["calls"][call.path]["returns"] if call.path in newest["calls"] else ""
        returns, stream = _in_our_terms(annotation, ours, ambiguous)
        if returns != call.returns:
            yield f"{call.path}: returns {returns or 'nothing that the map describes'}"
        if stream != call.stream:
            yield f"{call.path}: streams {stream or 'nothing that the map describes'}"


def _shared_names(api: Api) -> set[str]:
    """Class names that several models have, such as Choice: no annotation of a call uses them."""
    names = [model.cls.rpartition(".")[2] for model in api.models.values()]
    return {name for name in names if names.count(name) > 1}


def _in_our_terms(annotation: str, ours: Mapping[str, str], ambiguous: set[str]) -> tuple[str, str]:
    """`SyncCursorPage[FileObject] | Stream[X]` as ("Page[FileObject]", our X); what the map lacks is left out."""
    returns, stream = [], ""
    for part in annotation.split(" | "):
        outer, _, inner = part.rstrip("]").partition("[")
        name = ours.get(inner, "") if inner not in ambiguous else ""
        if outer == "Stream":
            stream = name
        elif re.fullmatch(r"Sync\w*Page", outer):
            returns += [f"Page[{name}]"] if name else []
        elif outer == "str":
            returns.append("str")
        elif SUBCLASSES.get(outer, outer) in ours:
            returns.append(ours[SUBCLASSES.get(outer, outer)])
    return "|".join(returns), stream


def methods(api: Api) -> Iterator[str]:
    """A 0.28 method gives what its new call gives, unless something is appended to the call."""
    for row, _ in api.methods.values():
        call = api.calls.get(row.new)
        if row.new and call is None:
            yield f"{row.old}: there is no call {row.new}"
        if call and (row.params, row.positional_ok, row.required) != (call.params, call.positional_ok, call.required):
            yield f"{row.old}: its signature is not that of {row.new}"
        if call and not row.suffix and row.returns != call.returns:
            yield f"{row.old}: {row.new} returns {call.returns}"
        if call and row.stream and row.stream != call.stream:
            yield f"{row.old}: {row.new} streams {call.stream}"
        if call and call.stream and row.stream != call.stream:
            yield f"{row.old}: {row.new} streams {call.stream}"
