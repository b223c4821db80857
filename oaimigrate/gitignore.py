"""The patterns of `.gitignore` files, matched as git matches them (`tests/test_discovery.py` asks git itself).

Written here because neither of the ways out serves a linter that is started on every commit: asking git costs a process
and fails in containers ("dubious ownership"), and a library costs more at start-up than the walk of a whole tree.
Where git keeps patterns besides the tree is told by `gitdir.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from oaimigrate import gitdir


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One line. Without a slash it speaks of names (`regex` takes the name), otherwise of paths below the folder."""

    text: str
    regex: re.Pattern[str]
    of_names: bool
    negated: bool
    only_folders: bool


@dataclass(frozen=True, slots=True)
class Ignores:
    """The patterns that hold in one folder: its own and, through `above`, those up to the repository's root.

    Most entries of a tree match no line at all, so three questions over all lines at once come before the lines.
    """

    folder: str
    patterns: tuple[_Pattern, ...]
    literals: frozenset[str]
    names: re.Pattern[str] | None
    paths: re.Pattern[str] | None
    above: Ignores | None

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Whether git ignores `path`, which lies below `folder`. Of all lines that match, the last one decides."""
        name = os.path.basename(path)
        level: Ignores | None = self
        while level is not None:
            folder = level.folder.rstrip(os.sep) + os.sep
            inside = level.paths is not None and path.startswith(folder)
            relative = path[len(folder) :].replace(os.sep, "/") if inside else ""
            if (
                name in level.literals
                or (level.names and level.names.match(name))
                or (level.paths and level.paths.match(relative))
            ):
                for pattern in level.patterns:  # the last line comes first
                    if pattern.regex.match(name if pattern.of_names else relative) and (
                        is_folder or not pattern.only_folders
                    ):
                        return not pattern.negated
            level = level.above
        return False

    def covers(self, path: str) -> bool:
        """Whether an absolute path below `folder`, or a folder on the way to it, is ignored."""
        top = self.folder.rstrip(os.sep) + os.sep
        if not path.startswith(top):
            return False
        ends = [at for at in range(len(top), len(path)) if path[at] == os.sep]
        return any(self.ignores(path[:end], is_folder=True) for end in ends) or self.ignores(path, is_folder=False)


def of(lines: Iterable[str], folder: str, above: Ignores | None = None) -> Ignores | None:
    """The rules that lines written as in a `.gitignore` of `folder` make; `above` where there are none."""
    patterns = tuple(pattern for line in lines for pattern in _patterns(line))
    return _rules(folder, patterns[::-1], above) if patterns else above


def below(folder: str, rules: Ignores) -> Ignores:
    """The rules of another folder, asked about what lies below this one."""
    return _rules(folder, (), rules)


def read(file: str, folder: str, above: Ignores | None) -> Ignores | None:
    """The rules of `folder` after reading the patterns in `file`; `above` where it holds none."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            patterns = tuple(_patterns(stream.read()))
    except OSError:
        return above
    return _rules(folder, patterns[::-1], above) if patterns else above


def around(folder: str) -> tuple[Ignores | None, bool]:
    """The rules that the folders above `folder` in its repository set, and whether they ignore `folder` itself.

    There are none outside of a repository. The `.gitignore` of `folder` is not read: the walk does it on arrival.
    """
    parents = [folder]
    while not os.path.lexists(os.path.join(parents[-1], ".git")):
        parent = os.path.dirname(parents[-1])
        if parent == parents[-1]:
            return None, False
        parents.append(parent)
    root = parents.pop()
    rules: Ignores | None = _rules(root, (), None)
    for file in gitdir.excluding(root):
        rules = read(file, root, rules)
    ignored, parent = False, root
    for child in reversed(parents):
        rules = read(os.path.join(parent, ".gitignore"), parent, rules)
        ignored = ignored or (rules is not None and rules.ignores(child, is_folder=True))
        parent = child
    return rules, ignored


def _rules(folder: str, patterns: tuple[_Pattern, ...], above: Ignores | None) -> Ignores:
    plain = [p for p in patterns if p.of_names and not re.search(r"[*?\[\\]", p.text)]
    return Ignores(
        folder,
        patterns,
        frozenset(p.text for p in plain),
        _any(p for p in patterns if p.of_names and p not in plain),
        _any(p for p in patterns if not p.of_names),
        above,
    )


def _any(patterns: Iterable[_Pattern]) -> re.Pattern[str] | None:
    joined = "|".join(pattern.regex.pattern for pattern in patterns)
    return re.compile(joined, re.DOTALL) if joined else None


def _patterns(text: str) -> Iterator[_Pattern]:
    for line in text.removeprefix("\ufeff").split("\n"):
        line = line.removesuffix("\r")
        line = re.sub(r"(?<!\\) +$", "", line)
        if not line or line.startswith("#"):
            continue
        negated = line.startswith("!")
        line = line[negated:]
        only_folders = line.endswith("/")
        line = line.removesuffix("/")
        if line and (regex := _regex(line)):
            yield _Pattern(line, regex, "/" not in line, negated, only_folders)


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str] | None:
    """A pattern as a regular expression over a name or, with a slash, over a path; None if it can match nothing."""
    parts = pattern.removeprefix("/").split("/")
    out = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**" and "/" in pattern:
            out += ".+" if last else "(?:.*/)?"
        else:
            segment = _segment(part)
            if segment is None:
                return None
            out += segment + ("" if last else "/")
    try:
        return re.compile(out + r"\Z", re.DOTALL)
    except re.error:
        return None


def _segment(part: str) -> str | None:
    """One part between slashes; None where a bracket or a backslash is left open, as git then matches nothing."""
    out, at = "", 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "\\":
            if at == len(part):
                return None
            out += re.escape(part[at])
            at += 1
        elif char == "[":
            end = part.find("]", at + 1 + (part[at : at + 1] in ("!", "^")))
            if end < 0:
                return None
            out += _bracket(part[at:end])
            at = end + 1
        else:
            out += re.escape(char)
    return out


def _bracket(inside: str) -> str:
    negated = inside[0] in "!^"
    body = re.sub(r"([\[\\&~|^])", r"\\\1", inside[negated:].replace("\\", ""))
    return f"(?!/)[{'^' if negated else ''}{body}]"
