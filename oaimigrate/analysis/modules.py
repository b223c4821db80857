"""Across modules: which file an import means, and what a name of that file is.

Files are parsed only when an import asks for a name that they seem to define, once per process. Kinds that point into
another file's tree (its functions and classes) are worked out by that file's own inference.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import reexports
from oaimigrate.analysis.kinds import (
    SILENT,
    Doubt,
    External,
    Value,
)
from oaimigrate.analysis.steps import known
from oaimigrate.source import SourceError, read_bytes

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.infer import Inference
    from oaimigrate.project import Project

MAX_BYTES = 400_000  # a module larger than this is not opened for the sake of one import
ROOM = 6_000_000  # characters of the files that are kept open: with their memos, some hundred megabytes
MAX_STARS = 3  # `from module import *` followed one from another
MAX_HOPS = 12  # imports followed one from another


class Modules:
    """The project's files as modules; `sources` are the files of the run, others are read from disk when asked for."""

    def __init__(self, project: Project, sources: Mapping[str, bytes]) -> None:
        self.project = project
        self.sources = sources
        self._files: dict[str, FileContext | None] = {}
        self._reexports: dict[str, reexports.Reexports] = {}
        self._listings: dict[str, frozenset[str]] = {}
        self._answers: dict[tuple[str, str], Value] = {}
        self._resolved: dict[tuple[str, str, int], str | None] = {}
        self._hops = 0
        self._size = 0  # characters of `_files`
        self._held = _held(sources)

    # -- files -----------------------------------------------------------------------------------------------------

    @property
    def read(self) -> frozenset[str]:
        """The files that answers were sought in so far."""
        return frozenset({*self._files, *(path for path in self._resolved.values() if path)})

    def exists(self, path: str) -> bool:
        if path in self.sources:
            return True
        folder, name = os.path.split(path)
        return name in self._entries(folder)

    def _entries(self, folder: str) -> frozenset[str]:
        """The Python files and folders in a folder; none if its parent is known not to hold it."""
        found = self._listings.get(folder)
        if found is None:
            parent, own = os.path.split(folder)
            beside = self._listings.get(parent)
            absent = beside is not None and own not in beside and own not in ("", os.curdir, os.pardir)
            found = frozenset() if absent else _listing(folder)
            found = self._listings[folder] = found | self._held.get(folder, frozenset())
        return found

    def _begins(self, folder: str, name: str) -> bool:
        """Whether a folder has a module or a package of a name; most imports are of neither."""
        entries = self._entries(folder)
        return name in entries or f"{name}.py" in entries or f"{name}.pyi" in entries

    def resolve(self, importer: str, module: str, level: int) -> str | None:
        """The file that `module` means in an import statement of `importer`, None if the project has none."""
        folder = os.path.dirname(importer)
        key = (folder, module, level)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(folder, module, level)
        return self._resolved[key]

    def _resolve(self, folder: str, module: str, level: int) -> str | None:
        parts = module.split(".") if module else []
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._module(folder, parts)
        for root in _roots(folder):
            found = self._module(root, parts)
            if found is not None:
                return found
        return None

    def _module(self, root: str, parts: list[str]) -> str | None:
        if parts and not self._begins(root, parts[0]):
            return None
        base = os.path.join(root, *parts) if parts else root
        for candidate in (f"{base}.py", os.path.join(base, "__init__.py"), f"{base}.pyi"):
            if (parts or candidate.endswith("__init__.py")) and self.exists(candidate):
                return candidate
        return None

    def file(self, path: str) -> FileContext | None:
        """The parsed file, None if it cannot be read or is not worth it."""
        if path not in self._files:
            self._files[path] = None  # while it is being read, an import cycle finds nothing
            file = self._files[path] = self._load(path)
            self._size += len(file.text) if file is not None else 0
        return self._files[path]

    def make_room(self) -> bool:
        """Close all files if they are many. Only between two files of a run, for what is known points into trees."""
        full = self._size > ROOM
        if full:
            self._files.clear()
            self._answers.clear()
            self._size = 0
        return full

    def _load(self, path: str) -> FileContext | None:
        from oaimigrate.analysis.file import FileContext
        from oaimigrate.config import Config
        from oaimigrate.source import Source

        try:
            data = self.sources.get(path, b"")
            if len(data) > MAX_BYTES or (b"import" not in data and path not in self.project.passed):
                return None  # it neither uses the SDK nor reads what another module gives, as far as bytes tell
            return FileContext(Source.from_bytes(data, path), Config(), self.project)
        except (SourceError, RecursionError):
            return None

    # -- names -----------------------------------------------------------------------------------------------------

    def exported(self, importer: str, module: str, member: str, level: int) -> Value:
        """What `from module import member` binds in `importer`; for a plain `import module`, its `External` path."""
        path = self.resolve(importer, module, level)
        if not member:
            return SILENT
        value = self.name(path, member) if path is not None else SILENT
        if value.kind != SILENT.kind and not _unread(value, path):
            return value
        submodule = f"{module}.{member}" if module else member
        found = self.resolve(importer, submodule, level)
        if found is not None:
            return Value(External(f"file:{found}"))
        if not _unread(value, path) or (not level and module.partition(".")[0] in sys.stdlib_module_names):
            return SILENT
        return Value(External(f"{'.' * level}{module}.{member}", path or "", member))

    def module(self, importer: str, module: str, whole: str = "") -> Value:
        """What `import module` binds: a file of the project whose attributes can be asked for.

        Where `import whole` binds only the first part of it, that part may be a folder without `__init__.py`.
        """
        path = self.resolve(importer, module, 0)
        below = self.resolve(importer, whole, 0) if path is None and whole.startswith(f"{module}.") else None
        if below is not None:
            folder = os.path.dirname(below) if os.path.basename(below) == "__init__.py" else os.path.splitext(below)[0]
            for _ in range(whole.count(".") - module.count(".")):
                folder = os.path.dirname(folder)
            path = os.path.join(folder, "__init__.py")
        return Value(External(f"file:{path}")) if path is not None else SILENT

    def attribute(self, path: str, name: str) -> Value:
        """What `module.name` is: a name the module binds, or a module below it."""
        value = self.name(path, name)
        if (value.kind != SILENT.kind and not _unread(value, path)) or not path.endswith("__init__.py"):
            return value
        folder = os.path.dirname(path)
        found = self._module(folder, [name])
        if found is None and name in self._entries(folder) and self._entries(os.path.join(folder, name)):
            found = os.path.join(folder, name, "__init__.py")  # as if it were there
        return Value(External(f"file:{found}")) if found is not None else value

    def name(self, path: str, name: str) -> Value:
        """What a module-level name of a file is, as another module sees it."""
        key = (path, name)
        found = self._answers.get(key)
        if found is not None:
            return found
        if self._hops >= MAX_HOPS or not self._mentions(path, name):
            return SILENT
        self._answers[key] = SILENT
        self._hops += 1
        try:
            value = self._name(path, name)
        finally:
            self._hops -= 1
        self._answers[key] = value
        return value

    def _mentions(self, path: str, name: str) -> bool:
        data = self.sources.get(path)
        return data is None or name.encode() in data or b"import *" in data

    def _name(self, path: str, name: str) -> Value:
        if path not in self.sources:
            return self._handed_on(path, name)
        file = self.file(path)
        if file is None:
            return Value(External(name, path, name))
        bindings = file.tree.module_scope.names.get(name)
        if not bindings:
            for star in file.tree.module_scope.stars:
                value = file.imported(star.module, name, star.level)
                if known(value.kind):
                    return value
            return self.starred(path, [(s.module, s.level) for s in file.tree.module_scope.stars], name)
        value = file.inference.bound(bindings, bindings[-1].node)
        doubt = value.doubt
        if doubt is not None and not doubt.path:
            value = replace(value, doubt=Doubt(doubt.text, None, path))
        return value

    def _handed_on(self, path: str, name: str) -> Value:
        """A name of a file that has nothing of the SDK itself: what it imports under that name, if it is a package."""
        own = Value(External(name, path, name))
        if os.path.basename(path) != "__init__.py":
            return own
        if path not in self._reexports:
            self._reexports[path] = reexports.read(_bytes(path))
        names, stars, _ = self._reexports[path]
        found = names.get(name)
        if found is not None:
            if not found.member:
                return self.module(path, found.module)
            return self.exported(path, found.module, found.member, found.level)
        brought = (self.exported(path, s.module, name, s.level) for s in stars)
        value = next((v for v in brought if known(v.kind)), SILENT)
        if value is SILENT:
            value = self.starred(path, [(s.module, s.level) for s in stars], name)
        return value if value is not SILENT else own

    def starred(self, importer: str, stars: Sequence[tuple[str, int]], name: str) -> Value:
        """A name of a file that was not looked into, as stars may bring it: where one hands it on, or the only one."""
        guesses = []
        for module, level in stars:
            path = self.resolve(importer, module, level)
            value = self.exported(importer, module, name, level) if path is not None else SILENT
            if isinstance(value.kind, External) and value.kind.file:
                if not _unread(value, path):
                    return value
                guesses.append(value)
        return guesses[0] if guesses and len(stars) == 1 else SILENT

    def home(self, node: cst.CSTNode) -> Inference | None:
        """The inference of the file whose tree holds a function or class."""
        for file in self._files.values():
            if file is not None and node in file.tree.scope_of_node:
                return file.inference
        return None


def _unread(value: Value, path: str | None) -> bool:
    """Whether a value is only known as a name of the file that was asked for it."""
    return isinstance(value.kind, External) and bool(path) and value.kind.file == path


def _held(paths: Iterable[str]) -> dict[str, set[str]]:
    """What each folder holds by the paths of the sources, which need not be on disk."""
    found: dict[str, set[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        while name and name not in found.setdefault(folder, set()):
            found[folder].add(name)
            folder, name = os.path.split(folder)
    return found


def _listing(folder: str) -> frozenset[str]:
    """What is in a folder: one call of the system instead of three for every import of every file."""
    try:
        return frozenset(os.listdir(folder or "."))
    except OSError:
        return frozenset()


def _bytes(path: str) -> bytes:
    try:
        return read_bytes(path)
    except SourceError:
        return b""


def _roots(folder: str) -> list[str]:
    """Folders that an absolute import of a file may start from: its own and those above, each with its `src`."""
    found = []
    for _ in range(8):
        found += [folder, os.path.join(folder, "src")]
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    return found
