"""A table for a comment on a pull request, a wiki, or the summary of a step of GitHub Actions."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from oaimigrate import rulebook
from oaimigrate.diagnostics import Diagnostic, Fix, Safety
from oaimigrate.reporters import Report, shown_path
from oaimigrate.reporters.places import repository_path
from oaimigrate.reporters.summary import counted
from oaimigrate.source import Source

_MOST = 1000  # rows: GitHub drops a summary of more than 1 MiB, and nobody reads the thousandth row
_FIX = {Safety.SAFE: "safe", Safety.UNSAFE: "unsafe", Safety.DISPLAY: "advice"}


_BAR = re.compile(r"(?<!\\)\|")


def render(report: Report) -> str:
    found = list(report.findings())
    if not found:
        return "**oaimigrate**: all checks passed\n"
    files = counted(len({source.path for _, source in found}), "file")
    lines = [f"**oaimigrate**: {counted(len(found), 'problem')} in {files}", ""]
    lines += ["| Place | Rule | Severity | Finding | Fix |", "| --- | --- | --- | --- | --- |"]
    lines += [_row(*entry) for entry in found[:_MOST]]
    if len(found) > _MOST:
        lines += ["", f"and {len(found) - _MOST} more"]
    return "\n".join(lines) + "\n"


def _row(diagnostic: Diagnostic, source: Source) -> str:
    page = rulebook.load()[diagnostic.code]
    place = _code(f"{shown_path(source.path)}:{source.place(diagnostic.span.start)}")
    if link := _link(source.path, source.file_position(diagnostic.span.start)[0]):
        place = f"[{place}]({link})"
    message = _cell(diagnostic.message)
    severity = rulebook.severity(diagnostic)
    return f"| {place} | {diagnostic.code} {page.name} | {severity} | {message} | {_fix(diagnostic.fix)} |"


def _fix(fix: Fix | None) -> str:
    return f"{_FIX[fix.safety]}: {_cell(fix.title)}" if fix is not None else ""


def _link(path: str, row: int) -> str:
    """The line on GitHub, where a workflow runs there."""
    host, name, commit = (os.environ.get(f"GITHUB_{key}", "") for key in ("SERVER_URL", "REPOSITORY", "SHA"))
    relative = repository_path(path)
    known = host and name and commit and not os.path.isabs(relative)
    return f"{host}/{name}/blob/{commit}/{quote(os.fsencode(relative))}#L{row}" if known else ""


def _code(text: str) -> str:
    """A code span in a cell; more backticks than stand in the text enclose it."""
    text = _BAR.sub(r"\\|", text)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def _cell(text: str) -> str:
    """Text in one cell: no row may end in it, and outside of code spans nothing is markup."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    out = [p if p.startswith("`") else re.sub(r"([<*_\[\]])", r"\\\1", p) for p in parts]
    return _BAR.sub(r"\\|", "".join(out))
