"""Files that never say "openai" but read what another module hands out: found from their bytes, before any parse."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from oaimigrate.diagnostics import Export
from oaimigrate.imports import Imports, Index, Parts, bases, by_stem, parts, roots
from oaimigrate.source import SourceError, read_bytes

_IN_WORD = re.compile(rb"\w").match


class Exporter(NamedTuple):
    """A module with names through which responses and clients leave it."""

    path: Parts
    names: Mapping[str, Export]


class Consumers:
    """Which files read what others hand out; remembers what each of them imports."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self.imports = Index(read)

    def of(
        self, exports: Iterable[tuple[str, Mapping[str, Export]]], others: Sequence[str], users: Sequence[str] = ()
    ) -> list[tuple[str, bytes]]:
        """Those of `others` that import a module of `exports` (path and names) and use one of its names.

        A file that names a class and none of its members may hand it on: a package always, another module where one
        of `users` imports it and uses such a member.
        """
        near: dict[str, list[Exporter]] = {}
        above: set[Parts] = set()
        for path, names in exports:
            if names:
                exporter = Exporter(parts(path), names)
                near.setdefault(exporter.path[-1] if exporter.path else "", []).append(exporter)
                above.update(bases(exporter.path[:-1]))
        found: list[tuple[str, bytes]] = []
        handing: dict[str, frozenset[str]] = {}  # files that name a class and none of its members
        for path in self._reaching(others, above):
            imported = self.imports.of(path)
            used = self._used(path, imported, imported.near(near))
            if used is None:
                found.append((path, self._read(path)))
            elif used:
                handing[path] = used
        return [*found, *self._handed_on(handing, users)]

    def reachable(self, asked: Iterable[str], paths: Iterable[str]) -> set[str]:
        """Those of `paths` that the files of `asked` may import, through one another as well."""
        near = by_stem(paths)
        found: set[str] = set()
        waiting = list(asked)
        while waiting:
            imported = self.imports.of(waiting.pop())
            new = [other for other, module in imported.near(near) if other not in found and imported.name(module)]
            found.update(new)
            waiting += new
        return found

    def _reaching(self, paths: Iterable[str], above: set[Parts]) -> Iterator[str]:
        """Those of `paths` that stand where an import can start from one of `above`."""
        known: dict[str, bool] = {}
        for path in paths if above else ():
            folder = os.path.dirname(path)
            if folder not in known:
                known[folder] = not above.isdisjoint(roots(folder))
            if known[folder]:
                yield path

    def _used(self, path: str, imported: Imports, exporters: Iterable[Exporter]) -> frozenset[str] | None:
        """None if a file uses something of `exporters`; else the members of those classes of them that it names."""
        named: set[str] = set()
        for exporter in exporters:
            taken = imported.taken(exporter.path)
            if taken == frozenset():
                continue
            if taken and "*" in taken and os.path.basename(path) == "__init__.py":
                return None
            data = self._read(path)
            for name, (members, _) in exporter.names.items():
                if name in taken if taken and "*" not in taken else holds(data, name):
                    if not members or _uses(data, members):
                        return None
                    named |= members
        return frozenset(named)

    def _handed_on(self, handing: Mapping[str, frozenset[str]], users: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Those of `handing` that one of `users` imports which uses a member of what they may hand on, and packages."""
        used = {path for path in handing if os.path.basename(path) == "__init__.py"}
        near = by_stem(path for path in handing if path not in used)
        above = {base for path in handing if path not in used for base in bases(parts(path, package=True))}
        for user in self._reaching(users, above):
            imported = self.imports.of(user)
            for path, module in imported.near(near):
                if path not in used and path != user and imported.name(module):
                    used.update([path] if _uses(self._read(user), handing[path]) else ())
        for path in handing:
            if path in used:
                yield path, self._read(path)


def holds(data: bytes, word: str) -> bool:
    """Whether a word stands somewhere in a file, and not only as a part of another; `.word` for an attribute."""
    wanted = word.encode()
    at = data.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not _IN_WORD(data[end : end + 1]) and (wanted[:1] == b"." or not _IN_WORD(data[max(at - 1, 0) : at])):
            return True
        at = data.find(wanted, end)
    return False


def _uses(data: bytes, members: Iterable[str]) -> bool:
    return any(holds(data, f".{member}") for member in members)


def read_or_nothing(path: str) -> bytes:
    """The bytes of a file; none where it cannot be read, which was reported when it was first tried."""
    try:
        return read_bytes(path)
    except SourceError:
        return b""
