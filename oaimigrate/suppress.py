"""Comments that silence: `# oaimigrate: ignore[OAI101] reason`, its forms for blocks and files, and `# noqa: OAI101`.

A comment after code speaks for its row and for the rows above that it closes: a triple-quoted string or a line joined
by a backslash leaves no other place for it. A comment on a line of its own speaks for the next line of code. A finding
is silenced on its first or on its last row. `disable[…]` holds until `enable[…]` or the end of the block it stands in,
`ignore-file[…]` everywhere.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from oaimigrate.config import ALWAYS
from oaimigrate.diagnostics import Diagnostic, Span
from oaimigrate.source import Source

_MENTIONED = re.compile(r"#[ \t]*(?:noqa|oaimigrate(?:[ \t]*:|[ \t]+(?:ignore|disable|enable)))", re.IGNORECASE)
_WITHOUT_COLON = re.compile(r"#[ \t]*oaimigrate[ \t]+(?P<verb>ignore(?:-file)?|disable|enable)[ \t]*\[", re.IGNORECASE)
_WITHOUT_LIST = re.compile(r"[ \t]*[(\[:=]?[ \t]*(?P<code>OAI\d+)\b", re.IGNORECASE)  # behind a verb
_OWN = re.compile(
    r"#[ \t]*oaimigrate[ \t]*:[ \t]*(?P<verb>[\w-]+)(?P<list>\[(?P<codes>[^\]#]*)(?P<close>\])?)?", re.IGNORECASE
)
_NOQA = re.compile(
    r"#[ \t]*(?P<verb>noqa)(?:[ \t]*:[ \t]*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*|)|(?![ \t]*:)\b)",
    re.IGNORECASE,
)
_PREFIX = "OAI"
_SELECTOR = re.compile(r"[^,\s]+")
VERBS = ("ignore", "ignore-file", "disable", "enable")


@dataclass(frozen=True, slots=True)
class Directive:
    """One comment. `codes` are codes or their beginnings with their places; None silences everything."""

    verb: str  # one of VERBS, or noqa
    span: Span  # from its `#` to the end of what it says; a reason may follow
    comment: Span  # the whole comment, which may hold other directives
    rows: range
    codes: tuple[tuple[str, Span], ...] | None

    def covers(self, code: str) -> bool:
        return self.codes is None or any(code.startswith(prefix) for prefix, _ in self.codes)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A comment that speaks to oaimigrate and cannot be understood."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The directives of one file."""

    directives: tuple[Directive, ...] = ()
    mistakes: tuple[Mistake, ...] = field(default=())

    def covering(self, diagnostic: Diagnostic, source: Source) -> list[Directive]:
        """The directives that ask not to hear of `diagnostic`. A file that was not looked at is always heard of."""
        if not self.directives or diagnostic.code in ALWAYS:
            return []
        rows = {source.position(diagnostic.span.start)[0], source.position(diagnostic.span.end)[0]}
        return [d for d in self.directives if d.covers(diagnostic.code) and any(row in d.rows for row in rows)]

    def covers(self, diagnostic: Diagnostic, source: Source) -> bool:
        return bool(self.covering(diagnostic, source))


def suppressions(source: Source, *, found: bool = True) -> Suppressions:
    """Read the directives of a file; `found` says whether there is anything to silence.

    Tokenizing costs a fifth of a parse, so only where the text speaks of a directive that matters here: most `# noqa`
    name the codes of other linters, and a bare one matters only where there is a finding.
    """
    return _Reader(source).read() if _matters(source.text, found) else Suppressions()


def _matters(text: str, found: bool) -> bool:
    for mention in _MENTIONED.finditer(text):
        noqa = _NOQA.match(text, mention.start())
        if noqa is None:
            if "oaimigrate" in mention[0].lower():
                return True
        elif not noqa["codes"]:
            if found:
                return True
        elif _PREFIX in noqa["codes"].upper():
            return True
    return False


class _Reader:
    """Reads the comments of one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.comments, self.joined = comments_of(source)
        self.mistakes: list[Mistake] = []
        self.last = len(source.line_starts)

    def read(self) -> Suppressions:
        found: list[Directive] = []
        for row, span in self.comments:
            comment = self.source.text[span.start : span.end]
            for match in _WITHOUT_COLON.finditer(comment):
                where = Span(span.start + match.start(), span.start + match.end())
                self.mistakes.append(Mistake(f"a colon is missing: `# oaimigrate: {match['verb'].lower()}[…]`", where))
            matches = [m for m in _OWN.finditer(comment) if self._understood(m, span.start)]
            for match in (*matches, *_NOQA.finditer(comment)):
                codes = self._codes(match, span.start)
                if codes == ():
                    continue
                where = Span(span.start + match.start(), span.start + match.end())
                found.append(Directive(match["verb"].lower(), where, span, self._rows(match, row), codes))
        return Suppressions(tuple(self._blocks(found)), tuple(self.mistakes))

    def _understood(self, match: re.Match[str], offset: int) -> bool:
        """Whether a comment of ours says something; near misses are reported, other prose is left alone."""
        verb, span = match["verb"].lower(), Span(offset + match.start(), offset + match.end())
        if verb not in VERBS:
            import difflib

            if near := difflib.get_close_matches(verb, VERBS, n=1, cutoff=0.75):
                self.mistakes.append(Mistake(f"`{verb}` means nothing here; did you mean `{near[0]}`?", span))
            return False
        if match["list"] and not match["close"]:
            self.mistakes.append(Mistake("the list of rules is not closed by `]`", span))
            return False
        if match["list"] and not match["codes"].strip(", \t"):
            self.mistakes.append(Mistake("the list of rules is empty; name them, or leave the brackets out", span))
            return False
        if not match["list"] and (code := _WITHOUT_LIST.match(match.string, match.end())):
            example = f"{verb}[{code['code'].upper()}]"
            self.mistakes.append(Mistake(f"the rules stand in brackets right behind `{verb}`: `{example}`", span))
            return False
        return True

    def _codes(self, match: re.Match[str], offset: int) -> tuple[tuple[str, Span], ...] | None:
        if match["codes"] is None:
            return None
        start = offset + match.start("codes")
        found = []
        for word in _SELECTOR.finditer(match["codes"]):
            span = Span(start + word.start(), start + word.end())
            code = word[0].upper() if match["verb"].lower() == "noqa" else self._known(word[0], span)
            if code:
                found.append((code, span))
        return tuple(found)

    def _known(self, word: str, span: Span) -> str:
        """The code that a word of a list means, "" for none."""
        from oaimigrate import rulebook
        from oaimigrate.config import unknown_rule

        pages = rulebook.load()
        code = word.upper()
        if any(known.startswith(code) for known in pages):
            return code
        named = next((page.code for page in pages.values() if page.name == word), "")
        if not named:
            self.mistakes.append(Mistake(str(unknown_rule(word, pages)), span))
        return named

    def _rows(self, match: re.Match[str], row: int) -> range:
        verb = match["verb"].lower()
        if verb == "ignore-file":
            return range(1, self.last + 1)
        if verb == "ignore" and self._alone(row):
            after = (r for r in range(row + 1, self.last + 1) if self._code(r))
            return range(row, next(after, row) + 1)
        first = row
        while first - 1 in self.joined:
            first -= 1
        return range(first, row + 1)

    def _alone(self, row: int) -> bool:
        return self.source.line(row).lstrip().startswith("#")

    def _code(self, row: int) -> str:
        line = self.source.line(row).strip()
        return "" if line.startswith("#") else line

    def _blocks(self, found: Sequence[Directive]) -> Iterator[Directive]:
        """The directives with each `disable` stretched to its end, and without the `enable`s."""
        enables = [d for d in found if d.verb == "enable"]
        used: set[Span] = set()
        for directive in found:
            if directive.verb == "disable":
                start, end = directive.rows.start, self._block_end(directive.rows.start)
                closing = [e for e in enables if start < e.rows.start <= end and _closes(e, directive)]
                if closing:
                    end = closing[0].rows.start
                    used.add(closing[0].span)
                yield Directive("disable", directive.span, directive.comment, range(start, end + 1), directive.codes)
            elif directive.verb != "enable":
                yield directive
        for enable in enables:
            if enable.span not in used:
                self.mistakes.append(Mistake("there is no `disable` above with the same rules", enable.span))

    def _block_end(self, row: int) -> int:
        """The last row of the block in which a comment stands: before the first line that is indented less."""
        line = self.source.line(row)
        indent = len(line) - len(line.lstrip())
        inside = range(row + 1, self.last + 1) if self._alone(row) and indent else ()
        for below in inside:
            text = self.source.line(below)
            started = below - 1 not in self.joined and self._code(below)
            if started and len(text) - len(text.lstrip()) < indent:
                return below - 1
        return self.last


def _closes(enable: Directive, disable: Directive) -> bool:
    names = [None if d.codes is None else {code for code, _ in d.codes} for d in (enable, disable)]
    return enable.codes is None or names[0] == names[1]


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
