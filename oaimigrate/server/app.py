"""The server: its state, when buffers are checked, and how findings reach the client.

Clients that pull ask for findings when they want them; to others they are pushed, a moment after the last key.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException, PyglsError
from pygls.lsp.server import LanguageServer

from oaimigrate import __version__
from oaimigrate.server.checking import Checked, Worker
from oaimigrate.server.client import Client
from oaimigrate.server.documents import Buffer, Documents
from oaimigrate.server.findings import SOURCE, to_lsp
from oaimigrate.server.settings import Settings
from oaimigrate.server.sweep import Sweep
from oaimigrate.server.transport import Protocol

TYPING = 0.15  # seconds without a key before findings are pushed
SETTLED = 0.6  # seconds before the other open buffers are looked at again
QUIET = 2.0  # seconds before the files around the open ones are looked at
_STACK = 64 << 20  # bytes; LibCST is recursive, and threads get half a megabyte on some systems

_T = TypeVar("_T")
_NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[
        types.NotebookDocumentFilterWithNotebook(
            notebook="jupyter-notebook", cells=[types.NotebookCellLanguage(language="python")]
        )
    ],
    save=True,
)


class Server(LanguageServer):
    """One client and its open buffers."""

    def __init__(self) -> None:
        super().__init__(SOURCE, __version__, protocol_cls=Protocol, notebook_document_sync=_NOTEBOOKS)
        self.client = Client()
        self.buffers: dict[str, Buffer] = {}  # replaced whole, never changed: the worker reads them
        self.worker = Worker()
        self.worker.settings = Settings(self._mistake)
        self.sweep = Sweep()
        self.news = asyncio.Event()  # what was said of the workspace may not hold any more
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reported: dict[str, str] = {}  # by URI, the identity of the findings that the client has
        before = threading.stack_size(_STACK)
        self._thread = ThreadPoolExecutor(1, "analysis")
        self._thread.submit(int).result()  # the thread starts now, with its stack
        threading.stack_size(before)

    # -- the worker ------------------------------------------------------------------------------------------------

    async def on_worker(self, work: Callable[[], _T]) -> _T:
        """Run something on the worker thread, unless whoever wants it goes away before its turn."""
        self._loop = asyncio.get_running_loop()
        return await self._loop.run_in_executor(self._thread, work)

    def overlays(self) -> dict[str, str]:
        """The text of every open buffer, by path."""
        return {b.path: b.text for b in list(self.buffers.values())}

    async def checked(self, uri: str) -> Checked | None:
        """The findings of an open buffer as it is when its turn comes."""
        return await self.on_worker(lambda: self.check_now(uri))

    def check_now(self, uri: str) -> Checked | None:
        """The findings of an open buffer, on the worker thread."""
        buffer = self.buffers.get(uri)
        return self.worker.check(buffer, self.overlays()) if buffer is not None else None

    async def findings(self, uri: str) -> tuple[Buffer | None, list[types.Diagnostic]]:
        """The findings of an open buffer in the protocol's words."""

        def work() -> tuple[Buffer | None, list[types.Diagnostic]]:
            checked = self.check_now(uri)
            return (checked.buffer, self.translated(checked)) if checked is not None else (None, [])

        return await self.on_worker(work)

    def translated(self, checked: Checked) -> list[types.Diagnostic]:
        overlays = self.overlays()
        return [
            to_lsp(d, checked.buffer, self.client, lambda path: self.worker.text_of(path, overlays))
            for d in checked.diagnostics
        ]

    def _by_document(self, uri: str) -> tuple[Buffer, dict[str, list[types.Diagnostic]]] | None:
        checked = self.check_now(uri)
        if checked is None:
            return None
        found: dict[str, list[types.Diagnostic]] = {}
        for diagnostic, item in zip(checked.diagnostics, self.translated(checked), strict=True):
            found.setdefault(checked.buffer.place(diagnostic.span)[0], []).append(item)
        return checked.buffer, found

    # -- when ------------------------------------------------------------------------------------------------------

    def later(self, name: str, delay: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something after a delay, once, counted from the last time it was asked for."""

        async def run() -> None:
            await asyncio.sleep(delay)
            await work()

        if name in self._tasks:
            self._tasks[name].cancel()
        task = self._tasks[name] = asyncio.ensure_future(run())
        task.add_done_callback(lambda done: self._finished(name, done))

    def edited(self, uri: str, delay: float = TYPING) -> None:
        """A buffer has a new text. The cells of notebooks are always pushed: clients ask before they can be known."""
        if not self.client.pulls or (uri in self.buffers and self.buffers[uri].cells):
            self.later(uri, delay, lambda: self.push(uri))
        self.later("settle", max(delay, SETTLED), self.settle)

    async def push(self, uri: str) -> None:
        """Send the findings of a buffer."""
        found = await self.on_worker(lambda: self._by_document(uri))
        buffer = self.buffers.get(uri)
        if buffer is not None and found and found[0] is buffer:
            documents = [(c.uri, c.version) for c in buffer.cells] or [(buffer.uri, buffer.version)]
            self._reported[uri] = identity([item for items in found[1].values() for item in items])
            for name, version in documents:
                items = found[1].get(name, [])
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(name, items, version))

    async def settle(self) -> None:
        """Look at every open buffer again: a change of one file may change what is to be said of another."""
        old = False
        for uri in list(self.buffers):
            buffer, items = await self.findings(uri)
            if buffer is not None and self._reported.get(uri) != identity(items):
                if self.client.pulls and not buffer.cells:
                    old = uri in self._reported or old
                else:
                    await self.push(uri)
        if old:
            self.refresh()

    def refresh(self) -> None:
        """Ask the client to pull again."""
        if self.client.refreshes:
            self.workspace_diagnostic_refresh(None)

    def disk_changed(self, *paths: str) -> None:
        """Files were saved, created or deleted; without paths, anything may have happened."""
        self._thread.submit(self.worker.changed, paths)
        self.sweep.forget()
        self.news.set()
        self.later("settle", TYPING, self.settle)
        self.later("around", QUIET, self.look_around)

    async def look_around(self) -> None:
        """Find out what the files around the open ones are to them."""
        overlays = self.overlays()
        for folder, inside in await self.on_worker(lambda: self.worker.crowded(overlays)):
            around = await self.sweep.around(folder.root, inside, opened=folder.opened)
            if around is not None and await self.on_worker(functools.partial(folder.know, around)):
                await self.settle()

    def reported(self, uri: str, items: list[types.Diagnostic]) -> str:
        """Remember what the client was told about a buffer; gives its identity."""
        self._reported[uri] = identity(items)
        return self._reported[uri]

    def closed(self, uri: str) -> None:
        """A buffer is gone."""
        documents = [cell.uri for cell in self.buffers[uri].cells] or [uri]
        pushed = not self.client.pulls or documents != [uri]
        self.buffers = {u: b for u, b in self.buffers.items() if u != uri}
        self._thread.submit(self.worker.forget, uri)
        if self._reported.pop(uri, None) is not None and pushed:
            for name in documents:
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(name, []))
        self.later("settle", SETTLED, self.settle)

    # -- life ------------------------------------------------------------------------------------------------------

    def connected(self, params: types.InitializeParams) -> None:
        """The client introduced itself."""
        old = self.workspace
        documents = Documents(old.root_uri, old._sync_kind, list(old.folders.values()), old.position_encoding)
        self.protocol._workspace = documents
        encoding = old.position_encoding
        self.client = Client.of(params.capabilities, str(getattr(encoding, "value", encoding) or "utf-16"))

    @property
    def documents(self) -> Documents:
        assert isinstance(self.workspace, Documents)
        return self.workspace

    def report_server_error(self, error: Exception, source: type[PyglsError] | type[JsonRpcException]) -> None:
        """Errors of the protocol belong in the log: nobody who edits a file can do anything about them."""
        self.log(types.MessageType.Error, f"{type(error).__name__}: {error}")

    def _mistake(self, text: str) -> None:
        """A configuration that means nothing, met on the worker thread."""
        message = types.ShowMessageParams(types.MessageType.Error, f"oaimigrate: {text}")
        self._loop.call_soon_threadsafe(self.window_show_message, message)

    def log(self, level: types.MessageType, text: str) -> None:
        self.window_log_message(types.LogMessageParams(level, " ".join(text.split())))

    def end(self) -> None:
        """Leave nothing running."""
        self.sweep.close()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.shutdown()  # type: ignore[no-untyped-call]

    def _finished(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log(types.MessageType.Error, f"internal error: {type(error).__name__}: {error}")


def identity(items: list[types.Diagnostic]) -> str:
    """A short name of a list of findings: the same for the same findings."""
    return hashlib.sha256(repr(items).encode("utf-8", "surrogatepass")).hexdigest()[:16]
