"""What a run was asked to do. `Config` is resolved once, at the edge; everything behind it only reads it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oaimigrate.rulebook import Page

TARGETS = (1, 2, 3)
CLIENT_STYLES = ("instance", "module", "lazy")
DEFAULT_TARGET = 3
FORMATS = (
    "full",
    "concise",
    "grouped",
    "json",
    "json-lines",
    "github",
    "gitlab",
    "sarif",
    "junit",
    "rdjson",
    "pylint",
    "azure",
    "markdown",
)

# Reports of the tool itself: never selected away, for they say that a file was not looked at.
INTERNAL_ERROR = "OAI000"
UNREADABLE = "OAI001"
ALWAYS = frozenset({INTERNAL_ERROR, UNREADABLE})


class ConfigError(Exception):
    """An option or a setting that means nothing; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run. `select` holds whole codes; None stands for the rules that are on by default."""

    select: frozenset[str] | None = None
    target: int = DEFAULT_TARGET
    client_style: str = "instance"
    debug: bool = False  # show the traceback of an internal error
    client_names: tuple[str, str] = ("client", "async_client")  # of a client and an asynchronous one, where built
    unfixable: frozenset[str] = frozenset()  # codes whose fixes are shown and never applied
    made_safe: frozenset[str] = frozenset()  # codes whose unsafe fixes count as safe
    made_unsafe: frozenset[str] = frozenset()  # and the other way round
    docs: bool = False  # code fences of Markdown and of docstrings are read, too
    complete_fixes: bool = False  # each reported fix holds the edits of those linked to it, too

    def enables(self, code: str) -> bool:
        if code in ALWAYS:
            return True
        if self.select is not None:
            return code in self.select
        from oaimigrate import rulebook

        page = rulebook.load().get(code)
        return page is None or page.default


def resolve(
    rules: Mapping[str, Page],
    *,
    select: Sequence[str] | None = None,
    extend_select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    base: frozenset[str] | None = None,
) -> frozenset[str]:
    """The codes that the selectors switch on.

    As in Ruff, the longer selector wins (`--ignore OAI1 --extend-select OAI101` keeps OAI101), and of two equally long
    ones the `ignore`. Without `select` they start from `base`, or else from the rules that are on by default; with an
    empty one from none. A selector is a code, the beginning of codes, a rule's name, or "ALL".
    """
    default = {code for code, page in rules.items() if page.default} if base is None else set(base)
    chosen = default if select is None else set()
    steps = [(*_match(text, rules), True) for text in (*(select or ()), *extend_select)]
    steps += [(*_match(text, rules), False) for text in ignore]
    for _, codes, wanted in sorted(steps, key=lambda step: (step[0], not step[2])):
        if wanted:
            chosen |= codes
        else:
            chosen -= codes
    return frozenset(chosen)


def split_selectors(values: Iterable[str]) -> tuple[str, ...]:
    """The selectors of a repeatable option, each of which may hold several, separated by commas."""
    return tuple(part for value in values for part in re.split(r"[,\s]+", value) if part)


def _match(selector: str, rules: Mapping[str, Page]) -> tuple[int, frozenset[str]]:
    """How narrow a selector is, and the codes it means."""
    if selector.upper() == "ALL":
        return 0, frozenset(rules)
    code = selector.upper()
    if code.startswith("OAI") and (codes := frozenset(known for known in rules if known.startswith(code))):
        return len(code), codes
    if codes := frozenset(known for known, page in rules.items() if page.name == selector):
        return len("OAI000"), codes
    raise unknown_rule(selector, rules)


def unknown_rule(selector: str, rules: Mapping[str, Page]) -> ConfigError:
    """The error for something that is neither a code nor the beginning of one nor a name."""
    names = {page.name: page.name for page in rules.values()} | {code: code for code in rules}
    typed = selector[:3].upper() + selector[3:].upper().translate(str.maketrans("OIL", "011"))  # OAI1O1
    near = [code for code in rules if code.startswith((selector.upper(), typed))][:1]
    near = near or difflib.get_close_matches(selector, names, n=1, cutoff=0.7)
    near = near or difflib.get_close_matches(selector.upper(), names, n=1, cutoff=0.7)
    hint = f"; did you mean `{near[0]}`?" if near else "; `oaimigrate rules` lists them"
    return ConfigError(f"unknown rule `{selector}`{hint}")
