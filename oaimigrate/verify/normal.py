"""Differences between the SDKs that do no harm, each taken out by a named rule.

A rule looks at the requests of one side and gives back those that matter in a form that both sides share. It may only
take out what the SDK does by itself; what the program says must stay. The first line of a rule's docstring is its
documentation, which `oaimigrate verify --rules` prints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from oaimigrate.verify.recording import Part, Request

UNNAMED = ""  # the name of an upload that the program did not name; equal to any other

Rule = Callable[[Sequence[Request]], list[Request]]
RULES: dict[str, Rule] = {}

_SDK_HEADERS = re.compile(r"user-agent|x-openai-client-user-agent|x-stainless-.*|openai-debug")
_TRANSPORT_HEADERS = {"host", "accept", "accept-encoding", "connection", "content-length", "transfer-encoding"}
_TRANSPORT_HEADERS |= {"content-type", "expect"}


def rule(name: str) -> Callable[[Rule], Rule]:
    def add(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return add


def normal(requests: Sequence[Request]) -> list[Request]:
    """The requests after every rule."""
    for function in RULES.values():
        requests = function(requests)
    return list(requests)


def documented() -> list[tuple[str, str]]:
    """Every rule with the sentence that says what it takes out."""
    return [(name, (function.__doc__ or "").split("\n")[0]) for name, function in RULES.items()]


def _each(requests: Sequence[Request], change: Callable[[Request], Request]) -> list[Request]:
    return [change(request) for request in requests]


@rule("sdk-retries")
def _sdk_retries(requests: Sequence[Request]) -> list[Request]:
    """openai 1 and later repeat a failed request by themselves, twice; the repetitions do not count."""
    return [request for request in requests if not request.retry]


@rule("connection-retries")
def _connection_retries(requests: Sequence[Request]) -> list[Request]:
    """A GET that the server broke off is repeated by the HTTP library of 0.28; the repetitions do not count."""
    kept: list[Request] = []
    for request in requests:
        last = kept[-1] if kept else None
        if last and last.outcome == "drop" and request.method == "GET" and _question(last) == _question(request):
            continue
        kept.append(request)
    return kept


@rule("conflict-loop")
def _conflict_loop(requests: Sequence[Request]) -> list[Request]:
    """0.28 repeats a request that is answered with 409 at once and again; the repetitions do not count."""
    kept: list[Request] = []
    for request in requests:
        last = kept[-1] if kept else None
        if last and last.outcome == request.outcome == "409" and _question(last) == _question(request):
            continue
        kept.append(request)
    return kept


def _question(request: Request) -> tuple[Any, ...]:
    return request.method, request.origin, request.path, request.query, request.body


@rule("sdk-headers")
def _sdk_headers(requests: Sequence[Request]) -> list[Request]:
    """Headers in which an SDK says who it is, or how often it has tried, are not the program's."""
    return _each(requests, lambda r: _without(r, lambda name: bool(_SDK_HEADERS.fullmatch(name))))


@rule("transport-headers")
def _transport_headers(requests: Sequence[Request]) -> list[Request]:
    """Headers that the HTTP library makes from address and body (length, encodings, boundary) are not compared."""
    return _each(requests, lambda r: _without(r, lambda name: name in _TRANSPORT_HEADERS))


def _without(request: Request, unwanted: Callable[[str], bool]) -> Request:
    return replace(request, headers={k: v for k, v in request.headers.items() if not unwanted(k)})


@rule("engine-paths")
def _engine_paths(requests: Sequence[Request]) -> list[Request]:
    """`engine=` was part of the path in 0.28 (/engines/NAME/…) and is `model` in the body now; engines are models."""

    def change(request: Request) -> Request:
        found = re.fullmatch(
            r"(.*)/engines(?:/([^/]+)/((?:chat/)?completions|embeddings|edits)|(/[^/]+)?)", request.path
        )
        if not found:
            return request
        base, engine, endpoint, name = found.groups()
        if engine is None:
            return replace(request, path=f"{base}/models{name or ''}")
        return replace(request, path=f"{base}/{endpoint}", body={**_fields(request), "model": engine})

    return _each(requests, change)


@rule("azure-model")
def _azure_model(requests: Sequence[Request]) -> list[Request]:
    """On Azure the deployment in the path counts; `model` in the body is ignored there, and newer SDKs repeat it."""

    def change(request: Request) -> Request:
        if not request.deployment:
            return request
        if isinstance(request.body, tuple):
            return replace(request, body=tuple(part for part in request.body if part.name != "model"))
        return replace(request, body={k: v for k, v in _fields(request).items() if k != "model"})

    return _each(requests, change)


@rule("azure-bearer")
def _azure_bearer(requests: Sequence[Request]) -> list[Request]:
    """openai 1 sends an Azure key a second time, as a bearer token."""

    def change(request: Request) -> Request:
        key = request.headers.get("api-key")
        if key is None or request.headers.get("authorization") != f"Bearer {key}":
            return request
        return _without(request, lambda name: name == "authorization")

    return _each(requests, change)


@rule("default-encoding")
def _default_encoding(requests: Sequence[Request]) -> list[Request]:
    """The SDKs ask for embeddings in base64 by themselves and hand out numbers; this is not the program's wish."""

    def change(request: Request) -> Request:
        if not request.path.endswith("/embeddings") or _fields(request).get("encoding_format") != "base64":
            return request
        return replace(request, body={k: v for k, v in request.body.items() if k != "encoding_format"})

    return _each(requests, change)


@rule("timeout-budget")
def _timeout_budget(requests: Sequence[Request]) -> list[Request]:
    """`timeout=` of 0.28 was a budget for repetitions that it also sent in the body, where the API ignored it."""

    def change(request: Request) -> Request:
        if not isinstance(request.body, dict) or "timeout" not in request.body:
            return request
        return replace(request, body={k: v for k, v in request.body.items() if k != "timeout"})

    return _each(requests, change)


@rule("page-cursor")
def _page_cursor(requests: Sequence[Request]) -> list[Request]:
    """The query that asks for the next page was called `starting_after` and is called `after`."""

    def change(request: Request) -> Request:
        query = (("after" if name == "starting_after" else name, value) for name, value in request.query)
        return replace(request, query=tuple(sorted(query)))

    return _each(requests, change)


@rule("form-order")
def _form_order(requests: Sequence[Request]) -> list[Request]:
    """The order of the fields of a form means nothing, and `True` in a form is `true`."""

    def change(request: Request) -> Request:
        if not isinstance(request.body, tuple):
            return request
        parts = (replace(p, text=p.text.lower()) if p.text in ("True", "False") else p for p in request.body)
        return replace(request, body=tuple(sorted(parts, key=lambda p: (p.name, p.text))))

    return _each(requests, change)


@rule("file-name")
def _file_name(requests: Sequence[Request]) -> list[Request]:
    """An upload that the program gave no name got its field's name from 0.28, and the file's own now; folders go."""

    def change(request: Request) -> Request:
        if not isinstance(request.body, tuple):
            return request
        return replace(request, body=tuple(_named(part) for part in request.body))

    return _each(requests, change)


def _named(part: Part) -> Part:
    """A part whose file has its plain name, or `UNNAMED` where the SDK chose it."""
    if part.filename is None:
        return part
    name = part.filename.replace("\\", "/").rpartition("/")[2]
    return replace(part, filename=UNNAMED if name in (part.name, "upload", "") else name)


@rule("empty-body")
def _empty_body(requests: Sequence[Request]) -> list[Request]:
    """A request without arguments has no body, or an empty JSON object."""
    return _each(requests, lambda r: replace(r, body=None) if r.body in ({}, "", ()) else r)


def _fields(request: Request) -> dict[str, Any]:
    return request.body if isinstance(request.body, dict) else {}


_PYTEST_LINES = re.compile(r"(?m)^(?:platform |plugins: |rootdir: |configfile: |cachedir: |asyncio: ).*\n")
_PYTEST_TIME = re.compile(r"(?<= in )\d+(?:\.\d+)?s(?: \([\d:]+\))?")

_PYTEST_BAR = re.compile(r"={3,}")


def normal_output(output: str, command: Sequence[str]) -> str:
    """The output without what pytest says of its own run: how long it took, and which plugins it found."""
    if not any(re.search(r"(?:^|/)py\.?test\b", word) for word in command):
        return output
    return _PYTEST_BAR.sub("===", _PYTEST_TIME.sub("0s", _PYTEST_LINES.sub("", output)))
