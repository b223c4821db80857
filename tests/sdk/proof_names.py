"""Is there a row for every public name of openai 0.28, and is every row about a name that was there?

Each function yields one sentence for each thing that is not so; `test_mutations.py` shows that it would.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import in_server

from oaimigrate.analysis.api import Api, Method

OPTIONS = {"extra_headers", "extra_query", "extra_body", "timeout"}  # keywords of every call of the new client
UNDERSTOOD_ELSEWHERE = {"error"}  # the module: its names are rows of [errors]


def module_names(api: Api, old: Mapping[str, Any]) -> Iterator[str]:
    """Attributes of the module and names of its submodules."""
    known = {*api.resources, *api.errors, *api.settings, *api.removed}
    yield from (f"openai.{name} has no row" for name in old["names"] if name not in known)
    for module, names in old["modules"].items():
        if module not in api.removed:
            yield f"module openai.{module} has no row"
        for name in names:
            moved = name in api.resources and module.startswith("api_resources.")
            if f"{module}.{name}" not in api.removed and not moved and module not in UNDERSTOOD_ELSEWHERE:
                yield f"openai.{module}.{name} has no row"
    settings = set(old["names"]) - api.resources - set(api.errors) - set(api.removed)
    yield from (f"openai.{name} was not a setting" for name in set(api.settings) - settings)


def removed_names(api: Api, old: Mapping[str, Any]) -> Iterator[str]:
    """Rows of [removed] and [kept] speak of names that were there, and say something."""
    there = {*old["names"], *old["modules"]}
    there |= {f"{module}.{name}" for module, names in old["modules"].items() for name in names}
    there |= {f"APIResource.{name}" for members in old["resources"].values() for name in members}
    there |= {f"{cls}.{name}" for cls, members in old["resources"].items() for name in members}
    for row in api.removed.values():
        if row.path not in there:
            yield f"openai.{row.path} was not in 0.28"
        if bool(row.new) == bool(row.advice):
            yield f"openai.{row.path} needs a new name or advice"


def methods(api: Api, old: Mapping[str, Any]) -> Iterator[str]:
    """Public methods of the resource classes, in both forms."""
    classes = set(old["resources"]) - {"ErrorObject"}
    yield from (f"resource {name} has no row or never was" for name in classes ^ api.resources)
    elsewhere = {*old["object"], *api.dict_methods}
    for cls in sorted(classes & api.resources):
        members = old["resources"][cls]
        for name, signature in members.items():
            rows = {f"{cls}.{name}", f"APIResource.{name}"} & {*api.methods, *api.removed}
            if not rows and name not in elsewhere:
                yield f"openai.{cls}.{name} has no row"
            twin = members.get(f"a{name}")
            row = api.methods.get(f"{cls}.{name}")
            if row and not row[1]:
                yield from _method(row[0], signature, "" if twin is None else f"a{name}")
    for path, (method, _) in api.methods.items():
        cls, _, name = path.partition(".")
        if name not in old["resources"].get(cls, {}):
            yield f"openai.{path} was not in 0.28"
        if not method.new and not method.advice:
            yield f"openai.{path} is removed and has no advice"


def _method(row: Method, signature: Mapping[str, Any], twin: str) -> Iterator[str]:
    if row.async_name != twin:
        yield f"{row.old}: its asynchronous twin is {twin or 'missing'}"
    if signature["positional"] is not None and list(row.positional) != signature["positional"]:
        yield f"{row.old}: positional are {signature['positional']}"
    if not row.new:
        return
    accepted = {*row.params[3], *OPTIONS}
    lands = {*row.rename, *row.drop, *row.client, *row.headers, row.filename} | accepted
    for name in (*row.positional, *signature["keywords"]):
        if name not in lands:
            yield f"{row.old}: nothing takes {name}"
    used = {*row.positional, *signature["keywords"], *_RENAMED_ANYWAY}
    for name, target in row.rename.items():
        if target not in accepted:
            yield f"{row.old}: {name} becomes {target}, which {row.new} does not take"
        if name not in used and signature["positional"] is not None:
            yield f"{row.old}: {name} was no parameter"
    for name in {*row.drop, row.filename} - {""} - used:
        yield f"{row.old}: {name} was no parameter"


_RENAMED_ANYWAY = {"headers", "request_timeout"}  # where 0.28 did not honour them, nobody meant what it did instead


def answers(api: Api, old: Mapping[str, Any]) -> Iterator[str]:
    """The dictionary that every answer was: its own methods, those of dict, and those every resource inherits."""
    inherited = {n for members in old["resources"].values() for n in members}
    yield from (f"answers had {name}, which has no row" for name in old["object"] if name not in api.dict_methods)
    yield from (f"answers had no {name}" for name in set(api.dict_methods) - {*old["object"], *inherited})
    silent = {name for name, template in api.dict_methods.items() if not template}
    yield from (f"{name}: a template or advice, one of them" for name in silent ^ set(api.dict_advice))


def exceptions(api: Api, old: Mapping[str, Any]) -> Iterator[str]:
    """Exception classes, what their constructors took and what their instances carried."""
    yield from (f"exception {name} has no row or never was" for name in set(old["errors"]) ^ set(api.errors))
    rows = {name for name in api.error_attributes if "." not in name}
    carried = {name for error in old["errors"].values() for name in (*error["parameters"], *error["attributes"])}
    carried -= {"message"}  # the parameter; what it becomes is read as user_message and _message
    yield from (f"error.{key} has no row" for key in in_server.ERROR if f"error.{key}" not in api.error_attributes)
    yield from (f"attribute {name} of an error has no row or never was" for name in carried ^ rows)


def settings(api: Api, old: Mapping[str, Any], new: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Environment variables; client arguments and module names that exist in every new SDK."""
    read = [s.env for s in api.settings.values() if s.env]
    yield from (f"variable {name} has no row or was not read" for name in set(old["environment"]) ^ set(read))
    for setting in api.settings.values():
        if not (setting.option or setting.module or setting.new_env or setting.advice):
            yield f"openai.{setting.old} is removed and has no advice"
        for sdk, facts in new.items():
            if setting.option and setting.option not in facts["client_options"]:
                yield f"{sdk}: no client takes {setting.option}"
            if setting.module and setting.module not in facts["settings"]:
                yield f"{sdk}: the module has no setting {setting.module}"
            if not setting.module and setting.old in facts["settings"]:
                yield f"{sdk}: the module still has {setting.old}"
            if setting.new_env and setting.new_env not in facts["environment"]:
                yield f"{sdk}: nothing reads {setting.new_env}"
            if setting.env != setting.new_env and setting.env in facts["environment"]:
                yield f"{sdk}: {setting.env} is still read"
    for path in (row for row in api.removed.values() if row.new):
        for sdk, facts in new.items():
            if path.new.partition(".")[0] not in facts["names"]:
                yield f"{sdk}: openai.{path.new} is not there"


def advice(api: Api, newest: Mapping[str, Any]) -> Iterator[str]:
    """Code that a text of the map names is there: `client.files.list`, `openai.DefaultHttpxClient`."""
    texts = [m.advice for m, _ in api.methods.values()] + [row.advice for row in api.removed.values()]
    texts += [s.advice for s in api.settings.values()] + [*api.dict_advice.values()]
    texts += [row.note for row in (*api.errors.values(), *api.error_attributes.values())]
    calls = {path.rpartition(".")[0] for path in newest["calls"]} | {*newest["calls"], *newest["client"]}
    names = {*newest["names"], *newest["settings"], *api.settings}  # some texts warn of an old name
    for text in dict.fromkeys(texts):
        for path in re.findall(r"\bclient\.([a-z_.]+)\b(?!>)", text):
            if path not in calls and path.rpartition(".")[0] not in calls:
                yield f"there is no client.{path}: {text}"
        for name in re.findall(r"(?<![\w.])openai\.(\w+)", text):
            if name not in names:
                yield f"there is no openai.{name}: {text}"
