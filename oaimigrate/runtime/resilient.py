"""All of it together: one object that asks, and whose answers say what they are worth.

The one idea is the order, from the outside in: `reply` makes an answer whole, `retry` repeats an attempt that can
succeed, `breaker` lets it through or refuses it, `observe` records it, and the client of `client` sends it. The breaker
and the observer see every attempt, so an outage opens the circuit after a few attempts, not after a few exhausted
retries; an open circuit is not retried. `limit` runs many at once. It is small on purpose: copy and change it.

A fallback serves only what the service is to blame for: an open circuit, or what retries could not mend. An error of
the request itself is raised. `source` says where an answer came from; a fallback's answer is never passed off as the
model's.

Needs: openai, tenacity, aiolimiter. Imports `breaker`, `client`, `limit`, `observe`, `outcome`, `retry`.

>>> nowhere = Settings(key=lambda: "k", base_url="http://127.0.0.1:9/v1")
>>> ai = Resilient(nowhere, RetryPolicy(attempts=2, initial=0.01), fallbacks={"apology": "Please try again later."})
>>> answer = ai.ask(model="gpt-4o", messages=[{"role": "user", "content": "Say hello"}])
>>> answer.text, answer.source, type(answer.error).__name__
('Please try again later.', 'apology', 'APIConnectionError')
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .breaker import CircuitBreaker, CircuitOpen, Verdict, static_answer
from .client import Settings, get_async_client, get_client
from .limit import Outcome, run_ordered, run_sync
from .observe import Observer
from .outcome import Reply, Status, areply, read, reply
from .retry import RetryPolicy, is_retryable

Request = dict[str, Any]
Fallback = str | Callable[[Exception], Any]
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


@dataclass(frozen=True, slots=True)
class Resilient:
    """Asks the chat completions API. Share one per configuration, between threads and tasks alike.

    `fallbacks` are tried in order: a text, or a function that gets the error and returns a completion (a cached one, a
    call of another model), for the async methods maybe an awaitable of one. `continuations` and `firmer` are those of
    `outcome.reply`. The `deadline` of `retry` holds for each call that one answer takes.
    """

    settings: Settings = field(default_factory=Settings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    observer: Observer = field(default_factory=Observer)
    fallbacks: Mapping[str, Fallback] = field(default_factory=dict)
    continuations: int = 3
    firmer: int = 0

    def create(self, **request: Any) -> Any:
        """`client.chat.completions.create`, guarded; `tags={"user": …}` go to the observer.

        Give it to anything that takes a `create`: `structured.ask`, `context.complete`. Not for streams. Raises
        CircuitOpen, NoAnswer and the last error of the SDK.
        """
        completions = get_client(self.settings).chat.completions
        return self.retry.call(self.breaker.call, self._attempt, completions, **request)

    async def acreate(self, **request: Any) -> Any:
        """`create` on the async client; also raises DeadlineExceeded."""
        completions = get_async_client(self.settings).chat.completions
        return await self.retry.acall(self.breaker.acall, self._aattempt, completions, **request)

    def _attempt(self, completions: Any, **request: Any) -> Any:
        return _answered(self.observer.call(completions, **request))

    async def _aattempt(self, completions: Any, **request: Any) -> Any:
        return _answered(await self.observer.acall(completions, **request))

    def ask(self, **request: Any) -> Answered:
        """A whole answer, or a fallback's. Raises what is not the service's fault or what no fallback helps."""
        try:
            return Answered(reply(self.create, **self._options(), **request))
        except Exception as error:
            for name, fallback in self._for(error):
                if (completion := _tried(name, fallback, error)) is not None:
                    return _fallen_back(completion, name, error)
            raise

    async def aask(self, **request: Any) -> Answered:
        """`ask` on the async client."""
        try:
            return Answered(await areply(self.acreate, **self._options(), **request))
        except Exception as error:
            for name, fallback in self._for(error):
                if (completion := await _atried(name, fallback, error)) is not None:
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


def _answered(completion: Any) -> Any:
    if not getattr(completion, "choices", None):
        raise NoAnswer("the answer has no choices")
    return completion


def _fallen_back(completion: Any, name: str, error: Exception) -> Answered:
    return Answered(Reply(read(completion), (completion,)), name, error)


def _tried(name: str, fallback: Fallback, error: Exception) -> Any:
    """What the fallback gives, None if it fails too."""
    try:
        return static_answer(fallback) if isinstance(fallback, str) else fallback(error)
    except Exception as failed:
        log.info("fallback %s failed: %s", name, type(failed).__name__)
        return None


async def _atried(name: str, fallback: Fallback, error: Exception) -> Any:
    try:
        given = static_answer(fallback) if isinstance(fallback, str) else fallback(error)
        return await given if inspect.isawaitable(given) else given
    except Exception as failed:
        log.info("fallback %s failed: %s", name, type(failed).__name__)
        return None
