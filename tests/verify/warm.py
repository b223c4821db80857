"""Runs many programs on few interpreter starts: importing an SDK takes seconds, forking what has it takes none.

A `Warm` is used in place of `process.run`. For each environment it keeps one interpreter that has imported the SDK
and its HTTP libraries; that one forks for every `python FILE` and the child becomes the program. Everything else runs
in the usual way.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from oaimigrate.verify import environments, hook, process
from oaimigrate.verify.environments import Environment
from oaimigrate.verify.process import Command, Ended

IDLE = {"server": "", "root": "/nowhere", "events": os.devnull, "hosts": []}


class Warm:
    def __init__(self) -> None:
        self._interpreters: dict[Path, subprocess.Popen[str]] = {}

    def __call__(self, command: Command, environment: Environment, root: Path, inside: Path, server: str) -> Ended:
        if command.words[0] != "python" or not command.words[1].endswith(".py"):
            return process.run(command, environment, root, inside, server)
        with tempfile.TemporaryDirectory(prefix="oaimigrate-warm-") as scratch:
            place = Path(scratch)
            variables = process.variables(command, environment, root, server, place / "events")
            (place / "in").write_bytes(command.stdin)
            job = {"argv": command.words[1:], "folder": str(root / inside), "env": variables, "place": scratch}
            status = self._run(environment, job, command.timeout)
            return process.ended(status, place)

    def _run(self, environment: Environment, job: dict[str, Any], timeout: float) -> int | None:
        interpreter = self._interpreter(environment)
        assert interpreter.stdin is not None
        assert interpreter.stdout is not None
        interpreter.stdin.write(json.dumps(job) + "\n")
        interpreter.stdin.flush()
        pid = int(interpreter.stdout.readline())
        late = threading.Event()

        def stop() -> None:
            late.set()
            os.killpg(pid, signal.SIGKILL)

        timer = threading.Timer(timeout, stop)
        timer.start()
        status = int(interpreter.stdout.readline())
        timer.cancel()
        return None if late.is_set() else status

    def _interpreter(self, environment: Environment) -> subprocess.Popen[str]:
        if environment.home not in self._interpreters:
            variables = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI", "AZURE", "PYTHON"))}
            variables |= {hook.VARIABLE: json.dumps(IDLE), "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8"}
            self._interpreters[environment.home] = subprocess.Popen(
                [environments.python(environment.home), str(Path(__file__).with_name("warm_interpreter.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=variables,
            )
        return self._interpreters[environment.home]

    def close(self) -> None:
        for interpreter in self._interpreters.values():
            assert interpreter.stdin is not None
            assert interpreter.stdout is not None
            interpreter.stdin.close()
            interpreter.wait()
            interpreter.stdout.close()
