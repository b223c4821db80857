"""The two programs, laid out as folders: as it was before, and migrated. The user's own folder is only read.

Before is `--before DIR`, or the last commit; after is the working tree. Where those are the same there is nothing to
compare yet, so after is made: by the engine, in a copy. Files that git does not know (data, `.env`) belong to both.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

_LEFT_OUT = {".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".nox", ".cache", ".eggs"}
_LEFT_OUT |= {".mypy_cache", ".pytest_cache", ".ruff_cache"}


class LayoutError(Exception):
    """The two programs cannot be laid out; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Two folders of the same shape. `origin` and `target` say where they come from; `left` are places not migrated."""

    before: Path
    after: Path
    origin: str
    target: str
    inside: Path  # the folder in which the command runs, relative to both
    left: tuple[str, ...] = ()


def lay_out(
    folder: Path, place: Path, *, before: Path | None = None, paths: tuple[str, ...] = (), migrate: bool | None = None
) -> Layout:
    """Lay out the program of `folder` under `place`; `migrate` None finds out whether it is migrated yet."""
    if before is not None and not before.is_dir():
        raise LayoutError(f"--before {before}: there is no such folder")
    root = folder if before else _git_root(folder) or folder
    old, new = place / "before", place / "after"
    copy(root, new)
    origin = "the working tree"
    if before is not None:
        copy(before, old)
        origin = str(before)
    elif commit := _git(root, "rev-parse", "--short", "HEAD"):
        copy(root, old)
        _restore_head(root, old)
        origin = f"commit {commit}"
    else:
        copy(root, old)
    changed = _sources(old) != _sources(new)
    if migrate or (migrate is None and not changed):
        left, target = _migrate(new, paths, folder.relative_to(root)), "migrated by oaimigrate"
    else:
        left, target = (), "the working tree"
    if _sources(old) == _sources(new):
        why = f": {left[0]}" if left else ""
        raise LayoutError(f"nothing to compare, {origin} and {target} have the same Python files{why}")
    return Layout(old, new, origin, target, folder.relative_to(root), left)


def copy(source: Path, target: Path) -> None:
    """Copy a project without its history, environments and caches."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        environments = {name for name in names if os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))}
        return environments | {name for name in names if name in _LEFT_OUT}

    try:
        shutil.copytree(source, target, symlinks=True, ignore=ignored)
    except (OSError, shutil.Error) as error:
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else str(error)
        raise LayoutError(f"cannot copy {source}: {reason}") from error


def _sources(folder: Path) -> dict[str, bytes]:
    """The Python files of a folder; whether two programs differ is decided by them."""
    found = (path for path in folder.rglob("*") if path.suffix in (".py", ".pyi", ".ipynb") and path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def _git_root(folder: Path) -> Path | None:
    root = _git(folder, "rev-parse", "--show-toplevel")
    return Path(root).resolve() if root else None


def _git(folder: Path, *arguments: str) -> str:
    """What git prints; nothing if it fails, if there is no git or no repository."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def _restore_head(root: Path, target: Path) -> None:
    """Make a copy of the working tree what the last commit was: what git knows now goes, what it knew then comes."""
    for name in _git(root, "ls-files", "-z").split("\0"):
        if name:
            (target / name).unlink(missing_ok=True)
    done = subprocess.run(["git", "-C", str(root), "archive", "HEAD"], capture_output=True)
    if done.returncode:
        raise LayoutError(f"git archive HEAD: {done.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for member in archive.getmembers():
            if member.isfile():
                (target / member.name).unlink(missing_ok=True)
        if hasattr(tarfile, "data_filter"):
            archive.extractall(target, filter="tar")
        else:
            archive.extractall(target)


def _migrate(target: Path, paths: tuple[str, ...], inside: Path) -> tuple[str, ...]:
    """Migrate a folder in place with every fix; the places that are left, as "file:line code message"."""
    from oaimigrate import config, rulebook, runner
    from oaimigrate.diagnostics import Safety

    chosen = config.resolve(rulebook.load(), select=("OAI1",))
    where = [str(target / inside / path) for path in paths] or [str(target)]
    if missing := [path for path, full in zip(paths, where, strict=False) if not os.path.exists(full)]:
        raise LayoutError(f"{missing[0]}: there is no such file or folder")
    done = runner.run(runner.collect(where), config.Config(select=chosen), safety=Safety.UNSAFE, write=True, jobs=1)
    left = []
    for result in done.results:
        name = os.path.relpath(result.path, target)
        lines = [result.text.count("\n", 0, d.span.start) + 1 for d in result.diagnostics]
        left += [f"{name}:{line} {d.code} {d.message}" for line, d in zip(lines, result.diagnostics, strict=True)]
    return tuple(left)
