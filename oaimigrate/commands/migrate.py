"""`oaimigrate migrate`: the one-off migration from openai 0.28, all of its fixes at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from oaimigrate import commands, migration, runner
from oaimigrate.config import Config, ConfigError
from oaimigrate.diagnostics import Safety
from oaimigrate.manifests.pins import old_pins_above
from oaimigrate.reporters import Report
from oaimigrate.reporters.colour import paint_for
from oaimigrate.settings.options import configuration
from oaimigrate.worktree import why_not_clean


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command, as the user gave them."""

    diff: bool
    safe_only: bool
    unsafe_fixes: bool
    allow_dirty: bool
    docs: bool
    jobs: int | None
    no_cache: bool
    debug: bool
    settings: Mapping[str, Any]  # what a configuration file could say, too


def run(paths: Sequence[str], **given: object) -> int:
    options = commands.options(Options, given)
    if options.safe_only and options.unsafe_fixes:
        raise click.UsageError("`--safe-only` and `--unsafe-fixes` exclude each other")
    configured = configuration(
        Config(debug=options.debug, docs=options.docs), {**options.settings, "select": [migration.FAMILY]}
    )
    collected = commands.collect(paths, configured, docs=options.docs, jobs=options.jobs)
    names = [path for path, _ in collected.files]
    refused = None if options.diff or options.allow_dirty else why_not_clean(names)
    done = runner.run(
        collected,
        configured.base,
        safety=Safety.SAFE if options.safe_only else Safety.UNSAFE,
        write=not options.diff and refused is None,
        jobs=options.jobs,
        progress=commands.progress_bar(len(names)),
        config_of=configured.config,
    )
    if refused and done.changed:
        raise ConfigError(f"{refused}; commit or stash first, or pass `--allow-dirty`")
    if options.diff:
        commands.write_diff(done)
    stream = sys.stderr if options.diff else sys.stdout
    report = Report(done.results, paint_for(stream), fixing=True)
    click.echo(migration.summary(report, written=not options.diff), nl=False, err=options.diff, color=True)
    if names:
        _warn_of_pins(paths or [os.curdir], names)
    return int(bool(report.diagnostics))


def _warn_of_pins(paths: Sequence[str], seen: Sequence[str]) -> None:
    """Say which requirements above the given paths keep the project on openai 0.x: the run did not touch them."""
    known = {os.path.realpath(name) for name in seen}
    left = {path: pin for path, pin in old_pins_above(paths) if path not in known}
    for path, pin in left.items():
        shown = os.path.relpath(path)
        commands.warn(f"`{shown}` still asks for `openai{pin.wanted}`; `oaimigrate migrate {shown}` raises it")
