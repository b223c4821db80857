"""Unified diffs, in bytes and so in the encoding of each file: what is printed goes through `git apply`."""

from __future__ import annotations

import difflib
import os
import re

from oaimigrate.redaction import redact
from oaimigrate.reporters import relative_path
from oaimigrate.reporters.colour import Paint
from oaimigrate.source import Source

_UNQUOTABLE = re.compile(r'[\x00-\x1f\x7f"\\]')
_STYLES = (("---", "bold"), ("+++", "bold"), ("@@", "cyan"), ("-", "red"), ("+", "green"))


def unified_diff(source: Source, text: str) -> bytes:
    """The change from a source to a new text. Only "\\n" ends a line here, as for git."""
    before, after = _split(source.encode(source.text)), _split(source.encode(text))
    hunks = list(difflib.unified_diff(before, after, n=3))[2:]
    if not hunks:
        return b""
    body = "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in hunks)
    return _header(relative_path(source.path)) + body.encode("latin-1")


def coloured(diff: bytes, paint: Paint) -> str:
    """A diff for a terminal, with keys masked: only the plain one must go through `git apply`."""
    return "".join(_coloured(redact(line), paint) + "\n" for line in diff.decode("utf-8", "replace").split("\n")[:-1])


def _coloured(line: str, paint: Paint) -> str:
    for prefix, style in _STYLES:
        if line.startswith(prefix):
            return paint(line, style)
    return line


def _header(path: str) -> bytes:
    path = path.replace(os.sep, "/")
    old, new = (path, path) if path.startswith("/") else (f"a/{path}", f"b/{path}")
    return f"--- {_named(old)}\n+++ {_named(new)}\n".encode("utf-8", "surrogateescape")


def _named(path: str) -> str:
    """A file name as git reads it: quoted as in C where it must be, else, with a space, followed by a tab.

    Git takes what comes after a tab for a date.
    """
    if _UNQUOTABLE.search(path):
        return '"' + _UNQUOTABLE.sub(lambda m: "\\" + (m[0] if m[0] in '"\\' else f"{ord(m[0]):03o}"), path) + '"'
    return path + ("\t" if " " in path else "")


def _split(data: bytes) -> list[str]:
    """Lines of bytes as text that difflib can compare: each byte is one character."""
    lines = data.decode("latin-1").split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
