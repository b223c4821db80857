"""What the server says when nobody told it what to say: the API's own wire format, the same for the same question.

Every function takes a request and gives an `Answer`. Chat and completions are in `chat.py`, files and jobs in
`store.py`; `routes.py` says which path is whose. What is uploaded or started lives in a `World` for as long as one
program runs.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oaimigrate.verify.recording import Part, Request

CREATED = 1_700_000_000  # the moment at which everything happens
MODELS = ("gpt-3.5-turbo", "gpt-4", "gpt-4o", "text-embedding-ada-002", "whisper-1", "dall-e-3")
CATEGORIES: tuple[str, ...] = (
    "sexual",
    "hate",
    "harassment",
    "self-harm",
    "sexual/minors",
    "hate/threatening",
    "violence/graphic",
)
CATEGORIES += ("self-harm/intent", "self-harm/instructions", "harassment/threatening", "violence")
DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. `body` is a JSON value, text or bytes; with `events` it is a stream of server-sent events."""

    body: Any = None
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    events: tuple[Any, ...] | None = None


@dataclass
class World:
    """What the programs of one run have made on the server."""

    files: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, Any] = field(default_factory=dict)


def error(status: int, message: str, *, code: str | None = None, kind: str = "", param: str | None = None) -> Answer:
    """An error as the API words it."""
    kinds = {401: "authentication_error", 429: "rate_limit_error"}
    kind = kind or kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return Answer({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def form(request: Request) -> dict[str, Any]:
    """The fields of a JSON body or of a form; of files, their parts."""
    if isinstance(request.body, dict):
        return request.body
    if isinstance(request.body, tuple):
        return {part.name: part if part.filename is not None else part.text for part in request.body}
    return {}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def page(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": items, "has_more": False}


def embeddings(request: Request) -> Answer:
    body = form(request)
    given = body.get("input", "")
    inputs = given if isinstance(given, list) and not all(isinstance(i, int) for i in given) else [given]
    data = []
    for index, item in enumerate(inputs):
        vector: Any = _vector(str(item), int(body.get("dimensions") or DIMENSIONS))
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    tokens = sum(len(str(item).split()) for item in inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Answer({"object": "list", "data": data, "model": model_of(request), "usage": usage})


def _vector(text: str, dimensions: int) -> list[float]:
    """Numbers that a 32-bit float holds exactly, so that both ways to send them give the same."""
    stream = b"".join(hashlib.sha256(f"{text}{i}".encode()).digest() for i in range(dimensions // 32 + 1))
    return [(byte - 128) / 128 for byte in stream[:dimensions]]


def model_of(request: Request) -> str:
    """The model that the answer names: the body's, or the deployment or the engine in the path."""
    engine = re.search(r"/(?:engines|deployments)/([^/]+)/", request.path)
    return str(engine.group(1) if engine else form(request).get("model") or MODELS[0])


def moderations(request: Request) -> Answer:
    body = form(request)
    given = body.get("input", "")
    inputs = given if isinstance(given, list) else [given]
    results = [_moderation(str(item)) for item in inputs]
    name = body.get("model") or "text-moderation-007"
    return Answer({"id": "modr-" + digest(str(given))[:12], "model": name, "results": results})


def _moderation(text: str) -> dict[str, Any]:
    """Violence is what says "kill"; nothing else is bad here."""
    found = {name: name == "violence" and "kill" in text for name in CATEGORIES}
    scores = {name: 0.9 if bad else 0.01 for name, bad in found.items()}
    return {"flagged": any(found.values()), "categories": found, "category_scores": scores}


def images(request: Request) -> Answer:
    body = form(request)
    name = digest(str(body.get("prompt", "")))[:12]
    count = int(body.get("n") or 1)
    if body.get("response_format") == "b64_json":
        data = [{"b64_json": base64.b64encode(f"png {name} {i}".encode()).decode()} for i in range(count)]
    else:
        data = [{"url": f"https://images.example/{name}-{i}.png"} for i in range(count)]
    return Answer({"created": CREATED, "data": data})


def submit_images(request: Request, world: World) -> Answer:
    """Azure's way before DALL-E 3: an operation that is asked for until it is done."""
    done = images(request).body
    world.images[digest(str(request.body))[:12]] = done
    name = next(reversed(world.images))
    place = f"{request.origin}/openai/operations/images/{name}?api-version={dict(request.query).get('api-version', '')}"
    headers = {"operation-location": place, "retry-after": "0"}
    return Answer({"id": name, "status": "notRunning"}, 202, headers=headers)


def submitted_images(request: Request, world: World, name: str) -> Answer:
    return Answer({"id": name, "status": "succeeded", "created": CREATED, "result": world.images.get(name)})


def audio(request: Request, kind: str) -> Answer:
    """A transcript that names what it was made from."""
    body = form(request)
    file = body.get("file")
    heard = digest(file.text)[:6] if isinstance(file, Part) else "nothing"
    text = f"This is what was said in {heard}."
    language = "english" if kind == "translations" else str(body.get("language") or "english")
    match body.get("response_format"):
        case "text":
            return Answer(text + "\n", content_type="text/plain; charset=utf-8")
        case "srt":
            return Answer(f"1\n00:00:00,000 --> 00:00:02,500\n{text}\n\n", content_type="text/plain; charset=utf-8")
        case "vtt":
            return Answer(f"WEBVTT\n\n00:00.000 --> 00:02.500\n{text}\n\n", content_type="text/plain; charset=utf-8")
        case "verbose_json":
            segment = {"id": 0, "seek": 0, "start": 0.0, "end": 2.5, "text": text, "tokens": [1, 2], "temperature": 0.0}
            segment |= {"avg_logprob": -0.2, "compression_ratio": 1.1, "no_speech_prob": 0.01}
            task = "translate" if kind == "translations" else "transcribe"
            head = {"task": task, "language": language, "duration": 2.5}
            return Answer({**head, "text": text, "segments": [segment]})
    return Answer({"text": text})


def models(request: Request, kind: str) -> Answer:
    return Answer(page([_model(name, kind) for name in MODELS]))


def model(request: Request, name: str) -> Answer:
    if name.startswith("missing"):
        return error(404, f"The model '{name}' does not exist", code="model_not_found", param="model")
    return Answer(_model(name, "engines" if "/engines/" in request.path else "models"))


def _model(name: str, kind: str) -> dict[str, Any]:
    if kind == "engines":
        return {"object": "engine", "id": name, "ready": True, "owner": "openai", "created": CREATED}
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "openai"}


def delete_model(request: Request, name: str) -> Answer:
    return Answer({"id": name, "object": "model", "deleted": True})


def speech(request: Request) -> Answer:
    return Answer(b"ID3 " + digest(str(form(request).get("input"))).encode(), content_type="audio/mpeg")
