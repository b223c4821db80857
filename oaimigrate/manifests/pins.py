"""Which major version of the SDK a project's requirements allow: the default of `--target`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from glob import escape, glob
from typing import TYPE_CHECKING

from oaimigrate import manifests
from oaimigrate.config import DEFAULT_TARGET
from oaimigrate.manifests.versions import majors

if TYPE_CHECKING:
    from oaimigrate.manifests.requirement import Pin

_MANIFESTS = (
    *("requirements*.txt", "requirements*.in", "*-requirements.txt", "requirements/*.txt", "requirements/*.in"),
    *("constraints*.txt", "pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "environment.y*ml"),
)


def newest_target(path: str) -> int:
    """The newest SDK major that the project around `path` allows.

    A pin below 1.0 allows none of them, and is what the migration is about to raise, so it does not count. Where
    several files speak of openai, the strictest decides.
    """
    folder = os.path.realpath(path)
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    while True:
        newest = [max(allowed) for wanted in _wanted(folder) if (allowed := majors(wanted))]
        parent = os.path.dirname(folder)
        if newest:
            return min(newest)
        if parent == folder or os.path.lexists(os.path.join(folder, ".git")):
            return DEFAULT_TARGET
        folder = parent


def _wanted(folder: str) -> Iterator[str]:
    """What each manifest in the folder asks of openai."""
    for pattern in _MANIFESTS:
        for path in sorted(glob(os.path.join(escape(folder), pattern))):
            yield from (pin.wanted for pin in _pins(path))


def _pins(path: str) -> list[Pin]:
    from oaimigrate.manifests import readers, setup_script
    from oaimigrate.source import Source, SourceError

    try:
        source = Source.read(path)
        if "openai" not in source.text.lower():
            return []
        found = manifests.kind(path)
        return list(readers.read(found, source.text) if found else setup_script.read(source))
    except (SourceError, readers.ManifestError):
        return []  # reported where the file is asked for
