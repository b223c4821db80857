"""GitHub's hash of a line, `primaryLocationLineHash`, by which it knows a finding again when lines move.

A polynomial hash, base 37 modulo 2^64, of the 100 UTF-16 units that begin in the line, without spaces and tabs and with
every newline as a line feed; then how many lines of the file had the same hash so far. The upload action computes it
where it is missing and warns where it differs: https://github.com/github/codeql-action/blob/main/src/fingerprints.ts.
"""

from __future__ import annotations

import struct
from collections import Counter

from oaimigrate.source import SourceError, read_bytes

_BLOCK, _BASE, _MASK = 100, 37, (1 << 64) - 1
_DROPPED = pow(_BASE, _BLOCK, 1 << 64)
_LINE_FEED, _END = 0x0A, 0xFFFF


def line_hashes(text: str) -> list[str]:
    """The hash of each line of a file, in their order."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    data = plain.encode("utf-16-le", "surrogatepass")
    units = [*struct.unpack(f"<{len(data) // 2}H", data), _END]
    starts = {0, *(at + 1 for at, unit in enumerate(units) if unit == _LINE_FEED)}
    padded = units + [0] * _BLOCK
    value = 0
    for unit in padded[:_BLOCK]:
        value = (value * _BASE + unit) & _MASK
    hashes, seen = [], Counter[int]()
    for at in range(len(units)):  # `value` is the hash of the block that begins at `at`
        if at in starts:
            seen[value] += 1
            hashes.append(f"{value:x}:{seen[value]}")
        value = (value * _BASE + padded[at + _BLOCK] - _DROPPED * padded[at]) & _MASK if at + 1 < len(units) else 0
    return hashes


def file_text(path: str, text: str) -> str:
    """A file as GitHub reads it: UTF-8 whatever it declares, byte order mark included; `text` if there is no file."""
    try:
        return read_bytes(path).decode("utf-8", "replace")
    except SourceError:
        return text
