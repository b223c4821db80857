"""Where reports go: standard output in one format, files in others, and the summary of a step of GitHub Actions."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import click

from oaimigrate.config import FORMATS, ConfigError
from oaimigrate.reporters import WITH_FIXES, Report, reporter
from oaimigrate.reporters.colour import Paint


@dataclass(frozen=True, slots=True)
class Target:
    """A file that gets a report; "-" is standard output."""

    format: str
    path: str


def targets(values: Iterable[str]) -> tuple[Target, ...]:
    """The files of `--output FORMAT=FILE`, each of which can be written as far as one can tell before the run."""
    found = tuple(_target(value) for value in values)
    paths = [os.path.abspath(target.path) for target in found]
    for target, path in zip(found, paths, strict=True):
        folder = os.path.dirname(path)
        if paths.count(path) > 1:
            raise ConfigError(f"two reports go to `{target.path}`")
        if target.path != "-" and not os.path.isdir(folder):
            raise ConfigError(f"there is no folder `{folder}` for the report `{target.path}`")
    return found


def _target(value: str) -> Target:
    name, equals, path = value.partition("=")
    if not equals or not path:
        raise ConfigError(f"`--output` takes FORMAT=FILE, not `{value}`")
    if name not in FORMATS:
        import difflib

        near = difflib.get_close_matches(name, FORMATS, n=1)
        raise ConfigError(f"unknown format `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
    return Target(name, path)


def wants_complete_fixes(format_: str, files: Sequence[Target]) -> bool:
    """Whether a program will read the fixes."""
    return not WITH_FIXES.isdisjoint([format_, *(target.format for target in files)])


def write(report: Report, format_: str, files: Sequence[Target], *, err: bool = False) -> None:
    """Print the report in one format and write it in the others."""
    for target in files:
        text = reporter(target.format).render(replace(report, paint=Paint()))
        if target.path == "-":
            click.echo(text, nl=False, color=True)
        else:
            write_file(target.path, text)
    if not any(target.path == "-" for target in files):
        click.echo(reporter(format_).render(report), nl=False, err=err, color=True)
    if format_ == "github" and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        _add_summary(summary, reporter("markdown").render(report))


def _add_summary(path: str, text: str) -> None:
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:  # the annotations are there; a missing table is no reason to fail
        print(f"warning: `{path}` cannot be written: {(error.strerror or str(error)).lower()}", file=sys.stderr)


def write_file(path: str, text: str, what: str = "report") -> None:
    """Write a report whole or not at all: a program may be watching for it."""
    data = text.encode("utf-8", "backslashreplace")
    target = os.path.realpath(path)
    try:
        # A pipe or a device; /dev/stderr may be a file that others write into, too.
        if path.startswith(("/dev/", "/proc/")) or (os.path.lexists(target) and not os.path.isfile(target)):
            with open(path, "ab") as stream:
                stream.write(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise ConfigError(f"the {what} `{path}` cannot be written: {(error.strerror or str(error)).lower()}") from error


def _replace(path: str, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".oaimigrate-", suffix=".tmp", dir=os.path.dirname(path))
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
