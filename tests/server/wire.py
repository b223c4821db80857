"""The server's standard streams, byte by byte: for what no client would send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
OPEN = {"uri": "file:///nowhere/a.py", "languageId": "python", "version": 1}


class Wire:
    """The server's standard streams, written to and read byte by byte."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.input, self.output = process, process.stdin, process.stdout
        self.last = 0

    def raw(self, data: bytes) -> None:
        self.input.write(data)
        self.input.flush()

    def send(self, message: object) -> None:
        body = json.dumps(message).encode()
        self.raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def notify(self, method: str, params: object) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def read(self) -> dict[str, Any]:
        length = 0
        while line := self.output.readline().strip():
            if line.lower().startswith(b"content-length"):
                length = int(line.partition(b":")[2])
        assert length, "the server is gone"
        found: dict[str, Any] = json.loads(self.output.read(length))
        return found

    def answer(self, id_: object) -> dict[str, Any]:
        """The answer to a request; what the server says meanwhile is passed over."""
        while True:
            message = self.read()
            if message.get("id") == id_ and "method" not in message:
                return message

    def ask(self, method: str, params: object) -> dict[str, Any]:
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        return self.answer(self.last)

    def codes(self, uri: str = OPEN["uri"]) -> list[str]:  # type: ignore[assignment]
        """What a pull finds: that the server still does its work."""
        report = self.ask("textDocument/diagnostic", {"textDocument": {"uri": uri}})
        return [item["code"] for item in report["result"]["items"]]


@contextmanager
def server(
    folder: Path,
    *,
    initialized: bool = True,
    program: tuple[str, ...] = ("-m", "oaimigrate"),
    errors: IO[bytes] | int = subprocess.DEVNULL,
) -> Iterator[Wire]:
    command = [sys.executable, *program, "server"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
    )
    wire = Wire(process)
    try:
        if initialized:
            capabilities = {"textDocument": {"diagnostic": {}}}
            wire.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
            wire.notify("initialized", {})
            text = "import openai\nopenai.Image.create(prompt='x')\n"
            wire.notify("textDocument/didOpen", {"textDocument": {**OPEN, "text": text}})
        yield wire
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(20)
        finally:
            process.kill()
            process.stdout.close()  # type: ignore[union-attr]
