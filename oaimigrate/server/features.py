"""What the server answers: one function for each request and notification of the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lsprotocol import types

from oaimigrate import notebooks, rulebook
from oaimigrate.diagnostics import Edit, FileResult, Safety
from oaimigrate.server import actions
from oaimigrate.server.app import QUIET, TYPING, Server, identity
from oaimigrate.server.checking import Checked
from oaimigrate.server.documents import Buffer, difference, path_of
from oaimigrate.server.findings import page_uri, to_lsp
from oaimigrate.server.hover import hover
from oaimigrate.source import Source, SourceError

_WATCHED = (
    "**/*.{py,pyi,ipynb}",
    "**/*.toml",  # configuration, and what it may extend
    "**/{setup.cfg,Pipfile,.gitignore}",
    "**/*{requirements,constraints}*.{txt,in}",
    "**/{requirements,constraints}/*.{txt,in}",
    "**/*{environment,env,conda}*.{yml,yaml}",
)


def make() -> Server:
    """A server that is ready to serve a client."""
    server = Server()
    for register in (_life, _documents, _notebooks, _pull, _actions):
        register(server)
    return server


def _life(server: Server) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.connected(params)
        _use_folders(server)

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        if server.client.watches:
            watchers = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            registration = types.Registration("watched-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            server.client_register_capability(types.RegistrationParams([registration]))
        server.later("around", QUIET, server.look_around)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
        _use_folders(server)
        server.disk_changed()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        server.disk_changed(*dict.fromkeys(path_of(change.uri) for change in params.changes))

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configuration_changed(params: types.DidChangeConfigurationParams) -> None:
        server.disk_changed()


def _use_folders(server: Server) -> None:
    uris = list(server.workspace.folders) or [server.workspace.root_uri]
    server.worker.roots = [path_of(uri).rstrip("/") or "/" for uri in uris if uri]


def _documents(server: Server) -> None:
    def update(uri: str) -> bool:
        buffer = server.documents.buffer(uri)
        if buffer is not None:
            server.buffers = {**server.buffers, uri: buffer}
        return buffer is not None

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        if update(params.text_document.uri):
            server.edited(params.text_document.uri, 0)
            server.later("around", QUIET, server.look_around)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        if update(params.text_document.uri):
            server.edited(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        if not server.client.watches:
            server.disk_changed(path_of(params.text_document.uri))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        if params.text_document.uri in server.buffers:
            server.closed(params.text_document.uri)


def _notebooks(server: Server) -> None:
    def update(uri: str, delay: float = TYPING) -> None:
        buffer = server.documents.notebook(uri)
        if buffer is not None and not buffer.cells and uri in server.buffers:
            server.closed(uri)
        if buffer is not None and buffer.cells:
            gone = (
                {c.uri for c in server.buffers[uri].cells} - {c.uri for c in buffer.cells}
                if uri in server.buffers
                else ()
            )
            for cell in gone:
                server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(cell, []))
            server.buffers = {**server.buffers, uri: buffer}
            server.edited(uri, delay)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenNotebookDocumentParams) -> None:
        update(params.notebook_document.uri, 0)
        server.news.set()

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeNotebookDocumentParams) -> None:
        update(params.notebook_document.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseNotebookDocumentParams) -> None:
        if params.notebook_document.uri in server.buffers:
            server.closed(params.notebook_document.uri)
            server.news.set()


def _pull(server: Server) -> None:
    options = types.DiagnosticOptions(identifier="oaimigrate", inter_file_dependencies=True, workspace_diagnostics=True)

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def pull(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        _, items = await server.findings(params.text_document.uri)
        name = server.reported(params.text_document.uri, items)
        if name == params.previous_result_id:
            return types.RelatedUnchangedDocumentDiagnosticReport(name)
        return types.RelatedFullDocumentDiagnosticReport(items, result_id=name)

    @server.feature(types.WORKSPACE_DIAGNOSTIC)
    async def pull_workspace(params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        """Held open until there is something new: a client asks again as soon as it has an answer."""
        known = {previous.uri: previous.value for previous in params.previous_result_ids}
        while True:
            server.news.clear()
            reports = await _workspace(server, known)
            if reports:
                return types.WorkspaceDiagnosticReport(reports)
            await server.news.wait()
            await asyncio.sleep(2.0)  # a checkout changes many files, one after the other


async def _workspace(server: Server, known: dict[str, str]) -> list[types.WorkspaceDocumentDiagnosticReport]:
    """Reports of the files whose findings are not those that the client knows."""
    overlays = server.overlays()
    results = await server.sweep.check(server.worker.roots, overlays)
    versions = {b.path: (b.uri, b.version) for b in server.buffers.values()}
    reports: list[types.WorkspaceDocumentDiagnosticReport] = []
    seen = set()
    for result in results:
        buffer = _unopened(server, result)
        if buffer is None:
            continue
        items = [
            to_lsp(d, buffer, server.client, lambda p: server.worker.text_of(p, overlays)) for d in result.diagnostics
        ]
        uri, version = versions.get(result.path) or (_uri(result.path), None)
        seen.add(uri)
        if known.get(uri) != identity(items):
            reports.append(types.WorkspaceFullDocumentDiagnosticReport(uri, items, version, result_id=identity(items)))
    for uri, name in known.items():
        if uri not in seen and name != identity([]):
            reports.append(types.WorkspaceFullDocumentDiagnosticReport(uri, [], None, result_id=identity([])))
    return reports


def _unopened(server: Server, result: FileResult) -> Buffer | None:
    """A file of the workspace as a buffer; None for an open notebook, whose findings are those of its cells."""
    uri = _uri(result.path)
    if not result.path.endswith(notebooks.SUFFIX):
        return Buffer(uri, result.path, result.text, None)
    if any(b.path == result.path for b in server.buffers.values()):
        return None
    try:
        read = Source.read(result.path)
    except SourceError:  # no notebook: its text is what it holds
        return Buffer(uri, result.path, result.text, None)
    text = read.file.text
    return Buffer(uri, result.path, text, None, closed=True) if read.text == result.text else None  # since changed


def _uri(path: str) -> str:
    from pygls.uris import from_fs_path

    return from_fs_path(path) or path


def _actions(server: Server) -> None:
    options = types.CodeActionOptions(code_action_kinds=list(actions.KINDS), resolve_provider=True)

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def code_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        checked = await server.checked(_buffer_of(server, params.text_document.uri))
        if checked is None:
            return []
        offered = _offered(server, checked, params)
        if not server.client.resolves:
            for action in offered:
                await _resolve(server, action)
        return offered

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        await _resolve(server, action)
        return action

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hovered(params: types.HoverParams) -> types.Hover | None:
        checked = await server.checked(_buffer_of(server, params.text_document.uri))
        return hover(checked, params.text_document.uri, params.position, server.client) if checked else None

    @server.command(actions.EXPLAIN)
    async def explain(code: str) -> str | None:
        page = rulebook.load().get(str(code))
        if page is None:
            return None
        if server.client.shows:
            server.window_show_document(types.ShowDocumentParams(page_uri(page), take_focus=True))
        else:
            text = f"{page.code} ({page.name}): {page.summary}. `oaimigrate rule {page.code}` says more."
            server.window_show_message(types.ShowMessageParams(types.MessageType.Info, text))
        return page.documentation


def _buffer_of(server: Server, uri: str) -> str:
    """The URI of the buffer that a document belongs to: for a cell its notebook."""
    return next((b.uri for b in server.buffers.values() if any(c.uri == uri for c in b.cells)), uri)


def _offered(server: Server, checked: Checked, params: types.CodeActionParams) -> list[types.CodeAction]:
    buffer, client, uri = checked.buffer, server.client, params.text_document.uri
    only = params.context.only
    offered: list[types.CodeAction] = []

    def edit(edits: Sequence[Edit]) -> types.WorkspaceEdit:
        return actions.workspace_edit(buffer, edits, client)

    if actions.wanted(actions.QUICK_FIX.value, only):
        here = actions.touching(checked, uri, params.range, client)
        told = {id(d): to_lsp(d, buffer, client, lambda path: None) for d in here}
        for d in here:
            if d.fix is not None and actions.applicable(d.fix):
                safe = d.fix.safety is Safety.SAFE
                offered.append(
                    types.CodeAction(actions.title(d), actions.QUICK_FIX, [told[id(d)]], safe, edit=edit(d.fix.edits))
                )
        comments = {
            (d.code, comment): d for d in reversed(here) if (comment := actions.ignoring(d, checked.source)) is not None
        }
        for (code, comment), d in reversed(comments.items()):
            title = f"Ignore {code} on this line"
            offered.append(types.CodeAction(title, actions.QUICK_FIX, [told[id(d)]], edit=edit(comment)))
        for d in {d.code: d for d in here}.values():
            if (command := actions.explanation(d)) is not None:
                offered.append(types.CodeAction(command.title, actions.QUICK_FIX, [told[id(d)]], command=command))
    kinds = [
        k for k in (actions.FIX_ALL, *([actions.NOTEBOOK_FIX_ALL] * bool(buffer.cells))) if actions.wanted(k, only)
    ]
    if any(d.fix and actions.applicable(d.fix) and d.fix.safety is Safety.SAFE for d in checked.diagnostics):
        title = "Fix all safe oaimigrate problems" + (" of the notebook" if buffer.cells else "")
        offered += [types.CodeAction(title, kind, data={"uri": buffer.uri}) for kind in kinds]
    return offered


async def _resolve(server: Server, action: types.CodeAction) -> None:
    """Give a fix-all action its edits; other actions have them already."""
    uri = action.data.get("uri") if isinstance(action.data, dict) else None
    buffer = server.buffers.get(str(uri))
    if action.edit is not None or buffer is None:
        return
    fixed = await server.on_worker(lambda: server.worker.fixed(buffer, server.overlays(), Safety.SAFE))
    edits = list(difference(buffer.source.text, fixed))
    action.edit = actions.workspace_edit(buffer, edits, server.client)
