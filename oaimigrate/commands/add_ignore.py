"""`oaimigrate check --add-ignore REASON`: a comment on the line of each finding, instead of a change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from oaimigrate.config import ALWAYS, ConfigError
from oaimigrate.diagnostics import Diagnostic, Edit, FileResult
from oaimigrate.fixing.apply import apply
from oaimigrate.runner import Run
from oaimigrate.source import Source, SourceError
from oaimigrate.suppress import comments_of

_LIST = re.compile(r"#[ \t]*oaimigrate[ \t]*:[ \t]*ignore\[(?P<codes>[^\]#]*)(?=\])", re.IGNORECASE)


def add(done: Run, reason: str) -> tuple[Run, int]:
    """Write the comments. What is left are findings that no comment can silence; the number is that of the silenced."""
    if "#" in reason or "\n" in reason or "\r" in reason:
        raise ConfigError("the reason of `--add-ignore` is one line without `#`")
    results, silenced = [], 0
    for result in done.results:
        left, count = _silence(result, reason)
        silenced += count
        if left.diagnostics:
            results.append(left)
    return replace(done, results=tuple(results)), silenced


def _silence(result: FileResult, reason: str) -> tuple[FileResult, int]:
    wanted = [d for d in result.diagnostics if d.code not in ALWAYS]
    if not wanted or not result.path.endswith((".py", ".pyi", ".ipynb")):
        return result, 0  # a comment in a document or in JSON says nothing to us
    try:
        source = Source.read(result.path)
        if source.text != result.text:
            raise SourceError(result.path, 1, 1, "the file was changed by another program meanwhile")
        source.write(apply(source.text, edits(source, wanted, reason)))
    except SourceError as error:
        raise ConfigError(str(error)) from error
    left = tuple(d for d in result.diagnostics if d.code in ALWAYS)
    return replace(result, diagnostics=left), len(wanted)


def edits(source: Source, found: Sequence[Diagnostic], reason: str) -> list[Edit]:
    """The comments at the ends of the lines: that of the finding, or the one that closes a string begun there."""
    comments, joined = comments_of(source)
    by_row = dict(comments)
    rows: dict[int, set[str]] = {}
    for diagnostic in found:
        row = source.position(diagnostic.span.start)[0]
        while row in joined:
            row += 1
        rows.setdefault(row, set()).add(diagnostic.code)
    made = []
    for row, codes in sorted(rows.items()):
        comment = by_row.get(row)
        listed = _LIST.search(source.text, comment.start, comment.end) if comment else None
        if listed:
            made.append(Edit(listed.end(), listed.end(), "".join(f", {code}" for code in sorted(codes))))
            continue
        end = source.line_bounds(row)[1]
        text = f"  # oaimigrate: ignore[{', '.join(sorted(codes))}] {reason}".rstrip()
        blank = len(source.text[:end]) - len(source.text[:end].rstrip(" \t"))
        made.append(Edit(end - blank, end, text))
    return made
