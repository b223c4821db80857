"""`oaimigrate config`: what applies to a path and why; `oaimigrate init`: the files that set a project up."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from oaimigrate.options import file_names, place_options, selectors


@click.command("config", short_help="Show the settings of a place, and where they come from.")
@click.argument("path", default=".", metavar="[PATH]", shell_complete=file_names)
@place_options
@selectors("select", "As for `check`.")
@selectors("extend-select", "As for `check`.")
@selectors("ignore", "As for `check`.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How they are printed.")  # fmt: skip
@click.option("--schema", is_flag=True, help="Print the JSON schema of oaimigrate.toml instead.")
def config_command(path: str, *, format_: str, schema: bool, **options: Any) -> int:
    """Show the settings that apply to a file or folder, and where each comes from."""
    from oaimigrate.commands import write
    from oaimigrate.settings import shown
    from oaimigrate.settings.keys import schema as of_keys

    if schema:
        write(json.dumps(of_keys(), indent=2) + "\n")
        return 0
    write(shown.shown(path, options, as_json=format_ == "json"))
    return 0


@click.command("init", short_help="Write a configuration, a hook and files for CI.")
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--pre-commit", is_flag=True, help="Write `.pre-commit-config.yaml`.")
@click.option("--github", is_flag=True, help="Write a workflow of GitHub Actions.")
@click.option("--gitlab", is_flag=True, help="Write `.gitlab-ci.yml`.")
def init_command(folder: str, *, pre_commit: bool, github: bool, gitlab: bool) -> int:
    """Write a configuration, and the files for a hook and for CI. What is there already is left alone."""
    from oaimigrate.settings import starter

    wanted = [name for name, asked in (("pre-commit", pre_commit), ("github", github), ("gitlab", gitlab)) if asked]
    for line in starter.write(os.path.normpath(folder), wanted):
        click.echo(line)
    return 0
