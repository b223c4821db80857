"""Whether git could undo what a run is about to write."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable


def why_not_clean(paths: Iterable[str]) -> str | None:
    """Why the rewrite of these files could not be undone by git: one line for the user, or None if it could.

    Files outside of a repository are nobody's promise, so they are no reason.
    """
    inside: dict[str, list[str]] = {}
    for path in paths:
        real = os.path.realpath(path)
        if (root := _root(os.path.dirname(real))) is not None:
            inside.setdefault(root, []).append(os.path.relpath(real, root).replace(os.sep, "/"))
    for root, files in sorted(inside.items()):
        if (reason := _reason(root, files)) is not None:
            return reason
    return None


def _reason(root: str, files: list[str]) -> str | None:
    try:
        if _git(root, "status", "--porcelain", "-z", "--untracked-files=no"):
            return f"the git repository `{root}` has uncommitted changes"
        tracked = set(_git(root, "ls-files", "-z").split("\0"))
    except OSError as error:
        return f"cannot ask git about `{root}`: {(error.strerror or str(error)).lower()}"
    except subprocess.CalledProcessError as error:
        message = os.fsdecode(error.stderr).strip().split("\n")[0]
        return f"cannot ask git about `{root}`: {message}"
    untracked = sorted(set(files) - tracked)
    more = f" and {len(untracked) - 1} more are" if len(untracked) > 1 else " is"
    return f"`{untracked[0]}`{more} not tracked by the git repository `{root}`" if untracked else None


def _git(root: str, *arguments: str) -> str:
    # Inside a hook, git has set variables that point to another repository. The file system monitor is a program that
    # the repository names: asking must not start it.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", root, "-c", "core.fsmonitor=false", *arguments]
    done = subprocess.run(command, env=clean, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return os.fsdecode(done.stdout)


def _root(folder: str) -> str | None:
    """The top of the repository that holds a folder."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder
