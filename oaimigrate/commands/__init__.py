"""What the commands of `oaimigrate.cli` do. Each takes its options and gives the exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from oaimigrate.reporters.colour import paint_for
from oaimigrate.runner import Collected, Progress, Run

if TYPE_CHECKING:
    from oaimigrate.settings.configuration import Configuration

_Options = TypeVar("_Options", bound=Any)
_WORTH_A_BAR = 40  # files; fewer are done before a bar is read


def write(text: str) -> None:
    """Print to standard output as it is; colours were decided by `Paint`."""
    click.echo(text, nl=False, color=True)


def write_diff(done: Run) -> None:
    """Print what changed: bytes of the files' own encodings, or colours for a terminal."""
    from oaimigrate.reporters.diff import coloured, unified_diff

    paint = paint_for(sys.stdout)
    for result in done.changed:
        diff = unified_diff(done.sources[result.path], result.text)
        if paint.enabled:
            write(coloured(diff, paint))
        else:
            sys.stdout.buffer.write(diff)
    sys.stdout.flush()


def warn(text: str, *, label: str = "warning") -> None:
    click.echo(f"{label}: {text}", err=True)


def read_stdin() -> bytes:
    return sys.stdin.buffer.read()


def options(kind: type[_Options], given: Mapping[str, Any]) -> _Options:
    """The options of a command; those that a configuration file could say, too, stand together in `settings`."""
    own = {field.name for field in fields(kind)} - {"settings"}
    rest = {name: value for name, value in given.items() if name not in own}
    made: _Options = kind(**{name: given[name] for name in own}, settings=rest)
    return made


def collect(
    paths: Sequence[str], configured: Configuration, *, docs: bool = False, jobs: int | None = None
) -> Collected:
    """The files of a run, found as its configuration says."""
    from oaimigrate import runner

    collected = runner.collect(
        paths or ["."],
        force_exclude=configured.forces_excludes,
        excludes_of=configured.excludes,
        docs=docs,
        jobs=jobs,
    )
    if not collected.found:
        warn("no Python files found under the given paths")
    return collected


def progress_bar(total: int) -> Progress | None:
    """A bar on standard error while a person watches long work."""
    if total < _WORTH_A_BAR or not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        filled = 30 * done // total
        end = "\r\033[K" if done == total else ""
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} files{end}")
        sys.stderr.flush()

    return show
