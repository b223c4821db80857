"""Configuration files: where they are, what they say, and in which line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from oaimigrate.config import ConfigError
from oaimigrate.settings.keys import Path, problems

NAMES = ("oaimigrate.toml", "pyproject.toml")  # of two in one folder the first one holds
_TABLE = ("tool", "oaimigrate")
_HEADER = re.compile(r"\s*\[+\s*(?P<name>[^\]#]+?)\s*\]+")
_WORD = r"""(?:"[^"]*"|'[^']*'|[\w-]+)"""
_ASSIGNMENT = re.compile(rf"\s*(?P<name>{_WORD}(?:\s*\.\s*{_WORD})*)\s*=")


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file: its keys and values, and the place of each key."""

    path: str
    values: dict[str, Any]
    text: str
    table: Path

    def row(self, path: Path) -> int:
        """The row of a key, that of the nearest key around it where it cannot be told."""
        wanted = (*self.table, *path)
        best, depth = 1, 0
        for row, keys in _keys(self.text):
            if wanted[: len(keys)] == keys and len(keys) > depth:
                best, depth = row, len(keys)
        return best

    def error(self, path: Path, message: str) -> ConfigError:
        return ConfigError(f"{self.path}:{self.row(path)}: {message}")


def in_folder(folder: str) -> File | None:
    """The configuration that stands in a folder."""
    for name in NAMES:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and (found := read(path)) is not None:
            return found
    return None


def read(path: str) -> File | None:
    """A configuration file; None for a pyproject.toml without our table. Whatever is wrong is a `ConfigError`."""
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise ConfigError(f"{_shown(path)}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    in_table = os.path.basename(path) == "pyproject.toml"
    if in_table and b"oaimigrate" not in data:
        return None
    shown = _shown(path)
    text, values = _parse(data, shown)
    if in_table:
        table = values.get("tool")
        if not isinstance(table, dict) or "oaimigrate" not in table:
            return None
        values = table["oaimigrate"]
        if not isinstance(values, dict):
            raise File(shown, {}, text, _TABLE).error((), "`tool.oaimigrate` is not a table")
    file = File(shown, values, text, _TABLE if in_table else ())
    for problem in problems(values):
        raise file.error(problem.path, problem.message)
    return file


def _parse(data: bytes, path: str) -> tuple[str, dict[str, Any]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{row}: not UTF-8: byte 0x{data[error.start]:02x}") from error
    return text, parse(text, path)


def check_toml(data: bytes, path: str) -> None:
    """Raise a `ConfigError` with its place for what is wrong with a TOML document."""
    _parse(data, path)


def parse(text: str, path: str) -> dict[str, Any]:
    """A TOML document; an error in it is one line that names `path` and the place."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r" \(at line (\d+), column (\d+)\)| \(at end of document\)", message)
        place = f":{at[1]}:{at[2]}" if at and at[1] else f":{text.count(chr(10)) + 1}" if at else ""
        what = message[: at.start()] if at else message
        raise ConfigError(f"{path}{place}: not TOML: {what[:1].lower()}{what[1:]}") from error


def _keys(text: str) -> Iterator[tuple[int, Path]]:
    """The headers and assignments of a TOML document with their rows, each with all the keys that lead to it."""
    table: Path = ()
    for row, line in enumerate(text.splitlines(), 1):
        if (header := _HEADER.match(line)) and not _ASSIGNMENT.match(line):
            table = _split(header["name"])
            yield row, table
        elif assignment := _ASSIGNMENT.match(line):
            yield row, (*table, *_split(assignment["name"]))


def _split(name: str) -> Path:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in re.findall(_WORD, name))


def _shown(path: str) -> str:
    here = os.path.realpath(os.curdir).rstrip(os.sep) + os.sep
    return path.removeprefix(here)
