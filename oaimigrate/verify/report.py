"""What a verification found, for people and as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict

from oaimigrate.verify.compare import Difference
from oaimigrate.verify.twins import Report, Twin, Verdict

_LEFT_SHOWN = 5


def text(report: Report) -> str:
    """The report for people; its last line is the verdict."""
    return "\n".join(_lines(report)) + "\n"


def as_json(report: Report) -> str:
    """The report for programs."""
    twins = [{**asdict(twin), "verdict": twin.verdict.name.lower()} for twin in report.twins]
    return json.dumps({**asdict(report), "verdict": report.verdict.name.lower(), "twins": twins}, indent=2) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"$ {shlex.join(report.command)}"
    yield f"old: {report.origin}, on openai {report.old_sdk}"
    yield f"new: {report.target}, on openai {', '.join(twin.sdk for twin in report.twins) or '(not run)'}"
    for line in report.skipped:
        yield f"not installed: {line}"
    if report.left:
        yield f"{len(report.left)} place(s) were left by the migration:"
        yield from (f"  {line}" for line in report.left[:_LEFT_SHOWN])
        if len(report.left) > _LEFT_SHOWN:
            yield f"  … and {len(report.left) - _LEFT_SHOWN} more"
    yield ""
    for twin in report.twins:
        yield from _twin(twin)
    if report.reason:
        yield f"cannot be said: {report.reason}"
        yield from _quoted(report.errors)
    else:
        yield _verdict(report)


def _twin(twin: Twin) -> Iterator[str]:
    name = {Verdict.EQUAL: "equal", Verdict.DIFFERENT: "DIFFERENT", Verdict.UNKNOWN: "cannot be said"}[twin.verdict]
    yield f"openai {twin.sdk}: {name}" + (f": {twin.reason}" if twin.reason else "")
    if twin.difference:
        yield from _difference(twin.difference)
    yield from _quoted(twin.errors)


def _difference(found: Difference) -> Iterator[str]:
    yield f"  first difference: {found.what}"
    yield f"    old  {found.old}" + (f"   ({found.old_source})" if found.old_source else "")
    yield f"    new  {found.new}" + (f"   ({found.new_source})" if found.new_source else "")


def _quoted(errors: str) -> Iterator[str]:
    if errors.strip():
        yield "  standard error ended with:"
        yield from (f"  | {line}" for line in errors.splitlines())


def _verdict(report: Report) -> str:
    requests = f"{report.requests} request{'' if report.requests == 1 else 's'}"
    match report.verdict:
        case Verdict.EQUAL:
            return f"equal: exit status, standard output and {requests}, on {len(report.twins)} SDK(s)"
        case Verdict.DIFFERENT:
            count = sum(twin.verdict is Verdict.DIFFERENT for twin in report.twins)
            return f"different on {count} of {len(report.twins)} SDK(s)"
    return "cannot be said"
