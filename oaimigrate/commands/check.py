"""`oaimigrate check`: report findings, or fix them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from oaimigrate import commands, runner
from oaimigrate.commands import output
from oaimigrate.commands.output import Target
from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.discovery import excluded
from oaimigrate.reporters import Report
from oaimigrate.reporters.colour import paint_for
from oaimigrate.reporters.summary import counted
from oaimigrate.runner import Collected, Run
from oaimigrate.settings.configuration import Configuration
from oaimigrate.settings.options import configuration

_COUNTED = ("full", "concise", "grouped", "json")  # the formats that `--statistics` has: text, and JSON


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command, as the user gave them."""

    fix: bool
    unsafe_fixes: bool
    diff: bool
    format_: str
    outputs: Sequence[str]
    add_ignore: str | None
    write_baseline: bool
    prune_baseline: bool
    statistics: bool
    exit_zero: bool
    exit_non_zero_on_fix: bool
    docs: bool
    stdin_filename: str | None
    quiet: bool
    jobs: int | None
    no_cache: bool
    debug: bool
    settings: Mapping[str, Any]  # what a configuration file could say, too

    @property
    def safety(self) -> Safety:
        return Safety.UNSAFE if self.unsafe_fixes else Safety.SAFE

    @property
    def report(self) -> str:
        """The name of the reporter for standard output."""
        if not self.statistics:
            return self.format_
        return "statistics-json" if self.format_ == "json" else "statistics"

    @property
    def applied(self) -> Safety | None:
        """The fixes to apply; None to look only."""
        return self.safety if self.fix or self.diff else None


def run(paths: Sequence[str], **given: object) -> int:
    options = commands.options(Options, given)
    files = output.targets(options.outputs)
    if options.statistics and options.format_ not in _COUNTED:
        more = f"write the findings with `--output {options.format_}=FILE`"
        raise click.UsageError(f"`--statistics` is text or `json`, not `{options.format_}`; {more}")
    reads_stdin = "-" in paths or options.stdin_filename is not None
    if options.add_ignore is not None and (options.fix or options.diff or reads_stdin):
        raise click.UsageError("`--add-ignore` goes with neither `--fix`, `--diff` nor standard input")
    if options.stdin_filename is not None and paths not in ((), ("-",)):
        raise click.UsageError("`--stdin-filename` names standard input, so no file goes with it")
    if reads_stdin:
        if len(paths) > 1:
            raise click.UsageError("`-` reads standard input and stands alone")
        return _check_stdin(options, files)
    configured = _configuration(options, files)
    collected = commands.collect(paths, configured, docs=options.docs, jobs=options.jobs)
    done = runner.run(
        collected,
        configured.base,
        safety=options.applied,
        write=options.fix and not options.diff,
        jobs=options.jobs,
        progress=commands.progress_bar(len(collected.files)),
        config_of=configured.config,
    )
    done = _known(done, collected, configured, options)
    if options.add_ignore is not None:
        from oaimigrate.commands.add_ignore import add

        done, silenced = add(done, options.add_ignore)
        commands.warn(f"{counted(silenced, 'problem')} silenced with a comment", label="note")
    if options.diff:
        _print_diff(done, options)
    else:
        _print(done, options, files)
    return _exit_code(done, options)


def _known(done: Run, collected: Collected, configured: Configuration, options: Options) -> Run:
    """The run without what a baseline allows."""
    from oaimigrate.commands import baseline

    seen = [*(path for path, _ in collected.files), *collected.others]
    return baseline.applied(done, seen, configured, write=options.write_baseline, prune=options.prune_baseline)


def _check_stdin(options: Options, files: Sequence[Target]) -> int:
    """Standard input is fixed onto standard output, and then the findings go to standard error."""
    data = commands.read_stdin()
    path = options.stdin_filename or "-"
    configured = _configuration(options, files)
    if options.stdin_filename and configured.forces_excludes and excluded(path, configured.excludes):
        done = Run(0, (), {})
    else:
        config = configured.config(path if options.stdin_filename else os.path.join(os.curdir, path))
        collected = runner.given(path, data, configured.excludes)
        done = _known(runner.run(collected, config, safety=options.applied), collected, configured, options)
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


def _configuration(options: Options, files: Sequence[Target]) -> Configuration:
    complete = output.wants_complete_fixes(options.format_, files)
    return configuration(Config(debug=options.debug, docs=options.docs, complete_fixes=complete), options.settings)


def _print(done: Run, options: Options, files: Sequence[Target], *, err: bool = False) -> None:
    stream = sys.stderr if err else sys.stdout
    report = Report(done.results, paint_for(stream), options.safety, fixing=options.fix, quiet=options.quiet)
    output.write(report, options.report, files, err=err)


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
