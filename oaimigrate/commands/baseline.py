"""`--baseline FILE`, `--write-baseline` and `--prune-baseline` of `oaimigrate check`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from oaimigrate import commands
from oaimigrate.baseline import Baseline, read
from oaimigrate.commands import output
from oaimigrate.config import ConfigError
from oaimigrate.reporters.summary import counted
from oaimigrate.runner import Run
from oaimigrate.settings.configuration import Configuration


def path_of(configured: Configuration) -> str | None:
    """The baseline of a run: that of the option, or of the working directory's configuration."""
    settings = configured.settings(os.curdir)
    path: str | None = settings.get("baseline")
    if path is None or settings.origin("baseline") == "--baseline":
        return path
    return os.path.relpath(os.path.join(settings.root_of("baseline"), path))


def applied(
    done: Run, seen: Sequence[str], configured: Configuration, *, write: bool = False, prune: bool = False
) -> Run:
    """The run without what the baseline allows; the file is written or pruned first where that was asked for."""
    path = path_of(configured)
    if path is None:
        if write or prune:
            raise ConfigError("`--write-baseline` and `--prune-baseline` need `--baseline FILE`")
        return done
    looked_at = {os.path.realpath(name) for name in seen}

    def judged(file: str, code: str) -> bool:
        here = os.path.realpath(file) in looked_at or not os.path.exists(file)
        return here and configured.config(file).enables(code)

    stored = read(path) if not write or os.path.exists(path) else Baseline(path)
    known = stored.moved(done.results)
    now = known.updated(done.results, judged, raising=write)
    if write or (prune and now != stored):
        output.write_file(path, now.text(), "baseline")
        commands.warn(f"`{path}` allows {counted(now.total(), 'problem')} now", label="note")
        known = now
    elif gone := known.total() - now.total():
        more = f"`{path}` allows {counted(gone, 'problem')} more than there are"
        commands.warn(f"{more}; `--prune-baseline` lowers it", label="note")
    return replace(done, results=known.compared(done.results))
