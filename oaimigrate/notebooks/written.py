"""Programs that a notebook writes into files: the cells with `%%writefile app.py`.

Such a cell is no part of the notebook's own program, and is hidden from it. What is found in it is only reported, for
the file may be there already and belong to others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from oaimigrate.config import ALWAYS, Config
from oaimigrate.diagnostics import Diagnostic, Note, Span
from oaimigrate.notebooks.magics import SIGN
from oaimigrate.source import Source

_HEAD = re.compile(rf"^#{SIGN}[ \t]*%%(?:write)?file[ \t]+(?:-a[ \t]+)?(?P<name>\S+\.py)[ \t]*\n", re.MULTILINE)
_LINE = re.compile(rf"#{SIGN}(?P<code>[^\n]*)(?:\n|\Z)")
_SILENCING = re.compile(r"#[ \t]*(?:noqa|oaimigrate)", re.IGNORECASE)  # heeded once, where the notebook's are
_PREFIX = len(f"#{SIGN}")


@dataclass(frozen=True, slots=True)
class Written:
    """A program, and where in the joined text of the cells its first line begins."""

    name: str
    code: str
    start: int

    def carried(self, diagnostic: Diagnostic) -> Diagnostic:
        """A finding with its places in the joined text."""
        notes = [replace(n, span=self._span(n.span)) if n.span and n.path is None else n for n in diagnostic.notes]
        if diagnostic.fix is not None:
            notes.append(Note(f"not rewritten: this cell writes it into `{self.name}`"))
        return replace(diagnostic, span=self._span(diagnostic.span), fix=None, notes=tuple(notes))

    def _span(self, span: Span) -> Span:
        return Span(self._offset(span.start), self._offset(span.end))

    def _offset(self, offset: int) -> int:
        return self.start + offset + _PREFIX * (self.code.count("\n", 0, offset) + 1)


def findings(text: str, config: Config) -> Iterator[Diagnostic]:
    """What there is to say about the programs in the joined text of the cells."""
    from oaimigrate import engine

    for program in _programs(text):
        code = _SILENCING.sub(lambda found: "#" * len(found[0]), program.code)
        result = engine.check_source(Source.from_text(code, program.name), replace(config, docs=False))
        yield from (program.carried(d) for d in result.diagnostics if d.code not in ALWAYS)


def _programs(text: str) -> Iterator[Written]:
    for head in _HEAD.finditer(text):
        lines, at = [], head.end()
        while line := _LINE.match(text, at):
            lines.append(line["code"])
            at = line.end()
        if any("openai" in line for line in lines):
            yield Written(head["name"], "\n".join(lines), head.end())
