"""The project around a buffer: other unsaved buffers, files on disk, the configuration, the whole folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from editor import Editor, asynchronous, editing
from lsprotocol import types

OLD = "import openai\nopenai.Image.create(prompt='x')\n"
GIVES = "import openai\n\n\ndef ask():\n    return openai.Completion.create(model='m')\n"
READS = "from gives import ask\n\nprint(ask()['choices'])\n"


async def until(editor: Editor, uri: str, codes: list[str]) -> None:
    """Wait until the last findings that were pushed for a buffer have these codes."""
    while uri not in editor.pushed or [d.code for d in editor.pushed[uri].diagnostics] != codes:
        await asyncio.wait_for(editor.arrived.wait(), 30)
        editor.arrived.clear()


def saved(editor: Editor, name: str) -> None:
    changes = [types.FileEvent(editor.uri(name), types.FileChangeType.Changed)]
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))


@asynchronous
async def test_an_unsaved_buffer_changes_what_is_said_of_another(tmp_path: Path) -> None:
    """`reads.py` never says "openai": what it reads comes from a file on disk, then from what was typed there."""
    (tmp_path / "gives.py").write_text(GIVES)
    async with editing(tmp_path) as editor:
        reads = editor.open("reads.py", READS)
        await until(editor, reads, ["OAI103"])
        gives = editor.open("gives.py")
        editor.replace(gives, GIVES.replace("openai.Completion.create(model='m')", "{'choices': []}"))
        await until(editor, reads, [])


@pytest.mark.parametrize("name", ["pyproject.toml", "oaimigrate.toml"])
@asynchronous
async def test_a_changed_configuration_holds_at_once(tmp_path: Path, name: str) -> None:
    table = "[tool.oaimigrate]\n" if name == "pyproject.toml" else ""
    async with editing(tmp_path) as editor:
        uri = editor.open("app.py", OLD)
        await until(editor, uri, ["OAI101"])
        (tmp_path / name).write_text(table + 'ignore = ["OAI101"]\n')
        saved(editor, name)
        await until(editor, uri, [])
        (tmp_path / name).write_text(table + "ignore = 1 1\n")
        saved(editor, name)
        while not editor.client.messages:
            await asyncio.sleep(0.05)
        assert f"{name}:" in editor.client.messages[0].message
        (tmp_path / name).write_text("")
        saved(editor, name)
        await until(editor, uri, ["OAI101"])


@asynchronous
async def test_the_workspace_is_told_once_and_then_held(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(OLD)
    async with editing(tmp_path, "neovim@0.11") as editor:
        ask = editor.client.workspace_diagnostic_async
        first = (await ask(types.WorkspaceDiagnosticParams([]))).items
        assert [(r.uri, [d.code for d in r.items]) for r in first] == [(editor.uri("app.py"), ["OAI101"])]  # type: ignore[union-attr]
        known = [types.PreviousResultId(first[0].uri, str(first[0].result_id))]
        held = asyncio.ensure_future(ask(types.WorkspaceDiagnosticParams(known)))
        await asyncio.sleep(3)
        assert not held.done()
        (tmp_path / "app.py").write_text("")
        saved(editor, "app.py")
        [report] = (await held).items
        assert list(report.items) == []  # type: ignore[union-attr]


@asynchronous
async def test_each_file_has_the_settings_of_its_own_folder(tmp_path: Path) -> None:
    """A nested configuration, its excludes and its codes per file hold for open buffers and for the whole folder."""
    (tmp_path / "part").mkdir()
    settings = 'extend-exclude = ["left_out.py"]\n[per-file-ignores]\n"quiet.py" = ["OAI101"]\n'
    (tmp_path / "part" / "oaimigrate.toml").write_text(settings)
    for name in ("left_out.py", "part/left_out.py", "part/quiet.py", "part/told.py"):
        (tmp_path / name).write_text(OLD)
    async with editing(tmp_path, "neovim@0.11") as editor:
        answer = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams([]))
        found = {r.uri: [d.code for d in r.items] for r in answer.items}  # type: ignore[union-attr]
        told = {editor.uri(name) for name in ("left_out.py", "part/told.py")}
        assert {uri: codes for uri, codes in found.items() if codes} == {uri: ["OAI101"] for uri in told}
    async with editing(tmp_path) as editor:
        names = ("part/left_out.py", "part/quiet.py", "part/told.py", "left_out.py")
        uris = [editor.open(name) for name in names]
        for uri, codes in zip(uris, [[], [], ["OAI101"], ["OAI101"]], strict=True):
            await until(editor, uri, codes)


@asynchronous
async def test_a_configuration_above_the_workspace_holds_when_it_changes(tmp_path: Path) -> None:
    """No client watches it: it is seen with the next key, and what it leaves out is left out."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "app.py").write_text(OLD)
    settings = tmp_path / "oaimigrate.toml"
    settings.write_text("")
    async with editing(folder) as editor:
        uri = editor.open("app.py")
        await until(editor, uri, ["OAI101"])
        for text, codes in (
            ('ignore = ["OAI101"]\n', []),
            ("", ["OAI101"]),
            ('extend-exclude = ["app.py"]\n', []),
            ("# nothing is left out\n", ["OAI101"]),
        ):
            settings.write_text(text)
            editor.replace(uri, editor.texts[uri] + "#\n")
            await until(editor, uri, codes)
        settings.unlink()


@asynchronous
async def test_open_files_that_a_run_leaves_out_are_left_alone(tmp_path: Path) -> None:
    """An editor names every file it opens, so excludes hold as with `--force-exclude`, and .gitignore as in a walk."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    (tmp_path / "oaimigrate.toml").write_text('extend-exclude = ["left_out.py"]\n')
    (tmp_path / ".venv").mkdir()
    names = ("ignored.py", "left_out.py", ".venv/package.py")
    for name in (*names, "app.py"):
        (tmp_path / name).write_text(OLD)
    async with editing(tmp_path) as editor:
        uris = [editor.open(name) for name in names]
        await until(editor, editor.open("app.py"), ["OAI101"])
        for uri in uris:
            await until(editor, uri, [])
            assert [a.title for a in await editor.actions(uri)] == []


NOTEBOOKS = {
    "old.ipynb": '{"cells": [{"cell_type": "code", "source": ["import openai\\n", "openai.Image.create()"]}]}',
    "broken.ipynb": '{"cells": [openai',
    "list.ipynb": '["openai"]',
    "empty.ipynb": "",
}


@asynchronous
async def test_notebooks_that_nobody_opened_are_no_obstacle(tmp_path: Path) -> None:
    """The protocol has no names for the cells of a notebook that is not open; other files are told as ever."""
    for name, text in NOTEBOOKS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "app.py").write_text(OLD)
    async with editing(tmp_path, "neovim@0.11") as editor:
        answer = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams([]))
        assert [r.uri for r in answer.items] == [editor.uri("app.py")]
