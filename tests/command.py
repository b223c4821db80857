"""Runs the command line in this process, as the console script does."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass

import pytest

from oaimigrate import cli


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


class Terminal(io.TextIOWrapper):
    """A standard stream that keeps bytes, as `sys.stdout.buffer` does."""

    def __init__(self, *, tty: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty

    def value(self) -> bytes:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue()


def oaimigrate(monkeypatch: pytest.MonkeyPatch, *arguments: str, stdin: bytes = b"", tty: bool = False) -> Done:
    out, err = Terminal(tty=tty), Terminal(tty=tty)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    code = cli.main(list(arguments))
    return Done(code, out.value(), err.value().decode())
