"""The project around a buffer: other unsaved buffers, files on disk, the configuration, the whole folder."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from editor import Editor, asynchronous, codes, editing, notebook
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


SHOWS = "def show(answer):\n    print(answer['choices'])\n"
PASSES = "from gives import ask\nfrom shows import show\n\nshow(ask())\n"


@asynchronous
async def test_what_other_files_pass_to_a_function_is_known_in_its_file(tmp_path: Path) -> None:
    """Neither `shows.py` nor its caller says "openai"; what is saved in that one counts, and what is open here."""
    (tmp_path / "gives.py").write_text(GIVES)
    (tmp_path / "passes.py").write_text(PASSES)
    async with editing(tmp_path) as editor:
        shows = editor.open("shows.py", "")
        await until(editor, shows, [])
        editor.replace(shows, SHOWS)
        saved(editor, "shows.py")
        await until(editor, shows, ["OAI103"])
        fix = (await editor.actions(shows, None, "quickfix"))[0]
        assert editor.applied(fix)[shows] == SHOWS.replace("['choices']", ".choices")
        (tmp_path / "passes.py").write_text(PASSES.replace("ask()", "{'choices': []}"))
        saved(editor, "passes.py")
        await until(editor, shows, [])
        (tmp_path / "passes.py").write_text(PASSES)
        saved(editor, "passes.py")
        await until(editor, shows, ["OAI103"])
        (tmp_path / "passes.py").unlink()
        saved(editor, "passes.py")
        await until(editor, shows, [])


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
    "broken.ipynb": '{"cells": [openai',
    "list.ipynb": '["openai"]',
    "empty.ipynb": "",
}


@asynchronous
async def test_notebooks_that_nobody_opened_are_told_by_the_places_in_their_json(tmp_path: Path) -> None:
    """The protocol has no names for the cells of a notebook that is not open; those of an open one speak for it."""
    for name, text in NOTEBOOKS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "app.py").write_text(OLD)
    rows = ["import openai\n", "x = '\N{GRINNING FACE}'; openai.Image.create()"]
    cells = [
        {"cell_type": kind, "metadata": {}, "source": source}
        for kind, source in (("markdown", "# openai"), ("code", rows))
    ]
    old = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    (tmp_path / "old.ipynb").write_text(old)
    async with editing(tmp_path, "neovim@0.11") as editor:
        ask = editor.client.workspace_diagnostic_async
        found = {r.uri: r for r in (await ask(types.WorkspaceDiagnosticParams([]))).items}
        assert set(found) == {editor.uri(n) for n in ("app.py", "broken.ipynb", "list.ipynb", "old.ipynb")}
        report = found[editor.uri("old.ipynb")]
        [item] = report.items  # type: ignore[union-attr]
        assert item.message.startswith("cell 2, line 2: `openai.Image.create`")
        line = old.splitlines()[item.range.start.line].encode()  # the JSON is ASCII: all units are the same
        assert line[item.range.start.character : item.range.end.character] == b"openai.Image.create"

        known = [types.PreviousResultId(uri, str(r.result_id)) for uri, r in found.items()]
        held = asyncio.ensure_future(ask(types.WorkspaceDiagnosticParams(known)))
        uri, names = notebook(editor, ["".join(rows)], "old.ipynb")
        [report] = (await held).items
        assert (report.uri, list(report.items)) == (uri, [])  # type: ignore[union-attr]
        assert [[code for code, _ in cell] for cell in await codes(editor, names)] == [["OAI101"]]

        known = [k for k in known if k.uri != uri] + [types.PreviousResultId(uri, str(report.result_id))]
        held = asyncio.ensure_future(ask(types.WorkspaceDiagnosticParams(known)))
        closed = types.DidCloseNotebookDocumentParams(
            types.NotebookDocumentIdentifier(uri), [types.TextDocumentIdentifier(name) for name in names]
        )
        editor.client.notebook_document_did_close(closed)
        [report] = (await held).items
        assert (report.uri, [d.code for d in report.items]) == (uri, ["OAI101"])  # type: ignore[union-attr]


@pytest.mark.parametrize("place", ["inside", "outside"])
@asynchronous
async def test_an_extended_configuration_holds_when_it_changes(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "shared").mkdir()
    base = (folder / "shared" if place == "inside" else tmp_path) / "base.toml"
    base.write_text("")
    extend = os.path.relpath(base, folder).replace(os.sep, "/")
    (folder / "pyproject.toml").write_text(f'[tool.oaimigrate]\nextend = "{extend}"\n')
    async with editing(folder) as editor:
        uri = editor.open("app.py", OLD)
        await until(editor, uri, ["OAI101"])
        for text, expected in (('ignore = ["OAI101"]\n', []), ("# nothing\n", ["OAI101"])):
            base.write_text(text)
            if place == "inside":
                watched = editor.registered[0].register_options["watchers"]  # type: ignore[index]
                assert "**/*.toml" in [w["globPattern"] for w in watched]
                saved(editor, "shared/base.toml")
            else:  # no client watches it: it is seen with the next key
                editor.replace(uri, editor.texts[uri] + "#\n")
            await until(editor, uri, expected)
        base.unlink()
        editor.replace(uri, editor.texts[uri] + "#\n")
        while not editor.client.messages:
            await asyncio.sleep(0.05)
        assert "base.toml" in editor.client.messages[0].message
        base.write_text('ignore = ["OAI101"]\n')
        editor.replace(uri, editor.texts[uri] + "#\n")
        await until(editor, uri, [])


@asynchronous
async def test_a_file_that_is_renamed_takes_what_it_says_along(tmp_path: Path) -> None:
    (tmp_path / "gives.py").write_text(GIVES)
    async with editing(tmp_path) as editor:
        reads = editor.open("reads.py", READS)
        await until(editor, reads, ["OAI103"])
        (tmp_path / "gives.py").rename(tmp_path / "hands.py")
        changes = [
            types.FileEvent(editor.uri("gives.py"), types.FileChangeType.Deleted),
            types.FileEvent(editor.uri("hands.py"), types.FileChangeType.Created),
        ]
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))
        await until(editor, reads, [])
        editor.replace(reads, READS.replace("gives", "hands"))
        await until(editor, reads, ["OAI103"])


@asynchronous
async def test_a_lone_file_is_told_what_its_repository_says(tmp_path: Path) -> None:
    """No folder is open; the file belongs to a repository all the same, as one that the command line names."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "setup.py").write_text("")
    (tmp_path / "gives.py").write_text(GIVES)
    async with editing(tmp_path, folders=()) as editor:
        reads = editor.open("pkg/reads.py", READS)
        await until(editor, reads, ["OAI103"])


@asynchronous
async def test_two_folders_have_their_own_settings_and_come_and_go(tmp_path: Path) -> None:
    for name, settings in (("one", 'ignore = ["OAI101"]\n'), ("two", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "oaimigrate.toml").write_text(settings)
        (tmp_path / name / "app.py").write_text(OLD)
    folders = [types.WorkspaceFolder((tmp_path / name).as_uri(), name) for name in ("one", "two")]
    async with editing(tmp_path, "neovim@0.11", folders=folders) as editor:
        ask = editor.client.workspace_diagnostic_async
        first = (await ask(types.WorkspaceDiagnosticParams([]))).items
        assert [r.uri for r in first] == [editor.uri("two/app.py")]
        for name, expected in (("one/app.py", []), ("two/app.py", ["OAI101"])):
            assert [d.code for d in await editor.diagnostics(editor.open(name))] == expected
        known = [types.PreviousResultId(first[0].uri, str(first[0].result_id))]
        held = asyncio.ensure_future(ask(types.WorkspaceDiagnosticParams(known)))
        event = types.WorkspaceFoldersChangeEvent(added=[], removed=[folders[1]])
        editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))
        [report] = (await held).items
        assert (report.uri, list(report.items)) == (editor.uri("two/app.py"), [])  # type: ignore[union-attr]


@asynchronous
async def test_a_workspace_behind_a_link_is_one_workspace(tmp_path: Path) -> None:
    """What is said has the names that the editor has for the files, and each file is told once."""
    real = tmp_path / "real é"
    real.mkdir()
    (real / "gives.py").write_text(GIVES)
    (real / "oaimigrate.toml").write_text('ignore = ["OAI101"]\n')
    link = tmp_path / "link"
    link.symlink_to(real, target_is_directory=True)
    for folder in (link, real):
        async with editing(folder, "neovim@0.11") as editor:
            reads = editor.open("reads.py", READS)
            (real / "reads.py").write_text(READS)
            assert [d.code for d in await editor.diagnostics(reads)] == ["OAI103"]
            answer = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams([]))
            assert {r.uri: [d.code for d in r.items] for r in answer.items} == {reads: ["OAI103"]}  # type: ignore[union-attr]
        (real / "reads.py").unlink()


@asynchronous
async def test_another_version_of_a_file_is_no_file_of_the_project(tmp_path: Path) -> None:
    """Editors show the sides of a comparison as documents: they say nothing, and take nothing's place."""
    (tmp_path / "gives.py").write_text(GIVES)
    async with editing(tmp_path, "neovim@0.11") as editor:
        reads = editor.open("reads.py", READS)
        before = f"git:{tmp_path / 'gives.py'}?ref=HEAD"
        item = types.TextDocumentItem(before, "python", 1, OLD + "def ask(): return {}\n")
        editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        assert list((await editor.pull(before)).items) == []
        assert [d.code for d in await editor.diagnostics(reads)] == ["OAI103"]
        remote = "vscode-vfs://github/owner/repo/app.py"
        item = types.TextDocumentItem(remote, "python", 1, OLD)
        editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        assert [d.code for d in (await editor.pull(remote)).items] == ["OAI101"]
