"""The help of a command with many options: in sections, each with what belongs together."""

from __future__ import annotations

import click

OTHERS = "Other options"
SECTIONS = {
    "Fixes": "fix unsafe_fixes diff safe_only allow_dirty add_ignore target client_style",
    "Rules": "select extend_select ignore fixable unfixable extend_safe_fixes extend_unsafe_fixes per_file_ignores"
    " extend_per_file_ignores",
    "Reports": "format_ output outputs statistics quiet color exit_zero exit_non_zero_on_fix",
    "Old findings": "baseline write_baseline prune_baseline",
    "Files and configuration": "exclude extend_exclude force_exclude docs stdin_filename config isolated",
}
_SECTION_OF = {name: title for title, names in SECTIONS.items() for name in names.split()}
_EXIT_CODES = """\
\b
Exit codes:
  0    {none}
  1    {some}
  2    the command was wrong, or failed
  130  it was interrupted; every file is whole
"""
CHECKED = _EXIT_CODES.format(none="nothing was found, or all is fixed", some="something was found")
MIGRATED = _EXIT_CODES.format(none="nothing is left", some="something is left for you")


class Sectioned(click.Command):
    """A command whose options are listed in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in (*SECTIONS, OTHERS)}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                rows[_SECTION_OF.get(param.name or "", OTHERS)].append(record)
        for title, records in rows.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=34)
