"""`--statistics --format json`, as Ruff writes it."""

from __future__ import annotations

import json

from oaimigrate import rulebook
from oaimigrate.reporters import Report
from oaimigrate.reporters.statistics import fixable_counts, rows


def render(report: Report) -> str:
    fixable = fixable_counts(report)
    found = [
        {
            "code": code,
            "name": rulebook.load()[code].name,
            "count": count,
            "fixable": fixable[code] == count,
            "fixable_count": fixable[code],
        }
        for code, count in rows(report)
    ]
    return json.dumps(found, indent=2) + "\n"
