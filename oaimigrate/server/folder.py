"""The project around the open buffers: its files on disk that matter, with the buffers in their place.

Only the worker thread touches a folder. What the loop knows arrives with each task as a snapshot.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from oaimigrate import notebooks, runner
from oaimigrate.discovery import WORD, ExcludesOf, excluded, is_manifest, speaks
from oaimigrate.imports import Index, importers, importing, imports
from oaimigrate.project import Project
from oaimigrate.rounds import ROUNDS
from oaimigrate.source import read_or_nothing
from oaimigrate.surroundings import beside

if TYPE_CHECKING:
    from oaimigrate.diagnostics import Passed


@dataclass(frozen=True)
class Around:
    """What the other files of a folder are to the open ones. It takes a look at all of them."""

    readers: tuple[str, ...] = ()  # files that never say "openai" and import one that does
    passed: Mapping[str, tuple[Passed, ...]] = field(default_factory=dict)  # to functions of a file, by other files


class Folder:
    """A workspace folder, or the project that a lone file belongs to."""

    def __init__(self, root: str, excludes_of: ExcludesOf, *, whole: bool = True, opened: bool = True) -> None:
        self.root = root
        self.opened = opened  # by the user, as a folder of the workspace
        self._excludes_of = excludes_of
        self.whole = whole  # false for a file without a project around it: nothing but the buffers is read then
        self.epoch = 0  # grows with every change on disk
        self._stale = whole
        self._disk: dict[str, bytes] = {}
        self._others: list[str] = []
        self._excluded: dict[str, bool] = {}
        self._project: tuple[int, Mapping[str, str], Project] | None = None
        self._around = Around()

    def excludes(self, path: str) -> bool:
        """Whether a run over the folder would leave out this file."""
        if path not in self._excluded:
            self._excluded[path] = os.path.exists(path) and excluded(path, self._excludes_of)
        return self._excluded[path]

    def changed(self, paths: Iterable[str] = ()) -> None:
        """Files changed on disk; without names, anything may have."""
        paths = list(paths)
        known = {*self._disk, *self._others}
        if not paths or any(p not in known or not os.path.exists(p) for p in paths):
            self._stale = self.whole
        else:
            self._disk |= {p: d for p in paths if (d := read_or_nothing(p)) and (p in self._disk or speaks(d))}
        self._excluded.clear()
        self.epoch += 1

    def project(self, overlays: Mapping[str, str]) -> Project:
        """The project with the buffers `overlays`, text by path; its modules are not opened yet."""
        if self._stale:
            self._scan()
        if self._project is None or self._project[:2] != (self.epoch, overlays):
            sources = {p: d for p, d in self._disk.items() if p not in overlays}
            sources |= {path: text.encode("utf-8", "surrogatepass") for path, text in overlays.items()}
            scanned = replace(Project.scan(sources.items()), passed=self._around.passed)
            self._project = self.epoch, dict(overlays), scanned
        return replace(self._project[2])

    def alone(self, overlays: Mapping[str, str]) -> bool:
        """Whether no other file has to do with the SDK, as far as is known."""
        if self._stale:
            self._scan()
        return all(path in overlays or is_manifest(path) for path in self._disk)

    def around(self, overlays: Mapping[str, str]) -> Around:
        """Look at all files, which takes long: the first answers do not wait for it, nor those to typing."""
        self._scan()
        readers = self._readers()
        return Around(tuple(readers), self._passes(overlays))

    def know(self, around: Around) -> bool:
        """Remember what a look `around` found. Whether it is something else than before."""
        found = {path: read_or_nothing(path) for path in around.readers if path not in self._disk}
        new = bool(found) or around.passed != self._around.passed
        self._disk |= found
        self._around = around
        self.epoch += new
        return new

    def _readers(self) -> set[str]:
        return importing(self._disk, self._others, Index(read_or_nothing), ROUNDS)

    def _passes(self, overlays: Mapping[str, str]) -> Mapping[str, tuple[Passed, ...]]:
        """What other files give to the functions of those in `overlays`, as a run over these finds it."""
        texts = {p: text.encode("utf-8", "surrogatepass") for p, text in overlays.items() if p.endswith(".py")}
        around = runner.Collected(
            0,
            tuple(file for file in self._disk.items() if file[0] not in texts),
            others=tuple(path for path in self._others if path not in texts),
        )
        return runner.project_of(runner.Collected(len(texts), tuple(texts.items()), around=around), jobs=1).passed

    def _scan(self) -> None:
        self._stale = False
        paths = [self.root] if self.opened else beside(self.root, self._excludes_of)
        collected = runner.collect(paths, excludes_of=self._excludes_of, near=False)
        self._disk = dict(collected.files)
        self._others = [path for path in collected.others if not is_manifest(path)]
        self.epoch += 1


def worth_a_look(path: str, text: str, project: Project) -> bool:
    """Whether rules may find something: the buffer uses the SDK, names requirements, imports a file that uses it, or is
    called by one.
    """
    data = text.encode("utf-8", "replace")
    return (
        uses_sdk(path, data)
        or any(passed.of_sdk for passed in project.passed.get(path, ()))
        or bool(importers((p for p in project.sources if p != path), [(path, imports(path, data))]))
    )


def uses_sdk(path: str, data: bytes) -> bool:
    """Whether a run over the folder would look at a file for its own sake, and not for what it imports."""
    if path.endswith(notebooks.SUFFIX) and data.startswith(b"{") and notebooks.uses_sdk(data, path):
        return True
    return is_manifest(path) or speaks(data) or (path.endswith("setup.py") and WORD in data)
