"""Chat and text completions: one reply to the same words, whole or as a stream of chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from oaimigrate.verify.answers import CREATED, Answer, digest, error, form, model_of
from oaimigrate.verify.recording import Request

AZURE_FILTERS = {"hate": {"filtered": False, "severity": "safe"}, "violence": {"filtered": False, "severity": "safe"}}
_FILTERS_SINCE = "2023-06"  # the version from which Azure sends them, and the first chunk without choices


def chat(request: Request, *, text: str | None = None) -> Answer:
    """A chat completion; `text` replaces the reply."""
    body = form(request)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return error(400, "'messages' is a required property", param="messages")
    choices = []
    for index in range(int(body.get("n") or 1)):
        said = {"role": "assistant", "content": text, "refusal": None}
        reply = _reply(body, index) if text is None else said
        called = "function_call" if "function_call" in reply else "tool_calls" if "tool_calls" in reply else "stop"
        reason = "stop" if called == "function_call" and body.get("function_call") not in (None, "auto") else called
        choices.append({"index": index, "message": reply, "logprobs": None, "finish_reason": reason})
    head = _head(request, "chat.completion", "chatcmpl-")
    usage = _usage(json.dumps(messages), "".join(str(c["message"]) for c in choices))
    if not body.get("stream"):
        extra: dict[str, Any] = {}
        if _azure_filters(request):
            extra["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": AZURE_FILTERS}]
            choices = [{**choice, "content_filter_results": AZURE_FILTERS} for choice in choices]
        return Answer({**head, "choices": choices, "usage": usage, **extra})
    return Answer(events=tuple(_chat_chunks(request, head, choices, usage)))


def _reply(body: dict[str, Any], index: int) -> dict[str, Any]:
    """What the assistant says: it calls the function it is offered, and otherwise repeats what it heard."""
    last = body["messages"][-1]
    heard = last.get("content") if isinstance(last, dict) else last
    asked = isinstance(last, dict) and last.get("role") not in ("function", "tool")
    if body.get("functions") and body.get("function_call") != "none" and asked:
        wanted = body.get("function_call")
        name = wanted["name"] if isinstance(wanted, dict) else body["functions"][0]["name"]
        call = {"name": name, "arguments": json.dumps({"text": heard})}
        return {"role": "assistant", "content": None, "refusal": None, "function_call": call}
    if body.get("tools") and body.get("tool_choice") != "none" and asked:
        function = {"name": body["tools"][0]["function"]["name"], "arguments": json.dumps({"text": heard})}
        called = {"id": "call_" + digest(str(heard))[:12], "type": "function", "function": function}
        return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [called]}
    words = f"Reply{f' {index}' if index else ''} to: {heard}"
    if isinstance(body.get("response_format"), dict) and body["response_format"].get("type") != "text":
        words = json.dumps({"reply": words})
    return {"role": "assistant", "content": words, "refusal": None}


def _chat_chunks(
    request: Request, head: dict[str, Any], choices: list[dict[str, Any]], usage: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    head = {**head, "object": "chat.completion.chunk"}
    asked = (form(request).get("stream_options") or {}).get("include_usage")
    if asked:
        head["usage"] = None
    if _azure_filters(request):
        yield {**head, "id": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    for choice in choices:
        for delta in _deltas(choice["message"]):
            yield {**head, "choices": [{"index": choice["index"], "delta": delta, "finish_reason": None}]}
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        yield {**head, "choices": [end]}
    if asked:
        yield {**head, "choices": [], "usage": usage}


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    call = message.get("function_call")
    if call:
        yield {"role": "assistant", "content": None, "function_call": {"name": call["name"], "arguments": ""}}
        yield from ({"function_call": {"arguments": part}} for part in _pieces(call["arguments"]))
        return
    tools = message.get("tool_calls") or []
    yield {"role": "assistant", "content": None if tools else ""}
    for index, tool in enumerate(tools):
        function = {"name": tool["function"]["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": tool["id"], "type": "function", "function": function}]}
        for part in _pieces(tool["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
    yield from ({"content": part} for part in _pieces(message.get("content") or ""))


def completion(request: Request, *, text: str | None = None) -> Answer:
    """A text completion; several prompts give several choices."""
    body = form(request)
    given = body.get("prompt", "<|endoftext|>")
    prompts = given if isinstance(given, list) and not all(isinstance(i, int) for i in given) else [given]
    choices: list[dict[str, Any]] = []
    for prompt in prompts:
        for index in range(int(body.get("n") or 1)):
            words = text if text is not None else f" reply{f' {index}' if index else ''} to {prompt}"
            words = f"{prompt}{words}" if body.get("echo") else words
            choice = {"text": words, "index": len(choices), "logprobs": None, "finish_reason": "stop"}
            if body.get("logprobs"):
                choice["logprobs"] = _logprobs(words)
            choices.append(choice)
    head = _head(request, "text_completion", "cmpl-")
    usage = _usage(" ".join(map(str, prompts)), " ".join(str(c["text"]) for c in choices))
    if not body.get("stream"):
        return Answer({**head, "choices": choices, "usage": usage})
    chunks = []
    for choice in choices:
        parts = [{**choice, "text": part, "finish_reason": None} for part in _pieces(str(choice["text"]))]
        chunks += [{**head, "choices": [part]} for part in [*parts, {**choice, "text": ""}]]
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": usage})
    return Answer(events=tuple(chunks))


def _logprobs(words: str) -> dict[str, Any]:
    tokens = _pieces(words)
    numbers = [-0.5] * len(tokens)
    top = [{token: -0.5} for token in tokens]
    offsets = [sum(map(len, tokens[:i])) for i in range(len(tokens))]
    return {"tokens": tokens, "token_logprobs": numbers, "top_logprobs": top, "text_offset": offsets}


def _head(request: Request, kind: str, prefix: str) -> dict[str, Any]:
    body = form(request)
    name = prefix + digest(json.dumps(body.get("messages", body.get("prompt")), sort_keys=True))[:12]
    return {"id": name, "object": kind, "created": CREATED, "model": model_of(request)}


def _usage(prompt: str, reply: str) -> dict[str, int]:
    before, after = len(prompt.split()), len(reply.split())
    return {"prompt_tokens": before, "completion_tokens": after, "total_tokens": before + after}


def _pieces(text: str) -> list[str]:
    """The text word by word, each with the space before it."""
    words = text.split(" ")
    return [word if i == 0 else " " + word for i, word in enumerate(words)] if text else []


def _azure_filters(request: Request) -> bool:
    return bool(request.deployment) and dict(request.query).get("api-version", "") >= _FILTERS_SINCE
