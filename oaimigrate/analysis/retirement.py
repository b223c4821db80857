"""Models that are gone or will be: `load()` reads `rules/models.tsv` once.

The table says on which day it was written, and that day decides what is past:
the same code always gets the same report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from oaimigrate.analysis.api import rulebook_dir

NEAR = 90  # days before a shutdown from which on a model is reported


class Retirement(NamedTuple):
    """The end of one model: `date` as YYYY-MM-DD, `successor` "" where none is named.

    `past` and `near` (past, or within 90 days) are as of the table's day.
    """

    model: str
    date: str
    successor: str
    past: bool
    near: bool


@cache
def load() -> Mapping[str, Retirement]:
    text = (rulebook_dir() / "models.tsv").read_text(encoding="utf-8")
    known = re.search(r"as known on (\d{4}-\d\d-\d\d)", text)
    today = known[1] if known else "9999-12-31"
    soon = (date.fromisoformat(today) + timedelta(days=NEAR)).isoformat() if known else today
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {model: Retirement(model, end, "".join(rest), end <= today, end <= soon) for model, end, *rest in rows}
