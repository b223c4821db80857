"""The runtime stack under faults for long, and what it costs per call when nothing fails.

    python benchmarks/runtime_faults.py [CALLS]        # default 4000, half in threads and half in tasks

Needs the packages of `oaimigrate[runtime]`. Part one runs `tests/runtime/fault_run.py` in rounds and fails if an answer
is lost or given twice, a request is unaccounted for, or a connection, thread or task stays. Part two compares the bare
SDK (max_retries=0) with the whole stack (client, observe, breaker, retry, limit for tasks, stream) against the same
server in another process: medians of interleaved rounds of processor time. Ratios travel, times do not.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import openai  # noqa: E402
from runtime.fault_run import RATES, Stack, check, check_left_nothing, question, run_tasks, run_threads  # noqa: E402
from runtime.faults import FaultServer, at_rates  # noqa: E402

from oaimigrate.runtime.client import aclose_clients, close_clients, get_async_client  # noqa: E402

ROUNDS, CALLS_A_ROUND = 9, 40


def resident() -> int:
    """Resident memory of this process in MiB (0 where /proc is missing)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20
    except OSError:
        return 0


def long_run(calls: int, *, rounds: int = 8) -> None:
    threads = set(threading.enumerate())
    each = calls // rounds
    sizes: list[tuple[int, int]] = []
    with FaultServer(at_rates(RATES, seed=7, burst=3), keep=False) as server:
        stack = Stack(server.base_url)
        for turn in range(rounds):
            (run_tasks if turn % 2 else run_threads)(stack, range(turn * each, turn * each + each))
            close_clients()
            gc.collect()
            sizes.append((len(gc.get_objects()), resident()))
        check(stack, server, range(each * rounds))
        check_left_nothing(server, threads)
        sent, most = sum(server.sent.values()), max(server.sent.values())
        print(f"calls {each * rounds}, requests {sent}, most for one call {most}, connections {server.opened}")
        print(f"retries {stack.tally.retries}, repeats by the caller {stack.tally.repeats}, lost 0, twice 0")
        print("faults", json.dumps(dict(server.faults.most_common())))
        print("objects", [objects for objects, _ in sizes], "MiB", [size for _, size in sizes])


@contextmanager
def other_process() -> Iterator[str]:
    """A server that never fails, in a process of its own, so that it does not compete for this interpreter."""
    command = [sys.executable, str(ROOT / "tests/runtime/faults.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


class Clock:
    """Processor time per call of both sides, in alternating rounds; time waited for the server is in neither."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.began = 0.0

    def start(self) -> None:
        self.began = time.process_time()

    def stop(self, name: str, *, warm: bool) -> None:
        if warm:
            self.seconds.setdefault(name, []).append((time.process_time() - self.began) / CALLS_A_ROUND)

    def report(self, kind: str) -> None:
        bare, stack = (1000 * statistics.median(self.seconds[f"{side} {kind}"]) for side in ("bare", "stack"))
        print(f"{kind:12} bare {bare:5.2f} ms  stack {stack:5.2f} ms  ratio {stack / bare:.2f}  +{stack - bare:.2f} ms")


def overhead(base_url: str) -> None:
    stack = Stack(base_url)
    stack.observer.price = lambda model, usage: None
    bare = openai.OpenAI(api_key="k", base_url=base_url, max_retries=0)
    ask = question(0, 5.0)
    sides: dict[str, Callable[[], object]] = {
        "bare call": lambda: bare.chat.completions.create(**ask),
        "stack call": lambda: stack.ask(0),
        "bare stream": lambda: list(bare.chat.completions.create(**ask, stream=True)),
        "stack stream": lambda: stack.ask(1),
    }
    clock = Clock()
    for turn in range(ROUNDS + 1):
        for name, function in sides.items():
            clock.start()
            for _ in range(CALLS_A_ROUND):
                function()
            clock.stop(name, warm=turn > 0)
    clock.report("call")
    clock.report("stream")
    bare.close()
    close_clients()


async def async_overhead(base_url: str) -> None:
    stack = Stack(base_url)
    stack.observer.price = lambda model, usage: None
    bare = openai.AsyncOpenAI(api_key="k", base_url=base_url, max_retries=0)
    get_async_client(stack.settings)
    ask = question(0, 5.0)

    async def bare_stream() -> None:
        async for _ in await bare.chat.completions.create(**ask, stream=True):
            pass

    sides = {
        "bare async call": lambda: bare.chat.completions.create(**ask),
        "stack async call": lambda: stack.aask(0),
        "bare async stream": bare_stream,
        "stack async stream": lambda: stack.aask(1),
    }
    clock = Clock()
    for turn in range(ROUNDS + 1):
        for name, function in sides.items():
            clock.start()
            for _ in range(CALLS_A_ROUND):
                await function()
            clock.stop(name, warm=turn > 0)
    clock.report("async call")
    clock.report("async stream")
    await bare.close()
    await aclose_clients()


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(f"openai {openai.__version__}, Python {sys.version.split()[0]}")
    if calls:
        long_run(calls)
    with other_process() as base_url:
        overhead(base_url)
        asyncio.run(async_overhead(base_url))


if __name__ == "__main__":
    main()
