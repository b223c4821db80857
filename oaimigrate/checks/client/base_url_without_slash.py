"""OAI205: `openai.base_url` without a slash at its end."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.kinds import Symbol
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Safety
from oaimigrate.registry import Rule

rule = Rule("OAI205")


@rule.on(cst.Assign)
def setting(node: cst.Assign, file: FileContext) -> Iterator[Diagnostic]:
    """`openai.base_url = "http://localhost:8000/v1"`."""
    value = source_of(file, node.value)
    text = literal(value)
    if not text or text.endswith("/") or not text.startswith("http") or not isinstance(value, cst.SimpleString):
        return
    for target in node.targets:
        match target.target:
            case cst.Attribute(value=base, attr=cst.Name(value="base_url")) if file.kind(base).kind == Symbol(""):
                if value is node.value:
                    end = file.span(value).end - len(value.quote)
                    fix = Fix("Add the slash", (Edit(end, end, "/"),), Safety.SAFE)
                else:  # a constant, which others may read as it is
                    end = file.whole(node.value).end
                    fix = Fix("Add the slash", (Edit(end, end, ' + "/"'),), Safety.SAFE)
                message = "`openai.base_url` must end in a slash: requests go to `…/v1chat/completions`"
                yield Diagnostic(rule.code, message, file.span(node.value), fix)
