"""A real client: VS Code in a browser (code-server), with a folder that uses openai 0.28.

code-server comes from npm and is built once under `.cache`, which takes two minutes and a C++ compiler.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="pygls is missing: pip install -e '.[dev]' brings it")

from real import OLD, ROOT, browser, chromium, environment, free_port, once, readme_block, serving

from oaimigrate import runner
from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety

SERVER = "code-server@4.100.3"  # needs Node 20
CLIENT = ("vscode-languageclient@9.0.1", "esbuild@0.28.2")
NATIVE = ("@vscode/spdlog", "native-watchdog", "@parcel/watcher", "@vscode/deviceid")
QUIET = {
    "workbench.startupEditor": "none",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "editor.accessibilitySupport": "off",
    "extensions.ignoreRecommendations": True,
    "chat.commandCenter.enabled": False,
}
CELLS = ("import openai\n", "r = openai.Image.create(prompt='x')\n", "print(r['data'])")


def vscode() -> Path:
    """The folder with code-server and what the extension is built from; both are installed if they are not there."""
    folder = ROOT / ".cache" / SERVER.replace("@", "-")
    if (folder / "done").exists():
        return folder
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if not version.startswith("v20."):
        pytest.skip(f"{SERVER} needs Node 20, and this is {version}")
    inside = folder / "node_modules/code-server/lib/vscode"
    quiet = ("--no-fund", "--no-audit", "--loglevel=error")
    rebuild = ("npm", "rebuild", "--foreground-scripts", *quiet)
    folder.mkdir(parents=True, exist_ok=True)
    for where, command in (
        (folder, ("npm", "install", "--ignore-scripts", "--prefix", ".", *quiet, SERVER, *CLIENT)),
        (inside, ("npm", "install", "--omit=dev", "--ignore-scripts", "--no-save", *quiet)),
        *((inside, (*rebuild, module)) for module in NATIVE),
        (folder, (*rebuild, "argon2")),
    ):
        done = subprocess.run(command, cwd=where, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
        if done.returncode:
            pytest.skip(f"{SERVER} cannot be built: {' '.join(command)}: {done.stderr.strip()[-300:]}")
    (folder / "done").touch()
    return folder


def extension(installed: Path, folder: Path) -> None:
    """The client as an extension in a folder of extensions."""
    made = folder / "oaimigrate.client-0.0.1"
    made.mkdir(parents=True)
    sources = Path(__file__).with_name("vscode")
    shutil.copy(sources / "package.json", made)
    build = [installed / "node_modules/.bin/esbuild", sources / "extension.js", "--bundle", "--platform=node"]
    variables = {"PATH": "/usr/bin:/bin", "NODE_PATH": str(installed / "node_modules")}
    build += ["--external:vscode", f"--outfile={made / 'out.js'}", "--log-level=error"]
    subprocess.run(build, check=True, env=variables)


class Window:
    """VS Code's window, by its keys and what it shows."""

    def __init__(self, page: Any, pictures: Path) -> None:
        self.page, self.pictures = page, pictures

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.page.eval_on_selector_all(selector, "all => all.map(e => e.innerText)")
        return [" ".join(text.split()) for text in found]

    def open(self, name: str) -> None:
        self.page.locator(".explorer-folders-view .monaco-list-row", has_text=name).dblclick()
        self.page.locator(".tab.active", has_text=name).wait_for()

    def go_to(self, line: int, column: int) -> None:
        self.page.keyboard.press("Control+g")
        self.page.locator(".quick-input-widget input").first.wait_for()
        self.page.keyboard.type(f"{line}:{column}")
        self.page.keyboard.press("Enter")

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}.png")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What VS Code showed, step by step."""
    return once(tmp_path_factory, "vscode", look)


def look(around: Path) -> dict[str, Any]:
    chromium()
    installed = vscode()
    project = around / "project"
    project.mkdir()
    (project / "app.py").write_text(OLD)
    (project / "never_opened.py").write_text("import openai\nopenai.Image.create(prompt='x')\n")
    cells = [{"cell_type": "code", "metadata": {}, "source": s, "outputs": [], "execution_count": None} for s in CELLS]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (project / "book.ipynb").write_text(json.dumps(book))
    readme = json.loads(readme_block("json", "glspc.server.command"))
    on_save = {key: value for key, value in readme.items() if "codeActionsOnSave" in key}
    (around / "data/User").mkdir(parents=True)
    (around / "data/User/settings.json").write_text(json.dumps({**QUIET, **on_save}))
    extension(installed, around / "extensions")
    port = free_port()
    command = ["node", str(installed / "node_modules/code-server/out/node/entry.js"), "--auth=none"]
    command += [f"--bind-addr=127.0.0.1:{port}", "--disable-telemetry", "--disable-update-check"]
    command += [f"--user-data-dir={around / 'data'}", f"--extensions-dir={around / 'extensions'}"]
    command += [f"--config={around / 'config.yaml'}", "--disable-workspace-trust", str(project)]
    url = f"http://127.0.0.1:{port}"
    variables = {**environment(around), "OAIMIGRATE": str(around / "oaimigrate")}
    with serving(command, f"{url}/healthz", variables, around), browser() as page:
        window = Window(page, around)
        try:
            found = drive(window, f"{url}/?folder={project}")
        except BaseException:
            window.picture("failed")
            raise
    saved = {name: (project / name).read_text() for name in ("app.py", "book.ipynb")}
    (project / "app.py").write_text(OLD)
    return found | {"saved": saved, "project": str(project)}


def drive(window: Window, url: str) -> dict[str, Any]:
    page, found = window.page, dict[str, Any]()
    page.set_viewport_size({"width": 1400, "height": 1800})  # lists hold the rows in sight and no others
    page.goto(url, wait_until="domcontentloaded")
    page.locator(".explorer-folders-view .monaco-list-row", has_text="app.py").wait_for()
    window.open("app.py")
    page.locator(".squiggly-error").first.wait_for()
    page.locator(".squiggly-inline-deprecated").first.wait_for()
    page.keyboard.press("Control+Shift+m")
    rows = ".markers-panel .monaco-list-row"
    page.locator(rows, has_text="never_opened.py").first.wait_for()
    page.locator(rows, has_text="book.ipynb").first.wait_for()
    found["problems"] = window.texts(rows)
    window.picture("problems")

    page.locator(".tab", has_text="app.py").click()
    page.locator(".editor-instance .view-line").first.click()
    window.go_to(4, 12)
    page.keyboard.press("Control+k")
    page.keyboard.press("Control+i")
    page.locator(".monaco-hover", has_text="What it does").first.wait_for()
    found["hover"] = window.texts(".monaco-hover")
    window.picture("hover")
    page.keyboard.press("Escape")

    window.go_to(4, 12)
    page.keyboard.press("Control+.")
    page.locator(".action-widget .monaco-list-row", has_text="Ignore").first.wait_for()
    found["actions"] = [text for text in window.texts(".action-widget .monaco-list-row") if text]
    window.picture("actions")
    page.keyboard.press("Enter")
    page.locator(".view-line", has_text="chat.completions.create").wait_for()
    window.picture("quick-fix")
    page.keyboard.press("Control+s")
    page.locator(".tab.active.dirty").wait_for(state="detached")
    page.locator(".view-line", has_text=".choices[0]").wait_for()

    window.open("book.ipynb")
    page.locator(".notebookOverlay .squiggly-error").first.wait_for()
    page.locator(rows, has_text="cell 2, line 1").wait_for(state="detached")
    found["notebook"] = window.texts(rows)
    window.picture("notebook")
    page.keyboard.press("Control+s")
    page.locator(".notebookOverlay .view-line", has_text="r.data").wait_for()
    page.locator(".tab.active.dirty").wait_for(state="detached")
    window.picture("notebook-saved")

    window.open("never_opened.py")
    page.locator(".squiggly-error").first.wait_for()
    page.locator(".tab.active", has_text="never_opened.py").locator(".codicon-close").click()
    page.locator(".tab", has_text="never_opened.py").wait_for(state="detached")
    page.wait_for_timeout(4000)
    found["closed"] = window.texts(rows)
    window.picture("closed")
    return found


def test_the_problems_panel_has_open_files_and_all_others(seen: dict[str, Any]) -> None:
    rows = " | ".join(seen["problems"])
    assert "oaimigrate OAI101 [Ln 4, Col 5]" in rows
    assert "`r` is assigned `openai.ChatCompletion.create(" in rows  # the way of the response, below the finding
    assert "oaimigrate OAI101 [Ln 2, Col 1]" in rows  # never_opened.py
    assert "cell 2, line 1: `openai.Image.create`" in rows  # a notebook that is not open


def test_hover_shows_the_finding_and_the_page(seen: dict[str, Any]) -> None:
    shown = " ".join(seen["hover"])
    assert "OAI101" in shown
    assert "What it does" in shown


def test_the_menu_offers_the_fix_first(seen: dict[str, Any]) -> None:
    fix, *others = [text for text in seen["actions"] if text not in ("Quick Fix", "More Actions...")]
    assert fix.startswith("Call `")
    assert "Ignore OAI101 on this line" in others
    assert "Explain OAI101 (removed-resource-call)" in others


def test_saving_fixes_the_rest(seen: dict[str, Any]) -> None:
    done = runner.run(runner.collect([seen["project"]]), Config(), safety=Safety.SAFE, jobs=1)
    assert seen["saved"]["app.py"] == next(r.text for r in done.results if r.path.endswith("app.py"))


def test_an_open_notebook_is_told_once_and_by_its_cells(seen: dict[str, Any]) -> None:
    rows = " | ".join(seen["notebook"])
    assert rows.count("`openai.Image.create` was removed") == 2  # in the cell, and in never_opened.py
    assert "cell 2, line 1" not in rows
    assert "OAI103" in rows


def test_saving_a_notebook_fixes_its_cells(seen: dict[str, Any]) -> None:
    cells = ["".join(cell["source"]) for cell in json.loads(seen["saved"]["book.ipynb"])["cells"]]
    assert cells == [CELLS[0], CELLS[1].replace("openai.Image.create", "openai.images.generate"), "print(r.data)"]


def test_what_is_said_of_a_file_holds_when_it_is_closed(seen: dict[str, Any]) -> None:
    assert "oaimigrate OAI101 [Ln 2, Col 1]" in " | ".join(seen["closed"])
