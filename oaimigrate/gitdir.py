"""The files outside of a tree in which git keeps patterns: `info/exclude` and what `core.excludesFile` names.

In a worktree and in a submodule `.git` is a file that leads to the folder, as
https://git-scm.com/docs/gitrepository-layout says; what holds where is in https://git-scm.com/docs/gitignore.
"""

from __future__ import annotations

import os
import re

_SETTING = re.compile(
    r"""^[ \t]*(?:\[[ \t]*(?P<section>[^\]\n]*?)[ \t]*\])?[ \t]*"""
    r"""(?:(?P<key>[a-z][\w-]*)[ \t]*=[ \t]*(?P<value>(?:"(?:[^"\\\n]|\\.)*"|[^"#;\n])*))?""",
    re.IGNORECASE | re.MULTILINE,
)


def excluding(root: str) -> list[str]:
    """The files with patterns for the repository at `root`, the weakest first; they need not exist."""
    folder = _common(os.path.join(root, ".git"))
    files = [_global(os.path.join(folder, "config")), os.path.join(folder, "info", "exclude")]
    return [file for file in files if file]


def _common(path: str) -> str:
    """The folder of a repository, which all of its worktrees share, from the `.git` in one of them."""
    if os.path.isfile(path):
        target = _text(path).partition("gitdir:")[2].strip()
        path = os.path.join(os.path.dirname(path), target)
        common = _text(os.path.join(path, "commondir")).strip()
        path = os.path.join(path, common) if common else path
    return os.path.normpath(path)


def _global(local: str) -> str:
    """The file that `core.excludesFile` names, or the one that git reads without it; "" if it names none."""
    home = os.path.expanduser("~")
    ours = os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "git")
    mine = [os.environ["GIT_CONFIG_GLOBAL"]] if "GIT_CONFIG_GLOBAL" in os.environ else []
    mine = mine or [os.path.join(home, ".gitconfig"), os.path.join(ours, "config")]
    for config in (local, *mine, os.environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig"):
        named = _excludes_file(_text(config))
        if named is not None:
            return os.path.expanduser(named)
    return os.path.join(ours, "ignore")


def _excludes_file(text: str) -> str | None:
    """The last value of `core.excludesFile` in a configuration of git."""
    if "excludesfile" not in text.lower():
        return None
    section, found = "", None
    for match in _SETTING.finditer(text):
        section = section if match["section"] is None else match["section"].lower()
        if section == "core" and (match["key"] or "").lower() == "excludesfile":
            found = re.sub(r'\\(.)|"', lambda m: m[1] or "", match["value"].strip())
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except OSError:
        return ""
