"""The processes that the files of a run are divided among.

Each keeps the trees that it parsed, so it is given the same folders in every round. They are talked to by pipes, one
portion of files at a time, so that neither side ever waits for the other to read. They import LibCST, which this
process never does, while it still reads files. Where that can be done, one is forked before this process has a thread,
imports what all need, and forks the others: with two, a twentieth of the time of a run.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from oaimigrate.diagnostics import FileResult
from oaimigrate.runner import File, Job, analyse, crashed, few

# Python would look for cycles after every few hundred objects; a tree has a hundred thousand, and most are kept. Looked
# for after so many characters of source, they cost nothing instead of a quarter of the time.
_GARBAGE = 4_000_000
_METHOD = "fork" if sys.platform.startswith("linux") else "spawn"
_WORTH = 150_000  # bytes that must be waiting before a process takes a portion whose trees another one has

_Batch = list[File]


class Workers:
    """Up to `jobs` processes, started when there is enough to do. A context: they end with it."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._workers: list[_Worker] = []
        self._owners: dict[str, int] = {}  # of folders: the number of the process that had files of them
        self._shared: str | None = None  # the folder that all files of the run stand in

    def __enter__(self) -> Workers:
        self._collects = gc.isenabled()
        gc.disable()
        return self

    def __exit__(self, *error: object) -> None:
        if self._collects:
            gc.enable()
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.end(at_once=error[0] is not None)

    def analyse(self, files: Sequence[File], job: Job) -> Iterator[FileResult]:
        """The result of every file, in no order."""
        if self._jobs == 1 or (few(len(files), _size(files)) and not self._workers):
            yield from _Analysis(job).of(files)
        else:
            yield from self._divided(files, job)

    def start(self, files: int) -> None:
        """Have processes for so many files, each of which gets ready by itself."""
        wanted = min(self._jobs, files) - len(self._workers)
        self._workers += _started(wanted, self._workers)

    def _divided(self, files: Sequence[File], job: Job) -> Iterator[FileResult]:
        if self._shared is None:
            self.start(len(files))
            self._shared = _shared(path for path, _ in files)
        for worker in self._workers:
            worker.send(job)
        waiting = self._portions(files)
        running: dict[Connection, tuple[int, _Batch]] = {}
        lost: list[File] = []
        for number in range(len(self._workers)):
            self._give(number, waiting, running)
        while running:
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                number, batch = running.pop(pipe)
                results: list[FileResult] = []
                try:
                    results = pipe.recv()
                except (EOFError, OSError):  # the process died
                    lost += batch
                    self._workers[number].end(at_once=True)
                    self._workers[number : number + 1] = _started(1, self._workers)
                    self._workers[number].send(job)
                self._give(number, waiting, running)
                yield from results  # the process has something to do while these are looked at
        for file in sorted(lost):
            yield _alone(file, job)

    def _portions(self, files: Sequence[File]) -> list[_Batch]:
        """The files in batches, largest first; none has files that different processes know."""
        known: dict[int | None, _Batch] = {}
        for file in files:
            known.setdefault(self._owner(file[0]), []).append(file)
        found = [batch for group in known.values() for batch in batches(group, len(self._workers))]
        return sorted(found, key=_size, reverse=True)

    def _give(self, number: int, waiting: list[_Batch], running: dict[Connection, tuple[int, _Batch]]) -> None:
        """Hand a process the largest portion of what is its own, else of what is nobody's, else the smallest left.

        What another process knows is only worth parsing again where much is left.
        """
        owners = [self._owner(batch[0][0]) for batch in waiting]
        at = next((owners.index(wanted) for wanted in (number, None) if wanted in owners), len(waiting) - 1)
        if not waiting or (owners[at] not in (number, None) and sum(map(_size, waiting)) < _WORTH):
            return
        batch = waiting.pop(at)
        for folder in {folder for path, _ in batch for folder in self._above(path)}:
            self._owners.setdefault(folder, number)
        worker = self._workers[number]
        running[worker.pipe] = number, batch
        worker.send(batch)

    def _owner(self, path: str) -> int | None:
        """The process that has had files of the innermost folder around a file."""
        return next((self._owners[folder] for folder in self._above(path) if folder in self._owners), None)

    def _above(self, path: str) -> Iterator[str]:
        """The folders that a path stands in, the innermost first, below the one that all files share."""
        folder, inner = os.path.dirname(path), path
        while folder not in (self._shared, "", inner):
            yield folder
            folder, inner = os.path.dirname(folder), folder


class _Worker:
    """The pipe to a process; and the process, unless another one forked it and waits for it."""

    def __init__(self, pipe: Connection, process: BaseProcess | None) -> None:
        self.pipe = pipe
        self._process = process
        self._sources: Mapping[str, bytes] = {}  # that it has

    def send(self, what: Job | _Batch) -> None:
        """A job, or files to put through the last one. That the process died is seen where it should answer."""
        if isinstance(what, Job):
            known, self._sources = self._sources, what.project.sources
            fresh = {path: data for path, data in self._sources.items() if known.get(path) is not data}
            what = replace(what, project=replace(what.project, sources=fresh))
        with contextlib.suppress(OSError):
            self.pipe.send(what)

    def end(self, *, at_once: bool = False) -> None:
        """Close the pipe, which ends the process when it next waits for something to do; or do not let it finish."""
        self.pipe.close()
        if self._process is not None:
            if at_once:
                self._process.terminate()
            self._process.join()


def _started(number: int, others: Iterable[_Worker] = ()) -> list[_Worker]:
    """So many new processes, beside those of `others`."""
    if _METHOD != "fork":
        return [worker for _ in range(number) for worker in _process(1, [])]
    return _process(number, [worker.pipe for worker in others]) if number > 0 else []


def _process(number: int, open_here: list[Connection]) -> list[_Worker]:
    """A process that gets ready and then forks until there are `number`, each with a pipe."""
    context = multiprocessing.get_context(_METHOD)
    pipes = [context.Pipe() for _ in range(number)]
    theirs = [end for _, end in pipes]
    # A fork has our ends of all pipes, and would never see that we died and closed them.
    ours = [*open_here, *(end for end, _ in pipes)] if _METHOD == "fork" else []
    process = context.Process(target=_work, args=(theirs, ours), daemon=True)  # type: ignore[attr-defined]
    process.start()
    for end in theirs:
        end.close()
    return [_Worker(end, None if place else process) for place, (end, _) in enumerate(pipes)]


def _work(pipes: Sequence[Connection], others: Sequence[Connection]) -> None:
    """What a process does: get ready, have copies of itself for all pipes but the first, and serve that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # die quietly: the parent speaks for all
    gc.disable()
    for other in others:
        other.close()
    _prepare()
    copies = []
    for place, pipe in enumerate(pipes[1:], 1):
        copy = os.fork()
        if not copy:
            for other in (pipes[0], *pipes[place + 1 :]):
                other.close()
            _serve(pipe)
            os._exit(0)
        copies.append(copy)
        pipe.close()
    _serve(pipes[0])
    for copy in copies:
        os.waitpid(copy, 0)
    os._exit(0)  # nothing here is worth freeing one by one


def _serve(pipe: Connection) -> None:
    """Wait for a job, then for files, until the other end is closed."""
    analysis: _Analysis | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            given: Job | _Batch = pipe.recv()
            if isinstance(given, Job):
                project = given.project
                if analysis is not None:  # of the sources, those that are new were sent
                    before = analysis.job.project
                    project = replace(project, trees=before.trees, sources={**before.sources, **project.sources})
                analysis = _Analysis(replace(given, project=project))
            else:
                assert analysis is not None
                pipe.send(list(analysis.of(given)))


def _prepare() -> None:
    """Have everything that files need."""
    from oaimigrate.analysis import api
    from oaimigrate.registry import all_rules

    all_rules(), api.load()
    gc.freeze()  # what is here now stays, and is not looked at for garbage


class _Analysis:
    """A job in the process that does it, with the garbage collector out of the way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._trees = job.project.trees
        self._cleared = self._trees.parsed

    def of(self, files: Sequence[File]) -> Iterator[FileResult]:
        for file in files:
            yield analyse(file, self.job)
            if self.job.project.make_room() or self._trees.parsed - self._cleared > _GARBAGE:
                self._cleared = self._trees.parsed
                gc.collect()


def _alone(file: File, job: Job) -> FileResult:
    """A process died and took others' work with it: each of those files gets a process of its own."""
    [worker] = _started(1)
    try:
        worker.send(job)
        worker.send([file])
        return worker.pipe.recv()[0]  # type: ignore[no-any-return]
    except (EOFError, OSError):
        return crashed(*file, RuntimeError("the process that read this file died"), debug=False)
    finally:
        worker.end(at_once=True)


def batches(files: Sequence[File], jobs: int) -> list[_Batch]:
    """The files in portions for the workers, largest first. What stands in one folder imports one another, and each
    worker parses what it imports: a folder is divided only if it is too large for one worker."""
    size = _size(files)
    found: list[_Batch] = []
    room = 0
    for folder in _folders(sorted(files), 0, size // (jobs * 2)):
        weight = _size(folder)
        if weight > room or not found:  # files without a byte weigh nothing
            found.append([])
            room = size // (jobs * 8) + 1
        found[-1] += folder
        room -= weight
    return sorted(found, key=_size, reverse=True)


def _size(files: Sequence[File]) -> int:
    return sum(len(data) for _, data in files)


def _folders(files: _Batch, depth: int, room: int) -> Iterator[_Batch]:
    """The files of each folder that has at most `room` bytes of them, in order; alone where a folder has no more."""
    if len(files) == 1 or _size(files) <= room:
        yield files
        return
    for _, inside in itertools.groupby(files, lambda file: file[0].split(os.sep)[: depth + 1]):
        same = list(inside)
        deeper = len(same) < len(files) or depth < same[0][0].count(os.sep)
        yield from _folders(same, depth + 1, room) if deeper else ([file] for file in same)


def _shared(paths: Iterable[str]) -> str:
    """The folder that all paths stand in; "" where some are absolute and some are not."""
    try:
        return os.path.commonpath(map(os.path.dirname, paths))
    except ValueError:
        return ""
