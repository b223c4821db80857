"""The whole stack through a failing server: client, retry, breaker, limit, stream and observe, sync and async.

Every call asks its own question, under its own `X-Call-Id`, and must get its own answer exactly once. The account of
the server (`sent`, `answered`, `faults`) and that of the stack (`Tally`) are kept apart and compared at the end. The
suite runs it short (`test_faults.py`), `benchmarks/runtime_faults.py` long.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import openai

from oaimigrate.runtime.breaker import CircuitBreaker
from oaimigrate.runtime.client import Settings, aclose_clients, close_clients, get_async_client, get_client
from oaimigrate.runtime.limit import run_completed
from oaimigrate.runtime.observe import CallRecord, Observer
from oaimigrate.runtime.retry import Retry, RetryPolicy
from oaimigrate.runtime.stream import AsyncChatStream, ChatStream, Ending, StreamInterrupted

from .faults import FaultServer

RATES = {
    "rate_limit": 0.05,
    "rate_limit_ms": 0.02,
    "server_error": 0.03,
    "unavailable": 0.02,
    "reset_before": 0.05,
    "reset_in_body": 0.03,
    "malformed": 0.03,
    "empty_choices": 0.03,
    "timeout": 0.004,
    "truncated": 0.03,
    "stream_reset": 0.03,
    "error_event": 0.02,
    "stalled": 0.004,
    "stalled_before": 0.004,
}
WAIT = 2.0  # seconds: read timeout and stall; a busy machine must not pass for a fault


@dataclass
class Tally:
    """What the stack saw: answers by call, retries by the policy, repeats by the caller, records of the observer."""

    answers: dict[int, str] = field(default_factory=dict)
    twice: int = 0
    retries: int = 0
    repeats: int = 0
    records: int = 0
    failed_records: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, number: int, text: str) -> None:
        with self.lock:
            self.twice += number in self.answers
            self.answers[number] = text

    def cut(self, number: int, text: str) -> None:
        """An interrupted stream must have brought the beginning of its own answer."""
        assert f"echo question {number}".startswith(text)

    def retried(self, _: Retry) -> None:
        with self.lock:
            self.retries += 1

    def repeat(self) -> None:
        with self.lock:
            self.repeats += 1

    def record(self, record: CallRecord) -> None:
        with self.lock:
            self.records += 1
            self.failed_records += record.error is not None


def question(number: int, timeout: Any) -> dict[str, Any]:
    return {
        "model": "m",
        "messages": [{"role": "user", "content": f"question {number}"}],
        "extra_headers": {"X-Call-Id": str(number)},
        "timeout": timeout,
    }


def secret() -> str:
    return "sk-fault-run-0123456789"


class Stack:
    """The modules put together as an application would; even numbers are plain calls, odd ones streams."""

    def __init__(self, base_url: str) -> None:
        self.tally = Tally()
        self.settings = Settings(key=secret, base_url=base_url, read=WAIT, max_connections=64)
        self.breaker = CircuitBreaker(failure_rate=0.95, minimum_calls=50)
        self.observer = Observer(self.tally.record)
        timeout = openai.Timeout(WAIT, connect=2.0)
        self.policy = RetryPolicy(
            attempts=12, initial=0.002, maximum=0.02, attempt_timeout=timeout, on_retry=self.tally.retried
        )

    def ask(self, number: int) -> None:
        chat = get_client(self.settings).chat.completions

        def plain(timeout: Any) -> Any:
            return self.breaker.call(self.observer.call, chat, **question(number, timeout))

        def begin(timeout: Any) -> ChatStream:
            def opened() -> ChatStream:
                return ChatStream(self.observer.stream(chat, **question(number, timeout)), stall=WAIT).start()

            return self.breaker.call(opened)

        while True:
            if number % 2:
                stream = self.policy.call(begin)
                try:
                    result = stream.read()
                    assert result.ending is Ending.COMPLETE
                    return self.tally.answer(number, result.text)
                except StreamInterrupted as broken:
                    self.tally.cut(number, broken.result.text)
            else:
                answer = self.policy.call(plain)
                if answer.choices:
                    return self.tally.answer(number, answer.choices[0].message.content)
            self.tally.repeat()

    async def aask(self, number: int) -> None:
        chat = get_async_client(self.settings).chat.completions

        async def plain(timeout: Any) -> Any:
            return await self.breaker.acall(self.observer.acall, chat, **question(number, timeout))

        async def begin(timeout: Any) -> AsyncChatStream:
            async def opened() -> AsyncChatStream:
                stream = await self.observer.astream(chat, **question(number, timeout))
                return await AsyncChatStream(stream, stall=WAIT).start()

            return await self.breaker.acall(opened)

        while True:
            if number % 2:
                stream = await self.policy.acall(begin)
                try:
                    result = await stream.read()
                    assert result.ending is Ending.COMPLETE
                    return self.tally.answer(number, result.text)
                except StreamInterrupted as broken:
                    self.tally.cut(number, broken.result.text)
            else:
                answer = await self.policy.acall(plain)
                if answer.choices:
                    return self.tally.answer(number, answer.choices[0].message.content)
            self.tally.repeat()


def run_threads(stack: Stack, numbers: range, threads: int = 8) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(stack.ask, number) for number in numbers]:
            done.result()


def run_tasks(stack: Stack, numbers: range, concurrency: int = 16) -> None:
    async def main() -> None:
        async for outcome in run_completed(numbers, stack.aask, concurrency=concurrency):
            outcome.unwrap()
        await aclose_clients()
        for _ in range(100):  # generators that were left early are closed by tasks of the loop
            await asyncio.sleep(0.01)
            if len(asyncio.all_tasks()) == 1:
                return
        raise AssertionError(f"tasks were left behind: {asyncio.all_tasks()}")

    asyncio.run(main())


def check(stack: Stack, server: FaultServer, numbers: range) -> None:
    """Compare the two accounts: raises AssertionError where they differ."""
    tally = stack.tally
    assert tally.answers == {n: f"echo question {n}" for n in numbers}, "an answer was lost or mixed up"
    assert tally.twice == 0
    wanted = {str(n): 1 for n in numbers}
    wrong = {call: count for call, count in server.answered.items() if count != 1}
    assert dict(server.answered) == wanted, f"the server answered a call twice or never: {wrong}"
    sent = sum(server.sent.values())
    assert sent == len(numbers) + tally.retries + tally.repeats, "the policy sent more or less than it announced"
    assert sent == tally.records, "a request was not observed, or twice"
    assert max(server.sent.values()) <= 4 * stack.policy.attempts


def check_left_nothing(server: FaultServer, threads_before: set[threading.Thread]) -> None:
    """No connection at the server, no thread of ours; closing takes effect within a moment."""
    close_clients()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        gc.collect()
        left = [t for t in threading.enumerate() if t not in threads_before and t.name != "faults"]
        if server.connections == 0 and not left:
            return
        time.sleep(0.02)
    raise AssertionError(f"left behind: {server.connections} connections, threads {left}")
