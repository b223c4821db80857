"""The recording server: HTTP on the loopback, a free port, one thread for each connection.

It writes every request down, then answers as the replies say or as the API would, including the ways in which an API
fails: late, broken off, in the middle of a stream.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from oaimigrate.verify import routes
from oaimigrate.verify.answers import Answer, World, digest
from oaimigrate.verify.recording import Request, parse
from oaimigrate.verify.replies import Reply, Script


class RecordingServer:
    """Listens from `with` to its end. `begin` starts a run with a clean slate; `requests` is what the run asked."""

    def __init__(self, port: int = 0) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._script = Script(())
        self._open: set[socket.socket] = set()
        self.world = World()
        self.run = 0
        self.last_request = time.monotonic()
        self._http = _Http(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> RecordingServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def begin(self, replies: Sequence[Reply] = ()) -> None:
        with self._lock:
            self.run += 1
            self._requests, self._script, self.world = [], Script(replies), World()

    def requests(self) -> tuple[Request, ...]:
        with self._lock:
            return tuple(self._requests)

    def record(self, request: Request) -> tuple[Reply | None, int]:
        """Write a request down; the reply prescribed for it, and its place among the requests."""
        with self._lock:
            self.last_request = time.monotonic()
            self._requests.append(request)
            return self._script.next(request), len(self._requests) - 1

    def done(self, run: int, place: int, outcome: str) -> None:
        """Write down what became of a request, unless its run is over."""
        with self._lock:
            if run == self.run:
                self._requests[place] = self._requests[place].done(outcome)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], recorder: RecordingServer) -> None:
        super().__init__(address, _Handler)
        self.recorder = recorder

    def server_bind(self) -> None:
        """Without asking the name server who 127.0.0.1 is, as `HTTPServer` does."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away: timeouts and broken streams are what programs are tested for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def handle_request(self) -> None:
        recorder = self.server.recorder
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = parse(self.command, self.path, headers, self._body())
        run = recorder.run
        reply, place = recorder.record(request)
        if reply and reply.delay:
            time.sleep(reply.delay)
        if reply and reply.drop:
            recorder.done(run, place, "drop")
            return self._hang_up()
        made = reply.answer(request, recorder.world) if reply else routes.answer(request, recorder.world)
        recorder.done(run, place, str(made.status))
        self._answer(request, made, reply or Reply())
        return None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, request: Request, made: Answer, reply: Reply) -> None:
        headers = {
            "x-request-id": "req_" + digest(f"{request.method} {request.path}")[:12],
            "openai-organization": "org-verify",
            "openai-processing-ms": "7",
            "openai-version": "2020-10-01",
            **made.headers,
        }
        if made.status >= 400:  # the SDK's own retries are not what is looked at: let them be quick
            headers["retry-after-ms"] = "1"
        if made.events is not None:
            headers["content-type"] = "text/event-stream"
            return self._stream(made, headers, reply)
        data = _encoded(made.body)
        self._head(made.status, {"content-type": made.content_type, **headers, "content-length": str(len(data))})
        self.wfile.write(data)
        return None

    def _stream(self, made: Answer, headers: dict[str, str], reply: Reply) -> None:
        """Server-sent events, each in a chunk of its own; a broken stream ends without the last chunk."""
        self._head(made.status, {**headers, "transfer-encoding": "chunked"})
        events: Iterable[Any] = made.events or ()
        for number, event in enumerate(events):
            if number == reply.drop_after:
                return self._hang_up()
            if number and reply.pause:
                time.sleep(reply.pause)
            self._chunk(f"data: {json.dumps(event)}\n\n")
        self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _hang_up(self) -> None:
        """Break the connection off: nothing follows, not even the end of the answer."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was asked is in the recording."""


def _encoded(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()
