"""The fault server does what it says, and the whole stack comes through it with every answer, once."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import openai
import pytest

from oaimigrate.runtime.breaker import CircuitBreaker, CircuitOpen, awith_fallbacks, static_answer, with_fallbacks

from .fault_run import RATES, Stack, check, check_left_nothing, run_tasks, run_threads
from .faults import FAULTS, FaultServer, at_rates, script

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("runner", [run_threads, run_tasks])
def test_hundreds_of_calls_under_faults_none_lost_none_twice(runner: object) -> None:
    threads = set(threading.enumerate())
    numbers = range(240)
    with FaultServer(at_rates(RATES, seed=1, burst=3), keep=False) as server:
        stack = Stack(server.base_url)
        runner(stack, numbers)  # type: ignore[operator]
        check(stack, server, numbers)
        assert len(server.faults) > 10
        assert stack.breaker.snapshot().probes_in_flight == 0
        check_left_nothing(server, threads)


def test_memory_is_flat_over_rounds() -> None:
    sizes = []
    with FaultServer(at_rates({"server_error": 0.1, "reset_before": 0.1}), keep=False) as server:
        stack = Stack(server.base_url)
        for turn in range(4):
            run_threads(stack, range(turn * 40, turn * 40 + 40), threads=4)
            gc.collect()
            sizes.append(len(gc.get_objects()))
        check_left_nothing(server, set(threading.enumerate()))
    assert sizes[3] - sizes[1] < 600, sizes  # an object or two per call would be 80 or 160 and their parts


def outage(calls: int) -> tuple[list[str], list[str], dict[str, int]]:
    """Sources of the answers, transitions, and faults served during an outage that ends."""
    down = threading.Event()
    clock_seen: list[str] = []
    breaker = CircuitBreaker(minimum_calls=5, failure_rate=0.5, cooldown=0.15, probes=2)
    breaker.subscribe(lambda news: clock_seen.append(news.new.value))
    sources: list[str] = []
    with (
        FaultServer(lambda request: "server_error" if down.is_set() else "ok") as server,
        openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client,
    ):

        def ask() -> None:
            answer = with_fallbacks(
                breaker, lambda: client.chat.completions.create(**ASK), {"static": lambda error: static_answer("later")}
            )
            sources.append(answer.source)

        for _ in range(3):
            ask()
        down.set()
        for _ in range(calls):
            ask()
        down.clear()
        time.sleep(0.16)
        for _ in range(4):
            ask()
        return sources, clock_seen, dict(server.faults)


def test_an_outage_opens_the_breaker_and_its_end_closes_it() -> None:
    sources, transitions, faults = outage(calls=30)
    assert transitions == ["open", "half-open", "closed"]
    assert sources == ["primary"] * 3 + ["static"] * 30 + ["primary"] * 4
    assert faults == {"ok": 7, "server_error": 3}  # 3 of 6 failed: open; the other 27 were not sent


def test_an_outage_under_async_load_sends_only_probes() -> None:
    async def main() -> None:
        breaker = CircuitBreaker(minimum_calls=10, failure_rate=0.5, cooldown=60)
        with FaultServer(script("unavailable")) as server:
            async with openai.AsyncOpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:

                async def fallback(error: Exception) -> openai.types.chat.ChatCompletion:
                    return static_answer("later")

                for _ in range(20):
                    answers = await asyncio.gather(
                        *(
                            awith_fallbacks(breaker, lambda: client.chat.completions.create(**ASK), {"s": fallback})
                            for _ in range(5)
                        )
                    )
                    assert {answer.source for answer in answers} == {"s"}
                assert isinstance(answers[0].error, CircuitOpen)
            assert len(server.requests) == 10

    asyncio.run(main())


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_served_sync_and_accounted(fault: str) -> None:
    patience = 0.1 if fault in ("timeout", "stalled", "stalled_before") else 10  # a busy machine is no fault
    with (
        FaultServer(script(fault), tokens=2) as server,
        openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0, timeout=patience) as client,
    ):
        good = 0
        for stream in (False, True):
            try:
                answer = client.chat.completions.create(**ASK, stream=stream, extra_headers={"X-Call-Id": "c"})
                if fault == "keepalive" and stream:
                    answer.close()  # type: ignore[union-attr]
                elif stream:
                    chunks = list(answer)  # to the end: what is counted with the last event
                    good += any(c.choices and c.choices[0].finish_reason for c in chunks)
                else:
                    good += bool(getattr(answer, "choices", None))
            except Exception:
                pass
        assert server.sent == {"c": 2}
        assert server.faults == {fault: 2}
        assert server.answered["c"] == good


def test_rates_and_bursts_are_kept() -> None:
    plan = at_rates({"server_error": 0.1, "malformed": 0.2}, seed=3, burst=4)
    served = [plan(None) for _ in range(20_000)]  # type: ignore[arg-type]
    runs = "".join("x" if fault == "server_error" else " " for fault in served).split()
    assert all(len(run) % 4 == 0 for run in runs[:-1])
    assert served.count("malformed") / 20_000 == pytest.approx(0.2 / 1.3, abs=0.02)
    with pytest.raises(ValueError, match="unknown"):
        at_rates({"nonsense": 0.1})
