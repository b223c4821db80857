"""Bytes on disk ↔ text in memory, and back without changing a byte: the only reader and writer of user files.

The text is exactly what the bytes decode to, less a byte order mark: newlines are never translated, so an offset into
the text always belongs to one place in the file.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import stat
import tempfile
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oaimigrate.diagnostics import Span

# Python's tokenizer ends a line here and nowhere else; str.splitlines also does at \x0c, \x1c, \u2028 and others.
_NEWLINE = re.compile(r"\r\n|\n|\r")
_NEWLINE_BYTES = re.compile(rb"\r\n|\n|\r")
# PEP 263: in the first line, or in the second if the first holds nothing but a comment.
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_BLANK = re.compile(rb"[ \t\f]*(?:#.*)?\Z", re.DOTALL)
_CHUNK = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class SourceError(Exception):
    """A file that cannot be read, decoded or written; row and column are 1-based."""

    def __init__(self, path: str, row: int, column: int, message: str) -> None:
        super().__init__(path, row, column, message)  # the arguments, so that it can be pickled
        self.path = path
        self.row = row
        self.column = column
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}:{self.row}:{self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person finds something: in a notebook, `row` counts within the cell, and cells from 1."""

    row: int
    column: int
    cell: int | None = None

    def __str__(self) -> str:
        return f"{'' if self.cell is None else f'cell {self.cell}:'}{self.row}:{self.column}"


@dataclass(frozen=True)  # no slots: cached_property keeps its value in __dict__
class Source:
    """The decoded text of one file and all that is needed to write it back as it was."""

    path: str
    text: str
    encoding: str = "utf-8"
    bom: bool = False
    exact: bool = True  # whether encoding the text gives the original bytes; not so for some stateful encodings

    @classmethod
    def read(cls, path: str) -> Source:
        """Read and decode a file; any failure is a SourceError."""
        return cls.from_bytes(read_bytes(path), path)

    @classmethod
    def from_bytes(cls, data: bytes, path: str) -> Source:
        if path.endswith(".ipynb"):
            from oaimigrate.notebooks.source import NotebookSource

            return NotebookSource.parse(data, path)
        if data[:2] in _UTF16 and not path.endswith((".py", ".pyi")):  # as PowerShell writes requirements
            text = decode(data, "utf-16", 1, path)
            return cls(path, text, "utf-16", exact=_encodes_to(text, "utf-16", data))
        bom = data.startswith(codecs.BOM_UTF8)
        body = data[len(codecs.BOM_UTF8) :] if bom else data
        encoding, row = _declared_encoding(body)
        if bom and not _is_utf8(encoding):
            raise SourceError(path, row, 1, f"the file starts with a UTF-8 byte order mark but declares `{encoding}`")
        text = decode(body, encoding, row, path)
        if (null := text.find("\0")) >= 0:
            raise SourceError(path, *position(text, null), "the file contains a null byte")
        exact = _is_utf8(encoding) or _encodes_to(text, encoding, body)
        return cls(path, text, encoding, bom, exact)

    @classmethod
    def from_text(cls, text: str, path: str) -> Source:
        return cls(path, text)

    def with_text(self, text: str) -> Source:
        """The same file with other contents; nothing is written."""
        return self if text == self.text else replace(self, text=text)

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        return (0, *(match.end() for match in _NEWLINE.finditer(self.text)))

    @cached_property
    def newline(self) -> str:
        """The commonest newline of the file, the first of them on a tie: the one for inserted lines."""
        crlf = self.text.count("\r\n")
        counts = {"\n": self.text.count("\n") - crlf, "\r\n": crlf, "\r": self.text.count("\r") - crlf}
        most = max(counts.values())
        if not most:
            return "\n"
        return next(m.group() for m in _NEWLINE.finditer(self.text) if counts[m.group()] == most)

    def position(self, offset: int) -> tuple[int, int]:
        """(row, column) of an offset, both 1-based, in code points."""
        row = bisect_right(self.line_starts, offset)
        return row, offset - self.line_starts[row - 1] + 1

    @property
    def virtual(self) -> bool:
        """Whether the text is made from that of the file, as for the cells of a notebook."""
        return False

    @property
    def unreadable(self) -> tuple[SourceError, ...]:
        """What of the file was left out since it cannot be read, with places in the text."""
        return ()

    def place(self, offset: int) -> Place:
        """Where a person finds an offset: what to print."""
        return Place(*self.position(offset))

    @property
    def file(self) -> Source:
        """The file itself, which programs show that know nothing of cells."""
        return self

    def file_offset(self, offset: int) -> int:
        """Where an offset of the text stands in `file`."""
        return offset

    def file_position(self, offset: int) -> tuple[int, int]:
        """(row, column) in the file itself."""
        return self.file.position(self.file_offset(offset))

    def around(self, span: Span) -> tuple[Source, Span]:
        """The text that a person sees around a span, and the span in it: the cell of a notebook, else the file."""
        return self, span

    def offset(self, row: int, column: int) -> int:
        """The offset of a 1-based row and column; what lies outside the text is moved to its nearest place."""
        if row > len(self.line_starts):
            return len(self.text)
        start, end = self.line_bounds(row)
        return min(start + max(column, 1) - 1, end)

    def byte_offset(self, row: int, column: int) -> int:
        """The offset of a place as Python's `ast` gives it: the row from 1, the column from 0 in bytes of UTF-8."""
        line = self.line(row).encode("utf-8", "surrogatepass")
        return self.line_starts[row - 1] + len(line[:column].decode("utf-8", "surrogatepass"))

    def line_bounds(self, row: int) -> tuple[int, int]:
        """Start and end offset of a 1-based row, without its newline."""
        start = self.line_starts[row - 1]
        end = self.line_starts[row] if row < len(self.line_starts) else len(self.text)
        if end > start and self.text[end - 1] == "\n":
            end -= 1
        if end > start and row < len(self.line_starts) and self.text[end - 1] == "\r":
            end -= 1
        return start, end

    def line(self, row: int) -> str:
        """The text of a 1-based row, without its newline."""
        start, end = self.line_bounds(row)
        return self.text[start:end]

    def encode(self, text: str) -> bytes:
        """The bytes that `text` becomes in this file."""
        if not self.exact:
            message = f"the file does not survive a round trip through its encoding `{self.encoding}`"
            raise SourceError(self.path, 1, 1, message)
        try:
            body = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            message = f"`{text[error.start]}` cannot be written in the file's encoding `{self.encoding}`"
            raise SourceError(self.path, *position(text, error.start), message) from error
        return codecs.BOM_UTF8 + body if self.bom else body

    def write(self, text: str) -> None:
        """Replace the file's contents, all or nothing."""
        data = self.encode(text)
        try:
            write_bytes(self.path, data)
        except OSError as error:
            raise SourceError(self.path, 1, 1, f"cannot be written: {_reason(error)}") from error


def position(text: str, offset: int) -> tuple[int, int]:
    """(row, column) of one offset, both 1-based; `Source.position` is the one to ask many times."""
    return Source("", text).position(offset)


def read_bytes(path: str) -> bytes:
    """The bytes of a file. `os.read` takes two thirds of the time of `open().read()`, and there are thousands."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            data = os.read(descriptor, _CHUNK)
            if len(data) == _CHUNK:
                chunks = [data]
                while chunk := os.read(descriptor, _CHUNK):
                    chunks.append(chunk)
                data = b"".join(chunks)
            return data
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SourceError(path, 1, 1, f"cannot be read: {_reason(error)}") from error


def read_or_nothing(path: str) -> bytes:
    """The bytes of a file; none where it cannot be read, which was reported when it was first tried."""
    try:
        return read_bytes(path)
    except SourceError:
        return b""


def write_bytes(path: str, data: bytes) -> None:
    """Write through a temporary file beside the target: a reader sees the old contents or the new, never a part.

    A symbolic link stays a link: its target is replaced. Mode and, where permitted, owner are kept.
    """
    target = os.path.realpath(path)
    before = os.stat(target)
    if not os.access(target, os.W_OK):
        raise PermissionError(13, os.strerror(13), path)  # os.replace needs only the folder to be writable
    descriptor, temporary = tempfile.mkstemp(prefix=".oaimigrate-", suffix=".tmp", dir=os.path.dirname(target))
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _copy_owner(temporary, before)
        os.chmod(temporary, stat.S_IMODE(before.st_mode))
        os.replace(temporary, target)
    except BaseException:  # KeyboardInterrupt as well
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _copy_owner(path: str, wanted: os.stat_result) -> None:
    if not hasattr(os, "chown"):
        return
    now = os.stat(path)
    if (now.st_uid, now.st_gid) != (wanted.st_uid, wanted.st_gid):
        with contextlib.suppress(OSError):
            os.chown(path, wanted.st_uid, wanted.st_gid)


def _declared_encoding(data: bytes) -> tuple[str, int]:
    """The encoding cookie and the row it stands in; ("utf-8", 1) without one."""
    start = 0
    for row in (1, 2):
        newline = _NEWLINE_BYTES.search(data, start)
        line = data[start : newline.start() if newline else len(data)]
        if cookie := _COOKIE.match(line):
            return cookie.group(1).decode("ascii"), row
        if newline is None or not _BLANK.match(line):
            break
        start = newline.end()
    return "utf-8", 1


def decode(data: bytes, encoding: str, row: int, path: str) -> str:
    """The text of some bytes; `row` is where their encoding is declared."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        message = f"cannot be decoded as `{encoding}`: byte 0x{data[error.start]:02x}"
        raise SourceError(path, *position(before, len(before)), message) from error
    except (LookupError, ValueError) as error:  # unknown, or not an encoding of text
        raise SourceError(path, row, 1, f"unknown encoding `{encoding}`") from error


def _encodes_to(text: str, encoding: str, data: bytes) -> bool:
    try:
        return text.encode(encoding) == data
    except ValueError:
        return False


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
