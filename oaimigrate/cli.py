"""The command line: options and exit codes, nothing else. What costs time to import is imported by the command.

Exit codes: 0 nothing found, 1 something found, 2 wrong usage or an internal error, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from oaimigrate import __version__
from oaimigrate.config import FORMATS, ConfigError
from oaimigrate.discovery import DiscoveryError
from oaimigrate.options import colour_option, file_names, fix_options, rule_names, selectors, shared_options
from oaimigrate.sections import CHECKED, MIGRATED, Sectioned

FAILED, INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and give its exit code. Errors of use are one line on standard error."""
    from oaimigrate.reporters import colour

    colour.wanted = None
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # source text may hold what a terminal cannot show
    return report_errors(lambda: cli.main(arguments, prog_name="oaimigrate", standalone_mode=False) or 0)


def report_errors(run: Callable[[], int]) -> int:
    """The exit code of a run; what it raises is one line on standard error."""
    try:
        return run()
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
        if isinstance(error, OSError):  # a full disk and the like are no fault of the program
            where = f"`{error.filename}`: " if error.filename else ""
            return _fail(f"{where}{(error.strerror or str(error)).lower()} (`--debug` shows where)")
        return _fail(f"internal error: {type(error).__name__}: {error} (`--debug` shows where)")


def _fail(message: str) -> int:
    from oaimigrate.reporters.colour import paint_for

    one_line = " ".join(message.split())
    click.echo(f"{paint_for(sys.stderr)('error', 'red', 'bold')}: {one_line}", err=True, color=True)
    return FAILED


LATER = {
    "config": "oaimigrate.settings.commands:config_command",
    "init": "oaimigrate.settings.commands:init_command",
    "server": "oaimigrate.server.command:server_command",
    "verify": "oaimigrate.verify.command:verify_command",
    "runtime": "oaimigrate.runtime_cli:runtime_group",
}


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
    """Find, explain and rewrite fragile or outdated uses of the OpenAI SDK.

    \b
    oaimigrate check                what is there?
    oaimigrate check --fix          apply the safe fixes
    oaimigrate migrate --diff       what would the migration from 0.28 change?
    oaimigrate rule OAI101          what does a rule mean?
    """


@cli.command(cls=Sectioned, short_help="Find problems, and fix them.", epilog=CHECKED)
@click.option("--fix/--no-fix", help="Apply the safe fixes.")
@click.option("--unsafe-fixes/--no-unsafe-fixes", help="With --fix or --diff: apply those a person should read, too.")
@click.option("--diff", is_flag=True, help="Show what --fix would change; write nothing.")
@selectors("select", "Codes, beginnings of codes or names, separated by commas; ALL for every rule.")
@selectors("extend-select", "The same, in addition to the default rules.")
@selectors("ignore", "The same, to leave out.")
@fix_options
@click.option("--format", "--output-format", "format_", type=click.Choice(FORMATS), default="full", metavar="FORMAT",
              help=f"How findings are printed: {', '.join(FORMATS)}. The first is the default.")  # fmt: skip
@click.option("--output", "outputs", multiple=True, metavar="FORMAT=FILE",
              help="Write the findings into a file, too; may be given several times.")  # fmt: skip
@click.option("--add-ignore", metavar="REASON", help="Silence what is found, with a comment on each line.")
@click.option(
    "--baseline", metavar="FILE", shell_complete=file_names, help="Report only what the baseline does not allow."
)
@click.option("--write-baseline", is_flag=True, help="Let the baseline allow what is found now.")
@click.option("--prune-baseline", is_flag=True, help="Take out of the baseline what is gone.")
@click.option(
    "--statistics", is_flag=True, help="Count the findings of each rule instead of showing them, as text or json."
)
@click.option("-e", "--exit-zero", is_flag=True, help="Exit 0 even if something was found.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit 1 if a file was changed, even if nothing is left.")
@click.option("--docs", is_flag=True, help="Check the Python fences of Markdown files and of docstrings, too.")
@click.option(
    "--stdin-filename",
    metavar="FILE",
    shell_complete=file_names,
    help="Read standard input, as does the path `-`, and take it for this file.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print findings and nothing else.")
@click.option("-w", "--watch", is_flag=True, help="Check again whenever a file changes.")
@shared_options
def check(paths: tuple[str, ...], **options: Any) -> int:
    """Report findings in files and folders (default: the working directory)."""
    from oaimigrate.commands import check as command

    if options.pop("watch"):
        from oaimigrate.commands.watch import watch

        return watch(["-"] if options["stdin_filename"] else paths, lambda: command.run(paths, **options))
    return command.run(paths, **options)


@cli.command(cls=Sectioned, short_help="Rewrite code for openai 0.28 to the SDK of today.", epilog=MIGRATED)
@click.option("--diff", is_flag=True, help="Show the migration; write nothing.")
@click.option("--safe-only", is_flag=True, help="Leave out the rewrites that a person should read.")
@click.option("--unsafe-fixes", is_flag=True, help="Accepted: the migration applies them anyway.")
@click.option("--allow-dirty", is_flag=True, help="Write even where git could not undo it.")
@click.option("--docs", is_flag=True, help="Rewrite the Python fences of Markdown files and of docstrings, too.")
@shared_options
def migrate(paths: tuple[str, ...], **options: Any) -> int:
    """Rewrite code for openai 0.28 to the SDK of today, and say what is left."""
    from oaimigrate.commands import migrate as command

    return command.run(paths, **options)


@cli.command(short_help="Explain a line: what it is, and how that is known.")
@click.argument("place", metavar="PATH:LINE", shell_complete=file_names)
@colour_option
def explain(place: str) -> int:
    """Explain a line: what its expressions are, how that is known, and what the rules make of it."""
    from oaimigrate.commands import explain as command

    return command.run(place)


@cli.command()
@click.argument("code", required=False, shell_complete=rule_names)
@click.option("--all", "all_", is_flag=True, help="Every rule.")
@click.option("--format", "--output-format", "format_", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How it is printed.")  # fmt: skip
@colour_option
def rule(code: str | None, *, all_: bool, format_: str) -> int:
    """Explain a rule, given its code or its name."""
    from oaimigrate.commands import rules as command

    if all_ == (code is not None):
        raise click.UsageError("give either a rule code or `--all`")
    return command.explain(code, format_)


@cli.command()
@click.option("--format", "--output-format", "format_", type=click.Choice(["text", "json", "markdown"]), default="text",
              show_default=True, help="How they are printed.")  # fmt: skip
@colour_option
def rules(format_: str) -> int:
    """List the rules."""
    from oaimigrate.commands import rules as command

    return command.listing(format_)


@cli.command(short_help="Print the completion for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the script that completes commands, options and rules in a shell.

    \b
    bash: eval "$(oaimigrate completion bash)"  in ~/.bashrc
    zsh:  eval "$(oaimigrate completion zsh)"   in ~/.zshrc
    fish: oaimigrate completion fish | source   in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None
    source = script(cli, {}, "oaimigrate", "_OAIMIGRATE_COMPLETE").source()
    # In fish, a comma in a list of codes or in a description is no end of it
    click.echo(source.replace('string split ","', 'string split -m 1 ","'))
    return 0
