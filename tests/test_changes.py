"""The tool that compares findings before and after a change."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks" / "changes"))
READ = 'import openai\nr = openai.Completion.create(engine="m", prompt="p")\nprint(r["id"])\n'


def test_what_is_lost_new_or_mended_otherwise_is_told(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(READ, encoding="utf-8")
    found = TOOL["check"](ROOT, tmp_path)
    assert list(TOOL["differences"](found, found)) == []
    read = next(key for key in found if key[4] == "OAI103")
    less = {key: fixes for key, fixes in found.items() if key != read}
    line = f'{tmp_path.name}/app.py:3:8: OAI103 `["id"]` on a response fails since openai 1.0; read `.id`'
    assert list(TOOL["differences"](found, less)) == [f"- {line}"]
    assert list(TOOL["differences"](less, found)) == [f"+ {line}"]
    assert list(TOOL["differences"]({**found, read: {"another fix": 1}}, found)) == [f"~ {line}"]


def test_a_folder_that_fails_is_named(tmp_path: Path) -> None:
    count, lines = TOOL["compare"]((ROOT, ROOT), tmp_path / "gone")
    assert (count, [line.partition(": ")[0] for line in lines]) == (0, ["! gone"])
