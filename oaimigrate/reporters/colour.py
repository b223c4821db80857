"""Colours, where a person watches: a terminal, unless NO_COLOR, FORCE_COLOR or TERM=dumb say otherwise."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
_CODE_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Paint:
    """Wraps text in escape sequences, or leaves it as it is."""

    enabled: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        if not self.enabled or not text:
            return text
        return f"\033[{';'.join(_CODES[style] for style in styles)}m{text}\033[0m"

    def code_spans(self, text: str) -> str:
        """A sentence with what stands in backticks made bold."""
        return _CODE_SPAN.sub(lambda match: self(match.group(), "bold"), text) if self.enabled else text


def paint_for(stream: TextIO) -> Paint:
    """See https://no-color.org and https://force-color.org."""
    if os.environ.get("NO_COLOR"):
        return Paint(False)
    if os.environ.get("FORCE_COLOR"):
        return Paint(True)
    return Paint(stream.isatty() and os.environ.get("TERM") != "dumb")
