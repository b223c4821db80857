"""Files that never say "openai" but read what another module hands out: found from their bytes, before any parse."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from oaimigrate.source import SourceError, read_bytes

Exports = Mapping[str, frozenset[str]]
# What an import may mean: whether its parts are those of a whole path or of the end of one, and the parts.
Module = tuple[bool, tuple[str, ...]]


def _statements(begin: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """What finds `from x import y` and `import x` where statements begin."""
    return (
        re.compile(rb"(?m)" + begin + rb"[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n#]*)"),
        re.compile(rb"(?m)" + begin + rb"[ \t]*import[ \t]+([^\n\\#;]+)"),
    )


_MODULE = _statements(rb"^")
_NOTEBOOK = _statements(rb'(?:"|\\n)')  # behind the quote of a line, or an escaped newline
LARGE_TREE = 3000  # files

_WORD = re.compile(rb"\w+")


class Exporter(NamedTuple):
    """A module with names through which responses and clients leave it."""

    parts: tuple[str, ...]  # of its path, without the suffix or `__init__`
    names: tuple[tuple[bytes, tuple[bytes, ...]], ...]  # each with the members that matter; none: the name itself does

    def named(self, data: bytes) -> bool:
        """Whether a file holds one of the names and, where it is a class, one of its members."""
        return any(name in data and (not members or any(m in data for m in members)) for name, members in self.names)

    def members(self, data: bytes) -> frozenset[bytes]:
        """The members that matter of those classes whose names a file holds: it may hand them on."""
        return frozenset(m for name, members in self.names if name in data for m in members)


def consumers(
    exports: Sequence[tuple[str, Exports]],
    others: Sequence[str],
    read: Callable[[str], bytes],
    users: Sequence[str] = (),
    imported: Callable[[str], frozenset[Module]] = lambda path: frozenset(),
) -> list[tuple[str, bytes]]:
    """Those of `others` that import a module of `exports` (path and names) and use one of its names.

    A file that names a class and none of its members may hand it on: a package always, another module where one of
    `users` imports it (`imported` knows, and need not look twice) and uses such a member.

    In a large tree only files of the same top-level folder are asked: it holds several projects, and reading every
    file for the names of every other project would cost more than the analysis.
    """
    top = _tops([*(path for path, _ in exports), *others]) if len(others) > LARGE_TREE else lambda path: ""
    near: dict[str, dict[bytes, list[Exporter]]] = {}
    for path, names in exports:
        if names:
            exporter = Exporter(_parts(path), tuple(sorted((n.encode(), _members(m)) for n, m in names.items())))
            stem = os.fsencode(exporter.parts[-1]) if exporter.parts else b""
            near.setdefault(top(path), {}).setdefault(stem, []).append(exporter)
    found: list[tuple[str, bytes]] = []
    handing: dict[str, tuple[bytes, frozenset[bytes]]] = {}  # files that name a class and none of its members
    for path in others:
        stems = near.get(top(path))
        data = read(path) if stems else b""
        if data and stems:
            if _consumes(path, data, stems):
                found.append((path, data))
            elif members := _members_named(path, data, stems):
                handing[path] = (data, members)
    tops = {top(path) for path in handing}
    return [*found, *_handed_on(handing, [user for user in users if top(user) in tops], read, imported)]


def _members_named(path: str, data: bytes, stems: Mapping[bytes, list[Exporter]]) -> frozenset[bytes]:
    near = [
        (e, members) for stem, group in stems.items() if stem in data for e in group if (members := e.members(data))
    ]
    modules = imports(path, data) if near else frozenset()
    return frozenset(m for e, members in near if any(_means(module, e.parts) for module in modules) for m in members)


def _handed_on(
    handing: Mapping[str, tuple[bytes, frozenset[bytes]]],
    users: Sequence[str],
    read: Callable[[str], bytes],
    imported: Callable[[str], frozenset[Module]],
) -> Iterator[tuple[str, bytes]]:
    """Those of `handing` that one of `users` imports which uses a member of what they may hand on, and packages."""
    stems: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for path in handing:
        if parts := _parts(path):
            stems.setdefault(parts[-1], []).append((path, parts))
    used: set[str] = set()
    for user in users if stems else ():
        modules = [module for module in imported(user) if module[1] and module[1][-1] in stems]
        near = {p for m in modules for p, parts in stems[m[1][-1]] if p not in used and p != user and _means(m, parts)}
        if near:
            data = read(user)
            used.update(p for p in near if any(member in data for member in handing[p][1]))
    for path, (data, _) in handing.items():
        if path in used or os.path.basename(path) == "__init__.py":
            yield path, data


def reachable(asked: Iterable[str], paths: Iterable[str], read: Callable[[str], bytes]) -> set[str]:
    """Those of `paths` that the files of `asked` may import, through one another as well."""
    stems: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for path in paths:
        parts = _parts(path)
        stems.setdefault(parts[-1] if parts else "", []).append((path, parts))
    found: set[str] = set()
    waiting = list(asked)
    while waiting:
        path = waiting.pop()
        for module in set(_imported(_parts(path, package=True), read(path))):
            near = stems.get(module[1][-1], []) if module[1] else []
            new = [other for other, parts in near if other not in found and _means(module, parts)]
            found.update(new)
            waiting += new
    return found


def imports(path: str, data: bytes) -> frozenset[Module]:
    """The modules that a file may import."""
    return frozenset(_imported(_parts(path, package=True), data))


def importers(modules: Iterable[str], others: Mapping[str, frozenset[Module]]) -> list[str]:
    """Those of `others`, each given with its `imports`, that may import one of the files `modules`."""
    stems: dict[str, list[tuple[str, ...]]] = {}
    for path in modules:
        parts = _parts(path)
        stems.setdefault(parts[-1] if parts else "", []).append(parts)
    return [
        path
        for path, wanted in others.items()
        if any(_means(module, parts) for module in wanted if module[1] for parts in stems.get(module[1][-1], ()))
    ]


def _tops(paths: list[str]) -> Callable[[str], str]:
    """What gives the top-level folder of a path, below the folder that all paths share."""
    shared = len(os.path.commonpath([os.path.abspath(p) for p in paths])) + 1
    return lambda path: os.path.abspath(path)[shared:].partition(os.sep)[0]


def _consumes(path: str, data: bytes, stems: Mapping[bytes, list[Exporter]]) -> bool:
    hands_on = b"import *" in data and os.path.basename(path) == "__init__.py"
    near = [e for stem, group in stems.items() if stem in data for e in group if hands_on or e.named(data)]
    if not near:
        return False
    modules = set(_imported(_parts(path, package=True), data))
    return any(_means(module, e.parts) for e in near for module in modules)


def _means(module: Module, parts: tuple[str, ...]) -> bool:
    exact, wanted = module
    return parts == wanted if exact else bool(wanted) and parts[-len(wanted) :] == wanted


def _imported(package: tuple[str, ...], data: bytes) -> Iterator[Module]:
    """The modules that a file in `package` may import: a whole path for a relative one, else the end of a path."""
    froms, plain = _NOTEBOOK if data[:1] == b"{" else _MODULE
    for match in froms.finditer(data):
        dotted = match[1].decode("ascii", "replace")
        name = dotted.lstrip(".")
        level = len(dotted) - len(name)
        base = tuple(name.split(".")) if name else ()
        if level:
            base = (*package[: len(package) - level + 1], *base)
        yield bool(level), base
        for word in _WORD.findall(match[2]):  # `from package import module`
            yield bool(level), (*base, word.decode("ascii", "replace"))
    for match in plain.finditer(data):
        for item in match[1].split(b","):
            words = item.split()
            if words:
                yield False, tuple(words[0].decode("ascii", "replace").split("."))


def _parts(path: str, *, package: bool = False) -> tuple[str, ...]:
    """The parts of a module's path, or of the package that it stands in."""
    folder, name = os.path.split(os.path.normpath(path))
    parts = tuple(p for p in folder.split(os.sep) if p)
    stem = name.partition(".")[0]
    return parts if package or stem == "__init__" else (*parts, stem)


def _members(names: frozenset[str]) -> tuple[bytes, ...]:
    return tuple(sorted(f".{n}".encode() for n in names))


def read_or_nothing(path: str) -> bytes:
    """The bytes of a file; none where it cannot be read, which was reported when it was first tried."""
    try:
        return read_bytes(path)
    except SourceError:
        return b""
