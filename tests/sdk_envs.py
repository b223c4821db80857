"""Virtual environments with the real SDKs, side by side: openai 0.28, 1, 2 and the newest 3.

The suite makes them itself, once, under `.cache/envs/`. A ready environment has a marker file, written last, so that an
interrupted installation is repeated; a lock per environment lets parallel test workers share the work. Scripts run
inside an environment print JSON, and what they print is kept as long as neither the script nor the SDK changes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "envs"
OLD = "0.28.1"
NEW = ("1.109.1", "2.54.0", "3")  # "3" is the newest 3.x at the time the environment is made
BOTH_HTTPX = "3+httpx"  # … beside httpx, which openai 3 does not bring, but other packages do
REQUIREMENTS = {
    "0.28.1": ("openai==0.28.1", "numpy"),  # Embedding.create asks for numpy
    "1.109.1": ("openai==1.109.1", "httpx<0.29"),
    "2.54.0": ("openai==2.54.0", "httpx<0.29"),
    "3": ("openai>=3,<4",),
    BOTH_HTTPX: ("openai>=3,<4", "httpx<0.29"),
}


def major(sdk: str) -> int:
    """The SDK's major version, as the map counts."""
    return int(sdk.partition(".")[0])


def python(sdk: str) -> Path:
    """The interpreter of the environment with `sdk`, which is made if it is not there."""
    env = CACHE / _env_name(sdk)
    executable = env / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = env / ".ready"
    if not ready.exists():
        with lock(CACHE / f"{env.name}.lock"):
            if not ready.exists():
                shutil.rmtree(env, ignore_errors=True)
                _install(env, executable, REQUIREMENTS[sdk])
                ready.touch()
    return executable


def run(sdk: str, script: Path, *arguments: str) -> Any:
    """What `script` prints as JSON inside the environment of `sdk`; remembered by what it consists of."""
    executable = python(sdk)
    content = hashlib.sha256("\0".join(arguments).encode())
    for part in (script, *sorted(script.parent.glob("*_server.py"))):  # what such a script talks to
        content.update(part.read_bytes())
    answer = CACHE / f"{_env_name(sdk)}.answers" / f"{script.stem}-{content.hexdigest()[:16]}.json"
    if not answer.exists():
        with lock(answer.with_suffix(".lock")):
            if not answer.exists():
                _write(answer, _output([str(executable), str(script), *arguments]))
    return json.loads(answer.read_text(encoding="utf-8"))


def _env_name(sdk: str) -> str:
    wanted = " ".join((*REQUIREMENTS[sdk], sys.version))
    return f"openai-{sdk}-{hashlib.sha256(wanted.encode()).hexdigest()[:10]}"


def _install(env: Path, executable: Path, requirements: Sequence[str]) -> None:
    if uv := _uv():
        _output([*uv, "venv", "--quiet", "--python", sys.executable, str(env)])
        _output([*uv, "pip", "install", "--quiet", "--python", str(executable), *requirements])
    else:
        _output([sys.executable, "-m", "venv", str(env)])
        _output([str(executable), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])


def _uv() -> list[str]:
    """The command of uv, which installs in a fraction of pip's time, where there is one."""
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found else []


def _output(command: Sequence[str]) -> str:
    """What the command prints. The caller's own openai settings and import paths must not reach the SDK."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "AZURE_OPENAI_", "PYTHONPATH"))}
    environment |= {"PYTHONIOENCODING": "utf-8", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _write(path: Path, text: str) -> None:
    """Write as a whole or not at all: a reader in another process sees no half answer."""
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold `path` against other processes. The system releases it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
