"""What a program asked the server for: one `Request` for each HTTP request, in the order of arrival.

The hook in the isolated environment adds headers that start with `MARK`: where the request was really going, which
source line made it, on which thread and task, through which proxy. They are taken off here, before anything is
compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MARK = "x-oaimigrate-verify-"
API = "https://api.openai.com"  # a request straight to the server went where the environment said: to the API


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form: a text, or a file with its name."""

    name: str
    text: str
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the program meant it. `body` is a JSON value, a tuple of `Part`, a text, or None."""

    method: str
    origin: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    proxy: str = ""
    source: str = ""  # "app.py:12", where the hook could tell
    lane: str = ""  # thread and task; requests of different lanes have no order
    retry: int = 0  # how often the SDK had tried before
    outcome: str = ""  # what the server did: a status, "drop", "stall"

    @property
    def deployment(self) -> str:
        """The Azure deployment in the path, or nothing."""
        _, found, rest = self.path.partition("/openai/deployments/")
        return rest.partition("/")[0] if found else ""

    def done(self, outcome: str) -> Request:
        return replace(self, outcome=outcome)


def parse(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """The request that these bytes are; headers are given with lower-case names."""
    marks = {k.removeprefix(MARK): v for k, v in headers.items() if k.startswith(MARK)}
    url = urlsplit(target)
    plain = {k: v for k, v in headers.items() if not k.startswith(MARK)}
    retry = plain.get("x-stainless-retry-count", "0")
    return Request(
        method=method,
        origin=marks.get("origin", API),
        path=url.path,
        query=tuple(sorted(parse_qsl(url.query, keep_blank_values=True))),
        headers=plain,
        body=parse_body(plain.get("content-type", ""), body),
        proxy=marks.get("proxy", ""),
        source=marks.get("source", ""),
        lane=marks.get("lane", ""),
        retry=int(retry) if retry.isdigit() else 0,
    )


def parse_body(kind: str, body: bytes) -> Any:
    """A JSON value, the parts of a form, or the text; nothing for an empty body."""
    if kind.startswith("multipart/"):
        return _parts(kind, body)
    if kind.startswith("application/x-www-form-urlencoded"):
        return tuple(Part(name, value) for name, value in parse_qsl(body.decode(errors="replace")))
    if not body:
        return None
    text = readable(body)
    try:
        return json.loads(text)
    except ValueError:
        return text


def readable(data: bytes) -> str:
    """The text of some bytes; of binary data, its length and digest, which are as good for a comparison."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"<{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}>"


def _parts(kind: str, body: bytes) -> tuple[Part, ...]:
    form = BytesParser(policy=HTTP).parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
    parts = []
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        filename = part.get_param("filename", header="content-disposition")
        content = part.get_payload(decode=True)
        text = readable(content) if isinstance(content, bytes) else ""
        parts.append(Part(str(name), text, None if filename is None else str(filename)))
    return tuple(parts)
