"""Answers that the user prescribes: `--replies FILE`, a JSON list of replies.

A reply says for which requests it is and what happens to them. The first one that fits and is not used up answers; a
request that none fits gets the answer of `answers.py`. The SDK's own retries get what their first try got and use
nothing up.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from oaimigrate.verify import answers, routes
from oaimigrate.verify.answers import Answer, World
from oaimigrate.verify.recording import Part, Request


class RepliesError(Exception):
    """A replies file that cannot be used; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One entry of a replies file; every key may be left out."""

    # for which requests
    method: str = ""
    path: str = ""  # the end of the path, such as "/chat/completions"
    model: str = ""  # the model, deployment or engine that is asked for
    contains: str = ""  # words in the body
    times: int = 0  # how many requests it is for; 0 is all of them
    # what they get
    status: int = 0
    headers: dict[str, str] | None = None
    text: str | None = None  # the words of a completion
    error: dict[str, Any] | str | None = None  # {"message", "type", "param", "code"}; the rest is filled in
    json: Any = None  # the whole body
    body: str | None = None  # the whole body, not JSON
    content_type: str = ""
    events: list[Any] | None = None  # the chunks of a stream
    # how
    delay: float = 0.0  # seconds before the answer
    pause: float = 0.0  # seconds between the chunks of a stream
    drop: bool = False  # close the connection instead
    drop_after: int | None = None  # close the connection after so many chunks

    def fits(self, request: Request) -> bool:
        if self.method and self.method.upper() != request.method:
            return False
        if self.path and not request.path.endswith(self.path):
            return False
        if self.model and self.model != answers.model_of(request):
            return False
        return not self.contains or self.contains in _words(request.body)

    def answer(self, request: Request, world: World) -> Answer:
        """The answer before what goes wrong with it on the way."""
        made = self._made(request, world)
        if self.content_type or self.headers:
            kind = self.content_type or made.content_type
            made = Answer(made.body, made.status, kind, {**made.headers, **(self.headers or {})}, made.events)
        return made

    def _made(self, request: Request, world: World) -> Answer:
        status = self.status or 200
        if self.json is not None:
            return Answer(self.json, status)
        if self.body is not None:
            return Answer(self.body, status, "text/plain")
        if self.events is not None:
            return Answer(status=status, events=tuple(self.events))
        if self.error is not None or status >= 400:
            given = {"message": self.error} if isinstance(self.error, str) else (self.error or {})
            message = given.get("message", f"Prescribed error {status}")
            made = answers.error(self.status or 400, message, code=given.get("code"))
            made.body["error"].update(given)
            return made
        return routes.answer(request, world, text=self.text)


class Script:
    """The replies of one run, and how often each was used."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = [[reply, reply.times or -1] for reply in replies]
        self._last: dict[str, Reply | None] = {}

    def next(self, request: Request) -> Reply | None:
        """The reply for a request; None for the default answer."""
        question = f"{request.method} {request.path} {_words(request.body)}"
        if request.retry and question in self._last:
            return self._last[question]
        found: Reply | None = None
        for entry in self._replies:
            reply, left = entry
            if left and isinstance(reply, Reply) and reply.fits(request):
                entry[1] = left - 1  # type: ignore[operator]
                found = reply
                break
        self._last[question] = found
        return found


def read(text: str, name: str) -> tuple[Reply, ...]:
    """The replies in a file's text; anything that is not one is an error, so that nothing is silently left out."""
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise RepliesError(f"{name} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise RepliesError(f"{name} must hold a JSON list of replies")
    return tuple(_reply(entry, f"{name}, reply {number}") for number, entry in enumerate(entries, 1))


def _reply(entry: Any, where: str) -> Reply:
    if not isinstance(entry, dict):
        raise RepliesError(f"{where}: a reply is a JSON object")
    known = {f.name: f for f in fields(Reply)}
    for key, value in entry.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise RepliesError(f"{where}: unknown key `{key}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        if not _is(value, str(known[key].type)):
            raise RepliesError(f"{where}: `{key}` is {value!r}, not {known[key].type}")
    return Reply(**entry)


def _is(value: Any, wanted: str) -> bool:
    """Whether a JSON value is of the type that an annotation names."""
    names = {"NoneType": "None", "dict": "dict", "list": "list", "int": "int", "str": "str", "bool": "bool"}
    options = [option.partition("[")[0] for option in wanted.split(" | ")]
    if options == ["float"]:
        return type(value) in (int, float) and value >= 0
    return options == ["Any"] or names.get(type(value).__name__) in options


def _words(body: Any) -> str:
    if isinstance(body, tuple):
        return " ".join(part.text for part in body if isinstance(part, Part))
    return json.dumps(body, ensure_ascii=False, sort_keys=True)
