"""Retry calls to the OpenAI API: only what can succeed, no sooner than asked, never longer than a deadline.

The SDK retries twice by itself and honours Retry-After; it knows neither a deadline over all attempts nor streams that
break before their first token, and it repeats calls that an exhausted quota will refuse for days. This policy replaces
it: build the client with `max_retries=0`, or every attempt here is three requests (`call` refuses such a client).

- Full jitter: the wait before attempt n+1 is uniform in [0, min(maximum, initial * 2**(n-1))] seconds, so clients that
  failed together do not come back together. `retry-after-ms` and `retry-after` (seconds or a date) are a lower bound.
- `deadline` is in seconds from the first attempt to the end of the last. No wait is begun that would pass it, and each
  attempt gets `timeout=` cut to what is left. An SDK timeout limits each gap between bytes, not the whole
  request, so a sync body that drips may overrun; async attempts are cut on time (`DeadlineExceeded`).
- What can succeed is said by `errors`.
- When attempts or time run out the last error of the SDK is raised as it came.
- A request that was sent may have been served although the answer was lost: a retry can cost twice, never answer twice.

Needs: openai, tenacity. Imports `errors`. Source of the jitter:
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

>>> policy = RetryPolicy(attempts=3, initial=0.001, attempt_timeout=None)
>>> answers = iter([ConnectionError("reset"), "hello"])
>>> def ask():
...     answer = next(answers)
...     if isinstance(answer, Exception):
...         raise answer
...     return answer
>>> policy.call(ask)
'hello'
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

import openai
import tenacity

from .errors import Cause, DeadlineExceeded, classify, is_retryable, retry_after

T = TypeVar("T")
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)
log = logging.getLogger(__name__)


class StreamEndedEarly(ConnectionError):
    """A stream ended cleanly before its first token and without a finish_reason; the SDK reports nothing."""


@dataclass(frozen=True, slots=True)
class Retry:
    """What `RetryPolicy(on_retry=…)` is told before each wait: attempts made, seconds to wait, why."""

    attempt: int
    wait: float
    cause: Cause
    error: BaseException


class SyncStream(Protocol[C_co]):
    def __iter__(self) -> Iterator[C_co]: ...
    def close(self) -> None: ...


class AsyncStream(Protocol[C_co]):
    def __aiter__(self) -> AsyncIterator[C_co]: ...
    async def close(self) -> None: ...


def _default_timeout() -> openai.Timeout:
    return openai.Timeout(60.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, how long and how far apart; all times in seconds. Safe to share between threads and tasks.

    `attempt_timeout` is given to every attempt as `timeout=`, cut to what is left of the deadline: every SDK method
    takes it. None leaves the arguments alone. A server that asks for more than `max_retry_after` is not tried again.
    """

    attempts: int = 5
    deadline: float = 120.0
    initial: float = 0.5
    maximum: float = 8.0
    max_retry_after: float = 120.0
    attempt_timeout: float | openai.Timeout | None = field(default_factory=_default_timeout)
    on_retry: Callable[[Retry], None] | None = None

    def call(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """`function(*args, **kwargs)` until it succeeds, or its last error. ValueError if the client retries too."""
        run = _Run(self, function)
        return tenacity.Retrying(**run.rules())(lambda: function(*args, **run.limited(kwargs)))

    async def acall(self, function: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """`call` for a coroutine function; also raises DeadlineExceeded. A cancellation passes through at once."""
        run = _Run(self, function)

        async def attempt() -> T:
            return await run.cut(function(*args, **run.limited(kwargs)))

        return await tenacity.AsyncRetrying(**run.rules())(attempt)

    def stream(self, function: Callable[..., SyncStream[C]], /, *args: Any, **kwargs: Any) -> RetriedStream[C]:
        """Open a stream (pass `stream=True`) and wait for its first token; retry what fails before that.

        Later errors are raised as they come, for the text already shown cannot be taken back.
        """

        def attempt() -> RetriedStream[C]:
            return RetriedStream(function(*args, **run.limited(kwargs))).begin()

        run = _Run(self, function)
        return tenacity.Retrying(**run.rules())(attempt)

    async def astream(
        self, function: Callable[..., Awaitable[AsyncStream[C]]], /, *args: Any, **kwargs: Any
    ) -> AsyncRetriedStream[C]:
        """`stream` for the async client."""

        async def begin() -> AsyncRetriedStream[C]:
            return await AsyncRetriedStream(await function(*args, **run.limited(kwargs))).begin()

        async def attempt() -> AsyncRetriedStream[C]:
            return await run.cut(begin())

        run = _Run(self, function)
        return await tenacity.AsyncRetrying(**run.rules())(attempt)


class _Run:
    """One call under a policy: when it began, what is left, what failed last."""

    def __init__(self, policy: RetryPolicy, function: Callable[..., object]) -> None:
        if _retries_itself(function):
            raise ValueError("this client retries by itself; build it with max_retries=0 or every attempt is several")
        self.policy, self.ends = policy, time.monotonic() + policy.deadline
        self.last: BaseException | None = None

    def rules(self) -> dict[str, Any]:
        return {
            "retry": tenacity.retry_if_exception(self._worthwhile),
            "wait": self._wait,
            "stop": self._enough,
            "before_sleep": self._announce,
            "reraise": True,
        }

    def limited(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments with a `timeout` no longer than what is left of the deadline."""
        timeout = kwargs.get("timeout", self.policy.attempt_timeout)
        if timeout is None:
            return kwargs
        left = max(0.001, self.ends - time.monotonic())
        if isinstance(timeout, (int, float)):
            return {**kwargs, "timeout": min(timeout, left)}
        parts = {name: getattr(timeout, name) for name in ("connect", "read", "write", "pool")}
        return {
            **kwargs,
            "timeout": openai.Timeout(**{k: left if v is None else min(v, left) for k, v in parts.items()}),
        }

    async def cut(self, attempt: Awaitable[T]) -> T:
        # asyncio.wait and not wait_for, which before 3.12 loses a cancellation that comes together with the result
        task = asyncio.ensure_future(attempt)
        try:
            await asyncio.wait({task}, timeout=max(0.001, self.ends - time.monotonic()))
        except asyncio.CancelledError:
            await _dropped(task)
            raise
        if not task.done():
            await _dropped(task)
            raise DeadlineExceeded(f"no answer within {self.policy.deadline:g} s") from self.last
        return task.result()

    def _worthwhile(self, error: BaseException) -> bool:
        self.last = error
        return is_retryable(error) and (retry_after(error) or 0.0) <= self.policy.max_retry_after

    def _wait(self, state: tenacity.RetryCallState) -> float:
        ceiling = min(self.policy.maximum, self.policy.initial * 2.0 ** min(state.attempt_number - 1, 60))
        asked = retry_after(self.last) if self.last else None
        return random.uniform(0, ceiling) if asked is None else asked + random.uniform(0, self.policy.initial)

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= self.policy.attempts or time.monotonic() + state.upcoming_sleep >= self.ends

    def _announce(self, state: tenacity.RetryCallState) -> None:
        error = self.last or RuntimeError("unknown")
        news = Retry(state.attempt_number, state.upcoming_sleep, classify(error), error)
        log.info("attempt %d failed (%s); next in %.2f s", news.attempt, news.cause.value, news.wait)
        if self.policy.on_retry:
            self.policy.on_retry(news)


def _retries_itself(function: Any) -> bool:
    """Whether this is a method of a client with `max_retries`, also through `partial` and `with_raw_response`."""
    while function is not None:
        owner = getattr(function, "__self__", None)
        for client in (owner, getattr(owner, "_client", None)):
            if isinstance(client, (openai.OpenAI, openai.AsyncOpenAI)):
                return client.max_retries > 0
        function = function.func if isinstance(function, functools.partial) else getattr(function, "__wrapped__", None)
    return False


async def _dropped(task: asyncio.Future[Any]) -> None:
    """End an attempt that nobody waits for; a stream that it opened in the last moment is closed."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None:
        opened = task.result()
        if hasattr(opened, "__aiter__") and hasattr(opened, "close"):
            await opened.close()


def _is_token(chunk: object) -> bool:
    """Whether a chat chunk carries a token or an end; other objects (Responses API events) count as tokens."""
    choices = getattr(chunk, "choices", None)
    if choices is None:
        return True
    fields = ("content", "tool_calls", "function_call", "refusal", "audio")
    return any(c.finish_reason or any(getattr(c.delta, name, None) for name in fields) for c in choices)


class RetriedStream(Generic[C]):
    """A stream whose first token has arrived: iterate it, close it or use it as a context manager, once."""

    def __init__(self, stream: SyncStream[C]) -> None:
        self._stream, self._rest, self._head = stream, iter(stream), list[C]()
        self.response: Any = getattr(stream, "response", None)

    def begin(self) -> RetriedStream[C]:
        try:
            for chunk in self._rest:
                self._head.append(chunk)
                if _is_token(chunk):
                    return self
            raise StreamEndedEarly("the stream ended before its first token")
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[C]:
        try:
            yield from self._head
            yield from self._rest
        finally:
            self.close()

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> RetriedStream[C]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class AsyncRetriedStream(Generic[C]):
    """`RetriedStream` of the async client."""

    def __init__(self, stream: AsyncStream[C]) -> None:
        self._stream, self._rest, self._head = stream, stream.__aiter__(), list[C]()
        self.response: Any = getattr(stream, "response", None)

    async def begin(self) -> AsyncRetriedStream[C]:
        try:
            async for chunk in self._rest:
                self._head.append(chunk)
                if _is_token(chunk):
                    return self
            raise StreamEndedEarly("the stream ended before its first token")
        except BaseException:
            await self.close()
            raise

    async def __aiter__(self) -> AsyncIterator[C]:
        try:
            for chunk in self._head:
                yield chunk
            async for chunk in self._rest:
                yield chunk
        finally:
            await self.close()

    async def close(self) -> None:
        await self._stream.close()

    async def __aenter__(self) -> AsyncRetriedStream[C]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()
