"""What files import, told from their bytes: fast enough to ask every file of a project, before any parse.

What an absolute import means depends on where it stands: its first part is sought in the folder of the file and in
those above, as `analysis/modules.py` does it. A file is known here by the parts of its path.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from typing import NamedTuple

Parts = tuple[str, ...]

ROOTS = 8  # folders, from that of a file upwards, that an absolute import may start from
BOUND = "."  # in the place of a name: the module, whose names stand behind a dot then
SOURCES = "src"  # a folder beside them that may hold the packages

_STATEMENT = re.compile(rb"[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import\b[ \t]*|import[ \t]+([^\n\\#;\"]+))")
_TAKEN = re.compile(rb"\((?:[^)#]|#[^\n]*)*\)|(?:[^\n#\\]|\\\r?\n)*")
_CELLS = re.compile(rb'(?:"|\\n)(?=[ \t]*(?:from|import)[ \t])')  # where a line of a notebook begins
_WORDS = re.compile(r"\w+|\*")
_COMMENT = re.compile(rb"#[^\n]*")
_TEXTS = re.compile(  # a string of several lines, group 1, and what else may hold its quotes
    rb'''("""(?:[^\\]|\\[\s\S])*?"""|\'{3}(?:[^\\]|\\[\s\S])*?\'{3})|#[^\n]*'''
    rb"""|"(?:[^"\\\n]|\\[\s\S])*"|\'(?:[^\'\\\n]|\\[\s\S])*\'"""
)


class Taken(NamedTuple):
    """`from module import names`."""

    exact: bool  # whether `module` is the whole path, as for a relative import, or the end of one
    module: Parts
    names: frozenset[str]  # "*" for everything


class Imports(NamedTuple):
    """What one file imports, by the last part of the module."""

    roots: frozenset[Parts]  # the folders that absolute imports start from
    plain: dict[str, list[Parts]]  # `import a.b`
    taken_from: dict[str, list[Taken]]

    def words(self) -> set[str]:
        """The last parts of all modules that are named."""
        return {*self.plain, *self.taken_from}

    def modules(self) -> Iterator[Parts]:
        """The paths of all modules that may be imported, and of what may be a name in one or a module."""
        for module in itertools.chain.from_iterable(self.plain.values()):
            yield from ((*root, *module) for root in self.roots)
        for taken in itertools.chain.from_iterable(self.taken_from.values()):
            for root in ((),) if taken.exact else self.roots:
                whole = (*root, *taken.module)
                yield whole
                yield from ((*whole, name) for name in taken.names)

    def means(self, package: Parts, module: str, level: int, path: Parts) -> bool:
        """Whether `module` with `level` dots in front, imported in `package`, is the file at `path`."""
        named = tuple(module.split(".")) if module else ()
        return (*package[: len(package) - level + 1], *named) == path if level else self._means(named, path)

    def taken(self, path: Parts) -> frozenset[str]:
        """The names that are taken from a module; `BOUND` among them where it is bound itself."""
        stem, package = words(path)
        found: frozenset[str] = frozenset()
        for taken in self.taken_from.get(stem, ()):
            if self._taken_from(taken, path):
                found |= taken.names
        if any(self._means(module, path) for module in self.plain.get(stem, ())) or any(
            stem in taken.names and self._taken_from(taken, path[:-1]) for taken in self.taken_from.get(package, ())
        ):
            found |= {BOUND}
        return found

    def name(self, path: Parts) -> bool:
        """Whether a module is imported, or a name of it."""
        return bool(self.taken(path))

    def _taken_from(self, taken: Taken, path: Parts) -> bool:
        return taken.module == path if taken.exact else self._means(taken.module, path)

    def _means(self, module: Parts, path: Parts) -> bool:
        return path[-len(module) :] == module and path[: -len(module)] in self.roots


class Index:
    """The imports of the files of a run, each read at the first question.

    With `known`, the names of all folders and modules there are, an import of anything else is not even looked at.
    """

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self.known: Container[bytes] | None = None
        self._read = read
        self._found: dict[str, Imports] = {}

    def of(self, path: str) -> Imports:
        found = self._found.get(path)
        if found is None:
            found = self._found[path] = imports(path, self._read(path), self.known)
        return found

    def check(self, path: str) -> None:
        """Forget what only an example in a docstring imports: worth it for the few files that something depends on."""
        data = self._read(path)
        if data[:1] != b"{":
            self._found[path] = imports(path, _TEXTS.sub(_code, data), self.known)


def imports(path: str, data: bytes, known: Container[bytes] | None = None) -> Imports:
    """What a file imports. A statement behind a semicolon or a colon is not seen."""
    folder = os.path.dirname(path)
    package = parts(path, package=True)
    found = Imports(roots(folder), {}, {})
    for start in _starts(data):
        match = _STATEMENT.match(data, start)
        if match is None:
            continue
        dotted, several = match.groups()
        if dotted is None:
            for item in several.split(b","):
                words = item.split(None, 1)
                if words and (known is None or words[0].partition(b".")[0] in known):
                    module = tuple(words[0].decode("utf-8", "replace").split("."))
                    found.plain.setdefault(module[-1], []).append(module)
        elif known is None or dotted[:1] == b"." or dotted.partition(b".")[0] in known:
            name = dotted.lstrip(b".").decode("utf-8", "replace")
            level = len(dotted) - len(dotted.lstrip(b"."))
            module = tuple(name.split(".")) if name else ()
            if level:
                module = (*package[: len(package) - level + 1], *module)
            taken = _TAKEN.match(data, match.end())
            text = _COMMENT.sub(b"", taken[0]) if taken else b""
            names = frozenset(_WORDS.findall(text.decode("utf-8", "replace")))
            found.taken_from.setdefault(module[-1] if module else "", []).append(Taken(level > 0, module, names))
    return found


def _code(match: re.Match[bytes]) -> bytes:
    return b'""' if match[1] else match[0]


def importers(modules: Iterable[str], others: Iterable[tuple[str, Imports]]) -> list[str]:
    """Those of `others` that import one of the files `modules`, or a name of one."""
    near = ByWord(modules)
    return [path for path, imported in others if any(imported.name(module) for _, module in near.of(imported))]


def importing(modules: Iterable[str], others: Collection[str], index: Index, hops: int) -> set[str]:
    """Those of `others` that import one of `modules`, through one another as well."""
    found: set[str] = set()
    near = list(modules)
    for _ in range(hops):
        near = [path for path in importers(near, ((o, index.of(o)) for o in others)) if path not in found]
        found.update(near)
    return found


def by_module(paths: Iterable[str]) -> dict[Parts, list[str]]:
    """Files by the parts of their paths: `a/b.py`, `a/b/__init__.py` and `a/b.ipynb` have the same."""
    found: dict[Parts, list[str]] = {}
    for path in paths:
        found.setdefault(parts(path), []).append(path)
    return found


class ByWord:
    """Files by the words of an import that may mean them: the name of the module, or that of its package."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._found: dict[str, list[tuple[str, Parts]]] = {}
        for path in paths:
            module = parts(path)
            for word in words(module):
                self._found.setdefault(word, []).append((path, module))

    def of(self, imported: Imports) -> Iterator[tuple[str, Parts]]:
        """Those that something in `imported` may mean, with the parts of their paths."""
        for word in self._found.keys() & imported.words():
            yield from self._found[word]


def words(module: Parts) -> tuple[str, str]:
    """The last part of a module's path, and the one before: `from package import module` says that one."""
    return module[-1] if module else "", module[-2] if len(module) > 1 else ""


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
