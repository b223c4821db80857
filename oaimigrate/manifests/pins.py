"""Which major version of the SDK a project's requirements allow: the default of `--target`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from oaimigrate import manifests
from oaimigrate.config import DEFAULT_TARGET
from oaimigrate.manifests.versions import majors

if TYPE_CHECKING:
    from oaimigrate.manifests.requirement import Pin

# Lock files and what is deployed pin, too, but say nothing about the newest SDK that a project works with.
_WANTING = frozenset({"requirements", "pyproject", "setup.cfg", "pipfile", "conda"})
_PINNING = _WANTING | {"tox", "commands"}
_FOLDERS = ("requirements", "constraints")  # of requirement files


def newest_target(path: str, memo: dict[str, int | None] | None = None) -> int:
    """The newest SDK major that the project around `path` allows.

    A pin below 1.0 allows none of them, and is what the migration is about to raise, so it does not count. Where
    several files speak of openai, the strictest decides. `memo` keeps what was found in each folder.
    """
    memo = {} if memo is None else memo
    for folder in _folders(path):
        if folder not in memo:
            pins = (pin for _, pin in _wanted(folder, _WANTING))
            memo[folder] = min((max(allowed) for pin in pins if (allowed := majors(pin.wanted))), default=None)
        if newest := memo[folder]:
            return newest
    return DEFAULT_TARGET


def target_of_script(path: str) -> int | None:
    """The newest SDK major that the metadata of a script allow (https://peps.python.org/pep-0723), None without such.

    A script with metadata runs in an environment of its own, whatever the project around it asks for.
    """
    from oaimigrate.source import read_or_nothing

    if not path.endswith(".py") or b"# /// script" not in (data := read_or_nothing(path)):
        return None
    from oaimigrate.manifests import readers

    pins = readers.in_script(data.decode("utf-8", "replace"))
    return min((max(allowed) for pin in pins if (allowed := majors(pin.wanted))), default=None)


def old_pins_above(paths: Iterable[str]) -> list[tuple[str, Pin]]:
    """The manifests from `paths` up to the border of their repository that allow openai 0.x only, and what they say."""
    found: dict[tuple[str, int], tuple[str, Pin]] = {}
    for folder in {folder: None for path in paths for folder in _folders(path)}:
        for path, pin in _wanted(folder, _PINNING):
            if pin.outdated:
                found[path, pin.span.start] = (path, pin)
    return list(found.values())


def _folders(path: str) -> Iterator[str]:
    """The folder of a path and those above it, up to the root of the repository."""
    folder = os.path.realpath(path)
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder or os.path.lexists(os.path.join(folder, ".git")):
            return
        folder = parent


def _wanted(folder: str, kinds: frozenset[str]) -> Iterator[tuple[str, Pin]]:
    """What each manifest of some kinds in the folder asks of openai."""
    for inside in (folder, *(os.path.join(folder, name) for name in _FOLDERS)):
        try:
            names = sorted(os.listdir(inside))
        except OSError:
            continue
        for path in (os.path.join(inside, name) for name in names):
            if path.endswith("setup.py") or manifests.kind(path) in kinds:
                yield from ((path, pin) for pin in _pins(path))


def _pins(path: str) -> list[Pin]:
    from oaimigrate.manifests import readers, setup_script
    from oaimigrate.source import Source, SourceError

    try:
        source = Source.read(path)
        if "openai" not in source.text.lower():
            return []
        found = manifests.kind(path)
        return list(readers.read(found, source.text, os.path.basename(path)) if found else setup_script.read(source))
    except (SourceError, readers.ManifestError):
        return []  # reported where the file is asked for
