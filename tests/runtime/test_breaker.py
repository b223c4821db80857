"""The breaker against a model of its specification, and the ways in which other breakers get stuck."""

from __future__ import annotations

import asyncio
import gc
import json
import threading

import openai
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from oaimigrate.runtime.breaker import (
    AnswerCache,
    CircuitBreaker,
    CircuitOpen,
    Permit,
    State,
    Transition,
    Verdict,
    awith_fallbacks,
    judge,
    static_answer,
    with_fallbacks,
)

from .faults import FaultServer, script

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(**options: object) -> tuple[CircuitBreaker, Clock, list[tuple[str, str]]]:
    clock, seen = Clock(), []
    breaker = CircuitBreaker(
        **{"window": 10.0, "minimum_calls": 4, "cooldown": 5.0, "probes": 2, "probe_timeout": 20.0, **options},  # type: ignore[arg-type]
        clock=clock,
    )
    breaker.subscribe(lambda news: seen.append((news.old.value, news.new.value)))
    return breaker, clock, seen


def opened(**options: object) -> tuple[CircuitBreaker, Clock, list[tuple[str, str]]]:
    breaker, clock, seen = make(**options)
    for _ in range(4):
        breaker.acquire().failure()
    assert breaker.state is State.OPEN
    return breaker, clock, seen


class BreakerMachine(RuleBasedStateMachine):
    """A naive model: a list of all calls, a list of open permits, the rules of the docstring applied literally."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Transition] = []
        self.clock = Clock()
        self.breaker = CircuitBreaker(
            window=10,
            window_calls=6,
            minimum_calls=3,
            failure_rate=0.5,
            cooldown=5,
            probes=2,
            probe_timeout=8,
            clock=self.clock,
        )
        self.breaker.subscribe(self.heard.append)
        self.state, self.since, self.period = State.CLOSED, self.clock.now, 0
        self.calls: list[tuple[float, bool]] = []
        self.permits: list[tuple[Permit, int, float]] = []  # permit, period, when
        self.successes = 0

    def move(self, state: State) -> None:
        self.state, self.since, self.successes = state, self.clock.now, 0
        self.period += 1
        self.calls = []

    def probing(self) -> list[tuple[Permit, int, float]]:
        return [p for p in self.permits if p[1] == self.period and self.clock.now - p[2] < 8]

    @rule()
    def acquire(self) -> None:
        now = self.clock.now
        if self.state is State.OPEN and now - self.since >= 5:
            self.move(State.HALF_OPEN)
        allowed = self.state is State.CLOSED or (
            self.state is State.HALF_OPEN and len(self.probing()) + self.successes < 2
        )
        if allowed:
            self.permits.append((self.breaker.acquire(), self.period, now))
        else:
            with pytest.raises(CircuitOpen):
                self.breaker.acquire()

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), verdict=st.sampled_from(Verdict), twice=st.booleans())
    def finish(self, data: st.DataObject, verdict: Verdict, twice: bool) -> None:
        permit, period, granted = self.permits.pop(data.draw(st.integers(0, len(self.permits) - 1)))
        for _ in range(1 + twice):
            {Verdict.SUCCESS: permit.success, Verdict.FAILURE: permit.failure, Verdict.NOTHING: permit.release}[
                verdict
            ]()
        if period != self.period or verdict is Verdict.NOTHING:
            return
        failed = verdict is Verdict.FAILURE
        if self.state is State.HALF_OPEN and self.clock.now - granted >= 8:
            return  # a probe that hung has no say
        if self.state is State.CLOSED:
            self.calls.append((self.clock.now, failed))
            live = self.live()
            if len(live) >= 3 and sum(bad for _, bad in live) / len(live) >= 0.5:
                self.move(State.OPEN)
        elif failed:
            self.move(State.OPEN)
        else:
            self.successes += 1
            if self.successes == 2:
                self.move(State.CLOSED)

    def live(self) -> list[tuple[float, bool]]:
        return [call for call in self.calls[-6:] if self.clock.now - call[0] < 10]

    @precondition(lambda self: self.permits)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.permits.pop(data.draw(st.integers(0, len(self.permits) - 1)))
        gc.collect(0)

    @rule(seconds=st.sampled_from([0.5, 1, 3, 5, 9, 30]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(state=st.sampled_from([State.OPEN, State.CLOSED]))
    def force(self, state: State) -> None:
        self.breaker.force(state)
        self.move(state)

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.breaker.state is self.state
        snapshot = self.breaker.snapshot()
        live = self.live()
        assert (snapshot.calls, snapshot.failures) == (len(live), sum(bad for _, bad in live))
        assert len(self.heard) == self.period
        assert [news.number for news in self.heard] == list(range(1, self.period + 1))
        assert all(a.new is b.old for a, b in zip(self.heard, self.heard[1:], strict=False))

    def teardown(self) -> None:
        """Whatever happened, a breaker left alone for long enough closes again with two good probes."""
        self.permits.clear()
        self.clock.now += 100
        for _ in range(2):
            self.breaker.acquire().success()
        assert self.breaker.state is State.CLOSED


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, database=None)


def test_opens_probes_and_closes_as_specified() -> None:
    breaker, clock, seen = opened()
    with pytest.raises(CircuitOpen) as refused:
        breaker.call(lambda: None)
    assert refused.value.retry_after == pytest.approx(5)
    clock.now += 5
    first, second = breaker.acquire(), breaker.acquire()
    with pytest.raises(CircuitOpen):
        breaker.acquire()
    first.success()
    with pytest.raises(CircuitOpen):  # one succeeded, one in flight: no more than two probes in all
        breaker.acquire()
    second.success()
    assert seen == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]


def test_too_few_calls_and_old_failures_do_not_open() -> None:
    breaker, clock, _ = make()
    for _ in range(3):
        breaker.acquire().failure()
    clock.now += 10
    breaker.acquire().failure()
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().calls == 1


def test_a_result_from_before_the_transition_has_no_say() -> None:
    breaker, clock, _ = make()
    late_good, late_bad = breaker.acquire(), breaker.acquire()
    for _ in range(4):
        breaker.acquire().failure()
    clock.now += 5
    probe = breaker.acquire()
    late_bad.failure()
    late_good.success()
    assert breaker.snapshot().state is State.HALF_OPEN
    probe.success()
    breaker.acquire().success()
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), GeneratorExit(), TypeError("mine")])
def test_a_probe_that_ends_without_an_answer_gives_its_slot_back(error: BaseException) -> None:
    breaker, clock, _ = opened(probes=1)
    clock.now += 5

    def probe() -> None:
        raise error

    for _ in range(5):
        with pytest.raises(type(error)):
            breaker.call(probe)
    breaker.call(lambda: None)
    assert breaker.state is State.CLOSED


def test_a_cancelled_task_gives_its_probe_back() -> None:
    breaker, clock, _ = opened(probes=1)
    clock.now += 5

    async def main() -> None:
        task = asyncio.create_task(breaker.acall(asyncio.sleep, 60))
        await asyncio.sleep(0)
        assert breaker.snapshot().probes_in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await breaker.acall(asyncio.sleep, 0, "ok") == "ok"

    asyncio.run(main())
    assert breaker.state is State.CLOSED


def test_a_judge_that_raises_and_a_listener_that_raises_do_not_wedge(caplog: pytest.LogCaptureFixture) -> None:
    def bad_judge(error: Exception) -> Verdict:
        raise ZeroDivisionError

    breaker, clock, seen = make(judge=bad_judge, probes=1)
    breaker.subscribe(lambda news: 1 / 0)
    breaker.force(State.OPEN)
    clock.now += 5
    with pytest.raises(OSError, match="mine"):
        breaker.call(lambda: (_ for _ in ()).throw(OSError("mine")))
    breaker.call(lambda: None)
    assert seen[-1] == ("half-open", "closed")
    assert "judge failed" in caplog.text
    assert "listener of the breaker failed" in caplog.text


def test_listeners_may_use_the_breaker_and_unsubscribe() -> None:
    breaker, _, _ = make()
    heard: list[State] = []

    def listener(news: Transition) -> None:
        heard.append(news.new)
        if news.new is State.OPEN:
            breaker.force(State.CLOSED)

    unsubscribe = breaker.subscribe(listener)
    breaker.force(State.OPEN)
    assert heard == [State.OPEN, State.CLOSED]
    unsubscribe()
    breaker.force(State.OPEN)
    assert len(heard) == 2


def test_threads_get_no_more_probes_than_allowed_and_news_in_order() -> None:
    breaker = CircuitBreaker(minimum_calls=5, cooldown=0.0, probes=3, window=0.5)
    numbers: list[int] = []
    most, running, lock = 0, 0, threading.Lock()
    breaker.subscribe(lambda news: numbers.append(news.number))

    def work(seed: int) -> None:
        nonlocal most, running
        for turn in range(400):
            try:
                permit = breaker.acquire()
            except CircuitOpen:
                continue
            with lock:
                running += 1
                if breaker.state is State.HALF_OPEN:
                    most = max(most, breaker.snapshot().probes_in_flight)
                running -= 1
            (permit.failure if (turn * 7 + seed) % 3 else permit.success)()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 10
    assert 1 <= most <= 3
    assert breaker.snapshot().probes_in_flight == 0 or breaker.state is State.HALF_OPEN


def test_unusable_settings_are_refused() -> None:
    for options in (
        {"failure_rate": 0},
        {"probes": 0},
        {"minimum_calls": 0},
        {"minimum_calls": 20, "window_calls": 10},
    ):
        with pytest.raises(ValueError, match="need"):
            CircuitBreaker(**options)  # type: ignore[arg-type]


VERDICTS = {
    "server_error": Verdict.FAILURE,
    "request_timeout": Verdict.FAILURE,
    "quota": Verdict.FAILURE,
    "reset_before": Verdict.FAILURE,
    "timeout": Verdict.FAILURE,
    "malformed": Verdict.FAILURE,
    "rate_limit": Verdict.NOTHING,
    "bad_request": Verdict.SUCCESS,
    "unauthorised": Verdict.SUCCESS,
}


@pytest.mark.parametrize(("fault", "verdict"), VERDICTS.items())
def test_errors_of_the_sdk_are_judged(fault: str, verdict: Verdict) -> None:
    with (
        FaultServer(script(fault)) as server,
        openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0, timeout=0.2) as client,
        pytest.raises((openai.OpenAIError, json.JSONDecodeError)) as raised,
    ):
        client.chat.completions.create(**ASK)
    assert judge(raised.value) is verdict


@pytest.mark.parametrize("fault", ["stream_reset", "error_event", "stalled"])
def test_errors_in_the_middle_of_a_stream_are_failures(fault: str) -> None:
    with (
        FaultServer(script(fault)) as server,
        openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0, timeout=0.2) as client,
        client.chat.completions.create(**ASK, stream=True) as stream,
        pytest.raises(Exception) as raised,  # noqa: PT011 - raw httpx errors in 1.x and 2.x
    ):
        list(stream)
    assert judge(raised.value) is Verdict.FAILURE


def test_fallbacks_cached_answer_other_model_static_text() -> None:
    breaker, _, _ = make(minimum_calls=1)
    cache: AnswerCache[str] = AnswerCache()

    def down() -> str:
        raise ConnectionError

    def other(error: Exception) -> str:
        raise TimeoutError("the other model is down too")

    chain = {"cache": lambda error: cache.recall("q"), "other": other, "static": lambda error: "sorry"}
    assert with_fallbacks(breaker, lambda: "fine", chain).source == "primary"
    answer = with_fallbacks(breaker, down, chain)
    assert (answer.value, answer.source) == ("sorry", "static")
    cache.remember("q", "as before")
    breaker.force(State.OPEN)
    answer = with_fallbacks(breaker, lambda: pytest.fail("called while open"), chain)
    assert (answer.value, answer.source) == ("as before", "cache")
    assert isinstance(answer.error, CircuitOpen)
    with pytest.raises(CircuitOpen):
        with_fallbacks(breaker, down, {"other": other})


def test_an_error_of_the_request_is_not_papered_over() -> None:
    breaker, _, _ = make()
    with pytest.raises(TypeError):
        with_fallbacks(breaker, lambda: len(3), {"static": lambda error: 0})  # type: ignore[arg-type]


def test_async_fallbacks_to_another_client_over_http() -> None:
    async def main() -> None:
        breaker = CircuitBreaker(minimum_calls=1)
        with FaultServer(script("server_error")) as bad, FaultServer() as good:
            one = openai.AsyncOpenAI(api_key="k", base_url=bad.base_url, max_retries=0)
            two = openai.AsyncOpenAI(api_key="k", base_url=good.base_url, max_retries=0)

            async def other(error: Exception) -> object:
                return await two.chat.completions.create(**ASK)

            for _ in range(3):
                answer = await awith_fallbacks(breaker, lambda: one.chat.completions.create(**ASK), {"other": other})
                assert answer.value.choices[0].message.content == "echo hi"
                assert answer.source == "other"
            assert (len(bad.requests), len(good.requests)) == (1, 3)
            await one.close()
            await two.close()

    asyncio.run(main())


def test_a_static_answer_reads_like_a_completion() -> None:
    answer = static_answer("closed today")
    assert answer.choices[0].message.content == "closed today"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is None


def test_the_cache_forgets_old_and_excess_answers() -> None:
    clock = Clock()
    cache: AnswerCache[int] = AnswerCache(size=2, max_age=10, clock=clock)
    for key in range(3):
        cache.remember(key, key)
    with pytest.raises(KeyError):
        cache.recall(0)
    assert cache.recall(1) == 1
    clock.now += 11
    with pytest.raises(KeyError):
        cache.recall(1)
