"""`oaimigrate migrate`: the one-off migration from openai 0.28, all of its fixes at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from oaimigrate import commands, migration, rulebook, runner
from oaimigrate.config import Config, ConfigError, resolve
from oaimigrate.diagnostics import Safety
from oaimigrate.manifests.pins import newest_target
from oaimigrate.reporters import Report
from oaimigrate.reporters.colour import paint_for
from oaimigrate.worktree import why_not_clean


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command, as the user gave them."""

    diff: bool
    safe_only: bool
    unsafe_fixes: bool
    allow_dirty: bool
    target: str | None
    client_style: str
    force_exclude: bool
    jobs: int | None
    no_cache: bool
    debug: bool


def run(paths: Sequence[str], **given: object) -> int:
    options = Options(**given)  # type: ignore[arg-type]  # click has checked them
    if options.safe_only and options.unsafe_fixes:
        raise click.UsageError("`--safe-only` and `--unsafe-fixes` exclude each other")
    collected = runner.collect(paths or ["."], force_exclude=options.force_exclude)
    commands.warn_if_empty(collected)
    names = [path for path, _ in collected.files]
    if not (options.diff or options.allow_dirty) and (reason := why_not_clean(names)):
        raise ConfigError(f"{reason}; commit or stash first, or pass `--allow-dirty`")
    done = runner.run(
        collected,
        _config(options, names),
        safety=Safety.SAFE if options.safe_only else Safety.UNSAFE,
        write=not options.diff,
        jobs=options.jobs,
        progress=commands.progress_bar(len(names)),
    )
    if options.diff:
        commands.write_diff(done)
    stream = sys.stderr if options.diff else sys.stdout
    report = Report(done.results, paint_for(stream), fixing=True)
    click.echo(migration.summary(report, written=not options.diff), nl=False, err=options.diff, color=True)
    return int(bool(report.diagnostics))


def _config(options: Options, names: Sequence[str]) -> Config:
    if not names:
        return Config()
    target = int(options.target) if options.target else newest_target(names[0])
    codes = resolve(rulebook.load(), select=[migration.FAMILY])
    return Config(codes, target, options.client_style, options.debug)
