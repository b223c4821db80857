"""An editor for the tests: pytest-lsp's client with the abilities that a real one reports, talking to our server."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import functools
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pytest_lsp", reason="pytest-lsp is missing: pip install -e '.[dev]' brings it")

from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

ROOT = Path(__file__).parents[2]
PROFILES = ("visual_studio_code", "neovim@0.7", "neovim@0.11", "emacs")
PULLING = ("neovim@0.11",)


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in an event loop of its own, for a minute and a half at most."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 90))

    return run


class Editor:
    """A client in a folder."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.pushed: dict[str, types.PublishDiagnosticsParams] = {}
        self.edits: list[types.WorkspaceEdit] = []
        self.pulls = client.capabilities is not None and _pulls(client.capabilities)
        self.arrived = asyncio.Event()
        self.encoding = "utf-16"
        self.capabilities = types.ServerCapabilities()
        self.registered: list[types.Registration] = []

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str | None = None, *, language: str = "python") -> str:
        """Open a file, or a buffer with a text that was not saved; gives its URI."""
        uri = self.uri(name)
        self.texts[uri] = (self.folder / name).read_bytes().decode() if text is None else text
        self.versions[uri] = 1
        item = types.TextDocumentItem(uri, language, 1, self.texts[uri])
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def type(self, uri: str, *changes: types.TextDocumentContentChangeEvent) -> int:
        """Send changes of a buffer; gives its new version."""
        self.versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, list(changes)))
        return self.versions[uri]

    def replace(self, uri: str, text: str) -> int:
        """Give a buffer another text."""
        self.texts[uri] = text
        return self.type(uri, types.TextDocumentContentChangeWholeDocument(text))

    async def diagnostics(self, uri: str, version: int | None = None) -> list[types.Diagnostic]:
        """The findings of a buffer: pulled, or those pushed for its present version."""
        if self.pulls:
            return list((await self.pull(uri)).items)
        wanted = version or self.versions[uri]
        while uri not in self.pushed or self.pushed[uri].version != wanted:
            await asyncio.wait_for(self.arrived.wait(), 30)
            self.arrived.clear()
        return list(self.pushed[uri].diagnostics)

    async def pull(self, uri: str, previous: str | None = None) -> types.RelatedFullDocumentDiagnosticReport:
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri), previous_result_id=previous)
        return await self.client.text_document_diagnostic_async(params)  # type: ignore[return-value]

    async def actions(self, uri: str, where: types.Range | None = None, *only: str) -> list[types.CodeAction]:
        """The code actions at a range, by default the whole buffer."""
        everything = types.Range(types.Position(0, 0), types.Position(len(self.texts[uri].splitlines()) + 1, 0))
        context = types.CodeActionContext([], only=list(only) or None)  # type: ignore[arg-type]
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), where or everything, context)
        found = [_action(a) for a in await self.client.text_document_code_action_async(params) or []]
        return [
            await self.client.code_action_resolve_async(a) if a.edit is None and a.command is None else a for a in found
        ]

    def applied(self, action: types.CodeAction) -> dict[str, str]:
        """The texts of buffers after an action, by URI."""
        assert action.edit is not None
        changes = dict(action.edit.changes or {})
        for change in action.edit.document_changes or ():
            assert isinstance(change, types.TextDocumentEdit)
            assert change.text_document.version == self.versions[change.text_document.uri]
            changes[change.text_document.uri] = list(change.edits)  # type: ignore[arg-type]
        return {uri: apply(self.texts[uri], edits, self.encoding) for uri, edits in changes.items()}  # type: ignore[arg-type]


def _action(found: types.Command | types.CodeAction) -> types.CodeAction:
    """lsprotocol takes an action that has a command for the command itself."""
    if isinstance(found, types.CodeAction):
        return found
    inner = ast.literal_eval(found.command)
    command = types.Command(inner["title"], inner["command"], arguments=inner["arguments"])
    return types.CodeAction(found.title, command=command)


def apply(text: str, edits: list[types.TextEdit], encoding: str) -> str:
    """A text after edits, as an editor of that encoding applies them; written without any of our own code."""
    codec = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    lines = text.replace("\r\n", "\n").split("\n")
    assert "\r" not in "".join(lines)
    newline = "\r\n" if "\r\n" in text else "\n"

    def offset(position: types.Position) -> tuple[int, int]:
        line = lines[position.line].encode(codec)
        return position.line, len(line[: position.character * width].decode(codec))

    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        (row, column), (last, end) = offset(edit.range.start), offset(edit.range.end)
        new = lines[row][:column] + edit.new_text.replace("\r\n", "\n") + lines[last][end:]
        lines[row : last + 1] = new.split("\n")
    return newline.join(lines)


def _pulls(capabilities: types.ClientCapabilities) -> bool:
    return capabilities.text_document is not None and capabilities.text_document.diagnostic is not None


@contextlib.asynccontextmanager
async def editing(
    folder: Path,
    profile: str | types.ClientCapabilities = "visual_studio_code",
    *,
    folders: Sequence[types.WorkspaceFolder] | None = None,
) -> AsyncIterator[Editor]:
    """An editor in a folder, connected to a server of its own; with other `folders` open, or none, if it is said."""
    capabilities = client_capabilities(profile) if isinstance(profile, str) else profile
    client = make_test_lsp_client()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    await client.start_io(sys.executable, "-m", "oaimigrate", "server", env=environment, cwd=folder)
    if folders is None:
        folders = [types.WorkspaceFolder(folder.as_uri(), folder.name)]
    root = folders[0].uri if folders else None
    params = types.InitializeParams(capabilities=capabilities, root_uri=root, workspace_folders=list(folders))
    client.protocol.fm.features.pop(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    client.capabilities = capabilities
    editor = Editor(client, folder)

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def pushed(params: types.PublishDiagnosticsParams) -> None:
        editor.pushed[params.uri] = params
        editor.arrived.set()

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        editor.registered += params.registrations

    result = await client.initialize_session(params)
    chosen = result.capabilities.position_encoding or "utf-16"
    editor.encoding = str(getattr(chosen, "value", chosen))
    editor.capabilities = result.capabilities
    try:
        yield editor
    finally:
        await asyncio.wait_for(client.shutdown_session(), 20)
        await client.stop()


def notebook(editor: Editor, cells: list[str], name: str = "nb.ipynb") -> tuple[str, list[str]]:
    """Open a notebook; gives its URI and those of its cells."""
    uri = editor.uri(name)
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
