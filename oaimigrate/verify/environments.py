"""Virtual environments with the real SDKs, side by side: openai 0.28.1 for the old program, newer ones for the new.

They are made once, by uv where it is installed and by venv and pip otherwise, and kept in a cache. A ready
environment has a marker file, written last, so that an interrupted installation is repeated; a lock for each lets
parallel runs share the work. The hook is put into an environment every time it is used: it belongs to this version of
oaimigrate, not to the SDK.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from oaimigrate.verify import hook

OLD = "0.28.1"
NEW = ("1.109.1", "2.54.0", "3")  # "3" is the newest 3.x at the time the environment is made
CACHE_VARIABLE = "OAIMIGRATE_CACHE"
_COMPANIONS = {0: ("numpy",), 1: ("httpx<0.29",), 2: ("httpx<0.29",)}  # what an SDK needs but does not ask for
_MAKE_TIMEOUT = 1200.0


class EnvironmentFailed(Exception):
    """An environment that cannot be made; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A ready environment; `version` is that of the SDK inside."""

    home: Path
    version: str

    @property
    def programs(self) -> Path:
        return self.home / ("Scripts" if os.name == "nt" else "bin")


def cache() -> Path:
    """Where environments are kept: $OAIMIGRATE_CACHE, or this system's place for the caches of a user."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "oaimigrate" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/oaimigrate"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oaimigrate"


def requirements(sdk: str, others: Sequence[str] = (), extras: str = "") -> tuple[str, ...]:
    """What is installed for an SDK ("0.28.1", "3" for the newest 3.x), beside what the project asks for."""
    major = int(sdk.partition(".")[0])
    pin = f"openai{extras}=={sdk}" if "." in sdk else f"openai{extras}>={major},<{major + 1}"
    named = {_name(text) for text in others}
    companions = tuple(text for text in _COMPANIONS.get(major, ()) if _name(text) not in named)
    return (pin, *companions, *others)


def ensure(sdk: str, others: Sequence[str] = (), extras: str = "") -> Environment:
    """The environment with an SDK and other packages, which is made if it is not there."""
    wanted = requirements(sdk, others, extras)
    home = cache() / "envs" / f"openai-{sdk}-{_digest(wanted)}"
    with _lock(home.parent / f"{home.name}.lock"):
        if not (home / ".ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            _make(home, wanted)
            (home / ".ready").touch()
        packages = _packages(home)
        _put_hook(packages)
    return Environment(home, _version(packages))


def python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _digest(wanted: Sequence[str]) -> str:
    return hashlib.sha256(" ".join((*wanted, sys.version)).encode()).hexdigest()[:10]


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    return re.sub(r"[-_.]+", "-", found.group()).lower() if found else requirement


def _make(home: Path, wanted: Sequence[str]) -> None:
    """With uv, or with venv and pip where there is no uv or it fails: it does not read pip's settings."""
    if uv := shutil.which("uv"):
        made = _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
        install = [uv, "pip", "install", "--quiet", "--python", str(python(home)), *wanted]
        if made.returncode == 0 and _run(install).returncode == 0:
            return
        shutil.rmtree(home, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(home)],
        [str(python(home)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted],
    ):
        done = _run(command)
        if done.returncode:
            raise EnvironmentFailed(f"cannot make an environment with {' '.join(wanted)}: {_reason(done)}")


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", env=environment, timeout=_MAKE_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"not done after {_MAKE_TIMEOUT:.0f} seconds")
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The line that says most: pip's first error, which names the package."""
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["no reason given"])[0]


def _packages(home: Path) -> Path:
    found = sorted(home.glob("lib/python*/site-packages")) or sorted(home.glob("Lib/site-packages"))
    if not found:
        raise EnvironmentFailed(f"the environment {home} is broken; delete it and try again")
    return found[0]


def _version(packages: Path) -> str:
    found = next(packages.glob("openai-*.dist-info"), None)
    if found is None:
        raise EnvironmentFailed(f"the environment {packages} has no openai; delete it and try again")
    return found.name.removeprefix("openai-").removesuffix(".dist-info")


def _put_hook(packages: Path) -> None:
    """Put this version's hook where the interpreter of the environment imports it at its start."""
    source = Path(hook.__file__).read_text(encoding="utf-8")
    line = f"import os; os.environ.get({hook.VARIABLE!r}) and __import__('oaimigrate_verify_hook')\n"
    for name, text in (("oaimigrate_verify_hook.py", source), ("oaimigrate_verify.pth", line)):
        target = packages / name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            part = packages / f"{name}.{os.getpid()}"
            part.write_text(text, encoding="utf-8")
            part.replace(target)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold `path` against other processes. The system releases it when its holder dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError as error:
        raise EnvironmentFailed(f"cannot write to the cache {path.parent}: {error.strerror}") from error
    with handle:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
