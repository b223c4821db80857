"""Streams as servers really send them: odd chunks, fragments, stalls, resets, early exits."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import ssl
import threading
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace as NS

import openai
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from oaimigrate.runtime.retry import RetryPolicy
from oaimigrate.runtime.stream import AsyncChatStream, ChatStream, Ending, StreamInterrupted, StreamResult, ToolCall

from .faults import FaultServer, script

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi there"}], "stream": True}


def sync_client(server: FaultServer, **options: object) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url=server.base_url, **{"max_retries": 0, "timeout": 5.0, **options})  # type: ignore[arg-type]


def interrupted(fault: str, *, stall: float = 0.2, timeout: float = 5.0) -> StreamInterrupted:
    with FaultServer(script(fault)) as server, sync_client(server, timeout=timeout) as client:
        stream = ChatStream(client.chat.completions.create(**ASK), stall=stall)
        with stream, pytest.raises(StreamInterrupted) as raised:
            stream.read()
        assert stream.result is raised.value.result
        wait_until(lambda: server.connections == idle(fault))
    return raised.value


def ainterrupted(fault: str, *, stall: float = 0.2, timeout: float = 5.0) -> StreamInterrupted:
    async def main() -> StreamInterrupted:
        with FaultServer(script(fault)) as server:
            async with openai.AsyncOpenAI(
                api_key="k", base_url=server.base_url, max_retries=0, timeout=timeout
            ) as client:
                async with AsyncChatStream(await client.chat.completions.create(**ASK), stall=stall) as stream:
                    with pytest.raises(StreamInterrupted) as raised:
                        await stream.read()
                await asyncio.to_thread(wait_until, lambda: server.connections == idle(fault))
        return raised.value

    return asyncio.run(main())


def idle(fault: str) -> int:
    """A response that ended as HTTP wants it leaves its connection in the pool."""
    return 1 if fault == "truncated" else 0


def wait_until(condition: object, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "still not so"
        time.sleep(0.005)


def watchdogs() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "stream-watchdog"]


def test_a_whole_stream_sync_and_async() -> None:
    with FaultServer() as server:
        with sync_client(server) as client:
            stream = ChatStream(client.chat.completions.create(**ASK))
            assert "".join(stream) == "echo hi there"
            check_whole(stream.result)

        async def main() -> None:
            async with openai.AsyncOpenAI(api_key="k", base_url=server.base_url) as client:
                stream = AsyncChatStream(await client.chat.completions.create(**ASK))
                assert "".join([text async for text in stream]) == "echo hi there"
                check_whole(stream.result)

        asyncio.run(main())
        wait_until(lambda: server.connections == 0)


def check_whole(result: StreamResult) -> None:
    assert (result.text, result.ending, result.finish_reason) == ("echo hi there", Ending.COMPLETE, "stop")
    assert result.usage.completion_tokens == 4
    assert result.chunks == 8
    assert result.error is None
    assert result.first_token is not None
    assert 0 <= result.first_token <= result.seconds


INTERRUPTIONS = {
    "stream_reset": Ending.BROKEN,
    "error_event": Ending.ERROR,
    "truncated": Ending.UNFINISHED,
    "stalled": Ending.STALLED,
    "keepalive": Ending.STALLED,
}


@pytest.mark.parametrize("run", [interrupted, ainterrupted])
@pytest.mark.parametrize(("fault", "ending"), INTERRUPTIONS.items())
def test_an_interruption_is_reported_with_what_had_arrived(run: object, fault: str, ending: Ending) -> None:
    started = time.monotonic()
    error = run(fault)  # type: ignore[operator]
    assert error.result.ending is ending
    assert error.result.text == "echo hi "
    assert error.result.seconds < time.monotonic() - started < 2
    assert not error.nothing_arrived


@pytest.mark.parametrize("run", [interrupted, ainterrupted])
def test_the_sdk_s_own_read_timeout_counts_as_a_stall(run: object) -> None:
    error = run("stalled", stall=30, timeout=0.2)  # type: ignore[operator]
    assert error.result.ending is Ending.STALLED
    assert error.__cause__ is not None


@pytest.mark.parametrize("run", [interrupted, ainterrupted])
def test_a_stall_before_the_first_token_says_so(run: object) -> None:
    assert run("stalled_before").nothing_arrived  # type: ignore[operator]


def test_a_content_filter_stop_is_an_ending_with_the_text_so_far() -> None:
    with FaultServer(script("filtered")) as server, sync_client(server) as client:
        result = ChatStream(client.chat.completions.create(**ASK)).read()
    assert (result.ending, result.text) == (Ending.FILTERED, "echo hi ")


def test_a_stalled_tls_stream_is_cut_as_well() -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with (
        FaultServer(script("stalled"), tls=tls) as server,
        sync_client(server, http_client=openai.DefaultHttpxClient(verify=trust)) as client,
        ChatStream(client.chat.completions.create(**ASK), stall=0.2) as stream,
    ):
        with pytest.raises(StreamInterrupted):
            stream.read()
        assert stream.result.ending is Ending.STALLED


@pytest.mark.skipif(importlib.util.find_spec("httpx") is None, reason="httpx is not installed")
def test_an_injected_httpx_client_reports_the_same() -> None:
    import httpx

    with (
        FaultServer(script("stream_reset")) as server,
        sync_client(server, http_client=httpx.Client()) as client,
        pytest.raises(StreamInterrupted) as raised,
    ):
        ChatStream(client.chat.completions.create(**ASK)).read()
    assert raised.value.result.ending is Ending.BROKEN


def test_a_slow_reader_is_not_a_stall() -> None:
    with FaultServer() as server, sync_client(server) as client:
        text = ""
        for piece in ChatStream(client.chat.completions.create(**ASK), stall=0.1):
            text += piece
            time.sleep(0.15)
    assert text == "echo hi there"


def test_leaving_early_frees_the_connection_and_the_thread() -> None:
    with FaultServer(interval=0.01, plan=script("ok")) as server, sync_client(server) as client:
        for _ in range(3):
            for _ in ChatStream(client.chat.completions.create(**ASK)):
                break
        with ChatStream(client.chat.completions.create(**ASK)) as stream:
            next(iter(stream))
        assert stream.result.ending is Ending.OPEN
        assert stream.result.text
        gc.collect()
        wait_until(lambda: server.connections <= 1)
        wait_until(lambda: not watchdogs())


def test_a_stream_that_was_started_and_dropped_frees_the_connection_and_the_thread() -> None:
    with FaultServer(interval=0.05, plan=script("ok")) as server, sync_client(server) as client:
        stream = ChatStream(client.chat.completions.create(**ASK)).start()
        del stream
        wait_until(lambda: not watchdogs())
        wait_until(lambda: server.connections == 0)


def test_what_is_no_stream_is_refused_as_iter_refuses_it() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        ChatStream(NS(choices=[]))  # type: ignore[arg-type]


def test_leaving_early_async_and_a_cancelled_reader_free_the_connection() -> None:
    async def main() -> None:
        with FaultServer(script("ok", "stalled")) as server:
            async with openai.AsyncOpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
                async with AsyncChatStream(await client.chat.completions.create(**ASK)) as stream:
                    async for _ in stream:
                        break
                stalled = AsyncChatStream(await client.chat.completions.create(**ASK))
                task = asyncio.create_task(stalled.read())
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert stalled.result.text == "echo hi "
                await asyncio.to_thread(wait_until, lambda: server.connections == 0)
                assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_start_lets_a_retry_policy_repeat_what_fails_before_the_first_token() -> None:
    policy = RetryPolicy(initial=0.001)
    with FaultServer(script("stalled_before", "server_error", "truncated")) as server, sync_client(server) as client:

        def begin(timeout: object) -> ChatStream:
            return ChatStream(client.chat.completions.create(**ASK, timeout=timeout), stall=0.2).start()

        with policy.call(begin) as stream:
            pieces: list[str] = []
            with pytest.raises(StreamInterrupted):
                pieces.extend(stream)
        assert stream.result.text == "echo hi "
        assert len(server.requests) == 3


# Without a server from here on: chunks that a well-behaved server does not send.


def chunk(index: int = 0, reason: str | None = None, **delta: object) -> NS:
    return NS(choices=[NS(index=index, delta=NS(**delta), finish_reason=reason)])


def fragment(
    index: int | None, call_id: str | None = None, name: str | None = None, arguments: str | None = None
) -> NS:
    return NS(index=index, id=call_id, function=NS(name=name, arguments=arguments))


arguments = st.lists(st.text(max_size=5), min_size=1, max_size=5)


@given(st.lists(arguments, min_size=1, max_size=4), st.randoms())
def test_tool_calls_are_assembled_whatever_the_interleaving(calls: list[list[str]], dice: object) -> None:
    queues = [
        [fragment(n, f"id{n}", f"f{n}", ""), *(fragment(n, None, None, p) for p in c)] for n, c in enumerate(calls)
    ]
    order = [n for n, q in enumerate(queues) for _ in q]
    dice.shuffle(order)  # type: ignore[attr-defined]
    chunks = [chunk(content=None, tool_calls=[queues[n].pop(0)]) for n in order]
    result = ChatStream([*chunks, chunk(reason="tool_calls")]).read()
    expected = [ToolCall(f"id{n}", f"f{n}", "".join(c)) for n, c in enumerate(calls)]
    assert sorted(result.choices[0].tool_calls, key=lambda call: call.id) == expected
    assert result.ending is Ending.TOOL_CALLS


def test_tool_calls_without_index_go_by_their_id() -> None:
    parts = [fragment(None, "a", "f", "{"), fragment(None, None, None, "}"), fragment(None, "b", "g", "[]")]
    result = ChatStream([chunk(tool_calls=[p]) for p in parts] + [chunk(reason="tool_calls")]).read()
    assert result.choices[0].tool_calls == [ToolCall("a", "f", "{}"), ToolCall("b", "g", "[]")]


@pytest.mark.parametrize(
    "parts",
    [
        # every call numbered 0, as some gateways do
        [fragment(0, "a", "f", '{"x":'), fragment(0, None, None, "1}"), fragment(0, "b", "g", "{}")],
        # a new id with every fragment
        [fragment(0, "a", "f", '{"x":'), fragment(0, "z", None, "1}"), fragment(1, "b", "g", "{}")],
        # the name and the id again with every fragment
        [fragment(0, "a", "f", '{"x":'), fragment(0, "a", "f", "1}"), fragment(1, "b", "g", "{}")],
        # neither number nor id for what follows
        [fragment(None, "a", "f", '{"x":'), fragment(None, None, None, "1}"), fragment(None, "b", "g", "{}")],
    ],
)
def test_calls_are_told_apart_however_a_server_numbers_them(parts: list[NS]) -> None:
    result = ChatStream([*(chunk(tool_calls=[part]) for part in parts), chunk(reason="tool_calls")]).read()
    assert result.choices[0].tool_calls == [ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}")]


def test_calls_without_number_and_id_are_told_apart_by_their_names() -> None:
    parts = [fragment(None, None, "f", "{"), fragment(None, None, None, "}"), fragment(None, None, "g", "[]")]
    result = ChatStream([*(chunk(tool_calls=[part]) for part in parts), chunk(reason="tool_calls")]).read()
    assert result.choices[0].tool_calls == [ToolCall("", "f", "{}"), ToolCall("", "g", "[]")]


def test_the_old_function_call_and_refusals_are_assembled() -> None:
    parts = [chunk(function_call=NS(name="f", arguments="{")), chunk(function_call=NS(name=None, arguments="}"))]
    result = ChatStream([*parts, chunk(refusal="I "), chunk(refusal="won't", reason="stop")]).read()
    assert result.choices[0].function_call == ToolCall("", "f", "{}")
    assert result.choices[0].refusal == "I won't"


def test_several_choices_are_kept_apart_and_a_missing_delta_is_no_error() -> None:
    late = NS(choices=[NS(index=0, delta=None, finish_reason=None)])
    chunks = [chunk(1, content="b"), chunk(0, content="a"), late, chunk(0, "stop"), chunk(1, "length")]
    stream = ChatStream(chunks)
    assert "".join(stream) == "a"
    assert [c.text for c in stream.result.choices] == ["a", "b"]
    assert [c.finish_reason for c in stream.result.choices] == ["stop", "length"]


def test_a_connection_that_breaks_after_the_end_loses_only_the_usage() -> None:
    def chunks() -> object:
        yield chunk(content="all")
        yield chunk(reason="stop")
        raise ConnectionResetError

    result = ChatStream(chunks()).read()  # type: ignore[arg-type]
    assert (result.text, result.ending) == ("all", Ending.COMPLETE)
    assert isinstance(result.error, ConnectionResetError)


def test_any_source_of_chunks_will_do_async_too() -> None:
    async def chunks() -> AsyncIterator[NS]:
        yield NS(choices=[])
        yield chunk(content="x")
        yield chunk(reason="length")

    result = asyncio.run(AsyncChatStream(chunks()).read())
    assert (result.text, result.ending) == ("x", Ending.LENGTH)
