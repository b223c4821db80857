"""`setup.py` and `noxfile.py`: the strings in them that are requirements of openai."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from oaimigrate.manifests.requirement import PATTERN, Pin, from_match
from oaimigrate.source import Source

_WHOLE = re.compile(rf"[ \t]*{PATTERN}[ \t]*(?:;.*)?", re.IGNORECASE)


def read(source: Source) -> Iterator[Pin]:
    """The requirements of openai in such a script; nothing where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (match := _WHOLE.fullmatch(node.value)):
            start = source.byte_offset(node.lineno, node.col_offset)
            end = source.byte_offset(node.end_lineno or 0, node.end_col_offset or 0)
            literal = source.text[start:end]
            if match["wanted"] and literal[:1] in "'\"" and literal[1:-1] == node.value:
                yield from_match(match, start + 1)
