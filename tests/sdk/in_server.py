"""A server on the loopback that answers as a test asks it to, and remembers what it was asked.

It runs in the process of the script that calls the SDK and ends with it. The first part of a path is the case:
`400-error` is an answer with status 400 and the API's own error body. `records` are the requests, parsed.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

WORDS = "words of the server"
ERROR = {"message": WORDS, "type": "the_type", "param": "the_param", "code": "the_code"}
BODIES = {
    "error": json.dumps({"error": ERROR}),  # what the API sends
    "plain": json.dumps({"detail": WORDS}),  # JSON of somebody else
    "string": json.dumps({"error": WORDS}),
    "html": "<html>words</html>",
    "empty": "",
    "broken": '{"id": ',
}
HEADERS = {"openai-organization": "org-1", "x-request-id": "req-1", "request-id": "req-1"}
PAUSE = 1.5  # seconds that the case "timeout" keeps a client waiting

# Enough of every answer for the SDKs to accept it; the ones that poll stop at "processed".
ITEM = {"id": "abc", "object": "x", "index": 0, "embedding": "AAAAAA=="}
ANSWER = {**ITEM, "status": "processed", "data": [ITEM], "has_more": False, "choices": [], "text": "spoken"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    records: list[dict[str, Any]] = []  # noqa: RUF012 - one server to a process

    def answer(self) -> None:
        """Answer the case that the path names, after noting the request."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        case, _, path = self.path.lstrip("/").partition("/")
        url = urlsplit(path)
        self.records.append(
            {
                "method": self.command,
                "case": case,
                "path": url.path,
                "query": dict(parse_qsl(url.query)),
                "body": parsed(self.headers, body),
                "headers": {k.lower(): v for k, v in self.headers.items()},
            }
        )
        if case == "timeout":
            time.sleep(PAUSE)
        if case == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif case == "stream":
            self.send("data: " + json.dumps({"error": ERROR}) + "\n\n", 200, "text/event-stream")
        elif match := re.fullmatch(r"(\d{3})-(\w+)", case):
            kind = match[2]
            self.send(BODIES[kind], int(match[1]), "text/html" if kind == "html" else "application/json")
        else:
            self.send(json.dumps(ANSWER), 200, "application/json")

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = answer

    def send(self, text: str, status: int, content_type: str) -> None:
        data = text.encode()
        try:
            self.send_response(status)
            for name, value in {**HEADERS, "content-type": content_type, "content-length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # a client that timed out is gone
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: standard output carries the result."""


def parsed(headers: Message, body: bytes) -> Any:
    """A JSON body as it is; a form as {field: text, or file name and content}."""
    kind = headers.get("content-type", "")
    if kind.startswith("application/json") and body:
        return json.loads(body)
    if not kind.startswith("multipart/"):
        return body.decode(errors="replace")
    form = BytesParser().parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
    fields = {}
    for part in form.get_payload():
        assert isinstance(part, Message)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name, file = (part.get_param(key, header="content-disposition") for key in ("name", "filename"))
        fields[str(name)] = content.decode() if file is None else [str(file), content.decode()]
    return fields


def start() -> str:
    """Serve on a free port until the process ends; the address, without a case."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def closed_port() -> str:
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
