"""One JSON object a line, each as the `json` format has it."""

from __future__ import annotations

import json

from oaimigrate.reporters import Report
from oaimigrate.reporters.json import rows


def render(report: Report) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(report))
