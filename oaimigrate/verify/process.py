"""One run of the program under test: isolated environment, network in the hands of the hook, limited time."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oaimigrate.verify import hook
from oaimigrate.verify.environments import Environment, python

HOSTS = ("api.openai.com", "*.openai.azure.com", "*.cognitiveservices.azure.com")
KEY = "sk-oaimigrate-verify"  # for programs that ask for a key where the user has set none
# What would tell the two sides apart, or lead them out: proxies, and what belongs to the caller's own interpreter.
_DROPPED = re.compile(r"(?i)(https?|all|no|ftp)_proxy\Z|PYTHON|VIRTUAL_ENV|CONDA|OPENAI_LOG|COLUMNS|LINES|FORCE_COLOR")

_MANAGERS = ("uv", "poetry", "pipenv", "pdm", "hatch")  # their `run` would lead to an environment of their own


@dataclass(frozen=True, slots=True)
class Command:
    """What the user wants to be run, and how."""

    words: tuple[str, ...]
    timeout: float = 60.0
    hosts: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = None
    stdin: bytes = b""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `status` is None when it was stopped for its time; `host` is the foreign host it wanted."""

    status: int | None
    output: str
    errors: str
    host: str = ""
    host_source: str = ""
    ports: tuple[int, ...] = ()


def run(command: Command, environment: Environment, root: Path, inside: Path, server: str) -> Ended:
    """Run the command in the copy of the program at `root`; what it leaves behind stays there."""
    with tempfile.TemporaryDirectory(prefix="oaimigrate-run-") as scratch:
        place = Path(scratch)
        env = variables(command, environment, root, server, place / "events")
        words = _program(command.words, env["PATH"], environment)
        with open(place / "out", "wb") as out, open(place / "err", "wb") as err:
            status = _wait(words, command, root / inside, env, (out.fileno(), err.fileno()))
        return ended(status, place)


def ended(status: int | None, place: Path) -> Ended:
    """How a run ended: with this status, and with what is in the files `out`, `err` and `events` of a folder."""
    output, errors, events = (_read(place / name) for name in ("out", "err", "events"))
    seen = [json.loads(line) for line in events.splitlines()]
    stopped = next((event for event in seen if event["event"] == "host"), {"host": "", "source": ""})
    ports = tuple(sorted({event["port"] for event in seen if event["event"] == "bind"}))
    return Ended(status, output, errors, stopped["host"], stopped["source"], ports)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n") if path.exists() else ""


def _wait(
    words: Sequence[str], command: Command, folder: Path, variables: dict[str, str], out: tuple[int, int]
) -> int | None:
    try:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=out[0],
            stderr=out[1],
            start_new_session=True,
        )
    except OSError as error:
        os.write(out[1], f"{words[0]}: {error.strerror}\n".encode())
        return 127
    try:
        process.communicate(command.stdin, timeout=command.timeout)
        return process.returncode
    except subprocess.TimeoutExpired:
        return None
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it has started: its whole session, which is its own."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()


def _program(words: Sequence[str], path: str, environment: Environment) -> list[str]:
    """The command in the isolated environment, whatever interpreter or project manager it names."""
    if len(words) > 2 and words[0] in _MANAGERS and words[1] == "run":
        words = words[2:]
    if re.fullmatch(r"python(\d(\.\d+)?)?(\.exe)?", os.path.basename(words[0])):
        return [str(python(environment.home)), *words[1:]]
    executable = words[0] if os.path.dirname(words[0]) else shutil.which(words[0], path=path)
    return [executable or words[0], *words[1:]]


def variables(command: Command, environment: Environment, root: Path, server: str, events: Path) -> dict[str, str]:
    """What the program finds in its environment: the caller's, less what would lead out or tell the two sides apart."""
    env = {name: value for name, value in os.environ.items() if not _DROPPED.match(name)}
    session = {"server": server, "root": str(root) + os.sep, "events": str(events), "hosts": [*HOSTS, *command.hosts]}
    env |= {
        "PATH": os.pathsep.join((str(environment.programs), os.environ.get("PATH", os.defpath))),
        "VIRTUAL_ENV": str(environment.home),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": _import_path(root, os.environ.get("PYTHONPATH", "")),
        "NO_PROXY": "*",
        hook.VARIABLE: json.dumps(session),
    }
    for name in ("OPENAI_API_BASE", "OPENAI_BASE_URL"):  # renamed in openai 1, as is the next
        env[name] = f"{server}/v1"
    env.setdefault("OPENAI_API_KEY", KEY)
    env |= command.variables or {}
    if organization := env.get("OPENAI_ORGANIZATION") or env.get("OPENAI_ORG_ID"):
        env |= {"OPENAI_ORGANIZATION": organization, "OPENAI_ORG_ID": organization}
    return env


def _import_path(root: Path, given: str) -> str:
    """The caller's PYTHONPATH, as far as it is relative: what is absolute leads out of the copy."""
    entries = [entry for entry in given.split(os.pathsep) if entry and not os.path.isabs(entry)]
    return os.pathsep.join(str(root / entry) for entry in entries)
