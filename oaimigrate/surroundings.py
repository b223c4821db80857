"""The rest of the project that named files belong to: it is read, never reported on or written.

pre-commit and editors name a few files. What holds for those (settings made elsewhere, functions that return
responses) must be what holds for them when the whole project is checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from oaimigrate.discovery import ExcludesOf, discover

MAX_FILES = 20_000  # a tree larger than this is not read for the sake of a few files
_MARKS = ((".git", ".hg"), ("pyproject.toml", "setup.py", "setup.cfg", "oaimigrate.toml"))
_NAMED = (".py", ".pyi", ".ipynb")


def surroundings(paths: Sequence[str], names: Iterable[str], excludes_of: ExcludesOf | None) -> list[str]:
    """The Python files and notebooks of the projects of those `paths` that are files, without `names`, written as
    `paths` are.

    A path may be that of a file which is not there yet.
    """
    roots = {
        (root, os.path.isabs(path))
        for path in paths
        if path.endswith(_NAMED) and not os.path.isdir(path)
        if (root := root_of(os.path.dirname(os.path.abspath(path))))
    }
    known = {os.path.abspath(name) for name in names}
    found: set[str] = set()
    for root, absolute in sorted(roots):
        files = (f for f in beside(root, excludes_of, (".py", ".ipynb")) if f not in known)
        found |= {f if absolute else os.path.relpath(f) for f in files}
    return sorted(found)


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
