"""What files import, told from their bytes: fast enough to ask every file of a project, before any parse.

What an absolute import means depends on where it stands: its first part is sought in the folder of the file and in
those above, as `analysis/modules.py` does it. A file is known here by the parts of its path.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

Parts = tuple[str, ...]
T = TypeVar("T")

ROOTS = 8  # folders, from that of a file upwards, that an absolute import may start from
SOURCES = "src"  # a folder beside them that may hold the packages

_TAKEN = rb"(\((?:[^)#]|#[^\n]*)*\)|(?:[^\n#\\]|\\\r?\n)*)"
_FROM = re.compile(rb"[ \t]*from[ \t]+([.\w]+)[ \t]+import\b[ \t]*" + _TAKEN)
_PLAIN = re.compile(rb"[ \t]*import[ \t]+([^\n\\#;]+)")
_CELLS = re.compile(rb'(?:"|\\n)(?=[ \t]*(?:from|import)[ \t])')  # where a line of a notebook begins
_WORDS = re.compile(r"\w+|\*")
_COMMENT = re.compile(rb"#[^\n]*")


class Taken(NamedTuple):
    """`from module import names`."""

    exact: bool  # whether `module` is the whole path, as for a relative import, or the end of one
    module: Parts
    names: frozenset[str]  # "*" for everything


class Imports(NamedTuple):
    """What one file imports, by the last part of what may be the name of a module."""

    roots: frozenset[Parts]  # the folders that absolute imports start from
    plain: dict[str, list[Parts]]  # `import a.b`
    taken_from: dict[str, list[Taken]]  # by the last part of the module
    names: dict[str, list[Taken]]  # by each name: it may be a module

    def near(self, modules: Mapping[str, list[T]]) -> Iterator[T]:
        """Those of `modules`, given by their last parts, that may be meant."""
        for stem in modules.keys() & {*self.plain, *self.taken_from, *self.names}:
            yield from modules[stem]

    def taken(self, path: Parts) -> frozenset[str] | None:
        """The names that are taken from a module; None where it is bound itself, so that any may be read."""
        stem = path[-1] if path else ""
        if any(self._means(module, path) for module in self.plain.get(stem, ())):
            return None
        if any(self._taken_from(taken, path[:-1]) for taken in self.names.get(stem, ())):
            return None
        found = [taken.names for taken in self.taken_from.get(stem, ()) if self._taken_from(taken, path)]
        return frozenset().union(*found)

    def name(self, path: Parts) -> bool:
        """Whether a module is imported, or a name of it."""
        return self.taken(path) != frozenset()

    def _taken_from(self, taken: Taken, path: Parts) -> bool:
        return taken.module == path if taken.exact else self._means(taken.module, path)

    def _means(self, module: Parts, path: Parts) -> bool:
        return path[-len(module) :] == module and path[: -len(module)] in self.roots


class Index:
    """The imports of the files of a run, each read at the first question."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._found: dict[str, Imports] = {}

    def of(self, path: str) -> Imports:
        found = self._found.get(path)
        if found is None:
            found = self._found[path] = imports(path, self._read(path))
        return found


def imports(path: str, data: bytes) -> Imports:
    """What a file imports. A statement behind a semicolon or a colon is not seen."""
    folder = os.path.dirname(path)
    package = parts(path, package=True)
    found = Imports(roots(folder), {}, {}, {})
    for start in _starts(data):
        if match := _FROM.match(data, start):
            dotted = match[1].decode("utf-8", "replace")
            name = dotted.lstrip(".")
            level = len(dotted) - len(name)
            module = tuple(name.split(".")) if name else ()
            if level:
                module = (*package[: len(package) - level + 1], *module)
            text = _COMMENT.sub(b"", match[2]) if b"#" in match[2] else match[2]
            names = _WORDS.findall(text.decode("utf-8", "replace"))
            taken = Taken(level > 0, module, frozenset(names))
            found.taken_from.setdefault(module[-1] if module else "", []).append(taken)
            for name in names:
                found.names.setdefault(name, []).append(taken)
        elif match := _PLAIN.match(data, start):
            for item in match[1].decode("utf-8", "replace").split(","):
                words = item.split(None, 1)
                if words:
                    module = tuple(words[0].split("."))
                    found.plain.setdefault(module[-1], []).append(module)
    return found


def importers(modules: Iterable[str], others: Iterable[tuple[str, Imports]]) -> list[str]:
    """Those of `others` that import one of the files `modules`, or a name of one."""
    near = by_stem(modules)
    return [path for path, imported in others if any(imported.name(module) for _, module in imported.near(near))]


def by_stem(paths: Iterable[str]) -> dict[str, list[tuple[str, Parts]]]:
    """Files by the last part of their modules, with all parts."""
    found: dict[str, list[tuple[str, Parts]]] = {}
    for path in paths:
        module = parts(path)
        found.setdefault(module[-1] if module else "", []).append((path, module))
    return found


def parts(path: str, *, package: bool = False) -> Parts:
    """The parts of a module's path, or of the package that it stands in."""
    folder, name = os.path.split(path)
    stem = name.partition(".")[0]
    return _split(folder) if package or stem == "__init__" else (*_split(folder), stem)


def bases(package: Parts) -> Iterator[Parts]:
    """The folders from which a file in `package` can be imported: those above, as far as their names can be written."""
    for depth in range(len(package), -1, -1):
        yield package[:depth]
        if depth and not package[depth - 1].isidentifier():
            return


@functools.cache
def roots(folder: str) -> frozenset[Parts]:
    """The folders in which absolute imports of the files in a folder are sought."""
    package = _split(folder)
    above = [package[: len(package) - i] for i in range(min(ROOTS, len(package) + 1))]
    return frozenset([*above, *((*root, SOURCES) for root in above)])


@functools.cache
def _split(folder: str) -> Parts:
    return tuple(p for p in os.path.normpath(folder).split(os.sep) if p and p != os.curdir)


def _starts(data: bytes) -> Iterator[int]:
    """Where the lines begin that hold the word `import`. Looking for the word is much faster than for a line."""
    if data[:1] == b"{":  # a notebook
        yield from (match.end() for match in _CELLS.finditer(data))
        return
    at, last = data.find(b"import"), -1
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        if start != last:
            yield start
        last = start
        at = data.find(b"import", at + 6)
