"""`oaimigrate runtime list|show|copy`: the reference modules of `oaimigrate.runtime` as text to read or to own."""

from __future__ import annotations

import click


@click.group("runtime", short_help="List, show and copy code for resilient calls.")
def runtime_group() -> None:
    """List, show and copy reference code for resilient calls to the OpenAI API."""


@runtime_group.command("list")
def list_modules() -> None:
    """Print each module with what it is."""
    from oaimigrate.runtime import catalog

    names = catalog.names()
    width = max(map(len, names))
    for name in names:
        click.echo(f"{name:<{width}}  {catalog.summary(name)}")


@runtime_group.command("show")
@click.argument("name")
def show_module(name: str) -> None:
    """Print the module NAME as a copy of it would be."""
    from oaimigrate.runtime import catalog

    try:
        click.echo(catalog.show(name), nl=False)
    except catalog.UnknownModule as error:
        raise click.UsageError(str(error)) from error


@runtime_group.command("copy", short_help="Copy the module NAME and what it imports.")
@click.argument("name")
@click.argument("dest", type=click.Path())
@click.option("--force", is_flag=True, help="Replace files that are there already and differ.")
def copy_module(name: str, dest: str, *, force: bool) -> None:
    """Copy the module NAME, and the modules it imports, into the folder DEST.

    The copies depend on nothing of oaimigrate.
    """
    from oaimigrate.runtime import catalog

    try:
        for path in catalog.copy(name, dest, force=force):
            click.echo(path)
    except FileExistsError as error:
        raise click.UsageError(f"{error}; `--force` replaces") from error
    except (catalog.UnknownModule, ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    without = catalog.optional(name)
    needed = [package for package in catalog.requirements(name) if package not in without]
    may = f" (and, if installed, {', '.join(without)})" if without else ""
    click.echo(f"uses: {', '.join(needed) or 'the standard library'}{may}", err=True)
