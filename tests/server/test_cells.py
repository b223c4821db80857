"""Notebooks: names flow from cell to cell, and a fix changes every cell that it has to."""

from __future__ import annotations

from pathlib import Path

import pytest
from editor import PROFILES, asynchronous, codes, editing, notebook
from lsprotocol import types

CELLS = [
    "%pip install requests\nimport openai\nopenai.api_key = 'k'",
    "x = '😀'; r = openai.ChatCompletion.create(model='m', messages=[])",
    "r['choices'][0]",
]


@pytest.mark.parametrize("profile", PROFILES)
@asynchronous
async def test_cells_are_one_program(tmp_path: Path, profile: str) -> None:
    async with editing(tmp_path, profile) as editor:
        _, names = notebook(editor, CELLS)
        assert await codes(editor, names) == [[("OAI102", 2)], [("OAI101", 0)], [("OAI103", 0)]]
        column = {"utf-8": 5 + 4 + 7, "utf-16": 5 + 2 + 7, "utf-32": 5 + 1 + 7}[editor.encoding]
        assert editor.pushed[names[1]].diagnostics[0].range.start.character == column
        fix = next(a for a in await editor.actions(names[1]) if a.title.startswith("Call"))
        after = editor.applied(fix)
    assert after == {
        names[0]: "%pip install requests\nimport openai\nclient = openai.OpenAI(api_key='k')",
        names[1]: "x = '😀'; r = client.chat.completions.create(model='m', messages=[])",
    }


@pytest.mark.parametrize("kind", ["source.fixAll", "notebook.source.fixAll"])
@asynchronous
async def test_fix_all_fixes_the_notebook(tmp_path: Path, kind: str) -> None:
    async with editing(tmp_path) as editor:
        _, names = notebook(editor, CELLS)
        await codes(editor, names)
        [action] = await editor.actions(names[2], None, kind)
        assert editor.applied(action)[names[2]] == "r.choices[0]"
        assert "client.chat" in editor.applied(action)[names[1]]


@asynchronous
async def test_cells_are_typed_in_added_and_closed(tmp_path: Path) -> None:
    async with editing(tmp_path, "neovim@0.11") as editor:
        uri, names = notebook(editor, CELLS)
        await codes(editor, names)
        assert (await editor.pull(names[1])).items in ([], ())  # what is pushed would be shown twice
        editor.pushed.clear()
        document = types.VersionedNotebookDocumentIdentifier(version=2, uri=uri)
        changed = types.NotebookDocumentCellContentChanges(
            types.VersionedTextDocumentIdentifier(uri=names[2], version=2),
            [types.TextDocumentContentChangeWholeDocument("r.choices[0]")],
        )
        change = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(text_content=[changed]))
        editor.client.notebook_document_did_change(types.DidChangeNotebookDocumentParams(document, change))
        assert (await codes(editor, names))[2] == []
        assert editor.pushed[names[2]].version == 2
        editor.pushed.clear()
        cells = [types.TextDocumentIdentifier(name) for name in names]
        identifier = types.NotebookDocumentIdentifier(uri)
        editor.client.notebook_document_did_close(types.DidCloseNotebookDocumentParams(identifier, cells))
        assert await codes(editor, names) == [[], [], []]


@asynchronous
async def test_a_notebook_that_loses_its_last_cell_has_nothing_to_say(tmp_path: Path) -> None:
    async with editing(tmp_path, "neovim@0.11") as editor:
        uri, names = notebook(editor, CELLS[1:2])
        await codes(editor, names)
        editor.pushed.clear()
        structure = types.NotebookDocumentCellChangeStructure(
            types.NotebookCellArrayChange(start=0, delete_count=2),
            did_close=[types.TextDocumentIdentifier(name) for name in names],
        )
        change = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(structure=structure))
        document = types.VersionedNotebookDocumentIdentifier(version=2, uri=uri)
        editor.client.notebook_document_did_change(types.DidChangeNotebookDocumentParams(document, change))
        assert await codes(editor, names) == [[]]


@asynchronous
async def test_a_notebook_reads_what_a_module_returns(tmp_path: Path) -> None:
    """No cell says "openai"."""
    (tmp_path / "gives.py").write_text(
        "import openai\n\n\ndef ask():\n    return openai.Completion.create(model='m')\n"
    )
    async with editing(tmp_path) as editor:
        _, names = notebook(editor, ["from gives import ask", "ask()['choices']"])
        assert await codes(editor, names) == [[], [("OAI103", 0)]]
