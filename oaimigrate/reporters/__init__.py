"""One module per output format, each with `render(report) -> str`. What they have in common is here: the `Report`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType

from oaimigrate.diagnostics import Diagnostic, FileResult, Fix, Safety
from oaimigrate.redaction import redact
from oaimigrate.reporters.colour import Paint
from oaimigrate.source import Source

# Formats read by programs that apply one fix at a time: there each fix must hold all that belongs to it.
WITH_FIXES = frozenset({"json", "json-lines", "sarif", "rdjson"})


def reporter(name: str) -> ModuleType:
    """The module of a format."""
    import importlib

    return importlib.import_module(f"oaimigrate.reporters.{name.replace('-', '_')}")


@dataclass(frozen=True)  # no slots: cached_property keeps its value in __dict__
class Report:
    """What there is to print. `safety` is that of the fixes the user asked for or would get with `--fix`."""

    results: tuple[FileResult, ...]
    paint: Paint
    safety: Safety = Safety.SAFE
    fixing: bool = False  # fixes were applied, or shown as a diff
    quiet: bool = False  # no summary

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(d for result in self.results for d in result.diagnostics)

    @cached_property
    def applied(self) -> tuple[Diagnostic, ...]:
        return tuple(d for result in self.results for d in result.applied)

    def sources(self) -> Iterator[tuple[FileResult, Source]]:
        """Each result with the source its diagnostics point into."""
        for result in self.results:
            yield result, result.source or Source.from_text(result.text, result.path)

    def findings(self) -> Iterator[tuple[Diagnostic, Source]]:
        """Each diagnostic with the source it points into."""
        for result, source in self.sources():
            for diagnostic in result.diagnostics:
                yield diagnostic, source

    def fixable(self, fix: Fix | None) -> bool:
        return fix is not None and fix.safety <= self.safety and fix.safety is not Safety.DISPLAY


def without_key(fix: Fix | None) -> Fix | None:
    """The fix as a report may hold it: without edits where these would carry a key out of its file."""
    if fix is None or not any(redact(edit.text) != edit.text for edit in fix.edits):
        return fix
    return replace(fix, safety=Safety.DISPLAY, edits=())


def shown_path(path: str) -> str:
    """A path as a line of text holds it: what would end the line, or does not print, is written as an escape."""
    path = relative_path(path)
    return path if path.isprintable() else "".join(map(_printable, path))


def _printable(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte of a name that is not UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def relative_path(path: str) -> str:
    """A path as the user would write it here: relative where it lies below the working directory."""
    if not os.path.isabs(path):
        return path
    here = os.getcwd()
    return os.path.relpath(path, here) if path.startswith(here.rstrip(os.sep) + os.sep) else path
