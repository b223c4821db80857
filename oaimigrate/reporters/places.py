"""Places as other programs name them: paths from the root of the repository, columns in bytes, notes in other files."""

from __future__ import annotations

import os
from functools import cache

from oaimigrate.diagnostics import Note
from oaimigrate.source import Source, SourceError

# Where GitHub Actions, GitLab CI and Azure Pipelines check the repository out.
_CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY")


@cache
def repository(folder: str) -> str:
    """The root of the repository around a folder; the working directory where there is none."""
    for variable in _CHECKOUTS:
        root = os.path.realpath(os.environ.get(variable) or os.devnull)
        if folder == root or folder.startswith(root + os.sep):
            return root
    root = folder
    while not os.path.lexists(os.path.join(root, ".git")):
        parent = os.path.dirname(root)
        if parent == root:
            return os.path.realpath(os.curdir)
        root = parent
    return root


def repository_path(path: str) -> str:
    """A path relative to the root of its repository, with "/", symbolic links resolved; absolute if it lies outside."""
    real = os.path.realpath(path)
    root = repository(os.path.dirname(real)).rstrip(os.sep) + os.sep
    return real.removeprefix(root).replace(os.sep, "/")


def byte_column(source: Source, offset: int) -> tuple[int, int]:
    """(row, column) of an offset, both 1-based, the column in bytes of UTF-8, in the file."""
    row, column = source.file_position(offset)
    start = source.file.line_starts[row - 1]
    return row, len(source.file.text[start : start + column - 1].encode("utf-8", "surrogatepass")) + 1


@cache
def _read(path: str, _: int) -> Source | None:
    """A file of a certain time: with `--watch` it may change between two reports."""
    try:
        return Source.read(path)
    except SourceError:
        return None


def note_source(note: Note, source: Source) -> Source | None:
    """The source that a note points into: that of its diagnostic, or another file, None if that cannot be read."""
    if note.path is None or note.path == source.path:
        return source
    try:
        return _read(note.path, os.stat(note.path).st_mtime_ns)
    except OSError:
        return None
