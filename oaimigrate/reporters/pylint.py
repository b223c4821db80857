"""`path:row: [CODE] message`, the format of pylint, which many tools read."""

from __future__ import annotations

from oaimigrate.reporters import Report, shown_path


def render(report: Report) -> str:
    return "".join(
        f"{shown_path(source.path)}:{source.file_position(d.span.start)[0]}: [{d.code}] {d.message}\n"
        for d, source in report.findings()
    )
