"""What is known about models by name: encoding, tokens around each message, context window, price.

The one idea: the longest known name decides, and only at a dash: `gpt-4` speaks for `gpt-4-0613`, not for `gpt-4.7`
or for a `gpt-9` that does not exist yet. A name the table does not know is answered with None, never with a guess.

Units: tokens and US dollars. Prices need `genai-prices` (Python 3.11+), the rest needs nothing. Imports no sibling.

Sources: encodings, `tiktoken/model.py` 0.14; +3 per message, +1 per name, 3 to prime the reply (4 and -1 for
gpt-3.5-turbo-0301), OpenAI cookbook "How to count tokens with tiktoken"; 2 to prime the reply of o3-mini and gpt-5 and
the figures for tools, some 90 recorded responses of the live API in the test cassettes of pydantic-ai; windows, the
model pages as mirrored by genai-prices 0.2.3.

>>> family("gpt-4o-mini-2024-07-18").encoding, family("gpt-4.7-nova"), context_window("ft:gpt-4o:acme::x1")
('o200k_base', None, 128000)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

try:  # not at the first price: it imports httpx2, and openai 2.54 fails in other threads while that is half done
    import genai_prices
except ImportError:  # optional
    genai_prices = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Overhead:
    """What the service adds to the text, in tokens. `measured` is false where it is carried over from a relative."""

    per_message: int = 3
    per_name: int = 1
    reply: int = 3
    tools: int = 9  # once, if any function is declared
    per_shape: int = 0  # for each declared function that takes arguments
    tools_in_system: int = -4  # declarations join an existing system message instead of opening one
    call: int = 3  # a function call of the assistant
    result: int = 2  # a message of role "tool", which repeats the function's name
    parallel: int = 17  # once per message with two or more calls
    choice: bool = True  # whether `tool_choice` of "none" (1) or of a function (4 and its name) costs anything
    measured: bool = True


@dataclass(frozen=True, slots=True)
class Family:
    """Models that share an encoding and an overhead. `open` takes later versions too (gpt-5.4)."""

    encoding: str
    overhead: Overhead
    open: bool = False


_CL100K = Overhead()
_0301 = Overhead(per_message=4, per_name=-1)
_GPT4O = Overhead(per_shape=-1)
_GPT5 = Overhead(reply=2, tools=90, tools_in_system=0, choice=False, call=6, result=5)
_O200K_LIKE = Overhead(per_shape=-1, measured=False)
_REASONING_LIKE = Overhead(reply=2, tools=90, tools_in_system=0, choice=False, call=6, result=5, measured=False)

#: Longest matching name wins. A name matches itself and whatever goes on after a dash: `gpt-4` is not `gpt-4.7`.
FAMILIES: Mapping[str, Family] = {
    "gpt-3.5-turbo-0301": Family("cl100k_base", _0301),
    "gpt-3.5-turbo": Family("cl100k_base", _CL100K),
    "gpt-35-turbo": Family("cl100k_base", _CL100K),  # the Azure spelling
    "gpt-3.5": Family("cl100k_base", _CL100K),
    "gpt-4": Family("cl100k_base", _CL100K),
    "davinci-002": Family("cl100k_base", Overhead(measured=False)),
    "babbage-002": Family("cl100k_base", Overhead(measured=False)),
    "text-embedding-ada-002": Family("cl100k_base", Overhead(measured=False)),
    "text-embedding-3": Family("cl100k_base", Overhead(measured=False)),
    "gpt-4o": Family("o200k_base", _GPT4O),
    "gpt-4o-search-preview": Family("o200k_base", _O200K_LIKE),
    "chatgpt-4o": Family("o200k_base", _O200K_LIKE),
    "gpt-4.1": Family("o200k_base", _GPT4O),
    "gpt-4.5": Family("o200k_base", _GPT4O),
    "gpt-5": Family("o200k_base", _GPT5, open=True),
    "o1": Family("o200k_base", _REASONING_LIKE),
    "o3": Family("o200k_base", _REASONING_LIKE),
    "o3-mini": Family("o200k_base", _GPT5),
    "o4-mini": Family("o200k_base", _REASONING_LIKE),
    "gpt-oss": Family("o200k_base", _REASONING_LIKE),  # o200k_harmony: the same ranks, other special tokens
}
#: What to count an unknown name with, and to say so.
UNKNOWN = Family("o200k_base", _O200K_LIKE)

#: Prompt and reply together, in tokens; matched like FAMILIES.
CONTEXT_WINDOWS: Mapping[str, int] = {
    "gpt-3.5-turbo": 16_385, "gpt-35-turbo": 16_385, "gpt-3.5-turbo-0301": 4_096, "gpt-3.5-turbo-0613": 4_096,
    "gpt-4": 8_192, "gpt-4-32k": 32_768, "gpt-4-turbo": 128_000, "gpt-4-1106-preview": 128_000,
    "gpt-4-0125-preview": 128_000, "gpt-4-vision-preview": 128_000, "gpt-4o": 128_000, "chatgpt-4o": 128_000,
    "gpt-4.1": 1_047_576, "gpt-4.5": 128_000, "gpt-5": 400_000, "gpt-5-chat": 128_000, "gpt-5.1": 400_000,
    "gpt-5.2": 400_000, "gpt-5.4": 1_050_000, "gpt-5.4-mini": 400_000, "gpt-5.4-nano": 400_000,
    "o1": 200_000, "o1-mini": 128_000, "o1-preview": 128_000, "o3": 200_000, "o3-mini": 200_000,
    "o4-mini": 200_000, "gpt-oss": 131_072,
}  # fmt: skip


def base_name(model: str) -> str:
    """The model behind a fine-tune (`ft:gpt-4o-mini:org::id`) or a router's name (`openai/gpt-4o`)."""
    if model.startswith("ft:"):
        return model.split(":")[1]
    return model.removeprefix("openai/")


def _longest(model: str, names: Iterable[str]) -> str | None:
    name = base_name(model)
    fits = [n for n in names if name == n or name.startswith(n + "-")]
    return max(fits, key=len, default=None)


def family(model: str) -> Family | None:
    """The row of FAMILIES for a model, or None for a name the table does not know."""
    found = _longest(model, FAMILIES)
    if found is None:
        found = next((n for n, row in FAMILIES.items() if row.open and base_name(model).startswith(n + ".")), None)
    return None if found is None else FAMILIES[found]


def context_window(model: str) -> int | None:
    """The context window of a model in tokens: our table, else genai-prices, else None (never a guess)."""
    found = _longest(model, CONTEXT_WINDOWS)
    if found is not None:
        return CONTEXT_WINDOWS[found]
    if genai_prices is None:
        return None
    try:
        priced = genai_prices.calc_price(genai_prices.Usage(input_tokens=1), base_name(model), provider_id="openai")
        return priced.model.context_window
    except LookupError:
        return None


def cost_usd(
    model: str,
    prompt_tokens: int,
    completion_tokens: int,
    *,
    cached_tokens: int = 0,
    audio_tokens: int = 0,
    output_audio_tokens: int = 0,
) -> Decimal | None:
    """US dollars by genai-prices; None where it is not installed or has no price. None is "unknown", never free.

    A fine-tune has prices of its own, which are not known. `cached_tokens` (read from the prompt cache) and
    `audio_tokens` are parts of `prompt_tokens` with another price, `output_audio_tokens` of `completion_tokens`.
    """
    counts = {
        "input_tokens": prompt_tokens,
        "output_tokens": completion_tokens,
        "cache_read_tokens": cached_tokens,
        "input_audio_tokens": audio_tokens,
        "output_audio_tokens": output_audio_tokens,
    }
    if genai_prices is None:
        return None
    try:
        usage = genai_prices.Usage(**{name: count for name, count in counts.items() if count})
        return genai_prices.calc_price(usage, model.removeprefix("openai/"), provider_id="openai").total_price
    except (LookupError, ValueError):  # ValueError: more cached than asked, from some gateways
        return None


def usage_cost(model: str, usage: Any) -> Decimal | None:
    """`cost_usd` of the `usage` that came with an answer: of chat completions, embeddings or responses."""

    def count(*path: str) -> int:
        found = usage
        for name in path:
            found = getattr(found, name, None)
        return found if isinstance(found, int) else 0

    return cost_usd(
        model,
        count("prompt_tokens") or count("input_tokens"),
        count("completion_tokens") or count("output_tokens"),
        cached_tokens=count("prompt_tokens_details", "cached_tokens") or count("input_tokens_details", "cached_tokens"),
        audio_tokens=count("prompt_tokens_details", "audio_tokens"),
        output_audio_tokens=count("completion_tokens_details", "audio_tokens"),
    )
