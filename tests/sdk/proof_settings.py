"""Does a setting reach the server in the same place: as a client's argument, on the module, from the environment?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sdk_envs

from oaimigrate.analysis.api import Api, Setting

Call = dict[str, Any]

MESSAGES = [{"role": "user", "content": "x"}]
VALUES: dict[str, Any] = {  # the settings that can be seen in a request
    "api_key": "key-9",
    "organization": "org-9",
    "api_base": {"url": "other/v1"},
    "api_type": "azure",
    "api_version": "2024-02-01",
    "proxy": "http://proxy",
}
AZURE = ("api_type", "api_version")
CHOSEN_BY_CLASS = {"api_type"}  # AzureOpenAI or OpenAI, no argument
HEADERS = ("authorization", "api-key", "openai-organization")


def calls(api: Api) -> dict[str, dict[str, Call]]:
    """By SDK and name: each setting made in each of the ways that its row knows."""
    old: dict[str, Call] = {}
    new: dict[str, Call] = {}
    for name, value in VALUES.items():
        setting = api.settings[name]
        old[name] = _old_call(setting, value)
        new |= {f"{name} {way}": call for way, call in _new_calls(setting, value).items()}
    clients_first = dict(sorted(new.items(), key=lambda item: "settings" in item[1]))  # before the module is made anew
    return {sdk_envs.OLD: old} | dict.fromkeys(sdk_envs.NEW, clients_first)


def _old_call(setting: Setting, value: Any) -> Call:
    settings: dict[str, Any] = {"api_key": "k", "api_base": {"url": "ok/v1"}}
    wanted: dict[str, Any] = {"model": "m"}
    if setting.old in AZURE:
        settings |= {"api_type": "azure", "api_version": "2024-02-01", "api_base": {"url": "ok"}}
        wanted = {"engine": "m"}
    if setting.old == "proxy":
        settings |= {"api_base": "http://api.invalid/v1"}
        value = {"url": ""}
    settings[setting.old] = value
    return {"path": "ChatCompletion.create", "kwargs": {"messages": MESSAGES, **wanted}, "settings": settings}


def _new_calls(setting: Setting, value: Any) -> dict[str, Call]:
    """The ways: an argument of a client, a setting of the module, a variable of the environment."""
    shared: Call = {"path": "chat.completions.create", "kwargs": {"messages": MESSAGES, "model": "m"}}
    found = {}
    client: dict[str, Any] = {}
    module: dict[str, Any] = {"api_key": "k", "base_url": {"url": "ok/v1/"}}
    if setting.old in AZURE:
        client = {"api_key": "k", "azure_endpoint": {"url": "ok"}, "api_version": "2024-02-01"}
        module = {"api_key": "k", "azure_endpoint": {"url": "ok"}, "api_version": "2024-02-01", "api_type": "azure"}
    as_module = {"url": f"{value['url']}/"} if isinstance(value, dict) else value
    if setting.old == "proxy":
        client, module = {"base_url": "http://api.invalid/v1"}, {"api_key": "k", "base_url": "http://api.invalid/v1/"}
        value = as_module = {"through": ""}
    if setting.old in CHOSEN_BY_CLASS:
        found["client"] = {**shared, "client": client}
    else:
        found["client"] = {**shared, "client": client | {setting.option: value}}
    found["module"] = {**shared, "settings": module | {setting.module: as_module}}
    if setting.new_env:
        rest = {k: v for k, v in module.items() if k != setting.module}
        found["environment"] = {**shared, "settings": rest, "environment": {setting.new_env: value}}
    return found


def places(api: Api, sent: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Every way to make the setting sends what 0.28 sent."""
    for sdk in sdk_envs.NEW:
        for name, after in sent[sdk].items():
            before = sent[sdk_envs.OLD][name.partition(" ")[0]]
            for which, answer in (("old", before), ("new", after)):
                if "raised" in answer["sync"]:
                    yield f"{sdk}: {name}: the {which} call raised {answer['sync']['raised']}"
                    break
            else:
                old, new = (_place(request) for answer in (before, after) for request in answer["sync"]["sent"])
                if old != new:
                    yield f"{sdk}: {name}: sent {new} and not {old}"


def _place(request: Mapping[str, Any]) -> dict[str, Any]:
    """Where a setting can show."""
    headers = {k: v for k, v in request["headers"].items() if k in HEADERS}
    if "api-key" in headers:
        headers.pop("authorization", None)  # openai 1 sent an Azure key in both
    return {"case": request["case"], "path": request["path"], "query": request["query"], "headers": headers}
