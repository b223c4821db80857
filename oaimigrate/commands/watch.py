"""`oaimigrate check --watch`: the same run again whenever a Python file or a setting changes."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from oaimigrate.config import ConfigError

if TYPE_CHECKING:
    from watchfiles import Change

_SUFFIXES = (".py", ".pyi", ".ipynb", ".toml", ".gitignore", "requirements.txt")
_CLEAR = "\033[2J\033[3J\033[H"


def watch(paths: Sequence[str], run: Callable[[], int]) -> int:
    """Run now and after every change, until interrupted."""
    from oaimigrate.cli import INTERRUPTED

    try:
        import watchfiles
    except ImportError as error:
        raise ConfigError("`--watch` needs the package watchfiles: `pip install 'oaimigrate[watch]'`") from error
    if "-" in paths:
        raise ConfigError("standard input cannot be watched")
    folders = {path if os.path.isdir(path) else os.path.dirname(path) or "." for path in paths or ["."]}
    gc.enable()  # it runs for days
    if _once(run) == INTERRUPTED:
        return 0
    for _ in watchfiles.watch(*sorted(folders), watch_filter=_Filter(), raise_interrupt=False):
        if _once(run) == INTERRUPTED:
            break
    return 0


class _Filter:
    """Changes that can make a difference: those of watchfiles' own filter for files of the suffixes above."""

    def __init__(self) -> None:
        import watchfiles

        self.other = watchfiles.DefaultFilter()

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(_SUFFIXES) and self.other(change, path)


def _once(run: Callable[[], int]) -> int:
    from oaimigrate.cli import report_errors

    if sys.stdout.isatty():
        click.echo(_CLEAR, nl=False)
    code = report_errors(run)  # a mistake in the configuration is said, and the next change may mend it
    click.echo("Watching for changes; Ctrl-C ends it.", err=True)
    sys.stdout.flush()
    return code
