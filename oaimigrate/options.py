"""Options that several commands of the command line share, and how a shell completes their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from oaimigrate.config import CLIENT_STYLES, TARGETS

_Command = TypeVar("_Command", bound=Callable[..., Any])


def shared_options(command: _Command) -> _Command:
    """The arguments and options of every command that reads files."""
    command = place_options(command)
    for option in reversed(
        (
            click.argument("paths", nargs=-1, metavar="[PATHS]...", shell_complete=file_names),
            click.option(
                "--target",
                type=click.Choice([str(t) for t in TARGETS]),
                metavar="1|2|3",
                help="The SDK major to write for. Default: the newest that the project's pins allow, else 3.",
            ),
            click.option(
                "--client-style",
                type=click.Choice(CLIENT_STYLES),
                help="How code gets its client: an object (the default), the SDK's module, or a cached function.",
            ),
            click.option(
                "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes. Default: one a processor."
            ),
            click.option("--no-cache", is_flag=True, help="Accepted for scripts; nothing is cached."),
            click.option("--debug", is_flag=True, help="Show where an internal error happened."),
            colour_option,
        )
    ):
        command = option(command)
    return command


def colour_option(command: _Command) -> _Command:
    """Whether output is coloured; stronger than NO_COLOR and FORCE_COLOR."""
    return click.option(
        "--color",
        type=click.Choice(("auto", "always", "never")),
        is_eager=True,
        expose_value=False,
        callback=_colour,
        help="When output is coloured. Default: where a terminal shows it, and as NO_COLOR and FORCE_COLOR say.",
    )(command)


def _colour(_: click.Context, __: click.Parameter, value: str | None) -> None:
    from oaimigrate.reporters import colour

    if value is not None:
        colour.wanted = {"auto": None, "always": True, "never": False}[value]


def place_options(command: _Command) -> _Command:
    """Which configuration holds and which files are left out."""
    for option in reversed((
        click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", shell_complete=file_names,
                     help="A configuration file, or a setting in TOML that comes before the file's."),
        click.option("--isolated", is_flag=True, help="Look for no configuration file."),
        click.option("--exclude", multiple=True, metavar="PATTERNS",
                     help="Files and folders to leave out, as in .gitignore; instead of the default ones."),
        click.option("--extend-exclude", multiple=True, metavar="PATTERNS", help="The same, in addition."),
        click.option("--force-exclude/--no-force-exclude", default=None,
                     help="Apply excludes to files that are named, too."),
    )):  # fmt: skip
        command = option(command)
    return command


def fix_options(command: _Command) -> _Command:
    """What may be fixed and where rules do not run."""
    for option in reversed((
        selectors("fixable", "The only rules whose fixes are applied."),
        selectors("unfixable", "Rules whose fixes are only shown."),
        selectors("extend-safe-fixes", "Rules whose unsafe fixes count as safe."),
        selectors("extend-unsafe-fixes", "Rules whose safe fixes count as unsafe."),
        click.option("--per-file-ignores", multiple=True, metavar="PATTERN:CODES",
                     help="Rules that do not run in files that match a pattern."),
        click.option("--extend-per-file-ignores", multiple=True, metavar="PATTERN:CODES",
                     help="The same, in addition."),
    )):  # fmt: skip
        command = option(command)
    return command


def file_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Asks the shell for its own; `click.Path` would also judge what is given."""
    return [CompletionItem(incomplete, type="file")]


def selectors(name: str, text: str) -> Callable[[_Command], _Command]:
    return click.option(f"--{name}", multiple=True, metavar="CODES", help=text, shell_complete=_codes)


def _codes(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes that the last of several, separated by commas, may become."""
    from oaimigrate import rulebook

    before, comma, last = incomplete.rpartition(",")
    pages = [page for page in rulebook.load().values() if page.code.startswith(last.upper())]
    return [CompletionItem(f"{before}{comma}{page.code}", help=page.name) for page in pages]


def rule_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes and names that a word may become."""
    from oaimigrate import rulebook

    pages = rulebook.load().values()
    codes = [CompletionItem(page.code, help=page.name) for page in pages if page.code.startswith(incomplete.upper())]
    names = [
        CompletionItem(page.name, help=page.code) for page in pages if incomplete and page.name.startswith(incomplete)
    ]
    return codes + names
