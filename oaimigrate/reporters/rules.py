"""The rule book for terminals, programs and the README."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from oaimigrate.reporters.colour import Paint
from oaimigrate.rulebook import Page


def page(rule: Page, paint: Paint) -> str:
    """A page as people read it. What is not coloured stays the Markdown it is written in."""
    if not paint.enabled:
        return rule.documentation
    return "\n".join(_painted(rule.documentation.split("\n"), paint))


def _painted(lines: Iterable[str], paint: Paint) -> Iterable[str]:
    fenced = False
    for line in lines:
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            yield paint(f"    {line}".rstrip(), "cyan")
        elif line.startswith("#"):
            yield paint(line.lstrip("#").strip(), "bold")
        else:
            yield paint.code_spans(line)


def as_json(rule: Page) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "summary": rule.summary,
        "severity": rule.severity,
        "default": rule.default,
        "fix": rule.fix,
        "safety": rule.safety,
        "since": rule.since,
        "references": list(rule.references),
        "explanation": rule.documentation,
    }


def dump(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def listing(rules: Iterable[Page], paint: Paint) -> str:
    """One line a rule: its code, whether it is on, its name and what it is about."""
    rows = list(rules)
    width = max((len(rule.name) for rule in rows), default=0)
    lines = [
        f"{paint(rule.code, 'red', 'bold')}  {'on ' if rule.default else 'off'}  {rule.name:<{width}}  "
        f"{paint.code_spans(rule.summary)}"
        for rule in rows
    ]
    return "\n".join(lines) + "\n"


def markdown_table(rules: Iterable[Page]) -> str:
    """The table that stands in the README."""
    lines = ["| Code | Name | What it finds | Fix | Default |", "| --- | --- | --- | --- | --- |"]
    for rule in rules:
        fix = rule.fix if rule.fix == "never" else f"{rule.fix}, {rule.safety}"
        default = "on" if rule.default else "off"
        link = f"[{rule.code}](rules/{rule.path.name})"
        summary = re.sub(r"(?<!\\)\|", r"\\|", rule.summary)
        lines.append(f"| {link} | {rule.name} | {summary} | {fix} | {default} |")
    return "\n".join(lines) + "\n"
