"""Comments that silence a line: `# oaimigrate: ignore[OAI101] reason` and, for neighbours of other linters, `# noqa`.

A comment speaks for the row it stands on and for the rows above that it closes: a triple-quoted string or a line
joined by a backslash leaves no other place for it. A finding is silenced on its first or on its last row.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from oaimigrate.config import ALWAYS
from oaimigrate.diagnostics import Diagnostic, Span
from oaimigrate.source import Source

_MENTIONED = re.compile(r"#[ \t]*(?:noqa|oaimigrate[ \t]*:)", re.IGNORECASE)
_IGNORE = re.compile(r"#[ \t]*oaimigrate[ \t]*:[ \t]*ignore(?:\[(?P<codes>[^\]]*)\]|(?=\s|\Z))", re.IGNORECASE)
_NOQA = re.compile(
    r"#[ \t]*noqa(?:[ \t]*:[ \t]*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*|)|(?![ \t]*:)\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Directive:
    """One comment. `codes` are codes or their beginnings; None silences everything."""

    span: Span
    rows: range
    codes: tuple[str, ...] | None

    def covers(self, code: str) -> bool:
        return self.codes is None or any(code.startswith(prefix) for prefix in self.codes)


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The directives of one file."""

    directives: tuple[Directive, ...] = ()

    def covers(self, diagnostic: Diagnostic, source: Source) -> bool:
        """Whether the file asks not to hear of `diagnostic`. A file that was not looked at is always heard of."""
        if not self.directives or diagnostic.code in ALWAYS:
            return False
        rows = {source.position(diagnostic.span.start)[0], source.position(diagnostic.span.end)[0]}
        return any(d.covers(diagnostic.code) and not rows.isdisjoint(d.rows) for d in self.directives)


def suppressions(source: Source) -> Suppressions:
    """Read the directives of a file. Tokenizing costs a fifth of a parse, so only where the text speaks of one."""
    if not _MENTIONED.search(source.text):
        return Suppressions()
    comments, joined = comments_of(source)
    return Suppressions(tuple(d for row, span in comments for d in _directives(source, row, span, joined)))


def _directives(source: Source, row: int, span: Span, joined: set[int]) -> Iterator[Directive]:
    comment = source.text[span.start : span.end]
    first = row
    while first - 1 in joined:
        first -= 1
    for match in (*_IGNORE.finditer(comment), *_NOQA.finditer(comment)):
        listed = match["codes"]
        codes = None if listed is None else tuple(code.upper() for code in re.split(r"[,\s]+", listed) if code)
        if codes != ():
            where = Span(span.start + match.start(), span.start + match.end())
            yield Directive(where, range(first, row + 1), codes)


def comments_of(source: Source) -> tuple[list[tuple[int, Span]], set[int]]:
    """The comments of a file with their rows, and the rows that are joined to the next by a string or a backslash."""
    # The tokenizer knows only "\n", so it is given the rows as `Source` counts them.
    text = "".join(source.line(row) + "\n" for row in range(1, len(source.line_starts) + 1))
    found: list[tuple[int, Span]] = []
    joined: set[int] = set()
    row = 1
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="\n").readline):
            # Between two tokens of one logical line only a backslash can end a row; NL and NEWLINE are tokens.
            joined.update(r for r in range(row, token.start[0]) if source.line(r).endswith("\\"))
            joined.update(range(token.start[0], token.end[0]) if _is_string(token) else ())
            row = token.end[0]
            if token.type == tokenize.COMMENT:
                start = source.line_starts[row - 1] + token.start[1]
                found.append((row, Span(start, start + len(token.string))))
    except (tokenize.TokenError, SyntaxError):
        pass  # what does not parse is reported by others; the comments before the error still count
    return found, joined


def _is_string(token: tokenize.TokenInfo) -> bool:
    """Strings, and the pieces of f-strings since Python 3.12."""
    return token.type == tokenize.STRING or tokenize.tok_name[token.type].startswith(("FSTRING", "TSTRING"))
