"""Colours and links, where a person watches: a terminal, unless NO_COLOR, FORCE_COLOR or TERM=dumb say otherwise."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
_LINKING = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "zed"})
_GUTTER, _NARROWEST = 10, 40  # cells beside the source, and the least that is worth showing
_CODE_SPAN = re.compile(r"`([^`]+)`")


wanted: bool | None = None  # what `--color` asks for in this process


@dataclass(frozen=True, slots=True)
class Paint:
    """Wraps text in escape sequences, or leaves it as it is."""

    enabled: bool = False
    links: bool = False  # whether the terminal makes links of them
    width: int = 120  # cells of a line

    def __call__(self, text: str, *styles: str) -> str:
        if not self.enabled or not text:
            return text
        return f"\033[{';'.join(_CODES[style] for style in styles)}m{text}\033[0m"

    def code_spans(self, text: str) -> str:
        """A sentence with what stands in backticks made bold."""
        return _CODE_SPAN.sub(lambda match: self(match.group(), "bold"), text) if self.enabled else text


def linked(paint: Paint, text: str, path: str) -> str:
    """Text that opens a file where the terminal can (https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda)."""
    if not paint.links or path == "-":
        return text
    import socket
    from urllib.parse import quote

    address = f"file://{socket.gethostname()}{quote(os.fsencode(os.path.abspath(path).replace(os.sep, '/')))}"
    return f"\033]8;;{address}\033\\{text}\033]8;;\033\\"


def paint_for(stream: TextIO) -> Paint:
    """`--color` decides, else see https://no-color.org and https://force-color.org."""
    if wanted is False or (wanted is None and os.environ.get("NO_COLOR")):
        return Paint(width=_width(stream))
    watched = stream.isatty() and os.environ.get("TERM") != "dumb"
    return Paint(bool(wanted or os.environ.get("FORCE_COLOR")) or watched, watched and _makes_links(), _width(stream))


def _width(stream: TextIO) -> int:
    """The cells of a line of source that are shown: what fits into a terminal, 120 where nobody measures."""
    if not stream.isatty():
        return Paint().width
    import shutil

    return max(shutil.get_terminal_size().columns - _GUTTER, _NARROWEST)


def _makes_links() -> bool:
    """Terminals are not asked, they are known; the list is that of the package `supports-hyperlinks`, shortened."""
    force = os.environ.get("FORCE_HYPERLINK")
    if force is not None:
        return force not in ("", "0")
    if os.environ.get("CI") or os.environ.get("TMUX"):
        return False
    known = ("WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM", "ALACRITTY_WINDOW_ID")
    if any(os.environ.get(name) for name in known) or os.environ.get("TERM_PROGRAM", "") in _LINKING:
        return True
    vte = os.environ.get("VTE_VERSION", "")
    return vte.isdigit() and int(vte) > 5000  # 0.50.0 itself crashes on them
