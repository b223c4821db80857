"""How many findings of each rule there are, the commonest first: `--statistics`, as Ruff prints it."""

from __future__ import annotations

from collections import Counter

from oaimigrate import rulebook
from oaimigrate.reporters import Report
from oaimigrate.reporters.summary import joined, summary


def render(report: Report) -> str:
    pages = rulebook.load()
    count = Counter(d.code for d in report.diagnostics)
    fixable = {d.code for d in report.diagnostics if report.fixable(d.fix)}
    width = max((len(str(number)) for number in count.values()), default=1)
    lines = [
        f"{number:>{width}}\t{code}\t[{'*' if code in fixable else ' '}] {pages[code].name}"
        for code, number in sorted(count.items(), key=lambda item: (-item[1], item[0]))
    ]
    return joined([*lines, *summary(report)])
