"""What counts as a difference, and what is known to do no harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oaimigrate.verify.compare import Difference, Run, difference
from oaimigrate.verify.normal import RULES, documented, normal, normal_output
from oaimigrate.verify.process import Ended
from oaimigrate.verify.recording import API, Part, Request

POST = Request("POST", API, "/v1/chat/completions", body={"model": "m"}, outcome="200")
EMBED = replace(POST, path="/v1/embeddings")
UPLOAD = replace(POST, path="/v1/files", body=(Part("purpose", "p"), Part("file", "{}", "a.jsonl")))
AZURE = replace(POST, path="/openai/deployments/d/chat/completions")


def found(old: list[Request], new: list[Request]) -> Difference | None:
    return difference(Run(Ended(0, "", ""), tuple(old)), Run(Ended(0, "", ""), tuple(new)), ("python", "x.py"))


def headers(request: Request, **given: str) -> Request:
    return replace(request, headers={name.replace("_", "-"): value for name, value in given.items()})


def body(request: Request, given: Any) -> Request:
    return replace(request, body=given)


# By rule: what the old side sends, what the new side sends, and something alike that must be seen.
HARMLESS: dict[str, tuple[list[Request], list[Request], list[Request]]] = {
    "sdk-retries": ([POST], [POST, replace(POST, retry=1), replace(POST, retry=2)], [POST, POST, POST]),
    "connection-retries": (
        [replace(POST, method="GET", outcome="drop"), replace(POST, method="GET")],
        [replace(POST, method="GET", outcome="drop")],
        [replace(POST, method="GET", outcome="drop"), replace(POST, method="GET", path="/v1/models")],
    ),
    "conflict-loop": (
        [replace(POST, outcome="409"), replace(POST, outcome="409")],
        [replace(POST, outcome="409")],
        [replace(POST, outcome="409"), replace(POST, outcome="200")],
    ),
    "sdk-headers": (
        [headers(POST, user_agent="a", x_openai_client_user_agent="b")],
        [headers(POST, user_agent="c", x_stainless_lang="python")],
        [headers(POST, x_mine="1")],
    ),
    "transport-headers": (
        [headers(POST, accept="*/*")],
        [headers(POST, host="h", content_length="3")],
        [headers(POST, x="1")],
    ),
    "engine-paths": (
        [replace(POST, path="/v1/engines/gpt-4/chat/completions", body={})],
        [body(POST, {"model": "gpt-4"})],
        [body(POST, {"model": "gpt-3"})],
    ),
    "azure-model": ([body(AZURE, {})], [body(AZURE, {"model": "d"})], [body(AZURE, {"n": 1})]),
    "azure-bearer": (
        [headers(AZURE, api_key="k")],
        [headers(AZURE, api_key="k", authorization="Bearer k")],
        [headers(AZURE, api_key="k", authorization="Bearer other")],
    ),
    "default-encoding": (
        [body(EMBED, {"input": "x"})],
        [body(EMBED, {"input": "x", "encoding_format": "base64"})],
        [body(EMBED, {"input": "x", "encoding_format": "float"})],
    ),
    "timeout-budget": ([body(POST, {"model": "m", "timeout": 9})], [POST], [body(POST, {"model": "m", "n": 9})]),
    "page-cursor": (
        [replace(POST, query=(("starting_after", "x"),))],
        [replace(POST, query=(("after", "x"),))],
        [replace(POST, query=(("after", "y"),))],
    ),
    "form-order": (
        [body(UPLOAD, (Part("b", "True"), Part("a", "1")))],
        [body(UPLOAD, (Part("a", "1"), Part("b", "true")))],
        [body(UPLOAD, (Part("a", "1"), Part("b", "false")))],
    ),
    "file-name": (
        [body(UPLOAD, (Part("file", "{}", "file"),))],
        [body(UPLOAD, (Part("file", "{}", "/tmp/data.jsonl"),))],
        [body(UPLOAD, (Part("file", "[]", "data.jsonl"),))],
    ),
    "empty-body": ([body(POST, None)], [body(POST, {})], [body(POST, {"a": None})]),
}


def test_every_rule_is_tested_and_documented() -> None:
    assert sorted(HARMLESS) == sorted(RULES)
    for name, sentence in documented():
        assert sentence.endswith("."), name


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name: str) -> None:
    old, new, other = HARMLESS[name]
    assert found(old, new) is None
    assert found(old, other) is not None
    assert list(RULES[name](old)) != list(old) or list(RULES[name](new)) != list(new)


def test_rules_may_be_applied_twice() -> None:
    for old, new, _ in HARMLESS.values():
        for side in (old, new):
            assert normal(normal(side)) == normal(side)


@pytest.mark.parametrize(
    ("new", "what", "values"),
    [
        ([replace(POST, method="GET")], "request 1: method", ("POST", "GET")),
        ([replace(POST, origin="https://b.example")], "request 1: host", (API, "https://b.example")),
        ([replace(POST, path="/v2")], "request 1: path", ("/v1/chat/completions", "/v2")),
        ([replace(POST, query=(("a", "1"),))], "request 1: query", ("{}", '{"a": "1"}')),
        ([body(POST, {"model": "m", "n": 1})], "request 1: body.n", ("(not sent)", "1")),
        ([body(POST, {"model": None})], "request 1: body.model", ('"m"', "(none)")),
        ([body(POST, "m")], "request 1: body", ('{"model": "m"}', '"m"')),
        ([], "request 1", (f"POST {API}/v1/chat/completions", "(no request)")),
        ([POST, replace(POST, path="/x")], "request 2", ("(no request)", f"POST {API}/x")),
    ],
)
def test_what_is_different(new: list[Request], what: str, values: tuple[str, str]) -> None:
    seen = found([POST], new)
    assert seen is not None
    assert (seen.what, seen.old, seen.new) == (what, *values)


def test_true_is_not_one() -> None:
    assert found([body(POST, {"n": 1})], [body(POST, {"n": True})]) is not None
    assert found([body(POST, {"n": 1})], [body(POST, {"n": 1.0})]) is not None


def test_keys_are_not_shown_whole() -> None:
    secret = "Bearer sk-" + "0123456789" * 4
    seen = found([headers(POST, authorization=secret)], [headers(POST, authorization=secret + "x")])
    assert seen is not None
    assert "0123456789" not in seen.old + seen.new


def test_requests_of_one_thread_have_an_order_and_those_of_several_have_none() -> None:
    a, b = body(POST, {"n": 1}), body(POST, {"n": 2})
    assert found([a, b], [b, a]) is not None
    lanes = [replace(a, lane="1"), replace(b, lane="2")]
    assert found(lanes, lanes[::-1]) is None
    assert found(lanes, [lanes[0], lanes[0]]) is not None


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [("a\nb\n", "a\nc\n", 2), ("a\n", "a", 1), ("a\n", "a\nb\n", 2), ("", "a\n", 1), ("a \n", "a\n", 1)],
)
def test_output_is_compared_to_the_letter(old: str, new: str, line: int) -> None:
    seen = difference(Run(Ended(0, old, ""), ()), Run(Ended(0, new, ""), ()), ("python", "x.py"))
    assert seen is not None
    assert seen.what == f"standard output, line {line}"


def test_what_pytest_says_of_its_own_run() -> None:
    old = "platform linux -- Python 3.11\nplugins: x\n==== 1 passed in 0.12s ====\n"
    new = "platform linux -- Python 3.11\nplugins: x, anyio\n===== 1 passed in 3.4s =====\n"
    assert normal_output(old, ("pytest", "-q")) == normal_output(new, ("pytest", "-q")) == "=== 1 passed in 0s ===\n"
    assert normal_output(old, ("python", "app.py")) == old
    assert normal_output("1 failed in 1s", ("pytest",)) != normal_output("1 passed in 1s", ("pytest",))
