"""`oaimigrate check`: report findings, or fix them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import click

from oaimigrate import commands, runner
from oaimigrate.commands import output
from oaimigrate.commands.output import Target
from oaimigrate.config import Config, resolve, split_selectors
from oaimigrate.diagnostics import Safety
from oaimigrate.discovery import excluded
from oaimigrate.manifests.pins import newest_target
from oaimigrate.reporters import Report
from oaimigrate.reporters.colour import paint_for
from oaimigrate.reporters.summary import counted
from oaimigrate.runner import Run


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command, as the user gave them."""

    fix: bool
    unsafe_fixes: bool
    diff: bool
    select: Sequence[str]
    extend_select: Sequence[str]
    ignore: Sequence[str]
    format_: str
    outputs: Sequence[str]
    statistics: bool
    exit_zero: bool
    exit_non_zero_on_fix: bool
    stdin_filename: str | None
    quiet: bool
    target: str | None
    client_style: str
    force_exclude: bool
    jobs: int | None
    no_cache: bool
    debug: bool

    @property
    def safety(self) -> Safety:
        return Safety.UNSAFE if self.unsafe_fixes else Safety.SAFE

    @property
    def applied(self) -> Safety | None:
        """The fixes to apply; None to look only."""
        return self.safety if self.fix or self.diff else None

    @property
    def selects(self) -> bool:
        return bool(self.select or self.extend_select or self.ignore)


def run(paths: Sequence[str], **given: object) -> int:
    options = Options(**given)  # type: ignore[arg-type]  # click has checked them
    files = output.targets(options.outputs)
    if "-" in paths:
        if len(paths) > 1:
            raise click.UsageError("`-` reads standard input and stands alone")
        return _check_stdin(options, files)
    config = (
        _config(options) if options.selects else None
    )  # a wrong code is an error even where there is nothing to read
    collected = runner.collect(paths or ["."], force_exclude=options.force_exclude)
    commands.warn_if_empty(collected)
    if not collected.files:
        done = runner.run(collected, Config())
    else:
        config = replace(config or _config(options), target=_target(options, collected.files[0][0]))
        bar = commands.progress_bar(len(collected.files))
        write = options.fix and not options.diff
        done = runner.run(collected, config, safety=options.applied, write=write, jobs=options.jobs, progress=bar)
    if options.diff:
        _print_diff(done, options)
    else:
        _print(done, options, files)
    return _exit_code(done, options)


def _check_stdin(options: Options, files: Sequence[Target]) -> int:
    """Standard input is fixed onto standard output, and then the findings go to standard error."""
    data = commands.read_stdin()
    path = options.stdin_filename or "-"
    if options.stdin_filename and options.force_exclude and excluded(path):
        done = Run(0, (), {})
    else:
        config = replace(_config(options), target=_target(options, options.stdin_filename or "."))
        done = runner.run_source(path, data, config, safety=options.applied)
    if options.diff:
        _print_diff(done, options)
    elif options.fix:
        fixed = done.changed[0] if done.changed else None
        sys.stdout.buffer.write(done.sources[path].encode(fixed.text) if fixed else data)
        sys.stdout.buffer.flush()
        _print(done, options, files, err=True)
    else:
        _print(done, options, files)
    return _exit_code(done, options)


def _config(options: Options) -> Config:
    from oaimigrate import rulebook

    codes = resolve(
        rulebook.load(),
        select=split_selectors(options.select),
        extend_select=split_selectors(options.extend_select),
        ignore=split_selectors(options.ignore),
    )
    complete = output.wants_complete_fixes(options.format_, output.targets(options.outputs))
    return Config(codes, client_style=options.client_style, debug=options.debug, complete_fixes=complete)


def _target(options: Options, path: str) -> int:
    return int(options.target) if options.target else newest_target(path)


def _print(done: Run, options: Options, files: Sequence[Target], *, err: bool = False) -> None:
    stream = sys.stderr if err else sys.stdout
    report = Report(done.results, paint_for(stream), options.safety, fixing=options.fix, quiet=options.quiet)
    output.write(report, "statistics" if options.statistics else options.format_, files, err=err)


def _print_diff(done: Run, options: Options) -> None:
    commands.write_diff(done)
    report = Report(done.results, paint_for(sys.stderr), options.safety, fixing=True)
    if not options.quiet:
        applied, left = len(report.applied), len(report.diagnostics)
        would = f"Would fix {counted(applied, 'problem')}" if applied else "Nothing to fix"
        click.echo(f"{would}; {left} would remain." if left else f"{would}.", err=True)


def _exit_code(done: Run, options: Options) -> int:
    changed = bool(done.changed)
    if options.exit_non_zero_on_fix and options.fix and changed:
        return 1
    if options.exit_zero:
        return 0
    left = any(result.diagnostics for result in done.results)
    return int(left or (options.diff and changed))
