"""What the whole stack of `oaimigrate.runtime.resilient` costs per call over the bare SDK.

    python benchmarks/runtime_overhead.py [CALLS]

Both call a server on loopback in a process of its own, in turns of 20 calls, so that load on the machine hits both
alike. Reported per call: processor time of this process (the honest figure on a busy machine) and time on the clock,
and their ratios. Against a real answer, which takes seconds, both are noise.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from oaimigrate.runtime.client import Settings, close_clients, get_client  # noqa: E402
from oaimigrate.runtime.resilient import Resilient  # noqa: E402

ASK: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
TURN = 20


def key() -> str:
    return "k"


def turn(call: Callable[..., Any]) -> tuple[float, float]:
    """Processor and clock time of one call, in microseconds, over a turn."""
    cpu, clock = time.process_time(), time.perf_counter()
    for _ in range(TURN):
        call(**ASK)
    return (time.process_time() - cpu) / TURN * 1e6, (time.perf_counter() - clock) / TURN * 1e6


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    serve = [sys.executable, "-m", "tests.runtime.faults", "{}"]
    with subprocess.Popen(serve, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        settings = Settings(key=key, base_url=server.stdout.readline().strip())
        bare, whole = get_client(settings).chat.completions.create, Resilient(settings).ask
        turns: dict[str, list[tuple[float, float]]] = {"bare SDK": [], "resilient": []}
        for call in (bare, whole):
            turn(call)
        for _ in range(max(1, calls // TURN)):
            turns["bare SDK"].append(turn(bare))
            turns["resilient"].append(turn(whole))
        close_clients()
        server.communicate()
    figures = {name: [median(column) for column in zip(*rows, strict=True)] for name, rows in turns.items()}
    for name, (cpu, clock) in figures.items():
        print(f"{name:10} {cpu:8.0f} µs processor {clock:8.0f} µs clock")
    (bare_cpu, bare_clock), (cpu, clock) = figures.values()
    print(f"ratio      {cpu / bare_cpu:8.2f}              {clock / bare_clock:8.2f}")


if __name__ == "__main__":
    main()
