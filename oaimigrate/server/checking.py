"""The worker: one thread that analyses buffers, and remembers what it found as long as that holds.

A buffer's findings depend on its text, on the settings made anywhere in the project, and on the modules its imports
were followed to. While all of these are what they were, the earlier answer stands: typing in one file does not check
the other open ones again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from oaimigrate import engine
from oaimigrate.config import UNREADABLE, Config
from oaimigrate.diagnostics import Diagnostic, Safety
from oaimigrate.project import Project
from oaimigrate.server.documents import Buffer
from oaimigrate.server.folder import Folder, uses_sdk, worth_a_look
from oaimigrate.server.settings import Settings
from oaimigrate.source import Source, SourceError
from oaimigrate.surroundings import root_of

# What is said of files that have nothing to do with the SDK as well: that they do not parse, or of comments in them.
_OF_ANY_FILE = frozenset({UNREADABLE, "OAI002", "OAI003"})


@dataclass(frozen=True)
class Checked:
    """A buffer and what is to be said about it. A fix holds all its edits, those of linked fixes among them."""

    buffer: Buffer
    source: Source
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class _Basis:
    """What an answer was made from, besides the text."""

    config: Config
    facts: tuple[object, ...]
    modules: Mapping[str, bytes | None]
    epoch: int

    def holds(self, config: Config, project: Project, epoch: int) -> bool:
        return (
            (self.epoch, self.config) == (epoch, config)
            and self.facts == _facts(project)
            and all(project.sources.get(path) == data for path, data in self.modules.items())
        )


@dataclass
class Worker:
    """State of the worker thread. Every method runs there, one at a time."""

    roots: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    _folders: dict[str, Folder] = field(default_factory=dict)
    _answers: dict[str, tuple[_Basis, Checked]] = field(default_factory=dict)

    def check(self, buffer: Buffer, overlays: Mapping[str, str]) -> Checked:
        """The findings of a buffer among the other open ones, `overlays`."""
        try:
            source = buffer.source
        except SourceError:  # a notebook with something in it that no file can hold
            return Checked(buffer, Source.from_text("", buffer.path))
        if self.settings.changed(buffer.path):
            for known in self._folders.values():
                known.changed()
        folder = self._folder(buffer.path)
        if folder.excludes(buffer.path):
            return Checked(buffer, source)
        config = replace(self.settings.of(buffer.path), complete_fixes=True)
        project = folder.project(_below(folder, buffer, overlays))
        answer = self._answers.get(buffer.uri)
        if answer and answer[1].buffer.text == buffer.text and answer[0].holds(config, project, folder.epoch):
            return Checked(buffer, source, answer[1].diagnostics)
        found: tuple[Diagnostic, ...] = ()
        if worth_a_look(buffer.path, buffer.text, project):
            found = engine.check_source(source, config, project).diagnostics
            # A run asks what a file reads of those it imports before it looks at it, and so knows of no others.
            if {d.code for d in found} <= _OF_ANY_FILE and not uses_sdk(
                buffer.path, buffer.text.encode("utf-8", "replace")
            ):
                found = ()
        checked = Checked(buffer, source, found)
        modules = {path: project.sources.get(path) for path in project.modules.read if path != buffer.path}
        self._answers[buffer.uri] = _Basis(config, _facts(project), modules, folder.epoch), checked
        return checked

    def fixed(self, buffer: Buffer, overlays: Mapping[str, str], safety: Safety) -> str:
        """The source of a buffer after all fixes at least as safe as `safety`."""
        folder = self._folder(buffer.path)
        project = folder.project(_below(folder, buffer, overlays))
        if folder.excludes(buffer.path) or not worth_a_look(buffer.path, buffer.text, project):
            return buffer.source.text
        return engine.fix_source(buffer.source, self.settings.of(buffer.path), project, safety=safety).text

    def text_of(self, path: str, overlays: Mapping[str, str]) -> Source | None:
        """The text of another file that a finding points to."""
        if path in overlays:
            return Source.from_text(overlays[path], path)
        try:
            return Source.read(path)
        except Exception:  # gone by now, or not to be decoded: the finding then points to the file as a whole
            return None

    def forget(self, uri: str) -> None:
        """The buffer was closed."""
        self._answers.pop(uri, None)

    def changed(self, paths: Iterable[str] = ()) -> None:
        """Files on disk were changed; without names, any of them may have been."""
        paths = list(paths)
        self.settings.forget()
        for folder in self._folders.values():
            inside = [p for p in paths if _inside(p, folder.root)]
            if inside or not paths:
                folder.changed(inside)

    def crowded(self, overlays: Mapping[str, str]) -> list[tuple[Folder, dict[str, str]]]:
        """The folders with other files than the buffers in them, and these."""
        found: dict[str, tuple[Folder, dict[str, str]]] = {}
        for path, text in overlays.items():
            folder = self._folder(path)
            if folder.whole and not folder.excludes(path):
                found.setdefault(folder.root, (folder, {}))[1][path] = text
        return [(folder, inside) for folder, inside in found.values() if not folder.alone(inside)]

    def _folder(self, path: str) -> Folder:
        known = [root for root in self.roots if _inside(path, root)]
        root = max(known, key=len) if known else root_of(os.path.dirname(path)) if os.path.isabs(path) else None
        key = root or os.path.dirname(path)
        if key not in self._folders:
            self._folders[key] = Folder(key, self.settings.excludes, whole=root is not None, opened=bool(known))
        return self._folders[key]


def _below(folder: Folder, buffer: Buffer, overlays: Mapping[str, str]) -> dict[str, str]:
    return {p: text for p, text in overlays.items() if _inside(p, folder.root)} | {buffer.path: buffer.text}


def _inside(path: str, root: str) -> bool:
    return path.startswith(root.rstrip(os.sep) + os.sep)


def _facts(project: Project) -> tuple[object, ...]:
    return project.settings, project.requests, project.api_types, project.imports
