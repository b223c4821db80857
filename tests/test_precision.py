"""What was measured about the rules: each has its figures, the table shows them, and defaults follow from them."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from oaimigrate import rulebook
from oaimigrate.rulebook import Page

ROOT = Path(__file__).parents[1]
TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks" / "precision"))
PAGES = [page for page in rulebook.load().values() if page.code >= "OAI2"]


def page_id(page: Page) -> str:
    return page.code


def test_the_table_shows_the_figures() -> None:
    text = (ROOT / "rules" / "README.md").read_text(encoding="utf-8")
    assert TOOL["with_table"](text) == text, "run `python benchmarks/precision table`"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_rule_has_figures(page: Page) -> None:
    row = TOOL["figures"]()[page.code]
    assert 0 <= row.right <= row.read <= max(row.findings, 0)
    assert row.repositories <= row.findings


@pytest.mark.parametrize("page", [p for p in PAGES if p.default], ids=page_id)
def test_a_rule_is_on_by_default_for_a_reason(page: Page) -> None:
    assert TOOL["figures"]()[page.code].proved, "read more findings, or make the rule opt-in"
