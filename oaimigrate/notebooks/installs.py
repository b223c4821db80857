"""What the cells of a notebook install: `%pip install openai==0.28` and its like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oaimigrate.manifests.requirement import REQUIREMENT, Pin, from_match
from oaimigrate.notebooks.magics import SIGN

_COMMAND = re.compile(rf"#{SIGN}.*\b(?:pip[\d.]*|conda|mamba|uv|pixi|poetry)\b.*\b(?:install|add)\b.*")


def read(text: str) -> Iterator[Pin]:
    """The requirements of openai in the shell commands of joined cells."""
    for command in _COMMAND.finditer(text):
        for match in REQUIREMENT.finditer(text, command.start(), command.end()):
            before, after = text[match.start() - 1], text[match.end() : match.end() + 1]
            if before in "\"'" and after == before:
                yield from_match(match)
            elif before.isspace() and (not after or after in " \t\r\n;&|"):
                # A shell takes < and > for something else where they have no quotes.
                yield from_match(match, style="shell")
