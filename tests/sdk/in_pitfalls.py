"""Runs inside any SDK: programs with a mistake that a rule reports, against a server that answers as the API does.

The argument is a JSON object of programs by name. What is printed says of each what it raised, what it printed, the
paths it asked for, how many requests it made at once, and how many connections it opened.

The server goes by the request: `stream`, `tools`, `response_format`, and by some names of models: `too-long` (400),
`broken` (500), `gateway` (an error with status 200), `cut` (half of a JSON text), and, of streams, `silent` (a pause in
the middle) and `gone` (the connection ends there).
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import socket
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai

ERRORS = {
    "too-long": (400, {"message": "This model's maximum context length is 1 token", "code": "context_length_exceeded"}),
    "broken": (500, {"message": "The server had an error", "code": None}),
    "no-money": (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}),
}
SETTINGS: dict[str, str] = {}  # of the environment; a program may change them
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    paths: list[str] = []  # noqa: RUF012 - one server to a process
    running = most = connections = 0
    lock = threading.Lock()

    def setup(self) -> None:
        with self.lock:
            Handler.connections += 1
        super().setup()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        with self.lock:
            Handler.paths.append(self.path)
            Handler.running += 1
            Handler.most = max(Handler.most, Handler.running)
        time.sleep(0.05)
        try:
            self.answer(body)
        except OSError:  # a client that left
            self.close_connection = True
        with self.lock:
            Handler.running -= 1

    def answer(self, body: dict[str, Any]) -> None:
        model = body.get("model", "m")
        if model in ERRORS:
            status, error = ERRORS[model]
            self.send({"error": {**error, "type": "t", "param": None}}, status)
        elif model == "gateway":
            self.send({"error": {"message": "busy", "code": 502}}, 200)
        elif body.get("stream"):
            self.stream(body)
        else:
            self.send(completion(body), 200)

    def send(self, value: Any, status: int) -> None:
        data = json.dumps(value).encode()
        self.head(status, "application/json", len(data))
        self.wfile.write(data)

    def head(self, status: int, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("x-request-id", "req_1")
        self.send_header("retry-after-ms", "1")
        self.send_header(*(("content-length", str(length)) if length is not None else ("transfer-encoding", "chunked")))
        self.end_headers()

    def stream(self, body: dict[str, Any]) -> None:
        self.head(200, "text/event-stream")
        for chunk in chunks(body, azure="api-key" in self.headers):
            data = f"data: {json.dumps(chunk)}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
            time.sleep(0.02)
            if body["model"] == "silent":
                time.sleep(0.5)
            elif body["model"] == "gone":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
        self.wfile.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: standard output carries the result."""


def chunks(body: dict[str, Any], *, azure: bool) -> list[dict[str, Any]]:
    """What a stream consists of: Azure begins with the results of its filter, `include_usage` ends with the usage."""
    shared = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas = [({"role": "assistant", "content": ""}, None), ({"content": "Hi"}, None), ({"content": "!"}, None)]
    deltas += [({"content": " "}, None)] * (20 if body["model"] == "long" else 0)
    found = [{**shared, "choices": [{"index": 0, "delta": d, "finish_reason": f}]} for d, f in [*deltas, ({}, "stop")]]
    if azure:
        found.insert(0, {**shared, "choices": [], "prompt_filter_results": []})
    if (body.get("stream_options") or {}).get("include_usage"):
        found.append({**shared, "choices": [], "usage": USAGE})
    return found


def completion(body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "Hi"}
    ended = "stop"
    if body.get("tools"):
        call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        message, ended = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    elif body["model"] == "cut":
        message, ended = {"role": "assistant", "content": '{"a": "b'}, "length"
    elif body.get("response_format"):
        message = {"role": "assistant", "content": None, "refusal": "I will not"}
    choice = {"index": 0, "message": message, "finish_reason": ended, "logprobs": None}
    shared = {"id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()), "model": "m"}
    return {**shared, "choices": [choice], "usage": USAGE, "system_fingerprint": "fp"}


def run(source: str) -> dict[str, Any]:
    Handler.paths.clear()
    Handler.most = Handler.running = Handler.connections = 0
    os.environ |= SETTINGS
    openai.base_url, openai.api_type = None, "openai"
    openai._reset_client()  # the module's own
    printed, raised = io.StringIO(), ""
    namespace: dict[str, Any] = {"__name__": "program"}
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            exec(source, namespace)
        except Exception as error:
            raised = type(error).__name__
    found: dict[str, Any] = {"raised": raised, "printed": printed.getvalue(), "paths": list(Handler.paths)}
    found |= {"most": Handler.most, "connections": Handler.connections}
    namespace.clear()
    gc.collect()
    return found


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that leave are no news
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    SETTINGS |= {
        "OPENAI_API_KEY": "test",
        "OPENAI_BASE_URL": f"{address}/v1",
        "AZURE_OPENAI_API_KEY": "test",
        "OPENAI_API_VERSION": "2024-10-21",
        "SERVER": address,
    }
    print(json.dumps({name: run(source) for name, source in json.loads(sys.argv[1]).items()}))
