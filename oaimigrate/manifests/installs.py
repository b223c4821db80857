"""What images, scripts and jobs of CI install: `pip install openai==0.28` in a Dockerfile, a shell script, a workflow.

A shell takes < and > for something else, and so may the file around the command; `~=` needs no quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from oaimigrate.manifests.requirement import REQUIREMENT, Pin, from_match

INSTALLS = re.compile(r"\b(?:pip[\d.]*|conda|mamba|uv|pixi|poetry|pipx)\b.*\b(?:install|add|run)\b", re.DOTALL)
_LINE = re.compile(r"(?m)^(?:[^\n\\]|\\(?:\r?\n)?)*")
_AROUND = " \t\r\n\"'\\"


def read(text: str) -> Iterator[Pin]:
    """The requirements of openai in commands that install; a backslash at the end of a line carries a command on."""
    for line in _LINE.finditer(text):
        if line.group().lstrip().startswith("#") or not (command := INSTALLS.search(line.group())):
            continue
        for match in REQUIREMENT.finditer(text, line.start() + command.end(), line.end()):
            if text[match.start() - 1] in _AROUND and text[match.end() : match.end() + 1] in _AROUND + ";&|)],":
                yield from_match(match, style="compatible")
