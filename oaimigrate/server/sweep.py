"""What takes a look at a whole folder, done by a process of its own: its findings, which are what
`oaimigrate check FOLDER` would say, and what its files are to those that are open.

A process, because a large folder takes minutes of a processor, and a thread would take them from the one that answers
to typing. It ends with its parent.
"""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import ParamSpec, TypeVar

from oaimigrate import runner
from oaimigrate.diagnostics import FileResult
from oaimigrate.server.folder import Around, Folder
from oaimigrate.server.settings import Settings

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Sweep:
    """Checks folders, one at a time, and remembers the answer as long as nothing on disk changes."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._changes = 0  # on disk so far
        self._found: tuple[int, tuple[FileResult, ...]] | None = None  # after how many changes

    def forget(self) -> None:
        """Something on disk changed."""
        self._changes += 1

    async def check(self, roots: Sequence[str], overlays: Mapping[str, str]) -> tuple[FileResult, ...]:
        """The results of all files below `roots` that have any, with unsaved buffers in place of their files."""
        changes = self._changes
        if self._found is None or self._found[0] != changes:
            self._found = changes, await self._asked(check_folders, tuple(roots), dict(overlays)) or ()
        return self._found[1]

    async def around(self, root: str, overlays: Mapping[str, str], *, opened: bool) -> Around | None:
        """What the files of a folder are to the buffers in it; None if there is no telling."""
        return await self._asked(look_around, root, dict(overlays), opened=opened)

    async def _asked(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
        if self._pool is None:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, spawn, initializer=_end_with_parent)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, functools.partial(work, *args, **kwargs))
        except BrokenProcessPool:  # out of memory, or ended by someone: the next request starts another
            self._pool = None
            return None

    def close(self) -> None:
        """End the process, in the middle of its work if need be."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):
                process.terminate()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def check_folders(roots: Sequence[str], overlays: Mapping[str, str]) -> tuple[FileResult, ...]:
    """What a run over each of the folders says."""
    settings = Settings()
    found: dict[str, FileResult] = {}
    for root in roots:
        if os.path.isdir(root):
            collected = runner.collect([root], excludes_of=settings.excludes)
            texts = {p: overlays[p].encode("utf-8", "replace") for p, _ in collected.files if p in overlays}
            files = tuple((path, texts.get(path, data)) for path, data in collected.files)
            config = settings.of(os.path.join(root, "x.py"))
            done = runner.run(replace(collected, files=files), config, jobs=1, config_of=settings.of)
            found |= {result.path: result for result in done.results}
    return tuple(found.values())


def look_around(root: str, overlays: Mapping[str, str], *, opened: bool) -> Around:
    return Folder(root, Settings().excludes, opened=opened).around(overlays)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
