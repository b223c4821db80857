"""Notebooks: names flow from cell to cell, and a fix changes every cell that it has to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from editor import PROFILES, Editor, asynchronous, editing
from lsprotocol import types

CELLS = [
    "%pip install requests\nimport openai\nopenai.api_key = 'k'",
    "x = '😀'; r = openai.ChatCompletion.create(model='m', messages=[])",
    "r['choices'][0]",
]


def notebook(editor: Editor, cells: list[str]) -> tuple[str, list[str]]:
    """Open a notebook; gives its URI and those of its cells."""
    uri = editor.uri("nb.ipynb")
    names = [f"vscode-notebook-cell:{uri.removeprefix('file:')}#W{number}sZmlsZQ%3D%3D" for number in range(len(cells))]
    kinds = [types.NotebookCell(types.NotebookCellKind.Code, name) for name in names]
    markup = types.NotebookCell(types.NotebookCellKind.Markup, f"{names[0]}markup")
    document = types.NotebookDocument(uri, "jupyter-notebook", 1, [markup, *kinds])
    texts = [types.TextDocumentItem(name, "python", 1, text) for name, text in zip(names, cells, strict=True)]
    for text in texts:
        editor.texts[text.uri], editor.versions[text.uri] = text.text, 1
    editor.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(document, texts))
    return uri, names


async def codes(editor: Editor, names: list[str]) -> list[list[tuple[object, int]]]:
    """What was pushed for each cell once all of them have been heard of."""
    while not all(name in editor.pushed for name in names):
        await asyncio.wait_for(editor.arrived.wait(), 30)
        editor.arrived.clear()
    return [[(d.code, d.range.start.line) for d in editor.pushed[name].diagnostics] for name in names]


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
