"""IPython's own syntax, masked so that Python's parser reads a cell, and unmasked again.

`%pip install x`, `!ls`, `name?` and `files = !ls` become statements that do nothing, with the original text behind a
sign in a comment; the code behind `%time` stays code. A mask only ever inserts characters into a line, so taking them
out again gives back what was there.
"""

from __future__ import annotations

import re

SIGN = "\ue000"  # of the private use area: no program has a meaning for it
_MASK = re.compile(rf"(?:pass|None)?#{SIGN}|'{SIGN}(?P<magic>[^';\n]*)';")

# Cell magics with a body that is Python of the notebook itself; the others hold other languages and files.
PYTHON_CELLS = frozenset({"capture", "prun", "pypy", "python", "python3", "time", "timeit"})
_CELL = re.compile(r"\s*%%(?P<name>[\w.]+)")
_LINE = re.compile(r"[ \t]*(?:[!?]|%%?[\w/~])")
# Without a % as well, where it cannot be Python: `pip install x`, `cd data`.
_AUTOMATIC = re.compile(
    r"[ \t]*(?:pip3?|conda|mamba|uv|cat|cd|cp|ls|mkdir|mv|rm)[ \t]+"
    r"(?!(?:and|else|for|if|in|is|not|or)\b)(?:[\w./~]|-[a-zA-Z]+[ \t]+[\w./~-])"
)
_HELP = re.compile(r"[ \t]*%{0,2}[\w.*]+(?:\[[^\]]*\])?[ \t]*\?{1,2}[ \t]*$")
_ASSIGNED = re.compile(r"(?P<target>[ \t]*[\w.,\[\]'\"() \t*]+?=[ \t]*)(?=[!%]\s*[\w({])")
_TIMED = re.compile(r"(?P<indent>[ \t]*)(?P<magic>%(?:time|timeit|prun)[ \t]+)(?=[^-\s])")
_TOKEN = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\])*(?:\"|$)|'(?:\\.|[^'\\])*(?:'|$)|#.*|[\[({]|[\])}]|\\.")


def is_python(cell: str) -> bool:
    """Whether a code cell holds Python, as far as its cell magic says."""
    found = _CELL.match(cell)
    return found is None or found["name"] in PYTHON_CELLS


def mask(cell: str) -> str:
    """The cell with its magics made harmless; it has as many lines as before."""
    if not re.search(r"[!%?]|^[ \t]*(?:pip|conda|mamba|uv|cat|cd|cp|ls|mk|mv|rm)", cell, re.MULTILINE):
        return cell
    state = _Lines()
    return "\n".join(state.masked(line) for line in cell.split("\n"))


def hide(cell: str) -> str:
    """The cell with every line made a comment."""
    return "\n".join(f"#{SIGN}{line}" for line in cell.split("\n"))


def unmask(text: str) -> str:
    """What was masked, as it was."""
    return _MASK.sub(lambda found: found["magic"] or "", text) if SIGN in text else text


class _Lines:
    """Follows a cell line by line: only where a statement begins can a magic stand."""

    def __init__(self) -> None:
        self.depth = 0  # of open brackets
        self.quote = ""  # of an open string over several lines
        self.joined = False  # the line before ends in a backslash
        self.magic = False  # and is a magic

    def masked(self, line: str) -> str:
        if self.magic:
            self.magic = line.rstrip().endswith("\\")
            return f"#{SIGN}{line}"
        if self.depth or self.quote or self.joined:
            self._follow(line)
            return line
        if timed := _TIMED.match(line):
            self._follow(line[timed.end() :])
            return f"{timed['indent']}'{SIGN}{timed['magic']}';{line[timed.end() :]}"
        if _LINE.match(line) or _HELP.match(line) or _AUTOMATIC.match(line):
            self.magic = line.rstrip().endswith("\\")
            return _hidden(line)
        if assigned := _ASSIGNED.match(line):
            self.magic = line.rstrip().endswith("\\")
            return f"{line[: assigned.end()]}None#{SIGN}{line[assigned.end() :]}"
        self._follow(line)
        return line

    def _follow(self, line: str) -> None:
        at, self.joined = 0, False
        while True:
            if self.quote:
                found = re.compile(rf"(?:\\.|[^\\])*?{self.quote}", re.DOTALL).match(line, at)
                if found is None:
                    return
                at, self.quote = found.end(), ""
            token = _TOKEN.search(line, at)
            if token is None:
                self.joined = line.endswith("\\")
                return
            at = token.end()
            match token[0][0]:
                case '"' | "'" if token[0] in ('"""', "'''"):
                    self.quote = token[0]
                case "[" | "(" | "{":
                    self.depth += 1
                case "]" | ")" | "}":
                    self.depth = max(0, self.depth - 1)
                case "#":
                    return


def _hidden(line: str) -> str:
    rest = line.lstrip(" \t")
    return f"{line[: len(line) - len(rest)]}pass#{SIGN}{rest}"
