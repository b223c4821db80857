"""`oaimigrate server`."""

from __future__ import annotations

import os
import sys

import click


@click.command("server")
@click.option(
    "--stdio", is_flag=True, help="Talk over standard input and output; this is the only way, and the default."
)
@click.option("--verbose", is_flag=True, help="Log what arrives and what is done to standard error.")
def server_command(*, stdio: bool, verbose: bool) -> None:
    """Run the language server, for editors."""
    try:
        from oaimigrate.server.features import make
        from oaimigrate.server.transport import serve
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol", "cattrs"):
            raise
        raise click.ClickException("the server needs more packages: pip install 'oaimigrate[lsp]'") from error
    import gc
    import logging

    gc.enable()  # it runs for days
    logging.basicConfig(level=logging.INFO if verbose else logging.CRITICAL, stream=sys.stderr)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else prints must not break into a message
    sys.exit(serve(make(), sys.stdin.buffer, out))  # and end as Python does, which tidies up after other processes
