"""Which major version of the SDK a project's requirements allow: the default of `--target`."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterable, Iterator
from glob import escape, glob
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from oaimigrate.config import DEFAULT_TARGET, TARGETS

# A requirement as in PEP 508, and a bare version as Poetry writes it: the name, extras, then what is wanted.
_REQUIREMENT = re.compile(r"\s*openai\s*(?:\[[^\]]*\])?\s*\(?\s*(?P<wanted>[^;#@)]*)", re.IGNORECASE)
_NAME_ENDS = re.compile(r"\s*openai(?![\w.-])", re.IGNORECASE)
_CLAUSE = re.compile(r"(?P<operator>===?|~=|>=|<=|!=|<|>|\^|~|)\s*v?(?P<version>\d+(?:\.\d+)*)")


def newest_target(path: str) -> int:
    """The newest SDK major that the project around `path` allows.

    A pin below 1.0 allows none of them, and is what the migration is about to raise, so it does not count. Where
    several files speak of openai, the strictest decides.
    """
    folder = os.path.realpath(path)
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    while True:
        newest = [max(majors) for wanted in _wanted(folder) if (majors := _majors(wanted))]
        parent = os.path.dirname(folder)
        if newest:
            return min(newest)
        if parent == folder or os.path.lexists(os.path.join(folder, ".git")):
            return DEFAULT_TARGET
        folder = parent


def _majors(wanted: str) -> set[int]:
    """Those of the known majors that a specifier such as `>=1.2,<3` allows."""
    clauses = [(match["operator"], match["version"]) for match in _CLAUSE.finditer(wanted)]
    return {major for major in TARGETS if all(_allows(major, *clause) for clause in clauses)}


def _allows(major: int, operator: str, version: str) -> bool:
    first, *rest = (int(part) for part in version.split("."))
    match operator:
        case ">=" | ">":
            return major >= first
        case "<=":
            return major <= first
        case "<":
            return major < first or (major == first and any(rest))
        case "!=":
            return True
        case _:
            return major == first


def _wanted(folder: str) -> Iterator[str]:
    """What each manifest in the folder asks of openai."""
    names = ["requirements*.txt", "requirements*.in", "requirements/*.txt", "requirements/*.in", "constraints*.txt"]
    for name in names:
        for path in sorted(glob(os.path.join(escape(folder), name))):
            yield from _from_lines(_read(path).splitlines())
    yield from _from_pyproject(_read(os.path.join(folder, "pyproject.toml")))
    yield from _from_setup_cfg(_read(os.path.join(folder, "setup.cfg")))


def _from_lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if _NAME_ENDS.match(line) and (found := _REQUIREMENT.match(line)):
            yield found["wanted"]


def _from_pyproject(text: str) -> Iterator[str]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    project = _table(data, "project")
    lists = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    lists += _table(data, "dependency-groups").values()
    for listed in lists:
        yield from _from_lines(item for item in listed or () if isinstance(item, str))
    poetry = _table(_table(data, "tool"), "poetry")
    groups = [poetry, *_table(poetry, "group").values()]
    for group in groups:
        wanted = _table(group, "dependencies").get("openai")
        wanted = wanted.get("version") if isinstance(wanted, dict) else wanted
        if isinstance(wanted, str):
            yield wanted


def _from_setup_cfg(text: str) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    yield from _from_lines(parser.get("options", "install_requires", fallback="").splitlines())
    if parser.has_section("options.extras_require"):
        for _, listed in parser.items("options.extras_require"):
            yield from _from_lines(listed.splitlines())


def _table(data: Any, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
