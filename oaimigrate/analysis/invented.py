"""Methods that no SDK ever had, and that hand work and `openai migrate` left in public code: what they meant.

Most mix a name of 0.28 with a client (`client.ChatCompletion.create`, `chat.completions.acreate`) or get the number
of a word wrong (`client.embedding.create`).
"""

from __future__ import annotations

from oaimigrate.analysis.api import Api

RESOURCES = {
    "chat": "chat.completions",
    "chat_completion": "chat.completions",
    "chat_completions": "chat.completions",
    "chat.completion": "chat.completions",
    "chatcompletion": "chat.completions",
    "chatcompletions": "chat.completions",
    "completion": "completions",
    "embedding": "embeddings",
    "engine": "models",
    "engines": "models",
    "file": "files",
    "image": "images",
    "model": "models",
    "moderation": "moderations",
    "audio.transcription": "audio.transcriptions",
    "audio.translation": "audio.translations",
    "fine_tuning": "fine_tuning.jobs",
    "fine_tuning.job": "fine_tuning.jobs",
    "fine_tuning_job": "fine_tuning.jobs",
    "fine_tuning_jobs": "fine_tuning.jobs",
}
METHODS = {
    "audio.transcribe": "audio.transcriptions.create",
    "audio.transcriptions.transcribe": "audio.transcriptions.create",
    "audio.translate": "audio.translations.create",
    "audio.translations.translate": "audio.translations.create",
    "images.create": "images.generate",
    "images.create_edit": "images.edit",
    "files.download": "files.content",
}


def meant(api: Api, path: str) -> tuple[str, bool]:
    """The method that a path below a client means, and whether it asks for an asynchronous client; "" for a path that
    exists or resembles nothing."""
    if path in api.calls:
        return "", False
    head, _, name = path.rpartition(".")
    if head in api.resources:
        row = api.methods.get(path)
        return (row[0].new, row[1]) if row is not None else ("", False)
    resources = dict.fromkeys((head, RESOURCES.get(head, head)))
    for candidate, asynchronous in ((name, False), (name[1:], True)):
        if asynchronous and not name.startswith("a"):
            continue
        for resource in resources:
            full = f"{resource}.{candidate}"
            new = METHODS.get(full) or (full if full in api.calls else "")
            if new:
                return new, asynchronous
    return "", False
