"""Do the models hold what the map says, in every SDK: each field, its JSON key, its shape, whether it may be None?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sdk_envs

from oaimigrate.analysis.api import Api, Field, ModelType

SIMPLE = {"str", "int", "float", "bool", "dict"}


def fields(api: Api, new: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Every field of every row, in every SDK that the row speaks of."""
    ours = {model.cls: name for name, model in api.models.items()}
    if len(ours) != len(api.models):
        yield "two rows describe one model"
    for model in api.models.values():
        for sdk, facts in new.items():
            found = facts["models"].get(model.cls)
            if found is None:
                yield f"{sdk}: no {model.cls}"
                continue
            for field in model.fields.values():
                yield from (f"{sdk}: {model.name}.{field.key} {p}" for p in _differences(field, found, sdk, ours))


def _differences(field: Field, found: Mapping[str, Any], sdk: str, ours: Mapping[str, str]) -> Iterator[str]:
    declared = found["fields"].get(field.key)
    expected = sdk_envs.major(sdk) >= field.since and not field.extra
    if declared is None:
        if expected and field.name not in found["properties"]:
            yield "is not declared"
    elif not expected:
        yield "is declared"
    else:
        name, alternatives = declared
        if name != field.name:
            yield f"is the attribute {name}"
        if ("None" in alternatives) != field.nullable:
            yield "may be None" if "None" in alternatives else "cannot be None"
        if (shape := in_our_terms(alternatives, ours)) != field.type:
            yield f"is {shape}"


def in_our_terms(alternatives: Sequence[str], ours: Mapping[str, str]) -> str:
    """The type of the map for an annotation; "object" where it has several sides that the map does not tell apart."""
    some = [a for a in alternatives if a != "None"]
    described = [ours[a] for a in some if a in ours]
    if len(described) == 1:
        return described[0]
    if len(some) != 1:
        return "object"
    (only,) = some
    if only.startswith("list["):
        return f"list[{in_our_terms(_split(only[5:-1]), ours)}]"
    return only if only in SIMPLE else "object"


def _split(alternatives: str) -> list[str]:
    """Split at the bars that no bracket holds."""
    parts, depth = [""], 0
    for character in alternatives:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def missing(api: Api, newest: Mapping[str, Any]) -> Iterator[str]:
    """Fields of the newest SDK's models without a row."""
    for model in api.models.values():
        found = newest["models"].get(model.cls) or {"fields": ()}
        yield from (f"{model.name}.{key} has no row" for key in found["fields"] if key not in model.fields)


def references(api: Api) -> Iterator[str]:
    """Every type that a row names is described, and every described model can be reached from a call."""
    reached = {name for call in api.calls.values() for name in _models(api, call.returns, call.stream)}
    waiting = sorted(reached)
    while waiting:
        model: ModelType = api.models[waiting.pop()]
        for field in model.fields.values():
            below = _models(api, field.type)
            waiting += below - reached
            reached |= below
    yield from (f"no call leads to {name}" for name in set(api.models) - reached)


def _models(api: Api, *types: str) -> set[str]:
    words = {w for t in types for w in t.replace("[", " ").replace("]", " ").replace("|", " ").split()}
    return words & set(api.models)
