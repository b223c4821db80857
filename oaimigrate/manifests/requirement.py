"""One requirement of openai as a manifest writes it, and what it becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from oaimigrate.diagnostics import Edit, Span
from oaimigrate.manifests.versions import below_one, bound, caret, compatible

# PEP 508, and conda's `openai=0.28.1=py_0` and `openai 0.28`: the name, its extras, and the versions it may have.
_VERSION = r"v?\d[\w.*+!-]*(?:=[\w.*]+)?"
_CLAUSES = rf"(?:===?|~=|!=|<=|>=|[=<>])[ \t]*{_VERSION}(?:[ \t]*,[ \t]*(?:===?|~=|!=|<=|>=|[=<>])[ \t]*{_VERSION})*"
PATTERN = (
    r"(?P<name>openai)(?![\w.-])(?:[ \t]*\[(?P<extras>[^\]\n]*)\])?"
    rf"(?:[ \t]*(?P<wanted>{_CLAUSES}|\([ \t]*{_CLAUSES}[ \t]*\)|(?<=[ \t]){_VERSION}))?"
)
REQUIREMENT = re.compile(PATTERN, re.IGNORECASE)

KEPT_EXTRAS = frozenset({"datalib", "aiohttp", "realtime"})  # of 0.28's `datalib` alone is left


@dataclass(frozen=True, slots=True)
class Pin:
    """What a manifest asks of openai. `span` is what would be replaced: the requirement, or its version alone."""

    span: Span
    name: str  # as it is written; "" where the span is the version alone
    wanted: str  # the specifier, "" without one
    extras: tuple[str, ...] = ()
    style: str = "plain"  # "poetry" for its carets, "shell" where < and > need quotes, "compatible" for ~=
    locked: str = ""  # how a file that a tool has made is made anew

    @property
    def outdated(self) -> bool:
        return below_one(self.wanted)

    @property
    def lost_extras(self) -> tuple[str, ...]:
        return tuple(extra for extra in self.extras if extra.lower() not in KEPT_EXTRAS)

    def raised(self, target: int) -> str:
        """The requirement for a major version of the SDK."""
        if self.style == "poetry" and not re.search("[<>=!]", self.wanted):
            return caret(target)
        extras = [extra for extra in self.extras if extra not in self.lost_extras]
        listed = f"[{','.join(extras)}]" if extras else ""
        return f"{self.name}{listed}{compatible(target) if self.style == 'compatible' else bound(target)}"

    def edit(self, target: int) -> Edit:
        text = self.raised(target)
        return Edit(self.span.start, self.span.end, f'"{text}"' if self.style == "shell" else text)


def from_match(match: re.Match[str], offset: int = 0, *, style: str = "plain", locked: str = "") -> Pin:
    """The pin of a match of `PATTERN`; `offset` is where the matched text begins."""
    extras = tuple(e.strip() for e in (match["extras"] or "").split(",") if e.strip())
    start, end = match.start("name"), match.end("wanted") if match["wanted"] else match.end()
    wanted = (match["wanted"] or "").strip("() \t")
    return Pin(Span(offset + start, offset + end), match["name"], wanted, extras, style, locked)
