"""Where the strings of a TOML document stand.

`tomllib` says what a document means and not where; for an edit that changes nothing else the place is needed. The
document is known to be valid, so this reader only follows its structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from oaimigrate.diagnostics import Span

_TOKEN = re.compile(
    r"(?P<skip>[ \t\r]+|\#[^\n]*)|(?P<newline>\n)"
    r'|(?P<long>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5})'
    r'|(?P<string>"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<mark>[\[\]{},=.])|(?P<bare>[^\s\[\]{},=.\"'#]+)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class TomlString:
    """A value that is a string on one line without escapes; `span` is its text without the quotes."""

    path: tuple[str, ...]  # the keys that lead to it; the items of an array share the array's
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # the mark itself, or "newline", "string", "long", "bare"
    text: str
    start: int


def strings(text: str) -> Iterator[TomlString]:
    """The string values of a valid document, in their order."""
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        found = (m for m in _TOKEN.finditer(text) if m.lastgroup != "skip")
        self.tokens = [_Token(m[0] if m.lastgroup == "mark" else m.lastgroup or "", m[0], m.start()) for m in found]
        self.at = 0

    def document(self) -> Iterator[TomlString]:
        table: tuple[str, ...] = ()
        while self.at < len(self.tokens):
            if self.accept("newline"):
                continue
            if self.accept("["):
                self.accept("[")
                table = self.keys()
                while self.accept("]"):
                    pass
                continue
            keys = self.keys()
            if not self.accept("="):  # not valid after all: go on with what follows
                self.at += 1
                continue
            yield from self.value(table + keys)

    def value(self, path: tuple[str, ...]) -> Iterator[TomlString]:
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "string" and "\\" not in token.text:
            inner = Span(token.start + 1, token.start + len(token.text) - 1)
            yield TomlString(path, token.text[1:-1], inner)
        elif token.kind == "[":
            while self.at < len(self.tokens) and not self.accept("]"):
                if not self.accept("newline", ","):
                    yield from self.value(path)
        elif token.kind == "{":
            while self.at < len(self.tokens) and not self.accept("}"):
                if not self.accept("newline", ","):
                    keys = self.keys()
                    self.accept("=")
                    if self.at < len(self.tokens):
                        yield from self.value(path + keys)
        elif token.kind == "bare":
            while self.accept("bare", "."):  # a number with a point in it
                pass

    def keys(self) -> tuple[str, ...]:
        found = []
        while self.at < len(self.tokens) and self.tokens[self.at].kind in ("bare", "string", "."):
            token = self.tokens[self.at]
            if token.kind != ".":
                found.append(token.text.strip("\"'"))
            self.at += 1
        return tuple(found)

    def accept(self, *kinds: str) -> bool:
        """Step over the next token if it is one of these."""
        if self.at < len(self.tokens) and self.tokens[self.at].kind in kinds:
            self.at += 1
            return True
        return False
