"""The trees of a run: a file is looked at again when more is known about the others, and imported by many of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oaimigrate.analysis.positions import Positions
    from oaimigrate.analysis.walk import Tree
    from oaimigrate.source import Source

ROOM = 3_000_000  # characters of source; a tree takes about 60 bytes for each

_LONE_RETURN = re.compile(r"\r(?!\n)")


class Trees:
    """What was parsed last, by path and text."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[Tree, Positions]] = {}
        self._size = 0
        self.parsed = 0  # characters, in all

    def __reduce__(self) -> tuple[type[Trees], tuple[()]]:
        return Trees, ()  # another process parses its own: that is hardly slower than sending trees

    def of(self, source: Source) -> tuple[Tree, Positions]:
        """The tree of a source, and where its nodes stand; a SourceError if it does not parse as Python 3."""
        key = source.path, source.text
        found = self._kept.pop(key, None)
        if found is None:
            from oaimigrate import syntax  # and so LibCST, which the process that only collects does without
            from oaimigrate.analysis.positions import Positions
            from oaimigrate.analysis.walk import Tree

            text = _LONE_RETURN.sub("\n", source.text) if "\r" in source.text else source.text  # LibCST loses those
            tree = Tree(syntax.parse(source.with_text(text)))
            found = tree, Positions(tree, text, source.line_starts)
            self._size += len(source.text)
            self.parsed += len(source.text)
        self._kept[key] = found
        while self._size > ROOM and len(self._kept) > 1:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._size -= len(oldest[1])
        return found
