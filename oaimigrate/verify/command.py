"""`oaimigrate verify`: options and exit codes, nothing else. 0 equal · 1 different · 2 cannot be said."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from oaimigrate.verify.replies import Reply

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Failed(click.ClickException):
    """Nothing could be said, and this one line says why."""

    exit_code = 2


class _Words(click.Command):
    """Keeps what follows `--` apart: it is the program's, and what stands before are paths."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours, mark, words = args, "", []
        if "--" in args:
            place = args.index("--")
            ours, mark, words = args[:place], "--", args[place + 1 :]
        rest = super().parse_args(ctx, ours)
        ctx.params["words"] = tuple(words) if mark else ()
        return rest


@click.command(
    "verify",
    cls=_Words,
    short_help="Run the old and the new program side by side.",
    epilog="Exit codes: 0 equal, 1 different, 2 it cannot be said.",
)
@click.argument("paths", nargs=-1, metavar="[PATHS]... -- COMMAND...")
@click.option("--before", type=_FOLDER, help="The program as it was.  [default: the last git commit]")
@click.option(
    "--migrate/--no-migrate",
    default=None,
    help="Migrate a copy, or take the working tree as it is.  [default: migrate where nothing has changed yet]",
)
@click.option("--sdk", "sdks", multiple=True, metavar="VERSION", help="An openai to verify on; repeatable.")
@click.option("--requirements", type=_FILE, help="What the program needs.  [default: what the project says]")
@click.option("--with", "packages", multiple=True, metavar="PACKAGE", help="Another package it needs; repeatable.")
@click.option("--host", "hosts", multiple=True, help="Another host that speaks the OpenAI API; repeatable.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable for both; repeatable.")
@click.option("--stdin", type=_FILE, help="What both programs read from standard input.")
@click.option("--replies", type=_FILE, help="A JSON list of answers that the API gives.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Seconds for one run.")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--rules", is_flag=True, help="List the differences that are known to be harmless, and stop.")
@click.option("--serve", is_flag=True, help="Only run the recording server, for tests of your own.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port for --serve.  [default: a free one]")
@click.option("--idle", type=click.FloatRange(min=0.1), default=3600.0, help="Seconds that end an idle --serve.")
@click.pass_context
def verify_command(ctx: click.Context, /, **options: object) -> None:
    """Run the program as it was and the migrated one side by side, and compare what they do.

    Both run in isolated environments, the old one on openai 0.28.1, the new one on newer ones, against a server on this
    machine that answers as the API does. Compared are exit status, standard output and the HTTP requests.

    \b
    oaimigrate verify -- python app.py
    oaimigrate verify src -- pytest -q
    """
    ctx.exit(_run(ctx.params))


def _run(given: dict[str, object]) -> int:
    replies = _replies(given["replies"])
    if given["rules"]:
        from oaimigrate.verify import normal

        width = max(len(name) for name, _ in normal.documented())
        for name, sentence in normal.documented():
            click.echo(f"{name:<{width}}  {sentence}")
        return 0
    if given["serve"]:
        return _serve(int(str(given["port"])), float(str(given["idle"])), replies)
    if not given["words"]:
        raise click.UsageError("name the command to run after `--`: oaimigrate verify -- python app.py")
    return _verify(given, replies)


def _verify(given: dict[str, object], replies: tuple[Reply, ...]) -> int:
    from oaimigrate.verify import environments, report, twins
    from oaimigrate.verify.environments import EnvironmentFailed
    from oaimigrate.verify.layout import LayoutError
    from oaimigrate.verify.process import Command

    stdin = given["stdin"].read_bytes() if isinstance(given["stdin"], Path) else b""
    command = Command(
        words=_texts(given["words"]),
        timeout=float(str(given["timeout"])),
        hosts=_texts(given["hosts"]),
        variables=dict(_variable(text) for text in _texts(given["variables"])),
        stdin=stdin,
    )
    plan = twins.Plan(
        command,
        Path.cwd().resolve(),
        before=given["before"].resolve() if isinstance(given["before"], Path) else None,
        paths=_texts(given["paths"]),
        migrate=None if given["migrate"] is None else bool(given["migrate"]),
        sdks=_sdks(_texts(given["sdks"])) or environments.NEW,
        requirements=given["requirements"] if isinstance(given["requirements"], Path) else None,
        packages=_texts(given["packages"]),
        replies=replies,
    )
    try:
        found = twins.verify(plan, say=_say)
    except (LayoutError, EnvironmentFailed) as error:
        raise Failed(" ".join(str(error).split())) from error
    finally:
        _say("")
    click.echo(report.as_json(found) if given["output_format"] == "json" else report.text(found), nl=False)
    return found.verdict.value


def _serve(port: int, idle: float, replies: tuple[Reply, ...]) -> int:
    """Serve until interrupted, or until nobody has asked for a while."""
    from oaimigrate.verify.server import RecordingServer

    try:
        server = RecordingServer(port)
    except OSError as error:
        raise Failed(f"cannot serve on port {port}: {error.strerror}") from error
    with server:
        server.begin(replies)
        click.echo(f"OPENAI_BASE_URL={server.url}/v1")
        sys.stdout.flush()
        shown = 0
        try:
            while time.monotonic() - server.last_request < idle:
                time.sleep(0.1)
                requests = server.requests()
                for request in requests[shown:]:
                    click.echo(f"{request.method} {request.path}")
                shown = len(requests)
        except KeyboardInterrupt:
            return 0
    return 0


def _replies(path: object) -> tuple[Reply, ...]:
    if not isinstance(path, Path):
        return ()
    from oaimigrate.verify import replies

    try:
        return replies.read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, replies.RepliesError) as error:
        raise Failed(str(error)) from error


def _sdks(given: tuple[str, ...]) -> tuple[str, ...]:
    for text in given:
        if not all(part.isdigit() for part in text.split(".")) or int(text.partition(".")[0]) < 1:
            raise click.UsageError(f"--sdk {text}: give a version from 1 on, such as 2.54.0, or 3 for the newest")
    return given


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--env {text}: give NAME=VALUE")
    return name, value


def _texts(given: object) -> tuple[str, ...]:
    return tuple(map(str, given)) if isinstance(given, tuple) else ()


def _say(text: str) -> None:
    """What is being done, on one line that disappears, if a person watches."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)
