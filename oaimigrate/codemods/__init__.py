"""The migration as a LibCST codemod: `python -m libcst.tool codemod -x oaimigrate.codemods.MigrateOpenAI PATH`.

The same engine as `oaimigrate migrate`, one file at a time. `-x` tells LibCST that the command comes
from outside it; add `--no-format` unless black is installed.
"""

from __future__ import annotations

import libcst as cst
from libcst.codemod import CodemodCommand

from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.engine import fix_source
from oaimigrate.source import Source


class MigrateOpenAI(CodemodCommand):
    """Rewrite openai 0.28 code (rules OAI1xx), safe and unsafe fixes alike; what is left becomes a warning."""

    DESCRIPTION = "Migrate code from openai 0.28 to openai 1.x, 2.x and 3.x"

    def transform_module_impl(self, tree: cst.Module) -> cst.Module:
        from oaimigrate import rulebook

        codes = frozenset(code for code in rulebook.load() if code.startswith("OAI1"))
        source = Source.from_text(tree.code, self.context.filename or "<codemod>")
        result = fix_source(source, Config(select=codes), safety=Safety.UNSAFE)
        for diagnostic in result.diagnostics:
            row, column = source.with_text(result.text).position(diagnostic.span.start)
            self.warn(f"{row}:{column} {diagnostic.code} {diagnostic.message}")
        if not result.changed:
            return tree
        return cst.parse_module(result.text, config=tree.config_for_parsing)
