"""Rounds over the files of a run: those that use the SDK, then those that read what these hand out, and so on.

A response leaves a file in two ways: another file imports what returns it, or is passed it as an argument. Each round
looks at the files that the results of the round before reach in either way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from oaimigrate.callers import callers
from oaimigrate.consumers import Consumers
from oaimigrate.imports import importing
from oaimigrate.project import Project

if TYPE_CHECKING:
    from oaimigrate.diagnostics import Export, FileResult, Passed
    from oaimigrate.runner import Collected, File, Progress

    Analyse = Callable[[Sequence[File], Project, Progress | None], Iterator[FileResult]]

ROUNDS = 3  # how often names handed on by readers are followed to their own readers


def rounds(collected: Collected, analyse: Analyse, progress: Progress | None) -> tuple[list[FileResult], Project]:
    """The results of the files that were asked for, and the project as the last of them saw it.

    A file that was looked at is looked at again when what it imports turns out to hand on something of the SDK.
    Of the rest of the project only what may pass something to these files, and what all of them may import, is worked
    through.
    """
    around = collected.around
    data = dict(collected.files) | dict(around.files if around else ())
    asked = {path for path, _ in collected.files} | set(collected.others)

    def read(path: str) -> bytes:
        if path in data:
            return data[path]
        return around.bytes_of(path) if around and path not in asked else collected.bytes_of(path)

    others, files = list(collected.others), list(collected.files)
    readers = Consumers(read)
    if around:
        paths = [*data, *collected.others, *around.others]
        below = asked | readers.reachable(asked, paths)
        above = callers(() if collected.folders else asked, below, paths, read, readers.imports, ROUNDS)
        if collected.folders:
            above |= importing(asked, [p for p in paths if p not in asked], readers.imports, ROUNDS)
        near = (above | below | readers.reachable(above, paths)) - asked
        if collected.folders:
            data = {path: text for path, text in data.items() if path in asked or path in near}
        others += [path for path in around.others if path in near]
        files += [file for file in around.files if file[0] in near]
    readers.among([*data, *others])
    project = Project.scan(data.items())
    results: dict[str, FileResult] = {}
    for turn in range(ROUNDS + 1):
        news: list[tuple[str, Mapping[str, Export]]] = []
        for result in analyse(files, project, progress if len(files) == len(collected.files) else None):
            news.append((result.path, _news(result, results.get(result.path))))
            results[result.path] = result
            if news[-1][1]:
                readers.near(result.path)
        if turn == ROUNDS:
            break
        fresh = {path for path in others if path not in data}
        known = results.keys() - {path for path, _ in news} if turn else set()  # the first have seen each other
        passed = carried(results.values())
        again = dict(readers.of(news, fresh | known))
        again |= _receivers(passed, project.passed, {*data, *others}, readers, read)
        if not again:
            break
        files, progress = list(again.items()), None
        data |= again
        project = replace(project.joined(f for f in files if f[0] not in project.sources), passed=passed)
    return [result for path, result in results.items() if path in asked], project


def _news(result: FileResult, before: FileResult | None) -> Mapping[str, Export]:
    """The names through which more, or something else, leaves a file than when it was looked at before."""
    old = before.exports if before is not None else {}
    return {name: export for name, export in result.exports.items() if old.get(name) != export}


def carried(results: Iterable[FileResult]) -> dict[str, tuple[Passed, ...]]:
    """What is passed to the functions of each file, in one order whatever that of the results."""
    found: dict[str, dict[Passed, None]] = {}
    for result in results:
        for passed in result.passes:
            found.setdefault(os.path.normpath(passed.path), {})[passed] = None
    return {path: tuple(sorted(given, key=repr)) for path, given in found.items()}


def _receivers(
    passed: Mapping[str, tuple[Passed, ...]],
    before: Mapping[str, tuple[Passed, ...]],
    paths: set[str],
    readers: Consumers,
    read: Callable[[str], bytes],
) -> Iterator[File]:
    """The files that are passed more than before, of those that may do something with it."""
    for path, given in passed.items():
        if path in paths and given != before.get(path):
            if any(readers.concerns(p) for p in given):
                yield path, read(path)
