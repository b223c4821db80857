"""JSON values with the places where they stand.

Only the values along one path are taken apart; the others, such as the outputs of a notebook, are read by the parser
of the standard library at its full speed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Place:
    """A value and the half-open range it takes in the text. Along the path, objects and arrays hold `Place`s."""

    value: Any
    start: int
    end: int


def value_at(text: str, start: int, *, keep: tuple[str, ...]) -> Place:
    """The value that begins at `start`, taken apart along `keep` (keys, "*" for every item); a JSONDecodeError if
    the text is not JSON or goes on behind a value at its top."""
    place = _value(text, _skip(text, start), (*keep, ""))
    end = _skip(text, place.end)
    if end < len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return place


def plain_reason(error: json.JSONDecodeError) -> str:
    """What is wrong, without the "at" that the parser leaves for the place it puts behind."""
    return error.msg.removesuffix(" at").removesuffix(" starting").lower()


def _value(text: str, at: int, keep: tuple[str, ...]) -> Place:
    opening = text[at : at + 1]
    if keep and opening == "{" and keep[0] != "*":
        return _object(text, at, keep)
    if keep and opening == "[":
        return _array(text, at, keep[1:] if keep[0] == "*" else ())
    value, end = _raw(text, at)
    return Place(value, at, end)


def _raw(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except StopIteration as error:  # what `raw_decode` of old versions lets through
        raise json.JSONDecodeError("Expecting value", text, at) from error


def _object(text: str, start: int, keep: tuple[str, ...]) -> Place:
    found: dict[str, Place] = {}
    at = _skip(text, start + 1)
    while text[at : at + 1] != "}":
        if found:
            at = _skip(text, _expect(text, at, ","))
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
        key, at = _raw(text, at)
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        place = _value(text, at, keep[1:] if key == keep[0] else ())
        found[key] = place
        at = _skip(text, place.end)
    return Place(found, start, at + 1)


def _array(text: str, start: int, keep: tuple[str, ...]) -> Place:
    found: list[Place] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        if found:
            at = _skip(text, _expect(text, at, ","))
        place = _value(text, at, keep)
        found.append(place)
        at = _skip(text, place.end)
    return Place(found, start, at + 1)


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, at)
    return at + 1


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
