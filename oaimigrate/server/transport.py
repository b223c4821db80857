"""JSON-RPC over standard input and output that outlives whatever arrives there.

pygls answers well-formed messages. What it does not do is here: find the next message after a broken header, tell a
client why a malformed request failed instead of leaving it waiting, and keep its errors out of the user's sight.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcServerNotInitialized,
)
from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async
from pygls.protocol import LanguageServerProtocol

if TYPE_CHECKING:
    from oaimigrate.server.app import Server

_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d+)[ \t]*\r?\n\Z", re.IGNORECASE)
_LARGEST = 1 << 28  # bytes; a message larger than this is taken for a broken header


class Reader(StdinAsyncReader):
    """Reads headers as they should have been: a body of the wrong length leaves a part of it before the next header."""

    async def readline(self) -> bytes:
        line: bytes = await super().readline()
        found = _LENGTH.search(line)
        if found is None:
            return line
        length = int(found[1]) if len(found[1]) < 10 else _LARGEST + 1
        return b"Content-Length: %d\r\n" % length if length <= _LARGEST else b"Content-Length: too large\r\n"


class Protocol(LanguageServerProtocol):
    """Gives each request an answer, whatever is wrong with it."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "method" in data and isinstance(data.get("id"), (int, str)):
                reason = _reason(error.__cause__ or error)
                self._send_response(data["id"], error=JsonRpcInvalidParams(reason).to_response_error())
            raise

    def handle_message(self, message: Any) -> None:
        if not hasattr(message, "jsonrpc"):
            raise JsonRpcInvalidRequest("this is no JSON-RPC 2.0 message")
        if self._shutdown and isinstance(getattr(message, "id", None), (int, str)) and hasattr(message, "method"):
            error = JsonRpcInvalidRequest("the server is shutting down").to_response_error()
            self._send_response(message.id, error=error)
            return
        super().handle_message(message)

    def _get_handler(self, feature_name: str) -> Any:
        if self._workspace is None and feature_name not in (types.INITIALIZE, types.EXIT):
            raise JsonRpcServerNotInitialized("the first request must be `initialize`")
        return super()._get_handler(feature_name)


def serve(server: Server, stdin: BinaryIO, stdout: BinaryIO) -> int:
    """Serve one client until it says goodbye or goes away. Gives the exit code: 0 after a proper `shutdown`."""
    reading = ThreadPoolExecutor(1, "stdin")
    server._stop_event = threading.Event()
    server.protocol.set_writer(StdoutWriter(stdout))
    reader = Reader(stdin, reading)
    try:
        asyncio.run(run_async(server._stop_event, reader, server.protocol, error_handler=server._report_server_error))
    except (BrokenPipeError, KeyboardInterrupt, SystemExit):
        pass
    finally:
        # The process is over: threads whose work is cut off would complain, and editors show that as a crash.
        threading.excepthook = lambda _: None
        sys.unraisablehook = lambda _: None
        reading.shutdown(wait=False, cancel_futures=True)
        server.end()
    return 0 if server.protocol._shutdown else 1


def _reason(error: BaseException) -> str:
    """One line on what was wrong with a message, without the frames of a validator."""
    if inner := getattr(error, "exceptions", ()):  # a group, with a reason inside
        return _reason(inner[0])
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
