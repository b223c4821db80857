"""The recording server alone: what it writes down, what it answers, how it fails."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from oaimigrate.verify import replies
from oaimigrate.verify.recording import API, Part
from oaimigrate.verify.server import RecordingServer

CHAT = {"model": "gpt-4", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        yield running


def ask(
    server: RecordingServer, path: str, body: Any = None, *, method: str = "", headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    try:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        kind = {} if isinstance(body, bytes) else {"Content-Type": "application/json"}
        connection.request(method or ("GET" if body is None else "POST"), path, data, {**kind, **(headers or {})})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def asked(server: RecordingServer, path: str, body: Any = None, *, method: str = "") -> Any:
    status, _, data = ask(server, path, body, method=method)
    assert status == 200, data
    return json.loads(data)


def prescribe(server: RecordingServer, *given: dict[str, Any]) -> None:
    server.begin(replies.read(json.dumps(given), "test"))


def test_the_same_question_has_the_same_answer(server: RecordingServer) -> None:
    first = asked(server, "/v1/chat/completions", CHAT)
    assert first["choices"][0]["message"]["content"] == "Reply to: hello"
    server.begin()
    assert asked(server, "/v1/chat/completions", CHAT) == first


def test_listens_on_the_loopback_only(server: RecordingServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")


def test_requests_are_written_down(server: RecordingServer) -> None:
    marks = {"x-oaimigrate-verify-source": "app.py:3", "x-oaimigrate-verify-origin": "https://a.example"}
    ask(server, "/v1/models?b=2&a=1", headers={"X-Mine": "1", **marks})
    (request,) = server.requests()
    assert (request.method, request.path, request.query) == ("GET", "/v1/models", (("a", "1"), ("b", "2")))
    assert request.headers["x-mine"] == "1"
    assert not [name for name in request.headers if name.startswith("x-oaimigrate")]
    assert (request.source, request.origin, request.outcome) == ("app.py:3", "https://a.example", "200")


def test_a_request_without_marks_goes_to_the_api(server: RecordingServer) -> None:
    ask(server, "/v1/models")
    assert server.requests()[0].origin == API


def test_forms_and_chunked_bodies(server: RecordingServer) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    form += b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}\r\n--b--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    status, _, data = ask(server, "/v1/files", form, headers=kind)
    assert status == 200
    assert json.loads(data)["filename"] == "a.jsonl"
    assert server.requests()[0].body == (Part("purpose", "fine-tune"), Part("file", "{}", "a.jsonl"))
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("POST", "/v1/embeddings", iter([b'{"input"', b': "x"}']), {"Content-Type": "application/json"})
    assert json.loads(connection.getresponse().read())["data"][0]["index"] == 0
    connection.close()
    assert server.requests()[1].body == {"input": "x"}


def test_files_live_as_long_as_a_run(server: RecordingServer) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{}\r\n--b--\r\n'
    _, _, data = ask(server, "/v1/files", form, headers={"Content-Type": "multipart/form-data; boundary=b"})
    name = json.loads(data)["id"]
    assert [file["id"] for file in asked(server, "/v1/files")["data"]] == [name]
    assert ask(server, f"/v1/files/{name}/content")[2] == b"{}"
    assert asked(server, f"/v1/files/{name}", method="DELETE")["deleted"]
    assert ask(server, f"/v1/files/{name}")[0] == 404
    server.begin()
    assert asked(server, "/v1/files")["data"] == []


def test_fine_tuning_jobs(server: RecordingServer) -> None:
    job = asked(server, "/v1/fine_tuning/jobs", {"model": "m", "training_file": "f"})
    assert asked(server, f"/v1/fine_tuning/jobs/{job['id']}")["status"] == "queued"
    events = asked(server, f"/v1/fine_tuning/jobs/{job['id']}/events?limit=2")
    assert events["has_more"]
    assert len(events["data"]) == 2
    rest = asked(server, f"/v1/fine_tuning/jobs/{job['id']}/events?after={events['data'][1]['id']}")
    assert [event["id"] for event in rest["data"]] == ["ftevent-2"]
    assert asked(server, f"/v1/fine_tuning/jobs/{job['id']}/cancel", {})["status"] == "cancelled"
    assert ask(server, "/v1/fine_tuning/jobs/none")[0] == 404


def test_what_the_api_has_not_is_404_in_its_words(server: RecordingServer) -> None:
    status, _, data = ask(server, "/v1/nothing", {})
    assert status == 404
    assert json.loads(data)["error"]["message"] == "Invalid URL (POST /v1/nothing)"


def events(data: bytes) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in data.decode().split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_streams_end_with_usage_and_done(server: RecordingServer) -> None:
    body = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    _, headers, data = ask(server, "/v1/chat/completions", body)
    assert headers["content-type"] == "text/event-stream"
    *chunks, usage, done = events(data)
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == "Reply to: hello"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] > 0
    assert done == "[DONE]"


def test_azure_streams_start_without_choices(server: RecordingServer) -> None:
    path = "/openai/deployments/d/chat/completions?api-version=2024-02-01"
    first, *_ = events(ask(server, path, {**CHAT, "stream": True})[2])
    assert first["choices"] == []
    assert asked(server, path, CHAT)["model"] == "d"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504])
def test_every_status(server: RecordingServer, status: int) -> None:
    prescribe(server, {"status": status, "error": {"message": "no", "code": "c"}, "headers": {"Retry-After": "2"}})
    found, headers, data = ask(server, "/v1/chat/completions", CHAT)
    assert found == status
    assert headers["Retry-After"] == "2"
    assert json.loads(data)["error"]["code"] == "c"
    assert server.requests()[0].outcome == str(status)


def test_replies_in_turn(server: RecordingServer) -> None:
    prescribe(server, {"contains": "hello", "times": 1, "status": 429}, {"model": "gpt-4", "text": "given"})
    assert ask(server, "/v1/chat/completions", CHAT)[0] == 429
    assert asked(server, "/v1/chat/completions", CHAT)["choices"][0]["message"]["content"] == "given"
    other = {**CHAT, "model": "other"}
    assert asked(server, "/v1/chat/completions", other)["choices"][0]["message"]["content"] == "Reply to: hello"


def test_the_retries_of_the_sdk_use_nothing_up(server: RecordingServer) -> None:
    prescribe(server, {"times": 1, "status": 503})
    retried = {"x-stainless-retry-count": "1"}
    assert ask(server, "/v1/chat/completions", CHAT)[0] == 503
    assert ask(server, "/v1/chat/completions", CHAT, headers=retried)[0] == 503
    assert ask(server, "/v1/chat/completions", CHAT)[0] == 200


def test_slow_answers_and_slow_streams(server: RecordingServer) -> None:
    prescribe(server, {"path": "/models", "delay": 0.2}, {"events": [1, 2, 3], "pause": 0.1})
    for path, body in (("/v1/models", None), ("/v1/completions", {"stream": True})):
        start = time.monotonic()
        ask(server, path, body)
        assert time.monotonic() - start >= 0.2


def test_dropped_connections_and_broken_streams(server: RecordingServer) -> None:
    prescribe(server, {"path": "/models", "drop": True}, {"events": [1, 2, 3], "drop_after": 2})
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, "/v1/models")
    with pytest.raises(http.client.IncompleteRead) as broken:
        ask(server, "/v1/completions", {"stream": True})
    assert b"data: 2" in broken.value.partial
    assert server.requests()[0].outcome == "drop"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "f.json is not JSON"),
        ("{}", "must hold a JSON list"),
        ("[1]", "f.json, reply 1: a reply is a JSON object"),
        ('[{}, {"staus": 1}]', "reply 2: unknown key `staus`; did you mean `status`?"),
        ('[{"status": "400"}]', "`status` is '400', not int"),
        ('[{"delay": -1}]', "`delay` is -1, not float"),
        ('[{"drop": 1}]', "`drop` is 1, not bool"),
    ],
)
def test_replies_that_are_none(text: str, message: str) -> None:
    with pytest.raises(replies.RepliesError) as raised:
        replies.read(text, "f.json")
    assert message in str(raised.value)
