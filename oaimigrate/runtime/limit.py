"""Many calls at once without breaking the rate limits, losing results to one failure, or holding all input in memory.

`asyncio.gather` over a thousand calls starts them all, and the first error hides every answer that was paid for.
`run_ordered` and `run_completed` keep `concurrency` calls in flight, pull the next item only when there is room, and
yield one `Outcome` per item, whether it has a value or an error.

- `Limits` holds the pace: requests and tokens per minute through aiolimiter's leaky bucket. The bucket is small (about
  one second's worth), because the API enforces its limits over periods shorter than a minute and a bucket of a minute
  would let two minutes' worth through in one. The API counts the tokens you ask for: estimate prompt + max_tokens.
- Back-pressure: at most `ahead` items (default twice the concurrency) have been pulled and not yet handed over, so a
  slow consumer slows the calls down and a huge or endless input is fine.
- A worker is a coroutine function, or a plain function that is run in one of `concurrency` threads: the sync client
  works too. `run_sync` wraps it all for a program without a loop.
- Leaving the loop early cancels what is in flight and waits for it (use `contextlib.aclosing` to be exact about when);
  a plain function that is already running in its thread runs to its end.

Needs: aiolimiter; no other module of this package. Source of the short periods:
https://platform.openai.com/docs/guides/rate-limits

>>> async def answer(question):
...     return question.upper()
>>> [outcome.value for outcome in run_sync(["a", "b", "c"], answer, concurrency=2)]
['A', 'B', 'C']
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiolimiter import AsyncLimiter

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T, R]):
    """The result of one item: `value`, or `error` if the worker raised. `index` counts the input from 0."""

    index: int
    item: T
    value: R | None = None
    error: BaseException | None = None

    def unwrap(self) -> R:
        """The value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `total` is None when the input has no length. Seconds since the start."""

    done: int
    failed: int
    total: int | None
    seconds: float


class Limits:
    """Requests and tokens per minute, shared by everything that should count together; belongs to one event loop."""

    def __init__(
        self, *, requests_per_minute: float | None = None, tokens_per_minute: float | None = None, burst: float = 1.0
    ) -> None:
        """`burst`: how many seconds' worth may go at once; the pace over any minute is the limit plus one burst."""
        self._requests = self._bucket(requests_per_minute, burst)
        self._tokens = self._bucket(tokens_per_minute, burst)

    @staticmethod
    def _bucket(per_minute: float | None, burst: float) -> AsyncLimiter | None:
        if per_minute is None:
            return None
        if per_minute <= 0 or burst <= 0:
            raise ValueError("a limit must be above 0")
        size = max(1.0, per_minute * burst / 60)
        return AsyncLimiter(size, size * 60 / per_minute)

    async def wait(self, tokens: float = 0) -> None:
        """Wait for the turn of one request that asks for `tokens`. More than the bucket holds is taken in parts."""
        if self._requests is not None:
            await self._requests.acquire()
        while self._tokens is not None and tokens > 0:
            part = min(tokens, self._tokens.max_rate)
            await self._tokens.acquire(part)
            tokens -= part


class _Run(Generic[T, R]):
    """Workers that pull items and put outcomes; the queue never holds more than `ahead` of them."""

    def __init__(
        self,
        items: Iterable[T] | AsyncIterable[T],
        worker: Callable[[T], R | Awaitable[R]],
        concurrency: int,
        limits: Limits | None,
        tokens: Callable[[T], float] | None,
        ahead: int | None,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        if concurrency < 1 or (ahead is not None and ahead < concurrency):
            raise ValueError("need concurrency >= 1 and ahead >= concurrency")
        self.items, self.worker, self.concurrency = _pulled(items), worker, concurrency
        self.limits, self.tokens, self.on_progress = limits, tokens, on_progress
        self.total = len(items) if isinstance(items, Sized) else None
        self.room = asyncio.Semaphore(ahead or 2 * concurrency)
        self.pulling = asyncio.Lock()
        self.outcomes: asyncio.Queue[Outcome[T, R] | None] = asyncio.Queue()
        self.index, self.exhausted, self.closing = 0, False, False
        self.input_error: BaseException | None = None
        self.done, self.failed, self.began = 0, 0, time.monotonic()
        self.threads: ThreadPoolExecutor | None = None
        if not inspect.iscoroutinefunction(worker) and not inspect.iscoroutinefunction(getattr(worker, "__call__", 0)):  # noqa: B004
            self.threads = ThreadPoolExecutor(concurrency, "limit")

    async def outcomes_as_completed(self) -> AsyncGenerator[Outcome[T, R], None]:
        tasks = [asyncio.create_task(self._work()) for _ in range(self.concurrency)]
        idle = 0
        try:
            while idle < len(tasks):
                outcome = await self.outcomes.get()
                if outcome is None:
                    idle += 1
                    continue
                self._report(outcome)
                yield outcome
            if self.input_error is not None:
                raise self.input_error
        finally:
            self.closing = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.threads is not None:
                self.threads.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        try:
            while True:
                await self.room.acquire()
                async with self.pulling:
                    pulled = await self._pull()
                if pulled is None:
                    return
                await self.outcomes.put(await self._one(*pulled))
        finally:
            self.room.release()  # so that the others find the end of the input
            self.outcomes.put_nowait(None)

    async def _pull(self) -> tuple[int, T] | None:
        if self.exhausted:
            return None
        try:
            item = await self.items.__anext__()
        except StopAsyncIteration:
            self.exhausted = True
            return None
        except Exception as error:  # an input that breaks ends the run after what is in flight
            self.exhausted, self.input_error = True, error
            return None
        self.index += 1
        return self.index - 1, item

    async def _one(self, index: int, item: T) -> Outcome[T, R]:
        try:
            if self.limits is not None:
                await self.limits.wait(self.tokens(item) if self.tokens else 0)
            return Outcome(index, item, await self._call(item))
        except asyncio.CancelledError as error:
            if self.closing:
                raise
            return Outcome(index, item, error=error)  # the worker cancelled itself
        except Exception as error:
            return Outcome(index, item, error=error)

    async def _call(self, item: T) -> R:
        if self.threads is not None:
            result: Any = await asyncio.get_running_loop().run_in_executor(self.threads, self.worker, item)
        else:
            result = self.worker(item)
        return await result if inspect.isawaitable(result) else result  # type: ignore[no-any-return]

    def _report(self, outcome: Outcome[T, R]) -> None:
        self.done += 1
        self.failed += outcome.error is not None
        if self.on_progress is not None:
            try:
                self.on_progress(Progress(self.done, self.failed, self.total, time.monotonic() - self.began))
            except Exception:
                log.exception("the progress callback failed")


async def _pulled(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def run_completed(
    items: Iterable[T] | AsyncIterable[T],
    worker: Callable[[T], R | Awaitable[R]],
    *,
    concurrency: int = 8,
    limits: Limits | None = None,
    tokens: Callable[[T], float] | None = None,
    ahead: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> AsyncGenerator[Outcome[T, R], None]:
    """Outcomes as they come; `tokens` estimates what an item will ask for. An error of the input is raised last."""
    run = _Run(items, worker, concurrency, limits, tokens, ahead, on_progress)
    async with aclosing(run.outcomes_as_completed()) as outcomes:
        async for outcome in outcomes:
            run.room.release()
            yield outcome


async def run_ordered(
    items: Iterable[T] | AsyncIterable[T],
    worker: Callable[[T], R | Awaitable[R]],
    *,
    concurrency: int = 8,
    limits: Limits | None = None,
    tokens: Callable[[T], float] | None = None,
    ahead: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> AsyncGenerator[Outcome[T, R], None]:
    """Outcomes in the order of the input. A slow first item holds back at most `ahead` finished ones."""
    run = _Run(items, worker, concurrency, limits, tokens, ahead, on_progress)
    waiting: dict[int, Outcome[T, R]] = {}
    wanted = 0
    async with aclosing(run.outcomes_as_completed()) as outcomes:
        async for outcome in outcomes:
            waiting[outcome.index] = outcome
            while wanted in waiting:
                run.room.release()
                yield waiting.pop(wanted)
                wanted += 1


def run_sync(
    items: Iterable[T], worker: Callable[[T], R | Awaitable[R]], *, ordered: bool = True, **options: Any
) -> list[Outcome[T, R]]:
    """All outcomes as a list, for a program without an event loop; options as for `run_ordered`.

    Limits belong to a loop: give `limits` as a function that makes them (`lambda: Limits(requests_per_minute=60)`).
    """

    async def main() -> list[Outcome[T, R]]:
        make = options.pop("limits", None)
        run = run_ordered if ordered else run_completed
        return [outcome async for outcome in run(items, worker, limits=make() if make else None, **options)]

    return asyncio.run(main())
