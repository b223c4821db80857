"""Does a rewritten call ask the server for what the old one asked?

For every 0.28 method that has a successor, the old call and the new one, made from it by the row alone, go to a server
that writes down what it is asked. Method, path, query, body and the headers that carry credentials have to agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

import sdk_envs

from oaimigrate.analysis.api import Api, Method

Call = dict[str, Any]

VALUES: dict[str, Any] = {
    "model": "text-moderation-latest",  # the one name that 0.28 lets pass everywhere
    "messages": [{"role": "user", "content": "x"}],
    "prompt": "p",
    "input": "i",
    "file": {"file": "lines.jsonl", "text": "line"},
    "filename": "given.mp3",
    "user_provided_filename": "given.jsonl",
    "purpose": "fine-tune",
    "image": {"file": "i.png", "text": "png"},
    "mask": {"file": "m.png", "text": "png"},
    "id": "abc",
    "sid": "abc",
    "limit": 5,
    "starting_after": "s",
    "after": "s",
    "training_file": "t",
    "max_wait_seconds": 9,
}
OPTIONS = {"request_id": "req-7", "api_key": "k2", "organization": "org-2", "api_base": {"url": "other/v1"}}
COMPARED_HEADERS = ("authorization", "openai-organization", "x-request-id", "x-custom")

ENGINE_PATHS = ("Engine.list", "Engine.retrieve")  # /engines is gone; models are what engines were
FILES = ("file", "image", "mask")
BROKEN_IN_OLD = {"File.adownload"}  # raises AttributeError in 0.28.1


def calls(api: Api) -> dict[str, list[Call]]:
    """By SDK: the calls of all methods, positional and with keywords,"""
    methods = [row for row, asynchronous in api.methods.values() if row.new and not asynchronous]
    old = [call for row in methods for call in old_calls(row)]
    new = [new_call(row, call) for row in methods for call in old_calls(row)]
    return {sdk_envs.OLD: old} | dict.fromkeys(sdk_envs.NEW, new)


def old_calls(row: Method) -> list[Call]:
    """The method as 0.28 code calls it: with positional arguments; with keywords; with options for this one call."""
    twin = f"{row.old.partition('.')[0]}.{row.async_name}" if row.async_name else ""
    shared = {"path": row.old, "asynchronous": "" if twin in BROKEN_IN_OLD else twin, "iterate": "paging" in row.old}
    leading = _leading(row)
    given = [name for name in row.positional if name in VALUES]
    needed = [n for n in row.required if n not in {row.rename.get(p, p) for p in given}]
    keywords = {name: VALUES[name] for name in (*given, *needed)}
    rest = {name: value for name, value in keywords.items() if name not in leading}
    variants: list[Call] = [{"args": [VALUES[n] for n in leading], "kwargs": rest}, {"kwargs": keywords}]
    options = {name: value for name, value in OPTIONS.items() if name in row.positional}
    if "deployment_id" in row.rename and "engine" in row.rename:
        options["headers"] = {"x-custom": "c"}
    if options:
        variants.append({"kwargs": keywords | options})
    return [shared | variant for variant in variants]


def _leading(row: Method) -> list[str]:
    """The parameters that can be given by position without naming the client's options too."""
    return list(takewhile(VALUES.__contains__, row.positional))


def new_call(row: Method, old: Call) -> Call:
    """The call that the row makes of it. This is the plain reading of a row, without any care for source code."""
    given = dict(zip(_leading(row), old.get("args", []), strict=False)) | old["kwargs"]
    client = {_CLIENT[name]: given.pop(name) for name in list(given) if name in row.client}
    headers = {row.headers[name]: given.pop(name) for name in list(given) if name in row.headers}
    filename = given.pop(row.filename, None)
    args, kwargs = [], {}
    for name, value in given.items():
        target = row.rename.get(name, name)
        if name in row.drop:
            continue
        if target in row.positional_ok and old.get("args"):
            args.append(value)
        elif target == "timeout" or target in row.params[3]:
            kwargs[target] = value
        elif target == "extra_headers":
            headers |= value
        else:
            kwargs.setdefault("extra_body", {})[target] = value
    if filename is not None:
        kwargs["file"] = {"tuple": [filename, kwargs["file"]]}
    if headers:
        kwargs["extra_headers"] = headers
    return {**old, "path": row.new, "args": args, "kwargs": kwargs, "client": client, "suffix": row.suffix}


_CLIENT = {"api_key": "api_key", "organization": "organization", "api_base": "base_url"}


def requests(api: Api, wire: Mapping[str, list[Any]]) -> Iterator[str]:
    """Both calls ask for the same; the value of the new one, with its suffix, is what the row says."""
    methods = [row for row, asynchronous in api.methods.values() if row.new and not asynchronous]
    rows = [(row, call) for row in methods for call in old_calls(row)]
    for sdk in sdk_envs.NEW:
        for (row, call), before, after in zip(rows, wire[sdk_envs.OLD], wire[sdk], strict=True):
            for form in after:
                where = f"{sdk}: {row.old} {sorted(call['kwargs'])} {form}"
                yield from (f"{where}: {p}" for p in _compare(api, row, before, after, form))


def _compare(api: Api, row: Method, before: Any, after: Any, form: str) -> Iterator[str]:
    for name, answer in (("old", before[form]), ("new", after[form])):
        if "raised" in answer:
            yield f"the {name} call raised {answer['raised']}"
            return
    old, new = ([normal(request, row) for request in answer[form]["sent"]] for answer in (before, after))
    if old != new:
        yield f"asked for {new} and not for {old}"
    if before[form]["text"] is not None and before[form]["text"] != after[form]["text"]:
        yield f"the value is {after[form]['text']!r}"
    if not _is(api, row.returns, after[form]["type"]):
        yield f"the value is a {after[form]['type']} and not {row.returns}"


def normal(request: Mapping[str, Any], row: Method) -> dict[str, Any]:
    """The request without what the SDKs do differently on purpose."""
    body, query, path = request["body"], dict(request["query"]), request["path"]
    if row.old in ENGINE_PATHS:
        path = path.replace("v1/engines", "v1/models")
    if isinstance(body, dict):
        body = {k: v for k, v in body.items() if k not in row.drop}
        for name, value in body.items():  # 0.28 named an uploaded file after its field, unless it was told
            if name in FILES and not row.old.startswith("Audio."):
                body[name] = [value[0] if "given" in value[0] else name, value[1]]
    if "starting_after" in query:  # what 0.28 called it on the wire too; the API has only ever known `after`
        query["after"] = query.pop("starting_after")
    if "paging" in row.old:
        query.pop("limit", None)  # 0.28 asked for pages of twenty
    headers = {k: v for k, v in request["headers"].items() if k in COMPARED_HEADERS}
    return {
        "method": request["method"],
        "case": request["case"],
        "path": path,
        "query": query,
        "body": body or "",
        "headers": headers,
    }


def _is(api: Api, returns: str, found: str) -> bool:
    """Whether a class name at run time is one of the types that a row names."""
    page, _, item = found.partition("[")
    for part in returns.split("|"):
        outer, _, inner = part.rstrip("]").partition("[")
        if outer == "Page" and page.endswith("Page") and item.rstrip("]") in (_class(api, inner), ""):
            return True
        if found == (_class(api, part) if part in api.models else part):
            return True
    return False


def _class(api: Api, model: str) -> str:
    return api.models[model].cls.rpartition(".")[2]
