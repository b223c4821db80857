"""Bytes in, the same bytes out; positions as Python's tokenizer counts them; a write is all or nothing."""

from __future__ import annotations

import io
import os
import pickle
import stat
import sys
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oaimigrate import source as source_module
from oaimigrate.source import Source, SourceError

BOM = b"\xef\xbb\xbf"
lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
texts = st.lists(st.tuples(lines, st.sampled_from(["\n", "\r\n", "\r", "\x0c", "\u2028", ""]))).map(
    lambda pairs: "".join(a + b for a, b in pairs)
)


@given(texts, st.booleans())
def test_utf8_survives_a_round_trip(text: str, bom: bool) -> None:
    body = text.removeprefix("\ufeff").encode()
    if source_module._declared_encoding(body)[0] != "utf-8":
        return
    data = BOM + body if bom else body
    source = Source.from_bytes(data, "x.py")
    assert source.bom is bom
    assert source.encode(source.text) == data


@given(
    st.binary(max_size=60),
    st.sampled_from(["latin-1", "cp1252", "shift_jis", "utf-7", "iso-2022-jp", "koi8-r", "utf-16"]),
)
def test_any_bytes_are_kept_or_refused(data: bytes, encoding: str) -> None:
    whole = f"# -*- coding: {encoding} -*-\n".encode() + data
    try:
        source = Source.from_bytes(whole, "x.py")
        encoded = source.encode(source.text)
    except SourceError:
        return
    assert encoded == whole


@given(texts)
def test_positions_and_offsets_are_inverse(text: str) -> None:
    source = Source.from_text(text, "x.py")
    rows = [source.line(row) for row in range(1, len(source.line_starts) + 1)]
    assert rows == io.StringIO(text, newline=None).read().split("\n")
    for offset in range(len(text) + 1):
        row, column = source.position(offset)
        if column <= len(source.line(row)) + 1:
            assert source.offset(row, column) == offset


def test_positions_agree_with_tokenize() -> None:
    text = "a = 'é\u2028'\n\x0cb = 2\r\nif c:\n\td = '日本'; e\n"
    source = Source.from_text(text, "x.py")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.STRING, tokenize.NUMBER):
            start = source.offset(token.start[0], token.start[1] + 1)
            assert text[start : start + len(token.string)] == token.string
            assert source.position(start) == (token.start[0], token.start[1] + 1)


def test_an_offset_outside_the_text_is_moved_inside() -> None:
    source = Source.from_text("ab\r\ncd", "x.py")
    assert [source.offset(1, 9), source.offset(9, 1), source.offset(2, 0), source.offset(2, 9)] == [2, 6, 4, 6]


@pytest.mark.parametrize(
    ("text", "newline"),
    [("", "\n"), ("a\r\nb\r\nc\n", "\r\n"), ("a\rb\r", "\r"), ("a\r\nb\n", "\r\n"), ("a\nb\r\n", "\n"), ("a", "\n")],
)
def test_the_newline_for_insertions_is_the_commonest(text: str, newline: str) -> None:
    assert Source.from_text(text, "x.py").newline == newline


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"# coding: latin-1\nx = '\xe9'\n", "latin-1", "x = 'é'"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n", "cp1252", "x = '€'"),
        (b"# coding: latin-1\rx = '\xe9'\r", "latin-1", "x = 'é'"),
        (b"\x0c\r\n# coding: latin-1\r\nx = '\xe9'", "latin-1", "x = 'é'"),
        (b"import os\n# coding: latin-1\nx = '\xc3\xa9'\n", "utf-8", "x = 'é'"),
    ],
)
def test_the_encoding_cookie_is_read(data: bytes, encoding: str, text: str) -> None:
    source = Source.from_bytes(data, "x.py")
    assert source.encoding == encoding
    assert text in source.text
    assert source.encode(source.text) == data


@pytest.mark.parametrize(
    ("data", "where", "message"),
    [
        (b"a = 1\nb = '\xe9'\n", (2, 6), "cannot be decoded as `utf-8`: byte 0xe9"),
        ("é\rb = '".encode() + b"\xff'", (2, 6), "cannot be decoded as `utf-8`: byte 0xff"),
        (b"#!/bin/x\n# coding: klingon\n", (2, 1), "unknown encoding `klingon`"),
        (b"# coding: rot13\n", (1, 1), "unknown encoding `rot13`"),
        (BOM + b"# coding: latin-1\n", (1, 1), "the file starts with a UTF-8 byte order mark but declares `latin-1`"),
        (b"a\nb\0c\n", (2, 2), "the file contains a null byte"),
        (b"\xff\xfea\0", (1, 1), "cannot be decoded as `utf-8`: byte 0xff"),
    ],
)
def test_what_cannot_be_decoded_says_where(data: bytes, where: tuple[int, int], message: str) -> None:
    with pytest.raises(SourceError) as caught:
        Source.from_bytes(data, "x.py")
    assert (caught.value.row, caught.value.column, caught.value.message) == (*where, message)


def test_an_error_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(SourceError("a.py", 2, 3, "bad")))
    assert str(error) == "a.py:2:3: bad"


def test_text_outside_the_encoding_is_refused() -> None:
    source = Source.from_bytes(b"# coding: latin-1\nx = 1\n", "x.py")
    with pytest.raises(SourceError, match="cannot be written in the file's encoding `latin-1`"):
        source.encode("x = '日'")


def test_writing_keeps_mode_and_link(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "real.py"
    target.parent.mkdir()
    target.write_bytes(BOM + b"a = 1\r\n")
    target.chmod(0o751)
    link = tmp_path / "link.py"
    link.symlink_to(target)
    source = Source.read(str(link))
    source.write(source.text + "b = 2\r\n")
    assert link.is_symlink()
    assert target.read_bytes() == BOM + b"a = 1\r\nb = 2\r\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o751
    assert os.listdir(tmp_path / "deep") == ["real.py"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, step: str
) -> None:
    path = tmp_path / "a.py"
    path.write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(source_module.os, step, fail)
    with pytest.raises((SourceError, KeyboardInterrupt)):
        Source.read(str(path)).write("new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.py"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(SourceError, match="cannot be written: permission denied"):
        Source.read(str(path)).write("new")


def test_a_missing_file_and_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: no such file or directory"):
        Source.read(str(tmp_path / "none.py"))
    with pytest.raises(SourceError, match="cannot be read: is a directory"):
        Source.read(str(tmp_path))


def test_a_large_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    data = b"x = 1\n" * 500_000
    path.write_bytes(data)
    assert Source.read(str(path)).encode(Source.read(str(path)).text) == data
