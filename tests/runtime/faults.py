"""A loopback server that speaks the chat completions API and fails on purpose, at set rates, keeping account.

It is a raw asyncio HTTP/1.1 server in a thread of its own, because the faults that matter happen below HTTP: a reset
before or in the middle of a body, a stream that ends without its end, a peer that never answers. Each answer echoes
the last message, so that a client can tell whether it got the answer to its own question; each request is recorded with
the value of its `X-Call-Id` header, so that a test can say how often every call was sent and how often it was answered.

>>> with FaultServer(script("server_error", "ok")) as server:
...     server.base_url.startswith("http://127.0.0.1:")
True

Run as a program it serves until its standard input closes and prints its base URL on the first line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import ssl
import struct
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

#: HTTP answers that are not 200: (status, error code, extra headers). The bodies follow the API's error object.
STATUSES: dict[str, tuple[int, str, dict[str, str]]] = {
    "rate_limit": (429, "rate_limit_exceeded", {"retry-after": "0"}),
    "rate_limit_1s": (429, "rate_limit_exceeded", {"retry-after": "1"}),
    "rate_limit_ms": (429, "rate_limit_exceeded", {"retry-after-ms": "20", "retry-after": "1"}),
    "rate_limit_1h": (429, "rate_limit_exceeded", {"retry-after": "3600"}),
    "quota": (429, "insufficient_quota", {}),
    "server_error": (500, "server_error", {}),
    "unavailable": (503, "server_error", {}),
    "no_retry": (503, "server_error", {"x-should-retry": "false"}),
    "conflict": (409, "conflict", {}),
    "request_timeout": (408, "timeout", {}),
    "bad_request": (400, "context_length_exceeded", {}),
    "unauthorised": (401, "invalid_api_key", {}),
    "not_implemented": (501, "unsupported", {}),
}
#: Faults below HTTP and inside a 200. The second line only makes sense for streams and is served as "ok" otherwise.
BROKEN = ("timeout", "reset_before", "reset_in_body", "malformed", "empty_choices", "html", "slow_body")
STREAM_FAULTS = ("truncated", "stream_reset", "stalled", "stalled_before", "keepalive", "error_event", "filtered")
FAULTS = ("ok", *STATUSES, *BROKEN, *STREAM_FAULTS)
DONE = "data: [DONE]\n\n"  # the last event of a whole answer


@dataclass(slots=True)
class Received:
    """One request as the server saw it; `answered` is True before a good answer's last bytes are written: a client
    that has the answer finds it counted, whichever thread runs first."""

    call_id: str
    path: str
    key: str
    fault: str
    stream: bool
    body: dict[str, Any]
    headers: dict[str, str]
    answered: bool = False


Plan = Callable[[Received], str]


def script(*faults: str) -> Plan:
    """The faults in this order, the last one for ever after."""
    left = list(faults)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


def at_rates(rates: Mapping[str, float], *, seed: int = 0, burst: int = 1) -> Plan:
    """Each fault with its probability; a `server_error`, once begun, is served `burst` times in a row."""
    unknown = set(rates) - set(FAULTS)
    if unknown or sum(rates.values()) > 1:
        raise ValueError(f"unknown faults or rates above 1: {unknown or rates}")
    dice = random.Random(seed)
    names, weights = [*rates, "ok"], [*rates.values(), 1 - sum(rates.values())]
    bursting = 0

    def plan(request: Received) -> str:
        nonlocal bursting
        if bursting:
            bursting -= 1
            return "server_error"
        fault = dice.choices(names, weights)[0]
        bursting = burst - 1 if fault == "server_error" else 0
        return fault

    return plan


@dataclass
class FaultServer:
    """Serve `plan` on a free port of 127.0.0.1 as a context manager; `keep=False` keeps counts only."""

    plan: Plan = field(default_factory=lambda: script("ok"))
    keys: set[str] | None = None
    tokens: int = 4
    interval: float = 0.0
    tls: ssl.SSLContext | None = None
    keep: bool = True
    requests: list[Received] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    opened: int = 0
    port: int = 0

    def __enter__(self) -> FaultServer:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="faults", daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def base_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connection(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=self.tls, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.opened += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.connections -= 1
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))) or b"{}")
        key = headers.get("api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        request = Received(
            headers.get("x-call-id", ""), head[0].split(" ")[1], key, "", bool(body.get("stream")), body, headers
        )
        request.fault = "unauthorised" if self.keys is not None and key not in self.keys else self.plan(request)
        self.sent[request.call_id] += 1
        self.faults[request.fault] += 1
        if self.keep:
            self.requests.append(request)
        return await self._answer(request, reader, writer)

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        fault = request.fault
        if fault in STATUSES:
            status, code, extra = STATUSES[fault]
            error = {"message": f"{fault} (on purpose)", "type": "server_error", "param": None, "code": code}
            await _respond(writer, status, json.dumps({"error": error}).encode(), extra)
            return True
        if fault == "timeout":
            await reader.read(1)  # never answer; return when the client gives up
            return False
        if fault == "reset_before":
            return _reset(writer)
        if request.stream:
            return await self._stream(request, reader, writer)
        answer = json.dumps(completion(request, self.tokens)).encode()
        if fault == "reset_in_body":
            writer.write(_head(200, len(answer), {}) + answer[: len(answer) // 2])
            await writer.drain()
            await asyncio.sleep(0.005)
            return _reset(writer)
        if fault == "slow_body":
            writer.write(_head(200, len(answer), {}))
            for byte in answer[:-1]:
                writer.write(bytes([byte]))
                await asyncio.sleep(self.interval)
            self._count(request)
            writer.write(answer[-1:])
            await writer.drain()
        elif fault == "malformed":
            await _respond(writer, 200, answer[:-7], {})
        elif fault == "html":
            await _respond(writer, 200, b"<html>proxy</html>", {"content-type": "text/html"})
        elif fault == "empty_choices":
            await _respond(writer, 200, json.dumps({**completion(request, 0), "choices": []}).encode(), {})
        else:
            self._count(request)
            await _respond(writer, 200, answer, {})
        return True

    def _count(self, request: Received) -> None:
        request.answered = True
        self.answered[request.call_id] += 1

    async def _stream(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        fault = request.fault
        writer.write(_head(200, None, {"content-type": "text/event-stream"}))
        cut = max(1, self.tokens // 2) if fault in STREAM_FAULTS else None
        if fault == "stalled_before":
            cut = 0
        async for event in _paced(events(request, self.tokens, cut), self.interval):
            if event == DONE:
                self._count(request)
            writer.write(_chunk(event))
            await writer.drain()
        match fault:
            case "stalled" | "stalled_before":
                await reader.read(1)
                return False
            case "keepalive":  # bytes arrive, tokens do not
                while not reader.at_eof():
                    writer.write(_chunk(": keep-alive\n\n"))
                    await writer.drain()
                    await asyncio.sleep(0.02)
            case "stream_reset":
                await asyncio.sleep(0.005)
                return _reset(writer)
            case "error_event":
                writer.write(_chunk('data: {"error": {"message": "overloaded", "type": "server_error"}}\n\n'))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def echo(request: Received) -> str:
    messages = request.body.get("messages") or [{"content": ""}]
    return f"echo {messages[-1]['content']}"


def completion(request: Received, tokens: int) -> dict[str, Any]:
    """A whole `chat.completion` object that echoes the last message."""
    message = {"role": "assistant", "content": echo(request), "refusal": None}
    return {
        "id": f"chatcmpl-{request.call_id}",
        "object": "chat.completion",
        "created": 1700000000,
        "model": request.body.get("model", "m"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens},
    }


def events(request: Received, tokens: int, cut: int | None) -> Iterable[str]:
    """Server-sent events of one answer: empty choices first, a None delta, pieces, the end, usage, [DONE].

    `cut` ends after that many pieces, before anything that says the answer is complete."""
    base = {"id": f"chatcmpl-{request.call_id}", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def event(choices: list[dict[str, Any]], **extra: Any) -> str:
        return f"data: {json.dumps({**base, 'choices': choices, **extra})}\n\n"

    def choice(delta: dict[str, Any], reason: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": reason}]

    yield event([], prompt_filter_results=[])  # Azure's first chunk
    yield event(choice({"role": "assistant", "content": None}))
    text = echo(request)
    size = -(-len(text) // tokens)
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    for piece in pieces[:cut]:
        yield event(choice({"content": piece}))
    if cut is not None and request.fault != "filtered":
        return
    yield event(choice({}, "content_filter" if request.fault == "filtered" else "stop"))
    yield event([], usage={"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens})
    yield DONE


async def _paced(items: Iterable[str], interval: float) -> AsyncIterator[str]:
    for item in items:
        yield item
        if interval:
            await asyncio.sleep(interval)


def _head(status: int, length: int | None, extra: Mapping[str, str]) -> bytes:
    headers = {
        "content-type": "application/json",
        "x-request-id": f"req_{random.getrandbits(48):012x}",
        "openai-processing-ms": "12",
        **({"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}),
        **extra,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode("latin-1")


def _chunk(text: str) -> bytes:
    data = text.encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


async def _respond(writer: asyncio.StreamWriter, status: int, body: bytes, extra: Mapping[str, str]) -> None:
    writer.write(_head(status, len(body), extra) + body)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> bool:
    """End the connection with RST instead of FIN: the peer's next read fails with ECONNRESET."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


def main() -> None:
    rates = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    with FaultServer(at_rates(rates, burst=3), keep=False) as server:
        print(server.base_url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
