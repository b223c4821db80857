"""Order, isolation of failures, back-pressure, pace and clean ends of bounded concurrency."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oaimigrate.runtime.limit import Limits, Outcome, Progress, run_completed, run_ordered, run_sync
from oaimigrate.runtime.retry import RetryPolicy

from .faults import FaultServer, at_rates


@given(
    delays=st.lists(st.sampled_from([0.0, 0.0005, 0.001, None]), max_size=25),
    concurrency=st.integers(1, 6),
    extra=st.integers(0, 6),
    ordered=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_every_item_has_one_outcome_and_the_bounds_hold(
    delays: list[float | None], concurrency: int, extra: int, ordered: bool
) -> None:
    running = most = pulled = delivered = furthest = 0

    def items() -> Iterator[float | None]:
        nonlocal pulled, furthest
        for delay in delays:
            pulled += 1
            furthest = max(furthest, pulled - delivered)
            yield delay

    async def worker(delay: float | None) -> float:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(delay or 0)
            if delay is None:
                raise LookupError("on purpose")
            return delay
        finally:
            running -= 1

    async def main() -> list[Outcome[float | None, float]]:
        nonlocal delivered
        found = []
        run = run_ordered if ordered else run_completed
        async for outcome in run(items(), worker, concurrency=concurrency, ahead=concurrency + extra):
            delivered += 1
            found.append(outcome)
        assert len(asyncio.all_tasks()) == 1
        return found

    found = asyncio.run(main())
    indexes = [outcome.index for outcome in found]
    assert (indexes if ordered else sorted(indexes)) == list(range(len(delays)))
    assert all((o.error is None) == (delays[o.index] is not None) and o.item == delays[o.index] for o in found)
    assert most <= concurrency
    assert furthest <= concurrency + extra + 1


def test_results_come_as_they_complete_or_in_order() -> None:
    async def worker(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    assert [o.value for o in run_sync([0.05, 0.0, 0.02], worker, ordered=False)] == [0.0, 0.02, 0.05]
    assert [o.value for o in run_sync([0.05, 0.0, 0.02], worker)] == [0.05, 0.0, 0.02]


def test_an_endless_input_is_pulled_only_as_far_as_consumed_and_dropped_cleanly() -> None:
    pulled = 0
    cancelled = 0

    def endless() -> Iterator[int]:
        nonlocal pulled
        while True:
            pulled += 1
            yield pulled

    async def worker(n: int) -> int:
        nonlocal cancelled
        try:
            await asyncio.sleep(0.001 if n < 30 else 60)
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return n

    async def main() -> None:
        async with aclosing(run_ordered(endless(), worker, concurrency=4, ahead=8)) as outcomes:
            async for outcome in outcomes:
                await asyncio.sleep(0.002)
                assert pulled - outcome.index <= 10
                if outcome.index == 20:
                    break
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert cancelled <= 4


def test_an_input_that_breaks_is_reported_after_what_was_in_flight() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise OSError("disk")

    async def worker(n: int) -> int:
        await asyncio.sleep(0.005)
        return n

    async def main() -> None:
        seen: list[int | None] = []

        async def consume() -> None:
            async for outcome in run_ordered(items(), worker):
                seen.append(outcome.value)

        with pytest.raises(OSError, match="disk"):
            await consume()
        assert seen == [1, 2]

    asyncio.run(main())


def test_a_worker_that_cancels_itself_is_one_failure_and_a_real_cancellation_passes() -> None:
    async def worker(n: int) -> int:
        if n == 1:
            raise asyncio.CancelledError
        await asyncio.sleep(0 if n < 3 else 60)
        return n

    outcomes = run_sync([0, 1, 2], worker, concurrency=1)
    assert [type(o.error) for o in outcomes] == [type(None), asyncio.CancelledError, type(None)]
    with pytest.raises(asyncio.CancelledError):
        outcomes[1].unwrap()
    assert outcomes[2].unwrap() == 2

    async def main() -> None:
        async def consume() -> None:
            async for _ in run_ordered([3], worker):
                pass

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_plain_functions_run_in_threads_that_end() -> None:
    names: set[str] = set()

    def worker(n: int) -> int:
        names.add(threading.current_thread().name)
        time.sleep(0.02)
        return n * n

    started = time.monotonic()
    assert [o.value for o in run_sync(range(8), worker, concurrency=4)] == [n * n for n in range(8)]
    assert time.monotonic() - started < 0.15
    assert all(name.startswith("limit") for name in names)
    end = time.monotonic() + 2
    while any(t.name.startswith("limit") for t in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(t.name.startswith("limit") for t in threading.enumerate())


def test_progress_is_told_and_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Progress] = []

    def note(progress: Progress) -> None:
        told.append(progress)
        raise ZeroDivisionError

    def worker(n: int) -> float:
        return 1 / n

    run_sync([1, 0, 2], worker, on_progress=note)
    assert [(p.done, p.total) for p in told] == [(1, 3), (2, 3), (3, 3)]
    assert told[-1].failed == 1
    assert "progress callback failed" in caplog.text


@pytest.mark.parametrize("kind", ["requests", "tokens"])
def test_the_pace_holds_over_any_window(kind: str) -> None:
    starts: list[float] = []

    async def worker(n: int) -> None:
        starts.append(time.monotonic())

    async def main() -> None:
        limits = (
            Limits(requests_per_minute=3000, burst=0.1)  # 50 a second, 5 at once
            if kind == "requests"
            else Limits(tokens_per_minute=30_000, burst=0.1)  # 500 a second, 50 at once
        )
        run = run_completed(range(45), worker, concurrency=20, limits=limits, tokens=lambda n: 10)
        async for _ in run:
            pass

    asyncio.run(main())
    assert starts[-1] - starts[0] > (45 - 6) / 50
    for first, last in zip(starts, starts[15:], strict=False):
        assert last - first > (15 - 6) / 50 * 0.8


def test_a_request_larger_than_the_bucket_still_passes() -> None:
    async def main() -> float:
        limits = Limits(tokens_per_minute=60_000, burst=0.05)  # 1000 a second, 50 at once
        started = time.monotonic()
        await limits.wait(250)
        return time.monotonic() - started

    assert 0.15 < asyncio.run(main()) < 0.6


def test_unusable_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Limits(requests_per_minute=0)
    with pytest.raises(ValueError, match="concurrency"):
        run_sync([1], str, concurrency=0)


def test_a_batch_through_faults_loses_nothing() -> None:
    policy = RetryPolicy(attempts=20, initial=0.001, maximum=0.01)

    async def main(server: FaultServer) -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:

            async def ask(n: int) -> str | None:
                answer = await policy.acall(
                    client.chat.completions.create,
                    model="m",
                    messages=[{"role": "user", "content": f"q{n}"}],
                    extra_headers={"X-Call-Id": str(n)},
                )
                return answer.choices[0].message.content

            async for outcome in run_ordered(range(60), ask, concurrency=10):
                assert outcome.unwrap() == f"echo q{outcome.index}"

    with FaultServer(at_rates({"server_error": 0.1, "reset_before": 0.1, "malformed": 0.1}, burst=2)) as server:
        asyncio.run(main(server))
        assert sorted(server.answered) == sorted(map(str, range(60)))
        assert set(server.answered.values()) == {1}
