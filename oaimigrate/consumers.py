"""Files that never say "openai" but read what another module hands out: found from their bytes, before any parse."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from oaimigrate.analysis import reexports
from oaimigrate.diagnostics import FILLED, Export, Passed
from oaimigrate.imports import BOUND, Index, Parts, bases, by_module, parts, roots, words

_DOCSTRING = rb"""[rRuU]?(?:\"{3}[^"]*(?:\"{1,2}[^"]+)*\"{3}|'{3}[^']*(?:'{1,2}[^']+)*'{3}|"[^"\n]*"|'[^'\n]*')[ \t]*"""
_DECLARED = (b"abstract", b"NotImplementedError", b"Protocol")
_DOES_NOTHING = re.compile(  # a method that is a docstring, `pass` or `...`, or begins so
    rb"\(\s*(?:self|cls)\b[^()]*(?:\([^()]*\)[^()]*)*\)[^\n]*:"
    rb"(?:%(pass)s|%(empty)s+(?:%(pass)s"
    rb"|([ \t]+)%(docstring)s(?:%(empty)s+%(pass)s|(?:%(empty)s+|\Z)(?!%(empty)s|\1\S))))"
    % {b"pass": rb"[ \t]*(?:pass\b|\.\.\.)", b"empty": rb"(?:[ \t\r]*(?:#[^\n]*)?\n)", b"docstring": _DOCSTRING}
)
_IN_WORD = re.compile(rb"\w").match


HANDS = 2  # files that an object goes through before a member of it is used

Names = Mapping[str, Export]


class Exporter(NamedTuple):
    """A module with names through which responses and clients leave it."""

    path: Parts
    names: Names


class Consumers:
    """Which files read what others hand out; remembers what each of them imports."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self.imports = Index(read)
        self._folders: dict[str, list[str]] = {}  # the files of each folder whose imports were not asked for
        self._reaching: dict[Parts, list[str]] = {}  # by where an import can start: the folders from which it can
        self._near: dict[str, dict[str, None]] = {}
        self._modules: Mapping[Parts, list[str]] = {}
        self._checked: set[str] = set()  # those whose imports are certain
        self._importing: dict[str, list[str]] = {}  # by a word of an import: the files that may read something

    def among(self, paths: Collection[str]) -> None:
        """Say which files there are."""
        self._modules = by_module(paths)
        self.imports.known = frozenset(map(os.fsencode, set().union(*self._modules)))
        for path in paths:
            self._folders.setdefault(os.path.dirname(path), []).append(path)
        for folder in self._folders:
            for root in roots(folder):
                self._reaching.setdefault(root, []).append(folder)

    def near(self, path: str) -> None:
        """Read what those files import that can import a module; `of` does it for all that it is asked about."""
        for base in bases(parts(path, package=True)):
            for folder in self._reaching.pop(base, ()):
                for reader in self._folders.pop(folder, ()):
                    for word in self.imports.of(reader).words():
                        self._importing.setdefault(word, []).append(reader)

    def concerns(self, passed: Passed) -> bool:
        """Whether the file that receives something may do something with it."""
        if passed.argument == FILLED:
            data, name = self._read(passed.path), passed.function.rpartition(".")[2]
            return may_be_filled_in(data) and holds(data, f"def {name}")
        return passed.of_sdk and (not passed.words or self.reaches(passed.path, passed.words))

    def of(self, exports: Iterable[tuple[str, Names]], others: Container[str]) -> list[tuple[str, bytes]]:
        """Those of `others` that import a module of `exports` (path and names) and use one of its names.

        A file that names a class and says none of its words may hand it on: to files that import it or that it imports.
        A package that does no more than import the names is not looked at but through.
        """
        found: dict[str, bytes] = {}
        handing: dict[str, frozenset[str]] = {}  # files that name a class and say none of its words
        givers: dict[str, list[Exporter]] = {}  # where they have it from
        through: dict[str, Names] = {}
        waiting = [(path, names) for path, names in exports if names]
        while waiting:
            near: dict[str, list[Exporter]] = {}
            for path, names in waiting:
                self.near(path)
                exporter = Exporter(parts(path), names)
                for importer in self._importers(exporter.path):
                    if importer in others and importer not in found:
                        near.setdefault(importer, []).append(exporter)
            waiting = []
            for path, exporters in near.items():
                used = self._used(path, exporters)
                if used is None and path not in self._checked:
                    self._checked.add(path)
                    self.imports.check(path)
                    used = self._used(path, exporters)
                if used == frozenset():
                    continue
                handed = self._through(path, exporters)
                if handed is not None:
                    if new := {name: e for name, e in handed.items() if through.get(path, {}).get(name) != e}:
                        through[path] = {**through.get(path, {}), **new}
                        waiting.append((path, new))
                elif used is None:
                    found[path] = self._read(path)
                else:
                    handing[path] = handing.get(path, frozenset()) | used
                    givers.setdefault(path, []).extend(exporters)
        for path in sorted(handing.keys() - found.keys()):
            if self._hands_on(path, handing[path], givers[path]):
                found[path] = self._read(path)
        return list(found.items())

    def reachable(self, asked: Iterable[str], paths: Iterable[str]) -> set[str]:
        """Those of `paths` that the files of `asked` may import, through one another as well."""
        modules = by_module(paths)
        found: set[str] = set()
        waiting = list(asked)
        while waiting:
            new = {path for path in self._imported(waiting.pop(), modules) if path not in found}
            found |= new
            waiting += new
        return found

    def _imported(self, path: str, modules: Mapping[Parts, list[str]]) -> Iterator[str]:
        for module in self.imports.of(path).modules():
            yield from modules.get(module, ())

    def _importers(self, module: Parts) -> Iterator[str]:
        """The files that may import a module; some come twice."""
        for word in words(module):
            yield from self._importing.get(word, ())

    def _used(self, path: str, exporters: Iterable[Exporter]) -> frozenset[str] | None:
        """None if a file uses something of `exporters`; else the words of those classes of them that it names."""
        imported = self.imports.of(path)
        named: set[str] = set()
        for exporter in exporters:
            taken = imported.taken(exporter.path)
            if not taken:
                continue
            if "*" in taken and _is_package(path):
                return None
            data = self._read(path)
            for name, (said, _) in exporter.names.items():
                if name in taken or ("*" in taken and holds(data, name)) or (BOUND in taken and _reads(data, name)):
                    if not said or _says(data, said):
                        return None
                    named |= said
        return frozenset(named)

    def _through(self, path: str, exporters: Iterable[Exporter]) -> Names | None:
        """The names that a package which does no more than import them hands on, None for any other file."""
        if not _is_package(path):
            return None
        package = reexports.read(self._read(path))
        imported = self.imports.of(path)
        found: dict[str, Export] = {}
        for exporter in exporters:
            for star in package.stars:
                if imported.means(parts(path), star.module, star.level, exporter.path):
                    found |= {name: e for name, e in exporter.names.items() if not name.startswith("_")}
            for name, taken in package.names.items():
                if taken.member in exporter.names:
                    if imported.means(parts(path), taken.module, taken.level, exporter.path):
                        found[name] = exporter.names[taken.member]
        return found if package.leaves(found) and all(package.leaves(e.names) for e in exporters) else None

    def _hands_on(self, path: str, words: frozenset[str], givers: Iterable[Exporter]) -> bool:
        """Whether a file that names a class gives it, or an object of it, to one that says one of its words.

        A package does; else that file imports it, or it imports that file, which does not know the class by itself.
        """
        if _is_package(path):
            return True
        module = parts(path)
        users = (user for user in self._importers(module) if user != path and self.imports.of(user).name(module))
        if any(_says(self._read(user), words) for user in users):
            return True
        known = [giver.path for giver in givers]
        public = [word for word in words if not word.startswith("._")]
        return any(
            self.reaches(taker, public)
            for taker in self._imported(path, self._modules)
            if parts(taker) not in known and not any(self.imports.of(taker).name(giver) for giver in known)
        )

    def reaches(self, path: str, words: Collection[str]) -> bool:
        """Whether a file that is given an object says one of its words, or a file that it may give it to."""
        return any(_says(self._read(other), words) for other in self._below(path))

    def _below(self, path: str) -> Collection[str]:
        """A file and those that it imports, through one another as well; of a package only those with the names that
        are taken from it.
        """
        found = self._near.get(path)
        if found is None:
            found = self._near[path] = {path: None}
            waiting = [path]
            for _ in range(HANDS - 1):
                whole = [other for other in waiting if not _is_package(other)]
                waiting = [taker for other in whole for taker in self._takers(other) if taker not in found]
                found.update(dict.fromkeys(waiting))
        return found

    def _takers(self, path: str) -> Iterator[str]:
        """The files that a file imports, and those with the names that it takes from packages."""
        imported = self.imports.of(path)
        for module in dict.fromkeys(self._imported(path, self._modules)):
            yield module
            if _is_package(module) and (names := imported.taken(parts(module)) - {BOUND}):
                handed = reexports.read(self._read(module)).names
                yield from (file for name in names & handed.keys() for file in self._home(module, handed[name]))

    def _home(self, package: str, taken: reexports.Import) -> Iterable[str]:
        """The file that a package has a name from."""
        folder, named = parts(package), tuple(taken.module.split(".")) if taken.module else ()
        if taken.level:
            return self._modules.get((*folder[: len(folder) - taken.level + 1], *named), ())
        return [file for root in roots(os.path.dirname(package)) for file in self._modules.get((*root, *named), ())]


def may_be_filled_in(data: bytes) -> bool:
    """Whether a file may have methods that `analysis/overrides.py` calls abstract: declared so, or doing nothing."""
    return any(word in data for word in _DECLARED) or _DOES_NOTHING.search(data) is not None


def holds(data: bytes, word: str) -> bool:
    """Whether a word stands somewhere in a file, and not only as a part of another; it may begin with `.` or `"`."""
    wanted = word.encode()
    at = data.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not _IN_WORD(data[end : end + 1]) and (wanted[:1] in b".\"'" or not _IN_WORD(data[max(at - 1, 0) : at])):
            return True
        at = data.find(wanted, end)
    return False


def _reads(data: bytes, name: str) -> bool:
    """Whether a name of a module may be read in a file: `llm.ask`, `getattr(llm, "ask")`."""
    quoted = any(f"{quote}{name}{quote}".encode() in data for quote in ("'", '"'))
    return holds(data, f".{name}") or (quoted and b"getattr" in data)


def _says(data: bytes, words: Iterable[str]) -> bool:
    """Whether one of the words of an `Export` stands in a file."""
    return any(holds(data, word) or (word[:1] == '"' and holds(data, f"'{word[1:]}")) for word in words)


def _is_package(path: str) -> bool:
    return os.path.basename(path) == "__init__.py"
