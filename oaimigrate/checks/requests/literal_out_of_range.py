"""OAI308: a number or word in a request that the API refuses."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import SdkCall, request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.reach import at_openai
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI308")

# Least and greatest value, from the docstrings of openai 3.54.0.
CHAT: dict[str, tuple[float, float]] = {
    "temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2), "n": (1, 128),
    "top_logprobs": (0, 20), "max_tokens": (1, 10**9), "max_completion_tokens": (1, 10**9),
}  # fmt: skip
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "chat.completions.create": CHAT,
    "chat.completions.parse": CHAT,
    "chat.completions.stream": CHAT,
    "completions.create": {k: v for k, v in CHAT.items() if k in ("temperature", "top_p", "presence_penalty", "n")},
    "responses.create": {
        "temperature": (0, 2),
        "top_p": (0, 1),
        "top_logprobs": (0, 20),
        "max_output_tokens": (16, 10**9),
    },
    "audio.speech.create": {"speed": (0.25, 4)},
    "audio.transcriptions.create": {"temperature": (0, 1)},
    "audio.translations.create": {"temperature": (0, 1)},
    "images.generate": {"n": (1, 10)},
    "embeddings.create": {"dimensions": (1, 3072)},
}
WORDS: dict[str, dict[str, frozenset[str]]] = {
    "audio.transcriptions.create": {
        "response_format": frozenset({"json", "text", "srt", "verbose_json", "vtt", "diarized_json"})
    },
    "audio.speech.create": {"response_format": frozenset({"mp3", "opus", "aac", "flac", "wav", "pcm"})},
    "embeddings.create": {"encoding_format": frozenset({"float", "base64"})},
    "images.generate": {"response_format": frozenset({"url", "b64_json"})},
}
CHOICES = frozenset({"none", "auto", "required"})
MEANT = {"any": "required", "txt": "text", "base64": "b64_json", "b64": "b64_json", "link": "url", "vtt": "vtt"}


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(temperature=3)`."""
    call = request_at(file, node) if not file.is_test else None
    path = call.path.removeprefix("beta.") if call is not None else ""
    if call is None or call.doubt is not None or not (path in RANGES or path in WORDS):
        return
    found = [*_numbers(file, call, RANGES.get(path, {})), *_words(file, call, path)]
    if found and at_openai(file, node.func):
        yield from found


def _numbers(file: FileContext, call: SdkCall, ranges: dict[str, tuple[float, float]]) -> Iterator[Diagnostic]:
    for name, (least, greatest) in ranges.items():
        value = call.argument(name)
        number = _number(source_of(file, value)) if value is not None else None
        if value is None or number is None or least <= number <= greatest:
            continue
        bound = f"from {least:g} to {greatest:g}" if greatest < 10**9 else f"{least:g} or more"
        message = f"`{name}` is {bound}: this request is refused with status 400"
        yield Diagnostic(
            rule.code, message, file.span(value), *_nearest(file, call, name, value, number, least, greatest)
        )


def _nearest(
    file: FileContext, call: SdkCall, name: str, value: cst.BaseExpression, number: float, least: float, greatest: float
) -> tuple[Fix | None, tuple[Note, ...]]:
    """The number at the end of the range; a limit below zero means none, so the argument goes."""
    if _number(value) is None:
        return None, (Note("not rewritten: the number has a name, and may be used elsewhere"),)
    if number < 0 and greatest == 10**9:
        gone = [a for a in call.node.args if a.value is value]
        return Fix(f"Leave `{name}` out", tuple(build.remove_items(file, call.node.args, gone)), Safety.UNSAFE), ()
    text = f"{least if number < least else greatest:g}"
    return Fix(f"Write {text}", (build.replace_whole(file, value, text),), Safety.UNSAFE), ()


def _number(node: cst.BaseExpression) -> float | None:
    match node:
        case cst.Integer() | cst.Float():
            return float(node.evaluated_value)
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            number = _number(inner)
            return -number if number is not None else None
    return None


def _words(file: FileContext, call: SdkCall, path: str) -> Iterator[Diagnostic]:
    wanted = dict(WORDS.get(path, {}))
    if path.startswith("chat.completions."):
        wanted["tool_choice"] = CHOICES
    for name, known in wanted.items():
        value = call.argument(name)
        text = literal(source_of(file, value)) if value is not None else None
        if value is not None and text is not None and text not in known:
            listed = ", ".join(f'"{k}"' for k in sorted(known))
            message = f'`{name}` knows no "{text}"; it is one of {listed}'
            yield Diagnostic(rule.code, message, file.span(value), _meant(file, value, text, known))


def _meant(file: FileContext, value: cst.BaseExpression, text: str, known: frozenset[str]) -> Fix | None:
    word = MEANT.get(text.lower(), text.lower())
    if word not in known:
        word = next(iter(difflib.get_close_matches(word, sorted(known), 1, 0.7)), "")
    if not word or literal(value) is None:
        return None
    return Fix(f'Write "{word}"', (build.replace_whole(file, value, f'"{word}"'),), Safety.UNSAFE)
