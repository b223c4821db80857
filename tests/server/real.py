"""What the tests with real editors share: the command, the README's settings, a browser for those that run in one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sdk_envs import lock

ROOT = Path(__file__).parents[2]
OLD = """\
import openai

openai.api_key = "k"
r = openai.ChatCompletion.create(model="m", messages=[])
print(r["choices"][0]["message"]["content"])
"""
_CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """What `make` saw in a folder of its own; one process makes it for all that run tests at the same time."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = base / f"{name}.json"
    with lock(base / f"{name}.lock"):
        if not path.exists():
            folder = base / name
            folder.mkdir(exist_ok=True)
            path.write_text(json.dumps(make(folder)), encoding="utf-8")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def readme_block(language: str, word: str) -> str:
    """The README's fence in a language that holds a word."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = [b for b in re.findall(rf"(?ms)^```{language}\n(.*?)^```", text) if word in b]
    return str(block)


def environment(folder: Path) -> dict[str, str]:
    """Variables of a user whose home is `folder`, with `oaimigrate` of this checkout as a command."""
    command = folder / "oaimigrate"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m oaimigrate "$@"\n')
    command.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"}


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A page of Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: '.[dev]' brings it")
    with playwright.sync_playwright() as started:
        program = started.chromium.launch(executable_path=chromium(), args=list(_CHROMIUM))
        try:
            page = program.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(60_000)
            yield page
        finally:
            program.close()


def chromium() -> str:
    """The program."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (found := shutil.which(name)) is not None:
            return found
    pytest.skip("there is no Chromium on this machine")


@contextlib.contextmanager
def serving(command: list[str], url: str, variables: Mapping[str, str], folder: Path) -> Iterator[None]:
    """A program that serves pages on this machine, from when it answers."""
    log = folder / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # so that what it starts ends with it
        )
        try:
            _wait(process, url, log)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}: {log.read_text(errors='replace')}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
