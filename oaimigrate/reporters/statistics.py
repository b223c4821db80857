"""How many findings of each rule there are, the commonest first: `--statistics`, as Ruff prints it."""

from __future__ import annotations

from collections import Counter

from oaimigrate import rulebook
from oaimigrate.reporters import Report
from oaimigrate.reporters.summary import joined, summary


def render(report: Report) -> str:
    """A line a rule; `[*]` where every finding can be fixed, `[-]` where some can."""
    pages, fixable = rulebook.load(), fixable_counts(report)
    found = rows(report)
    width = max((len(str(number)) for _, number in found), default=1)
    lines = [
        f"{number:>{width}}\t{code}\t[{'*' if fixable[code] == number else '-' if fixable[code] else ' '}] "
        f"{pages[code].name}"
        for code, number in found
    ]
    return joined([*lines, *summary(report)])


def rows(report: Report) -> list[tuple[str, int]]:
    """The codes with how often each was found."""
    return sorted(Counter(d.code for d in report.diagnostics).items(), key=lambda item: (-item[1], item[0]))


def fixable_counts(report: Report) -> Counter[str]:
    """How many findings of each code `--fix` would take away."""
    return Counter(d.code for d in report.diagnostics if report.fixable(d.fix))
