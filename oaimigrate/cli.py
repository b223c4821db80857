"""The command line: options and exit codes, nothing else. What costs time to import is imported by the command.

Exit codes: 0 nothing found, 1 something found, 2 wrong usage or an internal error, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from oaimigrate import __version__
from oaimigrate.config import CLIENT_STYLES, TARGETS, ConfigError
from oaimigrate.discovery import DiscoveryError

FAILED, INTERRUPTED = 2, 130
_Command = TypeVar("_Command", bound=Callable[..., Any])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and give its exit code. Errors of use are one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # source text may hold what a terminal cannot show
    try:
        return cli.main(arguments, prog_name="oaimigrate", standalone_mode=False) or 0
    except (ConfigError, DiscoveryError) as error:
        return _fail(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return FAILED
    except click.ClickException as error:
        return _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; every file is whole")
        return INTERRUPTED
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        return _fail(f"internal error: {type(error).__name__}: {error} (`--debug` shows where)")


def _fail(message: str) -> int:
    from oaimigrate.reporters.colour import paint_for

    one_line = " ".join(message.split())
    click.echo(f"{paint_for(sys.stderr)('error', 'red', 'bold')}: {one_line}", err=True, color=True)
    return FAILED


LATER = {"verify": "oaimigrate.verify.command:verify_command", "runtime": "oaimigrate.runtime_cli:runtime_group"}


class Group(click.Group):
    """A group whose rarer commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LATER:
            import importlib

            module, _, name = LATER[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="oaimigrate %(version)s")
def cli() -> None:
    """Find, explain and rewrite fragile or outdated uses of the OpenAI SDK."""


def shared_options(command: _Command) -> _Command:
    """The arguments and options of every command that reads files."""
    for option in (
        click.argument("paths", nargs=-1, metavar="[PATHS]..."),
        click.option(
            "--target",
            type=click.Choice([str(t) for t in TARGETS]),
            metavar="1|2|3",
            help="The SDK major to write for. Default: the newest that the project's pins allow, else 3.",
        ),
        click.option(
            "--client-style",
            type=click.Choice(CLIENT_STYLES),
            default="instance",
            show_default=True,
            help="How the code gets its client: an object, the SDK's own module, or a cached function.",
        ),
        click.option("--force-exclude", is_flag=True, help="Apply excludes to files that are named, too."),
        click.option("-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes. Default: one a processor."),
        click.option("--no-cache", is_flag=True, help="Accepted for scripts; nothing is cached."),
        click.option("--debug", is_flag=True, help="Show where an internal error happened."),
    ):
        command = option(command)
    return command


def _selectors(name: str, text: str) -> Callable[[_Command], _Command]:
    return click.option(f"--{name}", multiple=True, metavar="CODES", help=text)


@cli.command()
@shared_options
@click.option("--fix/--no-fix", help="Apply the safe fixes.")
@click.option("--unsafe-fixes/--no-unsafe-fixes", help="With --fix or --diff: apply those a person should read, too.")
@click.option("--diff", is_flag=True, help="Show what --fix would change; write nothing.")
@_selectors("select", "Codes, beginnings of codes or names, separated by commas; ALL for every rule.")
@_selectors("extend-select", "The same, in addition to the default rules.")
@_selectors("ignore", "The same, to leave out.")
@click.option("--format", "--output-format", "format_", type=click.Choice(["full", "concise", "json"]), default="full",
              show_default=True, help="How findings are printed.")  # fmt: skip
@click.option("--statistics", is_flag=True, help="Count the findings of each rule instead of showing them.")
@click.option("-e", "--exit-zero", is_flag=True, help="Exit 0 even if something was found.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit 1 if a file was changed, even if nothing is left.")
@click.option("--stdin-filename", metavar="FILE", help="What standard input is called; the path to read it is `-`.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings and nothing else.")
def check(paths: tuple[str, ...], **options: Any) -> int:
    """Report findings in files and folders (default: the working directory)."""
    from oaimigrate.commands import check as command

    return command.run(paths, **options)


@cli.command()
@shared_options
@click.option("--diff", is_flag=True, help="Show the migration; write nothing.")
@click.option("--safe-only", is_flag=True, help="Leave out the rewrites that a person should read.")
@click.option("--unsafe-fixes", is_flag=True, help="Accepted: the migration applies them anyway.")
@click.option("--allow-dirty", is_flag=True, help="Write even where git could not undo it.")
def migrate(paths: tuple[str, ...], **options: Any) -> int:
    """Rewrite code for openai 0.28 to the SDK of today, and say what is left."""
    from oaimigrate.commands import migrate as command

    return command.run(paths, **options)


@cli.command()
@click.argument("code", required=False)
@click.option("--all", "all_", is_flag=True, help="Every rule.")
@click.option("--format", "--output-format", "format_", type=click.Choice(["text", "json"]), default="text")
def rule(code: str | None, *, all_: bool, format_: str) -> int:
    """Explain a rule, given its code or its name."""
    from oaimigrate.commands import rules as command

    if all_ == (code is not None):
        raise click.UsageError("give either a rule code or `--all`")
    return command.explain(code, format_)


@cli.command()
@click.option("--format", "--output-format", "format_", type=click.Choice(["text", "json", "markdown"]), default="text")
def rules(format_: str) -> int:
    """List the rules."""
    from oaimigrate.commands import rules as command

    return command.listing(format_)
