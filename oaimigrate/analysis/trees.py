"""The trees of a run: a file is looked at again when more is known about the others, and imported by many of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from oaimigrate import syntax
from oaimigrate.analysis.walk import Tree

if TYPE_CHECKING:
    from oaimigrate.source import Source

ROOM = 3_000_000  # characters of source; a tree takes about 60 bytes for each

_LONE_RETURN = re.compile(r"\r(?!\n)")


class Trees:
    """The trees parsed last, by path and text."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Tree] = {}
        self._size = 0

    def __reduce__(self) -> tuple[type[Trees], tuple[()]]:
        return Trees, ()  # another process parses its own: that is hardly slower than sending trees

    def of(self, source: Source) -> Tree:
        """The tree of a source; a SourceError if it does not parse as Python 3."""
        key = source.path, source.text
        found = self._kept.pop(key, None)
        if found is None:
            found = Tree(syntax.parse(source.with_text(plain_newlines(source.text))))
            self._size += len(source.text)
        self._kept[key] = found
        while self._size > ROOM and len(self._kept) > 1:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._size -= len(oldest[1])
        return found


def plain_newlines(text: str) -> str:
    """The text with lone carriage returns as line feeds: LibCST loses those, and offsets stay the same."""
    return _LONE_RETURN.sub("\n", text) if "\r" in text else text
