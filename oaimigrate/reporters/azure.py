"""Logging commands of Azure Pipelines: https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands."""

from __future__ import annotations

from oaimigrate import rulebook
from oaimigrate.reporters import Report
from oaimigrate.reporters.places import repository_path


def render(report: Report) -> str:
    lines = []
    for diagnostic, source in report.findings():
        row, column = source.file_position(diagnostic.span.start)
        kind = "error" if rulebook.severity(diagnostic) == "error" else "warning"
        path = _escaped(repository_path(source.path), of_property=True)
        place = f"sourcepath={path};linenumber={row};columnnumber={column};code={diagnostic.code};"
        lines.append(f"##vso[task.logissue type={kind};{place}]{_escaped(diagnostic.message)}\n")
    return "".join(lines)


def _escaped(text: str, *, of_property: bool = False) -> str:
    text = text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(";", "%3B").replace("]", "%5D") if of_property else text
