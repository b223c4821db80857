"""The values that flow through oaimigrate: what a rule found and what could be done about it.

Offsets count characters (code points) of the decoded text, from 0, end exclusive. Rows and columns are
made from them once, at the edge, by `Source.position`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from oaimigrate.analysis.kinds import Kind
    from oaimigrate.source import Place, Source


class Safety(enum.IntEnum):
    """How much a fix can be trusted; a lower value is safer."""

    SAFE = 0  # after the SDK upgrade the code does what it did before; comments are kept
    UNSAFE = 1  # likely right, but a person should read it
    DISPLAY = 2  # shown as advice, never applied


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of characters in the decoded text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace `text[start:end]` by `text`; an insertion has start == end."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Need:
    """Something a fix wants in the file, once: a client or an import. `fixing.preamble` knows how to provide it.

    `kind` is "client", "import" or the like; `name` says which one (a key of the file's client plan, a dotted module).
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Fix:
    """All of `edits` or none of them.

    Fixes of one file that share a `group` are linked: they are applied together or not at all (for example, the
    settings that become a client and the calls that use it).
    """

    title: str
    edits: tuple[Edit, ...]
    safety: Safety = Safety.SAFE
    needs: tuple[Need, ...] = ()
    group: str | None = None

    def at_least(self, safety: Safety) -> Fix:
        """The same fix, no safer than `safety`."""
        return self if self.safety >= safety else replace(self, safety=safety)


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence that belongs to a diagnostic: why there is no fix, or where certainty ended.

    `span` points into the same file, or into `path` where that is given.
    """

    text: str
    span: Span | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of one rule. `confidence` is "certain" or "maybe"; `severity` is the rule's own where it is empty."""

    code: str
    message: str
    span: Span
    fix: Fix | None = None
    notes: tuple[Note, ...] = ()
    confidence: str = "certain"
    severity: str = ""


class Export(NamedTuple):
    """A module-level name through which something of the SDK leaves a file."""

    # Of a class or an object: `.name`, `"key` and `def name`, one of which code says that gets at it; else none.
    words: frozenset[str]
    meaning: str  # what it is, in words that only change when its readers may see something else


FILLED = "->"  # in the place of an argument: what a method returns


@dataclass(frozen=True, slots=True)
class Passed:
    """One argument of one call; or what a method returns that may fill in one of a class in another file.

    `kind` names what other files define instead of pointing into their trees.
    """

    path: str  # of the file that defines the function
    function: str  # its name there: `show`, `Printer` for the making of an object, `Printer().show` for its method
    argument: int | str  # its position among the arguments, or its keyword; or `FILLED`
    kind: Kind
    caller: str  # the path of the file with the call
    row: int
    of_sdk: bool = True  # false for a plain dict: it says what else the function is called with
    words: frozenset[str] = frozenset()  # as those of an `Export`


@dataclass(frozen=True, slots=True)
class FileResult:
    """What one file gave: its diagnostics in source order, and, after fixing, its new text.

    `text` is the decoded text that the spans of `diagnostics` point into. When fixes were asked for, `original`
    is the text before them (equal to `text` if nothing changed) and `applied` are the diagnostics whose fixes were
    applied, with spans into `original`.
    """

    path: str
    text: str
    diagnostics: tuple[Diagnostic, ...]
    original: str | None = None
    applied: tuple[Diagnostic, ...] = ()
    source: Source | None = None  # where `text` is not that of the file: what knows its places
    exports: Mapping[str, Export] = field(default_factory=dict)
    passes: tuple[Passed, ...] = ()  # what it gives to functions of other files

    @property
    def changed(self) -> bool:
        return self.original is not None and self.original != self.text

    @property
    def file_text(self) -> str:
        """The text of the file: `text`, or the JSON of a notebook, whose `text` is the Python of its cells."""
        return self.text if self.source is None else self.source.file.text

    def place(self, offset: int) -> Place:
        """Row and column of an offset in `text`, both from 1, and in a notebook the cell that they count in."""
        from oaimigrate.source import Source

        return (self.source or Source.from_text(self.text, self.path)).place(offset)
