"""A Code Quality report of GitLab: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.

GitLab takes two entries with one fingerprint for the same finding, and a finding that keeps its fingerprint for an old
one. So it is made of what stays when lines move: file, rule, text of the line, and how many such came before.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from oaimigrate import rulebook
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.reporters import Report
from oaimigrate.reporters.places import repository_path
from oaimigrate.source import Source

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render(report: Report) -> str:
    seen: Counter[tuple[str, ...]] = Counter()
    rows = [_row(diagnostic, source, seen) for diagnostic, source in report.findings()]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _row(diagnostic: Diagnostic, source: Source, seen: Counter[tuple[str, ...]]) -> dict[str, Any]:
    path = repository_path(source.path)
    row, column = source.file_position(diagnostic.span.start)
    end_row, end_column = source.file_position(max(diagnostic.span.start, diagnostic.span.end))
    key = (path, diagnostic.code, source.file.line(row).strip())
    seen[key] += 1
    fingerprint = hashlib.sha256("\0".join([*key, str(seen[key])]).encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "description": f"{diagnostic.code}: {diagnostic.message}",
        "check_name": diagnostic.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[rulebook.severity(diagnostic)],
        "location": {
            "path": path,
            "positions": {
                "begin": {"line": row, "column": column},
                "end": {"line": end_row, "column": end_column},
            },
        },
    }
