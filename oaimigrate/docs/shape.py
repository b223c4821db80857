"""What stands before the code of a fence: the indentation of a list, the signs of a quotation, prompts.

The code has a line for each line of the fence, so a row of one is a row of the other. A line that is no code (output
under a prompt, an option of a directive) is hidden: a comment with a sign, which becomes the line again.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

_HIDDEN = "#\ue001"  # of the private use area: no program has a meaning for it
_PROMPT = re.compile(r"(?:>>>|\.\.\.) (?=.*\S)")
_WIDTH = len(">>> ")
# ---\nyaml\n--- or :name: value, below the head of a directive of MyST
_OPTIONS = re.compile(r"---\n(?:.*\n)*?---(?:\n|$)|(?:[ \t]*:[\w-]+:.*(?:\n|$))+")


@dataclass(frozen=True, slots=True)
class Shape:
    """How the lines of a fence begin: with the prefix of all lines, and with prompts where there are some."""

    prefix: str
    prompts: bool = False
    directive: bool = False  # options may come first

    def code(self, body: str) -> str | None:
        """The code of a fence; None if its lines do not have this shape."""
        lines = [self._without_prefix(line) for line in body.split("\n")]
        plain = "\n".join(line for line in lines if line is not None)
        if None in lines:
            return None
        options = _OPTIONS.match(plain) if self.directive else None
        hidden = plain.count("\n", 0, options.end()) if options else 0
        found = [self._code(line, hidden=row < hidden) for row, line in enumerate(plain.split("\n"))]
        code = "\n".join(found)
        return code if self.restored(code) == body else None

    def restored(self, code: str) -> str:
        """A fence with a new code. Under prompts a line that was made blank would end the output above it."""
        begins = _statements(code) if self.prompts else {}
        lines = []
        for row, line in enumerate(code.split("\n"), 1):
            if line.startswith(_HIDDEN):
                lines.append(self._line(line.removeprefix(_HIDDEN)))
            elif not self.prompts:
                lines.append(self._line(line))
            elif line.strip():
                lines.append(f"{self.prefix}{'>>>' if begins.get(row, True) else '...'} {line}")
        return "\n".join(lines)

    def before(self, line: str) -> int:
        """How much of a line of the fence stands before its code."""
        rest = self._without_prefix(line) or ""
        return len(line) - len(rest) + (_WIDTH if self.prompts and _PROMPT.match(rest) else 0)

    def inserted(self, text: str) -> str | None:
        """What to insert into the fence to have a text in the code; None for lines that want prompts of their own."""
        first, *rest = text.split("\n")
        if rest and self.prompts:
            return None
        return "\n".join(
            [first, *(self._line(line) for line in rest[:-1]), *(self.prefix + line for line in rest[-1:])]
        )

    def _line(self, text: str) -> str:
        return self.prefix + text if text.strip() else (self.prefix + text).rstrip()

    def _without_prefix(self, line: str) -> str | None:
        if line.startswith(self.prefix):
            return line[len(self.prefix) :]
        return "" if line == self.prefix.rstrip() else None

    def _code(self, line: str, *, hidden: bool) -> str:
        if hidden or (self.prompts and not _PROMPT.match(line)):
            return _HIDDEN + line
        return line[_WIDTH:] if self.prompts else line


def _statements(code: str) -> dict[int, bool]:
    """The rows of the statements of a program, each with whether one begins there."""
    rows: dict[int, bool] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return rows
    for statement in tree.body:
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(d.lineno for d in decorators)])
        for row in range(first, (statement.end_lineno or first) + 1):
            rows.setdefault(row, row == first)
    return rows
