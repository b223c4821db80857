"""Reads the rule book: one Markdown page per rule, which is its documentation and its test suite at once.

The one idea: a page is data. Its ```toml block is what the program needs to know about the rule, its prose is what
people read, and the fences under "Cases" are run by `tests/test_rulebook.py`. `rules/README.md` says how to write one.
Only the standard library is used here, since `oaimigrate rules` and option checking must start at once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from oaimigrate.diagnostics import Diagnostic

HEADINGS = ("What it does", "Why it matters", "Example", "Fix safety", "Cases")
# Between "Fix safety" and "Cases" on pages about the modern SDK (OAI2xx and up).
MODERN = ("The robust way", "When not to care")
ROLES = ("before", "after", "unchanged", "context", "diagnostics")
OPTIONS = ("client-style", "covers", "safety", "select", "skip", "target")
DEFAULT_FILE = "example.py"

_FILE_NAME = re.compile(r"(?P<code>[A-Z]{3}\d{3})-(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)\.md")
_OPTION_LINE = re.compile(r"<!--\s*(?P<options>[a-z-]+:.*?)\s*-->")
_FENCE = re.compile(r"(?P<ticks>`{3,})(?P<info>[^`]*)")
_ALLOWED = {
    "severity": ("error", "warning", "info"),
    "default": (True, False),
    "fix": ("always", "sometimes", "never"),
    "safety": ("safe", "unsafe", "mixed", "none"),
}


class RulebookError(ValueError):
    """A page of the rule book is not written as `rules/README.md` asks."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a rule's page says. `body` is the whole Markdown text; see `documentation` for the part people read."""

    code: str
    name: str
    summary: str
    severity: str
    default: bool
    fix: str
    safety: str
    since: str
    runtime: str
    references: tuple[str, ...]
    body: str
    path: Path

    @property
    def documentation(self) -> str:
        """The page up to its cases, without the ```toml block."""
        prose, _, _ = self.body.partition("\n## Cases\n")
        return re.sub(r"```toml\n.*?\n```\n\n?", "", prose, count=1, flags=re.DOTALL).rstrip() + "\n"


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block, opened by a line such as "```python before file=app.py"; `start` and `end` locate its text."""

    language: str
    role: str
    file: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Case:
    """One `###` heading under "Cases": a sentence, its options and its fences."""

    title: str
    line: int
    options: Mapping[str, str]
    fences: tuple[Fence, ...]

    @property
    def missed(self) -> bool:
        """Whether the case is a known gap: what should happen, and does not yet."""
        return self.title.startswith("Missed:")

    @property
    def rewritten(self) -> bool:
        return any(fence.role == "after" for fence in self.fences)

    @property
    def must_not_change(self) -> bool:
        return any(fence.role == "unchanged" for fence in self.fences)

    @property
    def before(self) -> dict[str, str]:
        """The files of the case as users have them."""
        return {f.file: f.text for f in self.fences if f.role in ("before", "unchanged", "context")}

    @property
    def after(self) -> dict[str, str]:
        """The files as they are expected; a file without an ```after fence stays as it is."""
        return self.before | {f.file: f.text for f in self.fences if f.role == "after"}

    @property
    def diagnostics(self) -> str | None:
        return next((f.text for f in self.fences if f.role == "diagnostics"), None)


@cache
def load() -> dict[str, Page]:
    """Every page, by code."""
    return {page.code: page for page in map(read, sorted(_directory().glob("[A-Z]*[0-9]-*.md")))}


def severity(diagnostic: Diagnostic) -> str:
    """`error`, `warning` or `info`: what a finding says of itself, else what its rule's page says."""
    return diagnostic.severity or load()[diagnostic.code].severity


def read(path: Path) -> Page:
    """The page in the file `path`."""
    named = _FILE_NAME.fullmatch(path.name)
    if named is None:
        raise RulebookError(f"{path.name}: a page is named like OAI101-removed-resource-call.md")
    body = path.read_text(encoding="utf-8")
    heading = f"# {named['name']} ({named['code']})"
    if not body.startswith(heading + "\n"):
        raise RulebookError(f"{path.name}: the first line must be `{heading}`")
    facts = next((f for f in _fences(body, path) if f.language == "toml"), None)
    if facts is None:
        raise RulebookError(f"{path.name}: there is no ```toml block")
    try:
        table = tomllib.loads(facts.text)
    except tomllib.TOMLDecodeError as error:
        raise RulebookError(f"{path.name}: the ```toml block does not parse: {error}") from error
    return _page(named, table, body, path)


def cases(page: Page) -> list[Case]:
    """The cases of a page in their order."""
    at = page.body.find("\n## Cases\n")
    if at < 0:
        return []
    headings = list(re.finditer(r"^### (.+)$", _blank_fences(page.body), re.MULTILINE))
    starts = [h for h in headings if h.start() > at]
    ends = [*(h.start() for h in starts), len(page.body)][1:]
    return [_case(page, h[1].strip(), h.start(), end) for h, end in zip(starts, ends, strict=True)]


def _page(named: re.Match[str], facts: Mapping[str, Any], body: str, path: Path) -> Page:
    known = ("code", "summary", "severity", "default", "fix", "safety", "since", "runtime", "references")
    unknown, missing = sorted(set(facts) - set(known)), [k for k in known if k not in facts]
    if unknown or missing:
        raise RulebookError(f"{path.name}: unknown keys {unknown}, missing keys {missing}")
    if facts["code"] != named["code"]:
        raise RulebookError(f"{path.name}: code = {facts['code']!r} does not match the file name")
    for key, allowed in _ALLOWED.items():
        if facts[key] not in allowed:
            raise RulebookError(f"{path.name}: {key} = {facts[key]!r} is none of {allowed}")
    rest = {key: facts[key] for key in known if key not in ("code", "references")}
    return Page(
        code=named["code"], name=named["name"], references=tuple(facts["references"]), body=body, path=path, **rest
    )


def _case(page: Page, title: str, start: int, end: int) -> Case:
    line = page.body.count("\n", 0, start) + 1
    where = f"{page.path.name}:{line}"
    comment = _OPTION_LINE.search(page.body, start, end)
    options = dict(_options(comment["options"], where)) if comment else {}
    fences = tuple(f for f in _fences(page.body, page.path) if start < f.start < end and f.role)
    if not any(f.role in ("before", "unchanged") for f in fences):
        raise RulebookError(f"{where}: the case has neither a `before` nor an `unchanged` fence")
    return Case(title, line, options, fences)


def _options(text: str, where: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        key, _, value = part.partition(":")
        if key.strip() not in OPTIONS:
            raise RulebookError(f"{where}: unknown option {key.strip()!r}; options are {', '.join(OPTIONS)}")
        yield key.strip(), value.strip()


def _fences(body: str, path: Path) -> Iterator[Fence]:
    ticks, info, start, at = "", "", 0, 0
    for line in re.findall(r"[^\n]*\n|[^\n]+", body):  # not splitlines(), which also splits at form feeds
        mark = _FENCE.fullmatch(line.rstrip("\n"))
        if not ticks and mark:
            ticks, info, start = mark["ticks"], mark["info"], at + len(line)
        elif ticks and line.rstrip("\n") == ticks:
            yield _fence(info, body, start, at, path)
            ticks = ""
        at += len(line)
    if ticks:
        raise RulebookError(f"{path.name}: the fence ```{info} is not closed")


def _fence(info: str, body: str, start: int, end: int, path: Path) -> Fence:
    language, *words = info.split() or [""]
    named = dict(word.split("=", 1) for word in words if "=" in word)
    roles = [word for word in words if "=" not in word]
    if set(named) - {"file"} or len(roles) > 1 or set(roles) - {*ROLES, "bad", "good", "runtime"}:
        raise RulebookError(f"{path.name}: the fence ```{info} says something unknown")
    role = roles[0] if roles and roles[0] in ROLES else ""
    return Fence(language, role, named.get("file", DEFAULT_FILE), body[start:end], start, end)


def _blank_fences(body: str) -> str:
    """The page with fenced lines blanked, so that a Python comment is not taken for a heading; offsets stay."""
    blank = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
    return blank.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), body)


def _directory() -> Path:
    """Where the pages are: inside the installed package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "_rulebook"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "rules"
