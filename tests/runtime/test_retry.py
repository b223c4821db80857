"""Call counts, waits and deadlines of the retry policy, against real HTTP and at the edges of its rules."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from types import SimpleNamespace

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oaimigrate.runtime.errors import Cause, DeadlineExceeded, classify, is_retryable, retry_after
from oaimigrate.runtime.retry import Retry, RetryPolicy, StreamEndedEarly

from .faults import FaultServer, at_rates, script

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi there"}]}
FAST = {"initial": 0.002, "maximum": 0.01}


def sync_client(server: FaultServer, **options: object) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url=server.base_url, **{"max_retries": 0, "timeout": 0.3, **options})  # type: ignore[arg-type]


def async_client(server: FaultServer) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="k", base_url=server.base_url, max_retries=0, timeout=0.3)


RETRIED = ["rate_limit", "rate_limit_ms", "server_error", "unavailable", "conflict", "request_timeout"]
RETRIED += ["reset_before", "reset_in_body", "timeout", "malformed"]
CAUSES = {
    "rate_limit": Cause.RATE_LIMIT,
    "server_error": Cause.SERVER,
    "conflict": Cause.CONFLICT,
    "request_timeout": Cause.TIMEOUT,
    "timeout": Cause.TIMEOUT,
    "reset_before": Cause.CONNECTION,
    "malformed": Cause.MALFORMED,
}
FINAL = {
    "quota": Cause.QUOTA,
    "bad_request": Cause.REFUSED,
    "unauthorised": Cause.REFUSED,
    "not_implemented": Cause.REFUSED,
    "no_retry": Cause.SERVER,
    "rate_limit_1h": Cause.RATE_LIMIT,
}


@pytest.mark.parametrize("fault", RETRIED)
def test_what_can_succeed_is_tried_again(fault: str) -> None:
    news: list[Retry] = []
    policy = RetryPolicy(**FAST, attempt_timeout=0.2, on_retry=news.append)
    with FaultServer(script(fault, fault, "ok")) as server, sync_client(server) as client:
        answer = policy.call(client.chat.completions.create, **ASK)
        assert answer.choices[0].message.content == "echo hi there"
        assert len(server.requests) == 3
    assert [n.attempt for n in news] == [1, 2]
    assert CAUSES.get(fault, news[0].cause) is news[0].cause


@pytest.mark.parametrize("fault", FINAL)
def test_what_cannot_succeed_is_sent_once(fault: str) -> None:
    with FaultServer(script(fault)) as server, sync_client(server) as client:
        with pytest.raises(openai.APIStatusError) as raised:
            RetryPolicy(**FAST).call(client.chat.completions.create, **ASK)
        assert classify(raised.value) is FINAL[fault]
        assert len(server.requests) == 1


def test_a_quota_is_told_from_a_rate_limit_by_its_code() -> None:
    with (
        FaultServer(script("quota")) as server,
        sync_client(server) as client,
        pytest.raises(openai.RateLimitError) as raised,
    ):
        RetryPolicy().call(client.chat.completions.create, **ASK)
    assert raised.value.code == "insufficient_quota"
    assert not is_retryable(raised.value)


def test_attempts_are_bounded_and_the_last_error_is_raised() -> None:
    with FaultServer(script("server_error")) as server, sync_client(server) as client:
        with pytest.raises(openai.InternalServerError):
            RetryPolicy(attempts=4, **FAST).call(client.chat.completions.create, **ASK)
        assert len(server.requests) == 4


def test_retry_after_is_a_lower_bound() -> None:
    with FaultServer(script("rate_limit_1s", "rate_limit_ms", "ok")) as server, sync_client(server) as client:
        started = time.monotonic()
        RetryPolicy(**FAST).call(client.chat.completions.create, **ASK)
        assert 1.02 <= time.monotonic() - started < 1.6


def test_no_wait_begins_that_would_pass_the_deadline() -> None:
    with FaultServer(script("rate_limit_1s")) as server, sync_client(server) as client:
        started = time.monotonic()
        with pytest.raises(openai.RateLimitError):
            RetryPolicy(deadline=0.9).call(client.chat.completions.create, **ASK)
        assert time.monotonic() - started < 0.5
        assert len(server.requests) == 1


def test_attempts_share_one_deadline() -> None:
    with FaultServer(script("timeout")) as server, sync_client(server) as client:
        started = time.monotonic()
        with pytest.raises(openai.APITimeoutError):
            RetryPolicy(attempts=99, deadline=0.7, attempt_timeout=0.3, **FAST).call(
                client.chat.completions.create, **ASK
            )
        assert 0.5 < time.monotonic() - started < 1.2
        assert len(server.requests) in (3, 4)


def test_a_given_timeout_is_kept_but_cut_to_the_deadline() -> None:
    seen: list[object] = []
    policy = RetryPolicy(deadline=10)
    policy.call(lambda timeout: seen.append(timeout), timeout=3)
    policy.call(lambda timeout: seen.append(timeout), timeout=300)
    policy.call(lambda timeout: seen.append(timeout))
    assert seen[0] == 3
    assert seen[1] == pytest.approx(10, abs=0.5)
    assert (seen[2].connect, seen[2].read) == (5.0, pytest.approx(10, abs=0.5))  # type: ignore[attr-defined]


def test_a_client_that_retries_by_itself_is_refused() -> None:
    with FaultServer() as server, sync_client(server, max_retries=2) as client:
        with pytest.raises(ValueError, match="max_retries=0"):
            RetryPolicy().call(client.chat.completions.create, **ASK)
        once = client.with_options(max_retries=0)
        assert RetryPolicy().call(once.chat.completions.create, **ASK).choices
        assert len(server.requests) == 1


def test_an_async_attempt_is_cut_at_the_deadline() -> None:
    async def main() -> None:
        with FaultServer(script("server_error", "slow_body"), interval=0.02) as server:
            async with async_client(server) as client:
                started = time.monotonic()
                with pytest.raises(DeadlineExceeded) as raised:
                    await RetryPolicy(deadline=0.5, **FAST).acall(client.chat.completions.create, **ASK)
                assert time.monotonic() - started < 0.8
                assert isinstance(raised.value.__cause__, openai.InternalServerError)

    asyncio.run(main())


@pytest.mark.parametrize("fault", RETRIED)
def test_async_calls_follow_the_same_rules(fault: str) -> None:
    async def main() -> None:
        with FaultServer(script(fault, "ok")) as server:
            async with async_client(server) as client:
                answer = await RetryPolicy(**FAST, attempt_timeout=0.2).acall(client.chat.completions.create, **ASK)
                assert answer.choices[0].message.content == "echo hi there"
                assert len(server.requests) == 2

    asyncio.run(main())


def test_a_cancellation_passes_through_at_once() -> None:
    async def main() -> None:
        with FaultServer(script("timeout")) as server:
            async with async_client(server) as client:
                task = asyncio.create_task(RetryPolicy().acall(client.chat.completions.create, **ASK))
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert len(server.requests) == 1

    asyncio.run(main())


def text_of(chunks: Iterator[openai.types.chat.ChatCompletionChunk]) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


@pytest.mark.parametrize("fault", ["server_error", "stalled_before", "reset_before", "rate_limit_ms"])
def test_streams_that_fail_before_the_first_token_are_tried_again(fault: str) -> None:
    with FaultServer(script(fault, "ok")) as server, sync_client(server) as client:
        policy = RetryPolicy(**FAST, attempt_timeout=0.2)
        with policy.stream(client.chat.completions.create, **ASK, stream=True) as stream:
            assert text_of(iter(stream)) == "echo hi there"
        assert len(server.requests) == 2
        assert stream.response.status_code == 200


def test_streams_that_fail_later_are_not() -> None:
    with FaultServer(script("stream_reset", "ok")) as server, sync_client(server) as client:
        pieces: list[str] = []
        with RetryPolicy(**FAST).stream(client.chat.completions.create, **ASK, stream=True) as stream:
            with pytest.raises(Exception) as raised:  # noqa: PT011 - raw httpx errors in 1.x and 2.x
                pieces.extend(c.choices[0].delta.content or "" for c in stream if c.choices)
            assert classify(raised.value) is Cause.CONNECTION
        assert len(server.requests) == 1


def test_async_streams_follow_the_same_rules() -> None:
    async def main() -> None:
        with FaultServer(script("stalled_before", "server_error", "ok")) as server:
            async with async_client(server) as client:
                policy = RetryPolicy(**FAST, attempt_timeout=0.2)
                async with await policy.astream(client.chat.completions.create, **ASK, stream=True) as stream:
                    text = [c.choices[0].delta.content or "" async for c in stream if c.choices]
                assert "".join(text) == "echo hi there"
                assert len(server.requests) == 3

    asyncio.run(main())


class Pieces:
    def __init__(self, *chunks: object) -> None:
        self.chunks, self.closed = chunks, 0

    def __iter__(self) -> Iterator[object]:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed += 1


class AsyncPieces(Pieces):
    async def __aiter__(self) -> AsyncIterator[object]:  # type: ignore[misc]
        for chunk in self.chunks:
            yield chunk

    async def close(self) -> None:  # type: ignore[override]
        self.closed += 1


EMPTY = SimpleNamespace(choices=[])


def test_a_stream_that_ends_before_its_first_token_failed_and_is_closed() -> None:
    tries: list[Pieces] = []

    def open_stream() -> Pieces:
        tries.append(Pieces(EMPTY))
        return tries[-1]

    with pytest.raises(StreamEndedEarly):
        RetryPolicy(attempts=3, **FAST, attempt_timeout=None).stream(open_stream)
    assert [t.closed for t in tries] == [1, 1, 1]

    async def main() -> None:
        async def aopen() -> AsyncPieces:
            return AsyncPieces(EMPTY)

        with pytest.raises(StreamEndedEarly):
            await RetryPolicy(attempts=2, **FAST, attempt_timeout=None).astream(aopen)

    asyncio.run(main())


def test_leaving_a_stream_early_closes_it() -> None:
    pieces = Pieces("a", "b")
    for _ in RetryPolicy(attempt_timeout=None).stream(lambda: pieces):
        break
    assert pieces.closed


def status_error(headers: dict[str, str]) -> openai.APIStatusError:
    response = SimpleNamespace(request=None, status_code=429, headers=headers)
    return openai.RateLimitError("x", response=response, body=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(status_error(headers)) == (seconds if seconds is None else pytest.approx(seconds, abs=2))


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=30), usegmt=True)
    assert retry_after(status_error({"retry-after": date})) == pytest.approx(30, abs=3)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_header_value_breaks_the_reader(ms: str, plain: str) -> None:
    asked = retry_after(status_error({"retry-after-ms": ms, "retry-after": plain}))
    assert asked is None or asked > 0


def test_an_infinite_retry_after_is_not_waited_for() -> None:
    def refuse() -> None:
        raise status_error({"retry-after": "inf"})

    with pytest.raises(openai.RateLimitError):
        RetryPolicy(attempt_timeout=None).call(refuse)


def test_jitter_is_full() -> None:
    waits: list[list[float]] = [[], [], []]

    def note(news: Retry) -> None:
        waits[news.attempt - 1].append(news.wait)

    def fail() -> None:
        raise ConnectionError

    policy = RetryPolicy(attempts=4, initial=0.0005, maximum=0.001, attempt_timeout=None, on_retry=note)
    for _ in range(60):
        with pytest.raises(ConnectionError):
            policy.call(fail)
    for row, ceiling in zip(waits, (0.0005, 0.001, 0.001), strict=True):
        assert max(row) <= ceiling
        assert min(row) < 0.25 * ceiling
        assert max(row) > 0.75 * ceiling


def test_errors_that_are_ours_are_not_the_service_s() -> None:
    request = SimpleNamespace()
    wrapped = openai.APIConnectionError(request=request)  # type: ignore[arg-type]
    wrapped.__cause__ = TypeError("an httpx object in an httpx2 client")
    assert classify(wrapped) is Cause.MISUSE
    assert classify(ValueError("mine")) is Cause.OTHER
    assert classify(DeadlineExceeded()) is Cause.OTHER
    event = openai.APIError("no", request, body={"code": "insufficient_quota"})  # type: ignore[arg-type]
    assert classify(event) is Cause.QUOTA
    event = openai.APIError("no", request, body={"type": "invalid_request_error"})  # type: ignore[arg-type]
    assert not is_retryable(event)


def test_many_calls_under_mixed_faults_send_what_the_policy_says() -> None:
    rates = {"server_error": 0.1, "rate_limit": 0.1, "reset_before": 0.05, "reset_in_body": 0.05, "malformed": 0.05}
    news: list[Retry] = []
    policy = RetryPolicy(attempts=30, **FAST, on_retry=news.append)
    with FaultServer(at_rates(rates, burst=3)) as server, sync_client(server) as client:
        for n in range(100):
            question = {"model": "m", "messages": [{"role": "user", "content": f"q{n}"}]}
            answer = policy.call(client.chat.completions.create, **question, extra_headers={"X-Call-Id": str(n)})
            assert answer.choices[0].message.content == f"echo q{n}"
    assert len(server.requests) == 100 + len(news)
    assert set(server.answered.values()) == {1}


def test_a_client_that_retries_is_found_behind_wrappers_too() -> None:
    with openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=2) as client:
        chat = client.chat.completions
        for function in (
            functools.partial(functools.partial(chat.create, model="m"), messages=[]),
            chat.with_raw_response.create,
            client.with_options(timeout=1).embeddings.create,
            client.post,
        ):
            with pytest.raises(ValueError, match="retries by itself"):
                RetryPolicy().call(function)

    class Service:
        max_retries = 3

        def ask(self, timeout: object) -> int:
            return 7

    assert RetryPolicy().call(Service().ask) == 7


@pytest.mark.parametrize("turns", range(4))
def test_a_cancellation_that_comes_together_with_the_answer_is_not_lost(turns: int) -> None:
    closed: list[str] = []

    class Opened:
        def __aiter__(self) -> AsyncIterator[int]:
            raise NotImplementedError

        async def close(self) -> None:
            closed.append("yes")

    async def main() -> None:
        answer: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()

        async def ask() -> Opened:
            return await answer

        task = asyncio.create_task(RetryPolicy(attempt_timeout=None).acall(ask))
        await asyncio.sleep(0.01)
        answer.set_result(Opened())
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.done():
            return
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1
        assert closed == ["yes"]

    asyncio.run(main())
