"""A real client: JupyterLab in a browser, set up as the README says, with a notebook that uses openai 0.28.

JupyterLab and its extension come from PyPI, and are installed once under `.cache`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="pygls is missing: pip install -e '.[dev]' brings it")

from real import ROOT, browser, chromium, environment, free_port, once, readme_block, serving

MARKS = ".cm-lintRange"
PACKAGES = ("jupyterlab==4.6.6", "jupyterlab-lsp==5.3.0")
CELLS = (
    ("markdown", "# openai, a while ago"),
    ("code", "%pip install requests\nimport openai\nopenai.api_key = 'k'"),
    ("code", "x = '😀'; r = openai.ChatCompletion.create(model='m', messages=[])"),
    ("code", "r['choices'][0]"),
)


def jupyter() -> Path:
    """The program, which is installed if it is not there."""
    folder = ROOT / ".cache" / "-".join(PACKAGES).replace("==", "-")
    if not (folder / "done").exists():
        python = folder / "bin/python"
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if done.returncode:
                pytest.skip(f"JupyterLab cannot be installed: {done.stderr.strip()[-300:]}")
        (folder / "done").touch()
    return folder / "bin/jupyter"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What JupyterLab showed, step by step."""
    return once(tmp_path_factory, "jupyterlab", look)


def look(around: Path) -> dict[str, Any]:
    chromium()
    program = jupyter()
    project = around / "project"
    project.mkdir()
    code = {"outputs": [], "execution_count": None}
    cells = [
        {"cell_type": kind, "id": f"c{n}", "metadata": {}, "source": text, **(code if kind == "code" else {})}
        for n, (kind, text) in enumerate(CELLS)
    ]
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    book = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (project / "book.ipynb").write_text(json.dumps(book), encoding="utf-8")
    (around / ".jupyter").mkdir()
    (around / ".jupyter" / "jupyter_server_config.json").write_text(readme_block("json", "LanguageServerManager"))
    port = free_port()
    command = [str(program), "lab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += ["--IdentityProvider.token=t", f"--ServerApp.root_dir={project}", "--ServerApp.port_retries=0"]
    url = f"http://127.0.0.1:{port}"
    found: dict[str, Any] = {}
    with serving(command, f"{url}/api", environment(around), around), browser() as page:
        page.goto(f"{url}/lab/tree/book.ipynb?token=t&reset", wait_until="domcontentloaded")
        old = page.locator(MARKS, has_text="ChatCompletion")
        old.wait_for()
        page.locator(MARKS, has_text="choices").wait_for()
        found["marked"] = page.eval_on_selector_all(MARKS, "all => all.map(e => [e.className, e.textContent])")

        old.click(button="right")
        page.locator(".lm-Menu-item", has_text="Show diagnostics panel").click()
        page.locator(".lsp-diagnostics-listing td", has_text="OAI103").first.wait_for()
        rows = ".lsp-diagnostics-listing tbody tr"
        found["panel"] = page.eval_on_selector_all(
            rows, "all => all.map(r => [...r.cells].map(c => c.innerText.trim()))"
        )

        old.hover()
        page.keyboard.down("Control")
        box = old.bounding_box()
        page.mouse.move(box["x"] + 40, box["y"] + box["height"] / 2)
        page.locator(".lsp-hover, .lsp-tooltip").first.wait_for()
        found["hover"] = page.locator(".lsp-hover, .lsp-tooltip").first.inner_text()
        page.screenshot(path=around / "hover.png")
        page.keyboard.up("Control")

        page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
        page.keyboard.press("Home")
        page.keyboard.type("# ")
        old.wait_for(state="detached")
        page.locator(MARKS, has_text="choices").wait_for(state="detached")
        page.locator(MARKS, has_text="api_key").wait_for(state="detached")
        found["typed"] = page.eval_on_selector_all(MARKS, "all => all.map(e => e.textContent)")
        page.screenshot(path=around / "typed.png")
    return found


def test_findings_are_marked_in_the_cells(seen: dict[str, Any]) -> None:
    assert [text for _, text in seen["marked"]] == ["openai.api_key", "openai.ChatCompletion.create", "['choices']"]
    assert all("cm-lintRange-error" in classes for classes, _ in seen["marked"])
    assert "cm-lsp-diagnostic-tag-Deprecated" in seen["marked"][1][0]


def test_the_panel_names_cell_line_and_column(seen: dict[str, Any]) -> None:
    found = sorted((row[1], row[2], row[3], row[4], row[5]) for row in seen["panel"])
    assert found == [
        ("OAI101", "Error", "oaimigrate", "3", "0:14"),  # in units of UTF-16, of which the emoji takes two
        ("OAI102", "Error", "oaimigrate", "2", "2:0"),
        ("OAI103", "Error", "oaimigrate", "4", "0:1"),
    ]


def test_hover_shows_the_finding_and_the_page(seen: dict[str, Any]) -> None:
    assert "OAI101" in seen["hover"]
    assert "What it does" in seen["hover"]


def test_what_is_typed_in_one_cell_is_known_in_the_next(seen: dict[str, Any]) -> None:
    """The call became a comment, so there is no response to read, and nobody who needs the key."""
    assert seen["typed"] == []
