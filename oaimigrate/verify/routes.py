"""Which path is whose: from a request to the function that answers it.

An endpoint is known by the end of the path, so that any base path works: a gateway's, an Azure deployment's, an old
engine's.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from oaimigrate.verify import answers, chat, store
from oaimigrate.verify.answers import Answer, World
from oaimigrate.verify.recording import Request

_STATELESS: list[tuple[str, str, Callable[..., Answer]]] = [
    ("POST", r"/chat/completions", chat.chat),
    ("POST", r"/completions", chat.completion),
    ("POST", r"/embeddings", answers.embeddings),
    ("POST", r"/moderations", answers.moderations),
    ("POST", r"/images/(?:generations|edits|variations)", answers.images),
    ("POST", r"/audio/(transcriptions|translations)", answers.audio),
    ("POST", r"/audio/speech", answers.speech),
    ("GET", r"/(models|engines)", answers.models),
    ("GET", r"/(?:models|engines)/([^/]+)", answers.model),
    ("DELETE", r"/models/([^/]+)", answers.delete_model),
]
_STATEFUL: list[tuple[str, str, Callable[..., Answer]]] = [
    ("POST", r"/images/generations:submit", answers.submit_images),
    ("GET", r"/operations/images/([^/]+)", answers.submitted_images),
    ("POST", r"/files", store.upload),
    ("GET", r"/files", store.files),
    ("GET", r"/files/([^/]+)/content", store.content),
    ("GET", r"/files/([^/]+)", store.file),
    ("DELETE", r"/files/([^/]+)", store.delete_file),
    ("POST", r"/fine_tuning/jobs", store.create_job),
    ("GET", r"/fine_tuning/jobs", store.jobs),
    ("GET", r"/fine_tuning/jobs/([^/]+)/events", store.events),
    ("POST", r"/fine_tuning/jobs/([^/]+)/cancel", store.cancel_job),
    ("GET", r"/fine_tuning/jobs/([^/]+)", store.job),
]


def answer(request: Request, world: World, *, text: str | None = None) -> Answer:
    """The answer to any request, in the given words if it has any; what the API does not have is 404."""
    for method, pattern, function in _STATELESS:
        if method == request.method and (found := re.search(pattern + r"\Z", request.path)):
            if text is not None and function in (chat.chat, chat.completion):
                return function(request, text=text)
            return function(request, *found.groups())
    for method, pattern, function in _STATEFUL:
        if method == request.method and (found := re.search(pattern + r"\Z", request.path)):
            return function(request, world, *found.groups())
    return answers.error(404, f"Invalid URL ({request.method} {request.path})")
