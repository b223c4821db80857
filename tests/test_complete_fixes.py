"""A fix as reports show it is a whole change: applied alone, it leaves code that parses."""

from __future__ import annotations

import ast

import pytest

from oaimigrate import engine, rulebook
from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.fixing.apply import apply
from oaimigrate.project import Project
from oaimigrate.rulebook import Page
from oaimigrate.source import Source

ALL = Config(select=frozenset(rulebook.load()), complete_fixes=True)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # code of the cases
@pytest.mark.parametrize("page", rulebook.load().values(), ids=lambda page: page.code)
def test_every_reported_fix_stands_alone(page: Page) -> None:
    for case in rulebook.cases(page):
        files = {name: text.encode() for name, text in case.before.items() if name.endswith(".py")}
        project = Project.scan(files.items())
        for name, data in files.items():
            result = engine.check_source(Source.from_bytes(data, name), ALL, project)
            for diagnostic in result.diagnostics:
                if diagnostic.fix is not None and diagnostic.fix.safety is not Safety.DISPLAY:
                    assert diagnostic.fix.edits
                    ast.parse(apply(result.text, diagnostic.fix.edits))
