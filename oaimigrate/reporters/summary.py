"""The last lines of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from oaimigrate.diagnostics import Safety
from oaimigrate.reporters import Report


def summary(report: Report) -> Iterator[str]:
    if report.quiet:
        return
    left, done = len(report.diagnostics), len(report.applied)
    if not left and not done:
        yield report.paint("All checks passed!", "green")
        return
    fixed = f" ({done} fixed, {left} remaining)" if report.fixing and done else ""
    yield f"Found {counted(left + done, 'problem')}{fixed}."
    offer = _offer(report)
    if offer:
        yield offer


def _offer(report: Report) -> str:
    """What `--fix` would do; nothing when it just did."""
    safe = sum(1 for d in report.diagnostics if d.fix is not None and d.fix.safety is Safety.SAFE)
    unsafe = sum(1 for d in report.diagnostics if d.fix is not None and d.fix.safety is Safety.UNSAFE)
    if report.fixing:
        return (
            f"{_unsafe(unsafe)} can be applied with `--unsafe-fixes`."
            if unsafe and report.safety is Safety.SAFE
            else ""
        )
    mark = report.paint("[*]", "cyan")
    if report.safety is Safety.UNSAFE:
        return f"{mark} {safe + unsafe} fixable with `--fix --unsafe-fixes`." if safe + unsafe else ""
    more = f" ({_unsafe(unsafe)} with `--unsafe-fixes`)" if unsafe else ""
    if safe:
        return f"{mark} {safe} fixable with `--fix`{more}."
    return f"No safe fixes; {_unsafe(unsafe)} can be applied with `--fix --unsafe-fixes`." if unsafe else ""


def _unsafe(count: int) -> str:
    return counted(count, "unsafe fix", "unsafe fixes")


def joined(lines: Iterable[str], separator: str = "\n") -> str:
    """Lines or blocks as one text, each ended; nothing for nothing."""
    text = separator.join(lines)
    return text + "\n" if text else ""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 problem", "2 problems"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
