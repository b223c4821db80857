"""Do answers give by attribute what they gave by key, and do the templates for their dictionary methods give the same?

One answer of each kind, written down here, becomes an object of every SDK; old reads and new reads are compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sdk_envs

from oaimigrate.analysis.api import Api

MESSAGE = {
    "role": "assistant",
    "content": None,
    "function_call": {"name": "f", "arguments": "{}"},
    "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
TOKEN = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.5, "bytes": None}]}
CHOICE = {
    "index": 0,
    "message": MESSAGE,
    "finish_reason": "stop",
    "logprobs": {"content": [TOKEN]},
    "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}},
}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
CATEGORIES: tuple[str, ...] = (
    "sexual",
    "sexual/minors",
    "hate",
    "hate/threatening",
    "harassment",
    "harassment/threatening",
    "violence",
)
CATEGORIES += ("self-harm", "self-harm/intent", "self-harm/instructions", "violence/graphic")

ANSWERS: dict[str, dict[str, Any]] = {
    "ChatCompletion": {
        "id": "abc",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [CHOICE],
        "usage": USAGE,
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
    },
    "ChatCompletionChunk": {
        "id": "abc",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": "x"}, "finish_reason": None}],
    },
    "Completion": {
        "id": "abc",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "text": "x",
                "finish_reason": "stop",
                "logprobs": {
                    "tokens": ["a"],
                    "token_logprobs": [-0.5],
                    "top_logprobs": [{"a": -0.5}],
                    "text_offset": [0],
                },
            }
        ],
        "usage": USAGE,
    },
    "EmbeddingResponse": {
        "object": "list",
        "model": "m",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    },
    "ImagesResponse": {"created": 1, "data": [{"url": "u"}]},
    "TranscriptionVerbose": {
        "task": "transcribe",
        "language": "en",
        "duration": 1.5,
        "text": "x",
        "segments": [{"id": 0, "seek": 0, "start": 0.0, "end": 1.5, "text": "x", "tokens": [1], "temperature": 0.5}],
    },
    "ModerationResponse": {
        "id": "abc",
        "model": "m",
        "results": [
            {
                "flagged": True,
                "categories": dict.fromkeys(CATEGORIES, True),
                "category_scores": dict.fromkeys(CATEGORIES, 0.5),
            }
        ],
    },
    "FileObject": {"id": "abc", "object": "file", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "fine-tune"},
    "ModelInfo": {
        "id": "abc",
        "object": "model",
        "created": 1,
        "owned_by": "o",
        "root": "abc",
        "permission": [{"id": "p"}],
    },
}
ATTRIBUTES_OF_OLD = {"openai_id"}  # those of [dict_methods] with a template that are no methods


def reads(api: Api, model: str, data: Any, old: str = "r", new: str = "r") -> Iterator[tuple[str, str]]:
    """Every read that the map rewrites in an answer: by key in 0.28, by attribute, index or key now."""
    for key, value in data.items():
        field = api.models[model].fields[key] if model else None
        before, after = f"{old}[{key!r}]", f"{new}.{field.name}" if field else f"{new}[{key!r}]"
        yield before, after
        below, is_list = value, field is not None and field.type.startswith("list[")
        if isinstance(value, list) and value and isinstance(value[0], dict):
            before, after, below = f"{before}[0]", f"{after}[0]", value[0]
        if isinstance(below, dict):
            inner = field.type[5:-1] if field and is_list else field.type if field else ""
            yield from reads(api, inner if inner in api.models else "", below, before, after)


def questions(api: Api) -> dict[str, dict[str, Any]]:
    """By SDK and model: the answer and what to read from it, under the same names before and after."""
    old, new = {}, {}
    for model, data in ANSWERS.items():
        pairs = dict(reads(api, model, data))
        if model == "ChatCompletion":
            pairs |= {_use(name): template.replace("{r}", "r") for name, template in _templates(api).items()}
        shared = {"data": data, "cls": api.models[model].cls}
        old[model] = {**shared, "reads": {before: before for before in pairs}}
        new[model] = {**shared, "reads": pairs}
    return {sdk_envs.OLD: old} | dict.fromkeys(sdk_envs.NEW, new)


def _templates(api: Api) -> dict[str, str]:
    return {name: template for name, template in api.dict_methods.items() if template}


def _use(name: str) -> str:
    """How 0.28 code uses a name of the dictionary."""
    if name in ATTRIBUTES_OF_OLD:
        return f"r.{name}"
    return f"r.{name}()"


def values(answers: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Old and new reads give the same in every SDK."""
    for sdk in sdk_envs.NEW:
        for model, before in answers[sdk_envs.OLD].items():
            after = answers[sdk][model]
            for name, value in before.items():
                if "raises" in (value if isinstance(value, dict) else {}) or not _same(value, after[name]):
                    yield f"{sdk}: {model}: {name} gave {value!r} and gives {after[name]!r}"


def _same(before: Any, after: Any) -> bool:
    """Equal but for the order of a view: 0.28 kept the order of the answer, a model has its own."""
    if isinstance(before, list) and isinstance(after, list):
        return sorted(map(_sortable, before)) == sorted(map(_sortable, after))
    return bool(before == after)


def _sortable(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
