"""Consume a chat completion stream, sync or async, and always know what arrived and how it ended.

A stream is not a list of texts. `choices` can be empty (Azure's first chunk, the usage chunk at the end), `delta` and
`delta.content` can be None, tool calls arrive in fragments, the server can close cleanly without having finished (the
SDK's loop then just ends), and a connection can die or fall silent. `ChatStream` yields the text of the first choice
and assembles everything else; `result` can be read at any time.

- `stall`: seconds without a token after which the stream is cut. The read timeout of the SDK does not do that: any
  byte, even a keep-alive comment, resets it. Only time spent waiting for the server counts. Sync streams are cut by
  a watchdog thread that shuts the socket down (one per stream, gone at close); async ones need no thread.
- A stall, a broken connection, an error event or an end without finish_reason raises `StreamInterrupted`, whose
  `result` has what had arrived. An end by length or content filter raises nothing: ask `result.ending`.
- Errors of a broken connection are raw httpx errors in openai 1.x and 2.x, APIConnectionError or APITimeoutError
  since 3.14; here they are the cause of `StreamInterrupted` either way.
- Leaving the loop early, in a `with` block or not, closes the response and frees its connection. So does dropping a
  sync stream that was started and never read.

Needs nothing but the stream: no import of openai or of this package. Chat completions only.

>>> from types import SimpleNamespace as NS
>>> def chunk(content, reason=None):
...     return NS(choices=[NS(index=0, delta=NS(content=content), finish_reason=reason)])
>>> with ChatStream([NS(choices=[]), chunk(None), chunk("Hel"), chunk("lo"), chunk(None, "stop")]) as stream:
...     print("".join(stream), stream.result.ending.value)
Hello complete
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


class Ending(enum.Enum):
    """How a stream ended; OPEN while it has not, or when its reader left early."""

    OPEN = "open"
    COMPLETE = "complete"
    LENGTH = "length"
    FILTERED = "content filter"
    TOOL_CALLS = "tool calls"
    STALLED = "stalled"
    BROKEN = "broken"
    ERROR = "failed"
    UNFINISHED = "ended without finish_reason"


ENDINGS = {
    "stop": Ending.COMPLETE,
    "length": Ending.LENGTH,
    "content_filter": Ending.FILTERED,
    "tool_calls": Ending.TOOL_CALLS,
    "function_call": Ending.TOOL_CALLS,
}


@dataclass(slots=True)
class ToolCall:
    """A tool call put together from its fragments; `arguments` is JSON text that may be cut short or invalid."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Choice:
    """One choice as far as it has arrived (several with n > 1)."""

    text: str = ""
    refusal: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: str | None = None
    function_call: ToolCall | None = None  # the deprecated predecessor of tool_calls


@dataclass(slots=True)
class StreamResult:
    """What has arrived. Times are seconds since the stream was taken over; `first_token` is None before the first.

    `usage` needs `stream_options={"include_usage": True}` and is None without, or when the stream broke before its end.
    `error` is set as well when the connection broke after the last finish_reason: the answer is whole, usage is lost.
    """

    id: str | None = None
    model: str | None = None
    choices: list[Choice] = field(default_factory=list)
    usage: Any = None
    chunks: int = 0
    first_token: float | None = None
    seconds: float = 0.0
    ending: Ending = Ending.OPEN
    error: BaseException | None = None

    @property
    def text(self) -> str:
        return self.choices[0].text if self.choices else ""

    @property
    def finish_reason(self) -> str | None:
        return self.choices[0].finish_reason if self.choices else None


class StreamInterrupted(ConnectionError):
    """The stream did not reach its end; `result` is what had arrived, `__cause__` the error, if there was one."""

    def __init__(self, result: StreamResult) -> None:
        super().__init__(f"stream {result.ending.value} after {result.chunks} chunks and {len(result.text)} characters")
        self.result = result

    @property
    def nothing_arrived(self) -> bool:
        """True before the first token: the call can be repeated without the reader noticing."""
        return self.result.first_token is None


class _Assembler:
    """Adds chunks to a StreamResult and keeps the time; the part that sync and async share."""

    def __init__(self, stall: float) -> None:
        self.result, self.stall = StreamResult(), stall
        self.began = self.since = time.monotonic()
        self.waited = 0.0  # seconds spent waiting for the server since the last token, before `since`
        self._calls: dict[tuple[int, object], ToolCall] = {}

    def left(self) -> float:
        """Seconds until the stream counts as stalled, while waiting."""
        return self.stall - self.waited - (time.monotonic() - self.since)

    def waits(self) -> None:
        self.since = time.monotonic()

    def arrived(self) -> None:
        self.waited += time.monotonic() - self.since

    def add(self, chunk: Any) -> str:
        """Take one chunk in and return the text it adds to the first choice."""
        result = self.result
        result.chunks += 1
        result.id = getattr(chunk, "id", None) or result.id
        result.model = getattr(chunk, "model", None) or result.model
        result.usage = getattr(chunk, "usage", None) or result.usage
        added = ""
        for part in chunk.choices or ():
            index = part.index or 0
            while len(result.choices) <= index:
                result.choices.append(Choice())
            choice, length = result.choices[index], len(result.choices[index].text)
            if self._merge(choice, part.delta, index) or part.finish_reason:
                self._token()
            choice.finish_reason = part.finish_reason or choice.finish_reason
            added += choice.text[length:] if index == 0 else ""
        return added

    def _token(self) -> None:
        self.waited = 0.0
        if self.result.first_token is None:
            self.result.first_token = time.monotonic() - self.began

    def _merge(self, choice: Choice, delta: Any, index: int) -> bool:
        """Whether the delta brought anything; it is None in Azure's asynchronous filter chunks."""
        content, refusal = getattr(delta, "content", None), getattr(delta, "refusal", None)
        choice.text += content or ""
        choice.refusal += refusal or ""
        calls, function = getattr(delta, "tool_calls", None) or (), getattr(delta, "function_call", None)
        for fragment in calls:
            self._extend(self._call(choice, fragment, index), fragment.function)
        if function is not None:
            choice.function_call = choice.function_call or ToolCall()
            self._extend(choice.function_call, function)
        return bool(content or refusal or calls or function)

    def _call(self, choice: Choice, fragment: Any, index: int) -> ToolCall:
        """The call a fragment belongs to: by its index, else by its id, else the last one.

        Some servers give every call the index 0, or none, and no id: a name that comes with a new id, or in place of
        one, begins a call. Others give every fragment a new id: without a name it begins nothing.
        """
        position = fragment.id if getattr(fragment, "index", None) is None else fragment.index
        last = choice.tool_calls[-1] if position is None and choice.tool_calls else None
        call, name = last or self._calls.get((index, position)), getattr(fragment.function, "name", None)
        if call is not None and name and call.name:  # the name of another call, or of this one repeated
            if call.id != fragment.id if call.id and fragment.id else last and call.name != name:
                call = None
        if call is None:
            call = self._calls[index, position] = ToolCall()
            choice.tool_calls.append(call)
        call.id = call.id or fragment.id or ""
        return call

    def _extend(self, call: ToolCall, function: Any) -> None:
        call.name = getattr(function, "name", None) or call.name  # comes whole, and some servers repeat it
        call.arguments += getattr(function, "arguments", None) or ""

    def ended(self, error: Exception | None = None, *, stalled: bool = False) -> StreamInterrupted | None:
        """Note the end of the stream; what to raise if it was not an end."""
        result = self.result
        result.seconds, result.error = time.monotonic() - self.began, error
        reasons = [choice.finish_reason for choice in result.choices]
        if reasons and None not in reasons:
            result.ending = ENDINGS.get(str(reasons[0]), Ending.COMPLETE)
            return None
        result.ending = _interruption(error, stalled=stalled)
        return StreamInterrupted(result)


def _interruption(error: Exception | None, *, stalled: bool) -> Ending:
    names = {base.__name__ for base in type(error).__mro__}  # by name: httpx, httpx2 or openai, as the case may be
    if stalled or names & {"TimeoutException", "APITimeoutError", "TimeoutError"}:
        return Ending.STALLED
    if error is None:
        return Ending.UNFINISHED
    return Ending.BROKEN if names & {"TransportError", "APIConnectionError", "OSError"} else Ending.ERROR


class _Watchdog:
    """Cuts the connection under a blocked read when the time of its assembler is up; its thread ends when idle."""

    def __init__(self, stream: object, assembler: _Assembler) -> None:
        self.response, self.assembler = getattr(stream, "response", None), assembler
        self.fired, self.armed, self._changed = False, False, threading.Condition()
        self._thread: threading.Thread | None = None

    def arm(self) -> None:
        with self._changed:
            self.armed = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="stream-watchdog", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        with self._changed:
            while self.armed and not self.fired:
                left = self.assembler.left()
                if left > 0:
                    self._changed.wait(left)
                    continue
                self.fired = True
                self._cut()
            self._thread = None

    def _cut(self) -> None:
        network = getattr(self.response, "extensions", {}).get("network_stream")
        sock = network.get_extra_info("socket") if network is not None else None
        if sock is not None:  # closing alone would not wake a thread that is blocked in recv
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def stop(self) -> None:
        with self._changed:
            self.armed, thread = False, self._thread
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():  # the collector runs in any thread
            thread.join(1.0)


class ChatStream:
    """The text of the first choice of a sync stream, piece by piece; `stall` in seconds. Iterate it once."""

    def __init__(self, stream: Iterable[Any], *, stall: float = 30.0) -> None:
        self._stream, self._assembler = stream, _Assembler(stall)
        self._watchdog = _Watchdog(stream, self._assembler)
        self._chunks = iter(stream)
        self._early: list[str] = []
        self.result = self._assembler.result

    def start(self) -> ChatStream:
        """Wait for the first token, so that a retry policy can repeat what fails before it."""
        while self.result.first_token is None and (text := self._next()) is not None:
            self._early.append(text)
        return self

    def __iter__(self) -> Iterator[str]:
        try:
            yield from filter(None, self._early)
            while (text := self._next()) is not None:
                if text:
                    yield text
        finally:
            self.close()

    def read(self) -> StreamResult:
        """Consume the rest; raises StreamInterrupted."""
        for _ in self:
            pass
        return self.result

    def _next(self) -> str | None:
        """The text of the next chunk, None at the end."""
        if self.result.ending is not Ending.OPEN:
            return None
        error: Exception | None = None
        self._assembler.waits()
        self._watchdog.arm()
        try:
            chunk = next(self._chunks)
            self._assembler.arrived()
            return self._assembler.add(chunk)
        except StopIteration:
            pass
        except Exception as failed:
            error = failed
        finally:
            self._watchdog.armed = False
        self.close()
        interrupted = self._assembler.ended(error, stalled=self._watchdog.fired)
        if interrupted is not None:
            raise interrupted from error
        return None

    def close(self) -> None:
        """Give the connection back; safe to call twice."""
        self._watchdog.stop()
        close = getattr(self._stream, "close", None)
        if close is not None:
            close()

    __del__ = close  # one that was started and then dropped would keep its thread until the stall is over

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncChatStream:
    """`ChatStream` of the async client: `async with AsyncChatStream(await client.chat.completions.create(…))`."""

    def __init__(self, stream: AsyncIterable[Any], *, stall: float = 30.0) -> None:
        self._stream, self._chunks = stream, stream.__aiter__()
        self._assembler = _Assembler(stall)
        self._early: list[str] = []
        self.result = self._assembler.result

    async def start(self) -> AsyncChatStream:
        while self.result.first_token is None and (text := await self._next()) is not None:
            self._early.append(text)
        return self

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            for text in filter(None, self._early):
                yield text
            while (piece := await self._next()) is not None:
                if piece:
                    yield piece
        finally:
            await self.close()

    async def read(self) -> StreamResult:
        async for _ in self:
            pass
        return self.result

    async def _next(self) -> str | None:
        if self.result.ending is not Ending.OPEN:
            return None
        error: Exception | None = None
        self._assembler.waits()
        # asyncio.wait and not wait_for, which before 3.12 can lose a cancellation that comes together with the chunk
        pull = asyncio.ensure_future(self._chunks.__anext__())
        try:
            done, _ = await asyncio.wait({pull}, timeout=self._assembler.left())
        finally:
            if not pull.done():
                pull.cancel()
                await asyncio.wait({pull})
        try:
            if done:
                self._assembler.arrived()
                return self._assembler.add(pull.result())
        except StopAsyncIteration:
            pass
        except Exception as failed:
            error = failed
        await self.close()
        interrupted = self._assembler.ended(error, stalled=not done)
        if interrupted is not None:
            raise interrupted from error
        return None

    async def close(self) -> None:
        close = getattr(self._stream, "close", None)
        if close is not None:
            await close()

    async def __aenter__(self) -> AsyncChatStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
