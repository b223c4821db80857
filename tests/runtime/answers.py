"""A loopback server that gives scripted chat answers, so that tests talk to the real SDK over real HTTP.

`faults.py` is about what goes wrong below the answer; this is about the answer: contents, finish reasons, refusals,
tool calls, and error objects with a code. Every request body is kept in `asked`.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Reply = dict[str, Any]


def says(content: str | None, finish_reason: str | None = "stop", **message: Any) -> Reply:
    """An answer with this content; `message` adds fields such as `refusal` or `tool_calls`."""
    return {"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish_reason}


def calls(*functions: tuple[str, str], finish_reason: str = "tool_calls") -> Reply:
    """An answer that calls functions: pairs of name and arguments."""
    made = [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, (name, arguments) in enumerate(functions)
    ]
    return says(None, finish_reason, tool_calls=made)


def fails(status: int, code: str | None) -> Reply:
    """An error answer as the API sends it; the message says nothing that a client could search for."""
    return {"status": status, "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": code}}


class AnswerServer:
    """Serve the replies in this order, the last one for ever after."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, Any]] = []

    def __enter__(self) -> AnswerServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.asked.append(body)
                reply = outer.replies.pop(0) if len(outer.replies) > 1 else outer.replies[0]
                self._send(reply.get("status", 200), outer.rendered(body, reply))

            def _send(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @staticmethod
    def rendered(body: dict[str, Any], reply: Reply) -> dict[str, Any]:
        if "error" in reply:
            return {"error": reply["error"]}
        if "raw" in reply:
            whole: dict[str, Any] = reply["raw"]
            return whole
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1700000000,
            "model": body["model"],
            "choices": [{"index": 0, "logprobs": None, **reply}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        }
