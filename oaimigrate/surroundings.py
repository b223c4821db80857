"""The rest of the project that named files and folders belong to: it is read, never reported on or written.

pre-commit and editors name a few files, people a folder. What holds for those (settings made elsewhere, functions that
return responses) must be what holds for them when the whole project is checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from oaimigrate.discovery import ExcludesOf, discover

MAX_FILES = 20_000  # a tree larger than this is not read for the sake of a few files
_MARKS = ((".git", ".hg"), ("pyproject.toml", "setup.py", "setup.cfg", "oaimigrate.toml"))
_NAMED = (".py", ".pyi", ".ipynb")


def surroundings(paths: Sequence[str], names: Iterable[str], excludes_of: ExcludesOf | None) -> list[str]:
    """The Python files and notebooks of the projects that `paths` belong to, without `names`, written as `paths` are.

    A path may be that of a file which is not there yet. A folder that its project ignores does not belong to it.
    """
    roots: dict[tuple[str, bool], bool] = {}  # whether a file was named there
    for path in paths:
        if root := _root(path):
            key = root, os.path.isabs(path)
            roots[key] = roots.get(key, False) or not os.path.isdir(path)
    known = {os.path.abspath(name) for name in names}
    found: set[str] = set()
    for (root, absolute), named in sorted(roots.items()):
        files = beside(root, excludes_of, (".py", ".ipynb"))
        if named or not known.isdisjoint(files):
            found |= {f if absolute else os.path.relpath(f) for f in files if f not in known}
    return sorted(found)


def _root(path: str) -> str | None:
    """The project that a path is a part of, None for a whole one."""
    folder = os.path.abspath(path)
    if os.path.isdir(folder):
        root = root_of(folder)
        return root if root != folder else None
    return root_of(os.path.dirname(folder)) if path.endswith(_NAMED) else None


def beside(root: str, excludes_of: ExcludesOf | None, endings: tuple[str, ...] = (".py",)) -> list[str]:
    """The absolute paths of the files below a folder that end so; none where there are too many to be read."""
    files = [os.path.abspath(f) for f in discover([root], excludes_of=excludes_of) if f.endswith(endings)]
    return files if len(files) <= MAX_FILES else []


def root_of(folder: str) -> str | None:
    """The folder of the repository that holds a folder, else of the nearest distribution."""
    above = [folder]
    while (parent := os.path.dirname(above[-1])) != above[-1]:
        above.append(parent)
    for marks in _MARKS:
        for candidate in above:
            if any(os.path.exists(os.path.join(candidate, mark)) for mark in marks):
                return candidate
    return None
