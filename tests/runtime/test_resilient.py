"""The composition under faults: real SDK, real HTTP, every question answered with its own answer or an error."""

from __future__ import annotations

import asyncio
import doctest
import gc
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from oaimigrate.runtime import resilient
from oaimigrate.runtime.breaker import CircuitBreaker, CircuitOpen, State
from oaimigrate.runtime.client import Settings, close_clients
from oaimigrate.runtime.context import Plan, complete
from oaimigrate.runtime.observe import Observer
from oaimigrate.runtime.outcome import Status
from oaimigrate.runtime.resilient import Answered, NoAnswer, Resilient
from oaimigrate.runtime.retry import RetryPolicy
from oaimigrate.runtime.stream import Ending, StreamInterrupted
from oaimigrate.runtime.structured import ANY_OBJECT
from oaimigrate.runtime.structured import ask as ask_structured

from .answers import AnswerServer, says
from .faults import FaultServer, at_rates, script

FAST = RetryPolicy(attempts=10, initial=0.002, maximum=0.01, deadline=60, attempt_timeout=0.5)
PATIENT = replace(FAST, attempt_timeout=2.0)  # a busy machine must not pass for a fault
CALLS = 120
RATES = {
    "rate_limit": 0.05,
    "server_error": 0.05,
    "timeout": 0.005,
    "reset_before": 0.03,
    "reset_in_body": 0.03,
    "malformed": 0.03,
    "empty_choices": 0.03,
    "html": 0.03,
}


def key() -> str:
    return "k"


@pytest.fixture(autouse=True)
def _closed() -> Any:
    yield
    close_clients()


def ai_for(server: Any, **options: Any) -> Resilient:
    return Resilient(Settings(key=key, base_url=server.base_url), **{"retry": FAST, **options})


def question(number: int, **extra: Any) -> dict[str, Any]:
    call = {"extra_headers": {"x-call-id": str(number)}, **extra}
    return {"model": "m", "messages": [{"role": "user", "content": f"q{number}"}], **call}


def in_loop(ai: Resilient, **request: Any) -> Answered:
    return asyncio.run(ai.aask(**request))


def in_thread(ai: Resilient, **request: Any) -> Answered:
    return ai.ask(**request)


BOTH = pytest.mark.parametrize("asking", [in_thread, in_loop])


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(resilient).failed == 0


@BOTH
def test_an_answer_is_whole_and_says_where_it_came_from(asking: Any) -> None:
    with FaultServer() as server:
        answer = asking(ai_for(server), **question(1))
    assert (answer.text, answer.status, answer.source) == ("echo q1", Status.COMPLETE, "primary")


@pytest.mark.parametrize("many", ["threads", "tasks"])
def test_under_faults_every_question_gets_its_own_answer_once(many: str) -> None:
    before = threading.active_count()
    seen: list[Any] = []
    with FaultServer(at_rates(RATES, seed=4)) as server:
        breaker = CircuitBreaker(failure_rate=0.9, minimum_calls=50)
        ai = ai_for(server, retry=PATIENT, breaker=breaker, observer=Observer(seen.append))
        requests = [question(n, tags={"user": f"u{n % 3}"}) for n in range(CALLS)]
        if many == "threads":
            outcomes = ai.ask_many(requests, concurrency=8)
        else:

            async def collect() -> list[Any]:
                return [outcome async for outcome in ai.aask_many(requests, concurrency=8)]

            outcomes = asyncio.run(collect())
    assert [outcome.unwrap().text for outcome in outcomes] == [f"echo q{n}" for n in range(CALLS)]
    gave_up = sum(record.error == "APITimeoutError" for record in seen)
    late = gave_up - server.faults["timeout"]  # a busy machine was slower than `attempt_timeout`: none, else few
    assert set(server.answered) == set(map(str, range(CALLS)))
    assert CALLS <= sum(server.answered.values()) == server.faults["ok"] <= CALLS + late
    assert len(seen) - late <= sum(server.sent.values()) == sum(server.faults.values()) <= len(seen)
    assert sum(record.error is not None for record in seen) <= len(seen) - CALLS
    assert {tags: totals.calls for tags, totals in ai.observer.ledger.totals().items()}.keys() == {
        ("user", "u0"),
        ("user", "u1"),
        ("user", "u2"),
    }
    ends = time.monotonic() + 10  # a pool's threads end a moment after the run
    while threading.active_count() > before and time.monotonic() < ends:
        time.sleep(0.01)
    assert threading.active_count() <= before


@BOTH
def test_an_outage_opens_the_circuit_and_a_fallback_answers(asking: Any) -> None:
    breaker = CircuitBreaker(minimum_calls=5, cooldown=60)
    with FaultServer(script("server_error")) as server:
        ai = ai_for(
            server, breaker=breaker, fallbacks={"broken": lambda error, request: 1 / 0, "static": "Later, please."}
        )
        answers = [asking(ai, **question(n)) for n in range(10)]
    assert breaker.state is State.OPEN
    assert sum(server.sent.values()) == 5
    assert {(a.text, a.source, a.status) for a in answers} == {("Later, please.", "static", Status.COMPLETE)}
    assert isinstance(answers[-1].error, CircuitOpen)


def test_the_circuit_closes_again_when_the_service_is_back() -> None:
    clock = [0.0]
    breaker = CircuitBreaker(minimum_calls=3, cooldown=5, probes=1, clock=lambda: clock[0])
    with FaultServer(script("server_error", "server_error", "server_error", "ok")) as server:
        ai = ai_for(server, breaker=breaker)
        for _ in range(2):
            with pytest.raises(CircuitOpen):
                ai.ask(**question(1))
        clock[0] = 6.0
        assert ai.ask(**question(2)).text == "echo q2"
    assert (breaker.state, sum(server.sent.values())) == (State.CLOSED, 4)


@BOTH
@pytest.mark.parametrize(
    ("fault", "error"), [("bad_request", openai.BadRequestError), ("unauthorised", openai.AuthenticationError)]
)
def test_an_error_of_the_request_is_raised_past_the_fallbacks(asking: Any, fault: str, error: type[Exception]) -> None:
    with FaultServer(script(fault)) as server, pytest.raises(error):
        asking(ai_for(server, fallbacks={"static": "never"}), **question(1))


@BOTH
def test_if_no_fallback_helps_the_error_is_raised(asking: Any) -> None:
    with FaultServer(script("quota")) as server, pytest.raises(openai.RateLimitError):
        asking(ai_for(server, fallbacks={"broken": lambda error, request: {}["x"]}), **question(1))
    assert sum(server.sent.values()) == 1


def test_an_answer_without_choices_is_retried_then_raised() -> None:
    with FaultServer(script("empty_choices", "html", "ok")) as server:
        assert ai_for(server).ask(**question(1)).text == "echo q1"
    with FaultServer(script("empty_choices")) as server, pytest.raises(NoAnswer):
        ai_for(server).ask(**question(1))
    assert sum(server.sent.values()) == FAST.attempts


def test_an_async_fallback_may_be_awaited_and_gets_error_and_request() -> None:
    seen: list[Exception] = []

    async def other(error: Exception, request: dict[str, Any]) -> Any:
        seen.append(error)
        return await ai_for(spare).acreate(**{**request, "model": "spare"})

    with FaultServer(script("server_error")) as server, FaultServer() as spare:
        answer = in_loop(ai_for(server, fallbacks={"spare": other}), **question(7))
    assert (answer.text, answer.source, answer.error) == ("echo q7", "spare", seen[0])
    assert isinstance(seen[0], openai.InternalServerError)
    assert spare.requests[0].body["model"] == "spare"


@BOTH
def test_a_cut_answer_is_continued(asking: Any) -> None:
    with AnswerServer(says("one ", "length"), says("two")) as server:
        assert asking(ai_for(server), **question(1)).text == "one two"


def test_the_guarded_create_serves_the_other_modules() -> None:
    with AnswerServer(says("{"), says('{"a": 1}'), says("fits")) as server:
        ai = ai_for(server)
        assert ask_structured(ai.create, ANY_OBJECT, **question(1)).value == {"a": 1}
        assert complete(ai.create, Plan(), **question(2)).completion.choices[0].message.content == "fits"
    assert len(server.asked) == 3


# --- streams ---------------------------------------------------------------------------------------------------------


def told(ai: Resilient, **request: Any) -> tuple[str, Any]:
    stream = ai.stream(**request)
    return "".join(stream), stream


def atold(ai: Resilient, **request: Any) -> tuple[str, Any]:
    async def main() -> tuple[str, Any]:
        stream = await ai.astream(**request)
        return "".join([text async for text in stream]), stream

    return asyncio.run(main())


TOLD = pytest.mark.parametrize("telling", [told, atold])


@TOLD
@pytest.mark.parametrize("fault", ["server_error", "reset_before", "stalled_before", "rate_limit"])
def test_a_stream_is_retried_until_its_first_token(telling: Any, fault: str) -> None:
    seen: list[Any] = []
    with FaultServer(script(fault, "ok")) as server:
        text, stream = telling(
            ai_for(server, observer=Observer(seen.append), stall=0.2), **question(3, tags={"u": "1"})
        )
        assert text == stream.result.text == "echo q3"
        assert (stream.source, stream.error, stream.result.usage.completion_tokens) == ("primary", None, 4)
        assert server.sent == {"3": 2}
    assert (len(seen), seen[1].input_tokens, seen[1].tags) == (2, 7, {"u": "1"})


@TOLD
@pytest.mark.parametrize("fault", ["truncated", "stream_reset", "stalled", "keepalive", "error_event"])
def test_a_stream_that_breaks_later_says_what_had_arrived_and_counts_as_a_failure(telling: Any, fault: str) -> None:
    breaker = CircuitBreaker()
    with FaultServer(script(fault)) as server:
        with pytest.raises(StreamInterrupted) as raised:
            telling(ai_for(server, breaker=breaker, stall=0.2), **question(3))
        assert sum(server.sent.values()) == 1
    assert raised.value.result.text == "echo"
    assert (breaker.snapshot().calls, breaker.snapshot().failures) == (1, 1)


@TOLD
def test_an_outage_opens_the_circuit_for_streams_and_a_fallback_is_told(telling: Any) -> None:
    breaker = CircuitBreaker(minimum_calls=3, cooldown=60)
    with FaultServer(script("server_error")) as server, FaultServer() as spare:
        other = ai_for(spare)
        ai = ai_for(server, breaker=breaker, fallbacks={"spare": lambda error, request: other.create(**request)})
        answers = [telling(ai, **question(n)) for n in range(4)]
        assert sum(server.sent.values()) == 3
    assert [text for text, _ in answers] == ["echo q0", "echo q1", "echo q2", "echo q3"]
    assert {stream.source for _, stream in answers} == {"spare"}
    assert isinstance(answers[3][1].error, CircuitOpen)
    assert answers[3][1].result.ending is Ending.COMPLETE
    assert telling(ai_for(server, breaker=breaker, fallbacks={"s": "Later."}), **question(9))[0] == "Later."


@pytest.mark.parametrize("leave", ["break", "close", "unread"])
def test_a_stream_left_early_frees_connection_and_probe_and_says_nothing_of_the_service(leave: str) -> None:
    breaker = CircuitBreaker(minimum_calls=1, cooldown=0.01, probes=1)
    with FaultServer(interval=0.02) as server:
        ai = ai_for(server, breaker=breaker)
        breaker.force(State.OPEN)
        time.sleep(0.02)
        with ai.stream(**question(1)) as stream:
            assert breaker.snapshot().probes_in_flight == 1
            if leave != "unread":
                next(iter(stream))
            if leave == "close":
                stream.close()
        gc.collect()
        assert (breaker.state, breaker.snapshot().probes_in_flight) == (State.HALF_OPEN, 0)
        ends = time.monotonic() + 3
        while server.connections and time.monotonic() < ends:
            time.sleep(0.01)
        assert server.connections == 0
        assert ai.ask(**question(2)).text == "echo q2"
    assert breaker.state is State.CLOSED


def test_a_cancelled_stream_gives_its_probe_and_its_connection_back() -> None:
    breaker = CircuitBreaker(minimum_calls=1, cooldown=0.0, probes=1)

    async def main() -> None:
        for fault in ("timeout", "stalled_before", "stalled"):
            with FaultServer(script(fault)) as server:
                breaker.force(State.OPEN)

                async def read(ai: Resilient) -> None:
                    async with await ai.astream(**question(1)) as stream:
                        async for _ in stream:
                            pass

                task = asyncio.create_task(read(ai_for(server, breaker=breaker)))
                while not server.faults or (fault == "stalled" and not server.requests):
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)
                assert breaker.snapshot().probes_in_flight == 1
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (breaker.state, breaker.snapshot().probes_in_flight) == (State.HALF_OPEN, 0)
                for _ in range(300):
                    if server.connections == 0:
                        break
                    await asyncio.sleep(0.01)
                assert server.connections == 0
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_stream_where_a_whole_answer_is_wanted_is_refused_before_sending() -> None:
    with FaultServer() as server:
        ai = ai_for(server)
        with pytest.raises(ValueError, match="`stream` and `astream`"):
            ai.create(**question(1), stream=True)
        with pytest.raises(ValueError, match="`stream` and `astream`"):
            asyncio.run(ai.acreate(**question(1), stream=True))
        with pytest.raises(ValueError, match="drop `n`"):
            ai.stream(**question(1), n=2)
        assert complete(ai.stream, Plan(), **question(2)).completion.source == "primary"
        assert len(server.requests) == 1


README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(
    ("faults", "printed"),
    [
        (["server_error", "ok"], "echo Say hello complete primary\necho Say hello complete primary\n"),
        (["no_retry"], "Please try again later. complete apology\nPlease try again later. complete apology\n"),
    ],
)
def test_the_example_of_the_readme_runs(faults: list[str], printed: str, capsys: Any, monkeypatch: Any) -> None:
    (example,) = [b for b in README.read_text("utf-8").split("```python\n") if "import Resilient" in b[:80]]
    with FaultServer(script(*faults)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        exec(example.partition("```")[0], {})
    assert capsys.readouterr().out == printed
