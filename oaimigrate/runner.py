"""Files → results: what is read, where the work is done, what is written.

Only this process writes, after the analysis, file by file and each one whole. Workers are handed bytes and hand back
plain values, so they may be forked or spawned, and may die: a file that takes its process down is reported as such.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from oaimigrate.config import INTERNAL_ERROR, UNREADABLE, Config
from oaimigrate.discovery import TOKENS, WORD, ExcludesOf, discover, is_manifest, looks_like_manifest, parses, speaks
from oaimigrate.source import Source, SourceError, read_bytes, read_or_nothing
from oaimigrate.surroundings import surroundings

if TYPE_CHECKING:
    from oaimigrate.diagnostics import FileResult, Safety
    from oaimigrate.project import Project
    from oaimigrate.workers import Workers

FEW_FILES, FEW_BYTES = 8, 150_000  # are done before other processes are ready. Measured with `benchmarks/run`
_KEPT_BYTES = 300_000_000  # of files that do not mention the SDK, kept to be asked whether they read what it returns

Progress = Callable[[int, int], None]
File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Collected:
    """The files of a run: how many there are, those worth a parse with their bytes, those that cannot be read."""

    found: int
    files: tuple[File, ...]
    unreadable: tuple[SourceError, ...] = ()
    others: tuple[str, ...] = ()  # files that do not mention the SDK: they may still read what other modules return
    kept: Mapping[str, bytes] = field(default_factory=dict)  # the bytes of `others`, as far as memory is spent on them
    around: Collected | None = None  # the rest of the project of what was named: read, never reported on
    folders: bool = False  # whether a folder was named: of the rest counts what has to do with it
    workers: Workers | None = None  # for the run: processes that got ready while files were still read

    def bytes_of(self, path: str) -> bytes:
        """What is in one of `others`."""
        return self.kept.get(path) or read_or_nothing(path)


@dataclass(frozen=True, slots=True)
class Job:
    """What every file of a run is put through; `safety` is that of the fixes to apply, None to look only."""

    config: Config
    project: Project
    safety: Safety | None = None
    configs: Mapping[str, Config] = field(default_factory=dict)  # of the files that have one of their own


@dataclass(frozen=True, slots=True)
class Run:
    """The results that have something to say, by path, and the sources of the files that change."""

    found: int
    results: tuple[FileResult, ...]
    sources: dict[str, Source]

    @property
    def changed(self) -> tuple[FileResult, ...]:
        return tuple(result for result in self.results if result.changed)


def collect(
    paths: Sequence[str],
    *,
    force_exclude: bool = False,
    excludes_of: ExcludesOf | None = None,
    docs: bool = False,
    near: bool = True,
    jobs: int | None = 1,
) -> Collected:
    """Find and read the files of a run. LibCST is not imported, and where no file passes it never is.

    With `near`, the rest of the project is read for the files and folders that are named. Up to `jobs` processes
    (None: as many as there are processors) get ready meanwhile where there is enough to do for them.
    """
    more = _documents() if docs else ()
    # A person who names a file wants to hear that it does not parse. Where files are found in folders, or a hook names
    # them (it says `--force-exclude`), what never says "openai" is not our concern.
    given = frozenset(map(os.path.normpath, paths)) if near and not force_exclude else frozenset()
    names = discover(paths, force_exclude=force_exclude, excludes_of=excludes_of, more=more)
    files, unreadable, others, requirements = [], [], [], []
    kept, room = {}, _KEPT_BYTES
    workers, size = None, 0
    for path in names:
        try:
            data = read_bytes(path)
        except SourceError as error:
            unreadable.append(error)
        else:
            if looks_like_manifest(path) and is_manifest(path):
                requirements.append((path, data))
            elif _speaks(data, path) or (docs and _has_fences(data)):
                files.append((path, data))
                size += len(data)
                if workers is None and jobs != 1 and not few(len(files), size):
                    workers = _workers(jobs)
                    workers.start(len(files))
            elif path.endswith(("setup.py", "noxfile.py")) and WORD in data:
                requirements.append((path, data))
            elif path in given and not parses(data, path):
                files.append((path, data))
            else:
                others.append(path)
                room -= len(data)
                if room > 0:
                    kept[path] = data
    found = len(names)
    if requirements:
        named = {os.path.normpath(path) for path in paths}
        found -= sum(1 for path, _ in requirements if path not in named)
        files = sorted(files + _wanted(requirements, named, used=bool(files)))
    beside = surroundings(paths, names, excludes_of) if near else []
    around = collect(beside, near=False) if beside else None
    keep = kept if files or (around and around.files) else {}
    folders = any(map(os.path.isdir, paths))
    return Collected(found, tuple(files), tuple(unreadable), tuple(others), keep, around, folders, workers)


def few(files: int, size: int) -> bool:
    """Whether so many files with so many bytes in all are not worth another process."""
    return files <= FEW_FILES or size < FEW_BYTES


def _workers(jobs: int | None) -> Workers:
    from oaimigrate.workers import Workers

    return Workers(jobs or _cpus())


def given(path: str, data: bytes, excludes_of: ExcludesOf | None = None) -> Collected:
    """A file whose text is not that on disk, such as standard input, in the project that its path belongs to."""
    names = surroundings([path], [path], excludes_of)
    return Collected(1, ((path, data),), around=collect(names, near=False) if names else None)


def _speaks(data: bytes, path: str) -> bool:
    """Whether a Python file or a notebook may use the SDK."""
    if path.endswith(".ipynb"):
        return (WORD in data or TOKENS in data) and _notebook(data, path) and not _is_sdk(path)
    return speaks(data) and not _is_sdk(path)


def _is_sdk(path: str) -> bool:
    """Whether a file is of the top-level package `openai` itself, where `import openai` means that package."""
    top = f"{os.sep}openai{os.sep}"
    at = f"{os.sep}{path}".find(top)
    if at < 0:
        return False
    above = path[:at]  # the folder that holds the first folder of that name
    package = os.path.join(above, "openai", "__init__.py")
    return os.path.isfile(package) and not os.path.isfile(os.path.join(above, "__init__.py"))


def _documents() -> tuple[str, ...]:
    from oaimigrate import docs

    return docs.SUFFIXES


def _has_fences(data: bytes) -> bool:
    from oaimigrate import docs

    return docs.uses_sdk(data)


def _notebook(data: bytes, path: str) -> bool:
    from oaimigrate import notebooks

    return notebooks.uses_sdk(data, path)


def _wanted(requirements: list[File], named: set[str], *, used: bool) -> list[File]:
    """The requirement files that speak of openai: all if a file of the run uses the SDK, else those that are named."""
    return [(p, d) for p, d in requirements if WORD in d.replace(b"\0", b"").lower() and (used or p in named)]


def run(
    collected: Collected,
    config: Config,
    *,
    safety: Safety | None = None,
    write: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
    config_of: Callable[[str], Config] | None = None,
) -> Run:
    """Check the collected files, or fix them up to `safety`; write what changed if asked to.

    `jobs` is as for `collect`, and is not asked where that made processes ready. `config_of` says what holds for a file
    where that is not `config`.
    """
    results = [_unreadable(error, b"") for error in collected.unreadable]
    data: Mapping[str, bytes] = dict(collected.files)
    if collected.files or (collected.around and collected.around.files and collected.others):
        asked = {path for path, _ in collected.files} | set(collected.others)
        quiet = replace(config, select=frozenset())  # of the files around: only what they hand on is asked for

        def job(files: Sequence[File], project: Project) -> Job:
            configs = _configs(config_of, files) | {path: quiet for path, _ in files if path not in asked}
            return Job(config, project, safety, configs)

        found, project = _in_rounds(collected, job, jobs, progress)
        results, data = results + found, project.sources
    sources = {r.path: Source.from_bytes(data[r.path], r.path) for r in results if r.changed}
    if write:
        results = [_write(r, sources[r.path], data[r.path]) if r.changed else r for r in _in_order(results)]
    return Run(collected.found, tuple(r for r in _in_order(results) if r.diagnostics or r.changed), sources)


def project_of(collected: Collected, *, jobs: int | None = None) -> Project:
    """What the files of a run say about each other, when all of them were looked at."""
    quiet = Config(select=frozenset())
    return _in_rounds(collected, lambda _, project: Job(quiet, project), jobs, None)[1]


def _in_rounds(
    collected: Collected,
    job: Callable[[Sequence[File], Project], Job],
    jobs: int | None,
    progress: Progress | None,
) -> tuple[list[FileResult], Project]:
    from oaimigrate.rounds import rounds

    with collected.workers or _workers(jobs) as workers:

        def analysed(files: Sequence[File], project: Project, progress: Progress | None) -> Iterator[FileResult]:
            for done, result in enumerate(workers.analyse(files, job(files, project)), 1):
                if progress:
                    progress(done, len(files))
                yield result

        return rounds(collected, analysed, progress)


def _configs(config_of: Callable[[str], Config] | None, files: Sequence[File]) -> dict[str, Config]:
    return {path: config_of(path) for path, _ in files} if config_of else {}


def analyse(file: File, job: Job) -> FileResult:
    """Put one file through the engine. Whatever goes wrong becomes a diagnostic of that file."""
    path, data = file
    try:
        from oaimigrate import engine

        source = Source.from_bytes(data, path)
        config = job.configs.get(path, job.config)
        if job.safety is None:
            return engine.check_source(source, config, job.project)
        return engine.fix_source(source, config, job.project, safety=job.safety)
    except SourceError as error:
        return _unreadable(error, data)
    except Exception as error:
        return crashed(path, data, error, debug=job.config.debug)


def _write(result: FileResult, source: Source, data: bytes) -> FileResult:
    """Write a changed file; if that fails, it counts as not changed."""
    try:
        if read_bytes(result.path) != data:
            raise SourceError(
                result.path, 1, 1, "the file was changed by another program meanwhile, so it is not written"
            )
        source.write(result.text)
    except SourceError as error:
        return replace(_unreadable(error, data), original=source.text)
    return result


def _unreadable(error: SourceError, data: bytes) -> FileResult:
    """A file that cannot be read, decoded or written."""
    from oaimigrate.diagnostics import Diagnostic, FileResult, Span

    text = data.decode("utf-8", "replace")
    start = Source.from_text(text, error.path).offset(error.row, error.column)
    return FileResult(error.path, text, (Diagnostic(UNREADABLE, error.message, Span(start, start)),))


def crashed(path: str, data: bytes, error: Exception, *, debug: bool) -> FileResult:
    """The result of a file that could not be worked through, through no fault of its own."""
    import traceback

    from oaimigrate.diagnostics import Diagnostic, FileResult, Note, Span

    message = f"internal error, the file was not looked at: {type(error).__name__}: {error}"
    notes = (Note("".join(traceback.format_exception(error))),) if debug else ()
    return FileResult(
        path, data.decode("utf-8", "replace"), (Diagnostic(INTERNAL_ERROR, message, Span(0, 0), notes=notes),)
    )


def _in_order(results: Sequence[FileResult]) -> list[FileResult]:
    return sorted(results, key=lambda result: result.path)


def _cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
