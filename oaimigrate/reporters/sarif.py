"""SARIF 2.1.0 as GitHub code scanning reads it, and what other viewers make use of: fixes, flows, confidence.

https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from oaimigrate import __version__, rulebook
from oaimigrate.config import ALWAYS
from oaimigrate.diagnostics import Diagnostic, Edit, Safety, Span
from oaimigrate.reporters import Report, without_key
from oaimigrate.reporters.fingerprint import file_text, line_hashes
from oaimigrate.reporters.places import note_source, repository_path
from oaimigrate.source import Source

Json = dict[str, Any]
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_ROOT = "SRCROOT"
_MAYBE = 50.0  # rank of a finding of which not everything could be resolved; 100 is certain
_LONGEST = 1024  # characters of a description that GitHub shows


def render(report: Report) -> str:
    codes = sorted({diagnostic.code for diagnostic in report.diagnostics})
    results: list[Json] = []
    for result, source in report.sources():
        file = _File(source)
        results += [_result(d, file, codes.index(d.code)) for d in result.diagnostics]
    driver = {
        "name": "oaimigrate",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(rulebook.load()[code]) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "oaimigrate/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository"}}},
        "invocations": [{"executionSuccessful": not any(d.code in ALWAYS for d in report.diagnostics)}],
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


class _File:
    """A file as results speak of it."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def hashes(self) -> Sequence[str]:
        return line_hashes(file_text(self.source.path, self.source.text))

    @cached_property
    def location(self) -> Json:
        path = repository_path(self.source.path)
        if os.path.isabs(path):
            return {"uri": PurePath(path).as_uri()}
        return {"uri": quote(os.fsencode(path)), "uriBaseId": _ROOT}

    def region(self, start: int, end: int) -> Json:
        row, column = self.source.file_position(start)
        end_row, end_column = self.source.file_position(max(start, end))
        return {"startLine": row, "startColumn": column, "endLine": end_row, "endColumn": end_column}

    def place(self, span: Span) -> Json:
        return {"artifactLocation": self.location, "region": self.region(span.start, span.end)}


def _rule(page: rulebook.Page) -> Json:
    name = "".join(word.capitalize() for word in page.name.split("-"))
    what = page.documentation.partition("## What it does\n")[2].partition("\n## ")[0].strip()
    rule = {
        "id": page.code,
        "name": name,
        "shortDescription": {"text": _sentence(page.summary)[:_LONGEST]},
        "fullDescription": {"text": _sentence(" ".join(what.split()))[:_LONGEST]},
        "help": {"text": page.documentation, "markdown": page.documentation},
        "defaultConfiguration": {"level": _LEVELS[page.severity]},
        "properties": {"tags": ["openai"], "problem.severity": page.severity.replace("info", "recommendation")},
    }
    if page.references:
        rule["helpUri"] = page.references[0]
    return rule


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _result(diagnostic: Diagnostic, file: _File, rule: int) -> Json:
    place = file.place(diagnostic.span)
    result: Json = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": _LEVELS[rulebook.severity(diagnostic)],
        "rank": 100.0 if diagnostic.confidence == "certain" else _MAYBE,
        "message": {"text": "\n".join([_sentence(diagnostic.message), *_reasons(diagnostic)])},
        "locations": [{"physicalLocation": place}],
    }
    row = place["region"]["startLine"]
    if not file.source.virtual and row <= len(file.hashes):  # outputs make notebooks large; GitHub hashes them itself
        result["partialFingerprints"] = {"primaryLocationLineHash": file.hashes[row - 1]}
    if notes := list(_notes(diagnostic, file)):
        result["relatedLocations"] = [{"id": number, **note} for number, note in enumerate(notes, 1)]
        steps = [*reversed(notes), {"physicalLocation": place, "message": result["message"]}]  # from source to use
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": step} for step in steps]}]}]
    result |= _fixes(diagnostic, file)
    result["properties"] = {"confidence": diagnostic.confidence}
    return result


def _reasons(diagnostic: Diagnostic) -> list[str]:
    """The notes that point nowhere."""
    return [_sentence(note.text.strip()) for note in diagnostic.notes if note.span is None]


def _notes(diagnostic: Diagnostic, file: _File) -> Iterator[Json]:
    """The notes that point somewhere: the steps that lead to the finding."""
    for note in diagnostic.notes:
        source = note_source(note, file.source)
        if source is not None and note.span is not None:
            place = (file if source is file.source else _File(source)).place(note.span)
            yield {"physicalLocation": place, "message": {"text": _sentence(note.text.strip())}}


def _fixes(diagnostic: Diagnostic, file: _File) -> Json:
    fix = without_key(diagnostic.fix)
    if fix is None or not fix.edits or fix.safety is Safety.DISPLAY or file.source.virtual:
        return {}
    change = {"artifactLocation": file.location, "replacements": [_replacement(e, file) for e in sorted(fix.edits)]}
    return {"fixes": [{"description": {"text": _sentence(fix.title)}, "artifactChanges": [change]}]}


def _replacement(edit: Edit, file: _File) -> Json:
    replacement: Json = {"deletedRegion": file.region(edit.start, edit.end)}
    if edit.text:
        replacement["insertedContent"] = {"text": edit.text}
    return replacement
