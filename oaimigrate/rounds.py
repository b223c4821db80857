"""Rounds over the files of a run: those that use the SDK, then those that read what these hand out, and so on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from oaimigrate.consumers import consumers, reachable
from oaimigrate.project import Project

if TYPE_CHECKING:
    from oaimigrate.diagnostics import FileResult
    from oaimigrate.runner import Collected, File, Progress

    Analyse = Callable[[Sequence[File], Project, Progress | None], list[FileResult]]

ROUNDS = 3  # how often names handed on by readers are followed to their own readers


def rounds(
    collected: Collected, analyse: Analyse, progress: Progress | None
) -> tuple[list[FileResult], dict[str, bytes]]:
    """The results of the files that were asked for, and the bytes of all files that were looked at.

    A file that was looked at is looked at again when what it imports turns out to hand on something of the SDK.
    Of the rest of the project only what these files may import is worked through.
    """
    around = collected.around
    data = dict(collected.files) | dict(around.files if around else ())
    asked = {path for path, _ in collected.files} | set(collected.others)

    def read(path: str) -> bytes:
        if path in data:
            return data[path]
        return around.bytes_of(path) if around and path not in asked else collected.bytes_of(path)

    others, first = list(collected.others), list(collected.files)
    if around:
        near = reachable(asked, [*data, *collected.others, *around.others], read) - asked
        others += [path for path in around.others if path in near]
        first += [file for file in around.files if file[0] in near]
    found = analyse(first, Project.scan(data.items()), progress if len(first) == len(collected.files) else None)
    results = {result.path: result for result in found}
    for turn in range(ROUNDS):
        exported = [(r.path, r.exports) for r in found]
        files = consumers(exported, [path for path in others if path not in data], read, [*data, *others])
        if turn:  # the first files have seen each other
            files += consumers(exported, sorted(results.keys() - {path for path, _ in exported}), data.__getitem__)
        if not files:
            break
        data |= dict(files)
        found = analyse(files, Project.scan(data.items()), None)
        results |= {result.path: result for result in found}
    return [result for path, result in results.items() if path in asked], data
