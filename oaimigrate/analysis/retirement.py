"""Models that are gone or will be: `load()` reads `rules/models.tsv` once.

The table says on which day it was written, and that day decides what is past:
the same code always gets the same report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from oaimigrate.analysis.api import rulebook_dir


class Retirement(NamedTuple):
    """The end of one model: `date` as YYYY-MM-DD, `successor` "" where none is named, `past` on the table's day."""

    model: str
    date: str
    successor: str
    past: bool


@cache
def load() -> Mapping[str, Retirement]:
    text = (rulebook_dir() / "models.tsv").read_text(encoding="utf-8")
    known = re.search(r"as known on (\d{4}-\d\d-\d\d)", text)
    today = known[1] if known else ""
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {model: Retirement(model, date, "".join(rest), date <= today) for model, date, *rest in rows}
