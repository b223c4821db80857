"""All of it together: one object that asks, and whose answers say what they are worth.

The one idea is the order, from the outside in: `reply` makes an answer whole, `retry` repeats an attempt that can
succeed, `breaker` lets it through or refuses it, `observe` records it, and the client of `client` sends it. The breaker
and the observer see every attempt, so an outage opens the circuit after a few attempts, not after a few exhausted
retries; an open circuit is not retried. `limit` runs many at once. It is small on purpose: copy and change it.

`stream` gives the text as it comes. What fails before the first token is retried or answered by a fallback; what fails
later is raised as `StreamInterrupted`, for the text already shown cannot be taken back. The breaker judges the whole
stream, not only its opening.

A fallback serves only what the service is to blame for: an open circuit, or what retries could not mend. An error of
the request itself is raised. `source` says where an answer came from; a fallback's answer is never passed off as the
model's.

Needs: openai, tenacity, aiolimiter. Imports `breaker`, `client`, `errors`, `limit`, `observe`, `outcome`, `retry`,
`stream`.

>>> nowhere = Settings(key=lambda: "k", base_url="http://127.0.0.1:9/v1")
>>> ai = Resilient(nowhere, RetryPolicy(attempts=2, initial=0.01), fallbacks={"apology": "Please try again later."})
>>> answer = ai.ask(model="gpt-4o", messages=[{"role": "user", "content": "Say hello"}])
>>> answer.text, answer.source, type(answer.error).__name__
('Please try again later.', 'apology', 'APIConnectionError')
"""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace, TracebackType
from typing import Any

from .breaker import CircuitBreaker, CircuitOpen, Permit, Verdict, static_answer
from .client import Settings, get_async_client, get_client
from .errors import is_retryable
from .limit import Outcome, run_ordered, run_sync
from .observe import Observer
from .outcome import Reply, Status, areply, read, reply
from .retry import RetryPolicy
from .stream import AsyncChatStream, ChatStream, StreamResult

Request = dict[str, Any]
Fallback = str | Callable[[Exception, Request], Any]
log = logging.getLogger(__name__)


class NoAnswer(ConnectionError):
    """HTTP 200 without a choice in it, such as a proxy's page: retried like a broken connection."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer and where it came from: "primary", or the name of the fallback with the error that led there."""

    reply: Reply
    source: str = "primary"
    error: Exception | None = None

    @property
    def text(self) -> str:
        """What arrived; see `status` before using it."""
        return self.reply.outcome.text

    @property
    def status(self) -> Status:
        return self.reply.outcome.status


class AnswerStream:
    """The text of an answer as it comes: `for text in stream`, once; closed at its end, in a `with` block or not.

    `source` and `error` are those of `Answered`; `result` is what has arrived so far, with how it ended.
    """

    def __init__(self, text: ChatStream, permit: Permit | None, source: str, error: Exception | None = None) -> None:
        self._text, self._permit, self.source, self.error = text, permit, source, error

    @property
    def result(self) -> StreamResult:
        return self._text.result

    def __iter__(self) -> Iterator[str]:
        with self._permit or contextlib.nullcontext():
            yield from self._text

    def close(self) -> None:
        self._text.close()
        if self._permit:
            self._permit.release()  # does nothing where the stream has ended

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class AsyncAnswerStream:
    """`AnswerStream` of the async client: `async for text in await ai.astream(…)`."""

    def __init__(
        self, text: AsyncChatStream, permit: Permit | None, source: str, error: Exception | None = None
    ) -> None:
        self._text, self._permit, self.source, self.error = text, permit, source, error

    @property
    def result(self) -> StreamResult:
        return self._text.result

    async def __aiter__(self) -> AsyncIterator[str]:
        with self._permit or contextlib.nullcontext():
            async for text in self._text:
                yield text

    async def close(self) -> None:
        await self._text.close()
        if self._permit:
            self._permit.release()

    async def __aenter__(self) -> AsyncAnswerStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()


@dataclass(frozen=True, slots=True)
class Resilient:
    """Asks the chat completions API. Share one per configuration, between threads and tasks alike.

    `fallbacks` are tried in order: a text, or a function of the error and the request that returns a completion (one
    from a cache, a call of another model), for the async methods maybe an awaitable of one. `continuations` and
    `firmer` are those of `outcome.reply`. The `deadline` of `retry` holds for each call that one answer takes. `stall`:
    seconds without a token after which a stream is cut.
    """

    settings: Settings = field(default_factory=Settings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    observer: Observer = field(default_factory=Observer)
    fallbacks: Mapping[str, Fallback] = field(default_factory=dict)
    continuations: int = 3
    firmer: int = 0
    stall: float = 30.0

    def create(self, **request: Any) -> Any:
        """`client.chat.completions.create`, guarded; `tags={"user": …}` go to the observer.

        Give it to anything that takes a `create`: `structured.ask`, `context.complete`. Raises CircuitOpen, NoAnswer,
        the last error of the SDK, and ValueError for `stream=True`: that is `stream`.
        """
        _whole(request)
        completions = get_client(self.settings).chat.completions
        return self.retry.call(self.breaker.call, self._attempt, completions, **request)

    async def acreate(self, **request: Any) -> Any:
        """`create` on the async client; also raises DeadlineExceeded."""
        _whole(request)
        completions = get_async_client(self.settings).chat.completions
        return await self.retry.acall(self.breaker.acall, self._aattempt, completions, **request)

    def _attempt(self, completions: Any, **request: Any) -> Any:
        return _answered(self.observer.call(completions, **request))

    async def _aattempt(self, completions: Any, **request: Any) -> Any:
        return _answered(await self.observer.acall(completions, **request))

    def stream(self, **request: Any) -> AnswerStream:
        """The text of an answer as it comes, once its first token is there, or a fallback's.

        Raises what `ask` raises; reading it raises StreamInterrupted, whose `result` has what had arrived.
        """
        completions = get_client(self.settings).chat.completions

        def attempt(**request: Any) -> AnswerStream:
            permit = self.breaker.acquire()
            try:
                chunks = self.observer.stream(completions, **request)
                return AnswerStream(ChatStream(chunks, stall=self.stall).start(), permit, "primary")
            except BaseException as error:
                permit.__exit__(type(error), error, error.__traceback__)
                raise

        try:
            return self.retry.call(attempt, **_streamed(request))
        except Exception as error:
            for name, fallback in self._for(error):
                if (completion := _tried(name, fallback, error, request)) is not None:
                    return AnswerStream(ChatStream(_chunks(completion)), None, name, error)
            raise

    async def astream(self, **request: Any) -> AsyncAnswerStream:
        """`stream` on the async client."""
        completions = get_async_client(self.settings).chat.completions

        async def attempt(**request: Any) -> AsyncAnswerStream:
            permit = self.breaker.acquire()
            try:
                chunks = await self.observer.astream(completions, **request)
                return AsyncAnswerStream(await _started(AsyncChatStream(chunks, stall=self.stall)), permit, "primary")
            except BaseException as error:
                permit.__exit__(type(error), error, error.__traceback__)
                raise

        try:
            return await self.retry.acall(attempt, **_streamed(request))
        except Exception as error:
            for name, fallback in self._for(error):
                if (completion := await _atried(name, fallback, error, request)) is not None:
                    return AsyncAnswerStream(AsyncChatStream(_achunks(completion)), None, name, error)
            raise

    def ask(self, **request: Any) -> Answered:
        """A whole answer, or a fallback's. Raises what is not the service's fault or what no fallback helps."""
        try:
            return Answered(reply(self.create, **self._options(), **request))
        except Exception as error:
            for name, fallback in self._for(error):
                if (completion := _tried(name, fallback, error, request)) is not None:
                    return _fallen_back(completion, name, error)
            raise

    async def aask(self, **request: Any) -> Answered:
        """`ask` on the async client."""
        try:
            return Answered(await areply(self.acreate, **self._options(), **request))
        except Exception as error:
            for name, fallback in self._for(error):
                if (completion := await _atried(name, fallback, error, request)) is not None:
                    return _fallen_back(completion, name, error)
            raise

    def ask_many(self, requests: Iterable[Request], **options: Any) -> list[Outcome[Request, Answered]]:
        """An outcome per request, in order, with its answer or its error; options are those of `limit.run_sync`."""

        def one(request: Request) -> Answered:
            return self.ask(**request)

        return run_sync(requests, one, **options)

    def aask_many(
        self, requests: Iterable[Request], **options: Any
    ) -> AsyncGenerator[Outcome[Request, Answered], None]:
        """`async for outcome in …`, in order, as they are ready; options are those of `limit.run_ordered`."""

        async def one(request: Request) -> Answered:
            return await self.aask(**request)

        return run_ordered(requests, one, **options)

    def _options(self) -> dict[str, int]:
        return {"continuations": self.continuations, "firmer": self.firmer}

    def _for(self, error: Exception) -> Iterable[tuple[str, Fallback]]:
        """The fallbacks, if the service is to blame for the error."""
        blamed = isinstance(error, CircuitOpen) or is_retryable(error) or self.breaker.judge(error) is Verdict.FAILURE
        return self.fallbacks.items() if blamed else ()


def _whole(request: Request) -> None:
    if request.get("stream"):
        raise ValueError("a whole answer only; `stream` and `astream` give the text as it comes")


def _streamed(request: Request) -> Request:
    if (request.get("n") or 1) != 1:
        raise ValueError("one answer at a time: drop `n`")
    return {**request, "stream": True}


async def _started(stream: AsyncChatStream) -> AsyncChatStream:
    """The stream with its first token; closed if that never comes or nobody waits for it any more."""
    try:
        return await stream.start()
    except BaseException:
        await stream.close()
        raise


def _chunks(completion: Any) -> Iterator[Any]:
    """A whole completion in the form of a stream of one chunk."""
    parts = [SimpleNamespace(index=c.index, delta=c.message, finish_reason=c.finish_reason) for c in completion.choices]
    yield SimpleNamespace(id=completion.id, model=completion.model, choices=parts, usage=completion.usage)


async def _achunks(completion: Any) -> AsyncIterator[Any]:
    for chunk in _chunks(completion):
        yield chunk


def _answered(completion: Any) -> Any:
    if not getattr(completion, "choices", None):
        raise NoAnswer("the answer has no choices")
    return completion


def _fallen_back(completion: Any, name: str, error: Exception) -> Answered:
    return Answered(Reply(read(completion), (completion,)), name, error)


def _tried(name: str, fallback: Fallback, error: Exception, request: Request) -> Any:
    """What the fallback gives, None if it fails too."""
    try:
        return static_answer(fallback) if isinstance(fallback, str) else fallback(error, request)
    except Exception as failed:
        log.info("fallback %s failed: %s", name, type(failed).__name__)
        return None


async def _atried(name: str, fallback: Fallback, error: Exception, request: Request) -> Any:
    try:
        given = static_answer(fallback) if isinstance(fallback, str) else fallback(error, request)
        return await given if inspect.isawaitable(given) else given
    except Exception as failed:
        log.info("fallback %s failed: %s", name, type(failed).__name__)
        return None
