"""Counting against figures that the live API has reported, offline loading, budgets and prices."""

from __future__ import annotations

import doctest
import os
import socket
import subprocess
import sys
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessage

from oaimigrate.runtime import models, tokens
from oaimigrate.runtime.context import transcript
from oaimigrate.runtime.models import cost_usd, usage_cost
from oaimigrate.runtime.tokens import BudgetExceeded, EncodingUnavailable, TokenCounter, preflight

from .answers import AnswerServer, says
from .encodings import encodings_folder, packed


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(encodings_folder()))


def counter(model: str) -> TokenCounter:
    return TokenCounter(model, encodings_folder())


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def no_arguments(name: str, **extra: Any) -> dict[str, Any]:
    return {"name": name, "parameters": {"type": "object", "properties": {}}, **extra}


def with_arguments(name: str, description: str | None, **properties: Any) -> dict[str, Any]:
    declared = {"name": name, "parameters": {"type": "object", "properties": properties}}
    return declared if description is None else {**declared, "description": description}


@pytest.mark.parametrize("module", [tokens, models])
def test_the_examples_in_the_docstrings_hold(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


JARGON = [
    (
        "system",
        None,
        "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    ),
    ("system", "example_user", "New synergies will help drive top-line growth."),
    ("system", "example_assistant", "Things working well together will increase revenue."),
    (
        "system",
        "example_user",
        "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ),
    ("system", "example_assistant", "Let's talk later when we're less busy about how to do better."),
    (
        "user",
        None,
        "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    ),
]


@pytest.mark.parametrize(
    ("model", "reported"),
    [
        ("gpt-3.5-turbo-0301", 127),
        ("gpt-3.5-turbo", 129),
        ("gpt-4-0613", 129),
        ("gpt-4", 129),
        ("gpt-4o", 124),
        ("gpt-4o-mini", 124),
    ],
)
def test_the_cookbook_conversation_counts_as_the_api_counted_it(model: str, reported: int) -> None:
    messages = [{"role": r, "content": c, **({"name": n} if n else {})} for r, n, c in JARGON]
    count = counter(model).messages(messages)
    assert (count.tokens, count.exact) == (reported, True)


@pytest.mark.parametrize(
    ("model", "reported"),
    [("gpt-4o", 8), ("gpt-4.5-preview", 8), ("gpt-3.5-turbo", 8), ("o3-mini", 7), ("gpt-5", 7), ("gpt-5.6-sol", 7)],
)
def test_the_reply_of_reasoning_models_is_primed_with_two_tokens(model: str, reported: int) -> None:
    count = counter(model).messages(user("hello"))
    assert (count.tokens, count.exact) == (reported, True)


DO_STUFF = {"name": "do_stuff", "arguments": '{"foo": "bar", "baz": 1.5}'}


@pytest.mark.parametrize(
    ("messages", "functions", "choice", "reported"),
    [
        (user("hello"), [no_arguments("foo")], None, 31),
        (user("hello"), [no_arguments("foo")], "none", 32),
        (user("hello"), [no_arguments("foo")], "auto", 31),
        (user("hello"), [no_arguments("foo")], {"name": "foo"}, 36),
        (user("hello"), [no_arguments("foo", description="Do a foo")], None, 36),
        (user("hello"), [with_arguments("bing_bong", "Do a bing bong", foo={"type": "string"})], None, 49),
        (
            user("hello"),
            [
                with_arguments(
                    "bing_bong",
                    "Do a bing bong",
                    foo={"type": "string"},
                    bar={"type": "number", "description": "A number"},
                )
            ],
            None,
            57,
        ),
        (
            [{"role": "system", "content": "Hello"}, *user("Hi there")],
            [with_arguments("do_stuff", None, foo={"anyOf": [{"type": "string", "const": "a"}, {"type": "number"}]})],
            None,
            44,
        ),
        ([{"role": "system", "content": "Hello:"}, *user("Hi there")], [no_arguments("do_stuff")], None, 35),
        ([*user("hello world"), {"role": "function", "name": "do_stuff", "content": "{}"}], (), None, 15),
        (
            [{"role": "assistant", "content": "", "function_call": DO_STUFF}],
            (),
            None,
            26,
        ),
    ],
)  # fmt: skip
def test_functions_count_as_gpt_3_5_turbo_counted_them(
    messages: Any, functions: Any, choice: Any, reported: int
) -> None:
    count = counter("gpt-3.5-turbo").messages(messages, functions=functions, tool_choice=choice)
    assert count.tokens == reported


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {
                    "type": "string",
                    "description": "The unit of temperature to return",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}


@pytest.mark.parametrize(("model", "reported"), [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101)])
def test_tools_count_within_a_token_and_say_so(model: str, reported: int) -> None:
    messages = [
        {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
        *user("What's the weather like in San Francisco?"),
    ]
    count = counter(model).messages(messages, tools=[WEATHER])
    assert abs(count.tokens - reported) <= (1 if model == "gpt-4o" else 0)
    assert count.warnings == ("tool declarations are counted by a measured rule",)


@pytest.mark.parametrize(
    ("model", "name", "choice", "reported"),
    [
        ("gpt-4o", "get_user_country", "auto", 25),
        ("gpt-5-mini", "get_file", "auto", 105),
        ("gpt-5-mini", "get_file", "none", 105),
        ("gpt-5-mini", "get_file", {"type": "function", "function": {"name": "get_file"}}, 105),
    ],
)
def test_declaring_a_function_costs_what_recorded_responses_show(
    model: str, name: str, choice: Any, reported: int
) -> None:
    tool = {"type": "function", "function": no_arguments(name, description="")}
    count = counter(model)
    with_tool = count.messages(user("x"), tools=[tool], tool_choice=choice).tokens
    assert with_tool - count.messages(user("x")).tokens == reported
    parts = [{"role": "system", "content": [{"type": "text", "text": "x"}]}]
    assert count.messages(parts, tools=[tool]).tokens > count.messages(parts).tokens


def test_a_tool_call_and_its_result_count_as_gpt_4_1_counted_them() -> None:
    declared = {
        "type": "function",
        "function": {
            "name": "get_temperature",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    call = {"id": "c1", "type": "function", "function": {"name": "get_temperature", "arguments": '{"city":"Tokyo"}'}}
    before = [{"role": "system", "content": "x"}, *user("y")]
    after = [
        *before,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "20.0"},
    ]
    count = counter("gpt-4.1-mini")
    first, second = (count.messages(m, tools=[declared]).tokens for m in (before, after))
    assert second - first == 75 - 50  # usage.prompt_tokens of the two recorded requests


def test_a_declared_schema_is_rendered_as_typescript() -> None:
    nested = {
        "type": "object",
        "properties": {
            "names": {"type": "array", "items": {"type": "string"}},
            "any": {"type": "array"},
            "size": {"type": "integer", "enum": [1, 2]},
            "free": {},
            "ok": {"type": "boolean"},
        },
    }
    text = tokens.declarations([with_arguments("f", None, deep=nested)])
    assert "deep?: {\n  names?: string[],\n  any?: any[],\n  size?: 1 | 2,\n  free?: any,\n  ok?: boolean,\n}," in text


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4-turbo-2024-04-09", "cl100k_base"),
        ("gpt-4o-2024-08-06", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("ft:gpt-3.5-turbo-0125:acme::abc", "cl100k_base"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "o200k_base"),
        ("openai/gpt-4", "cl100k_base"),
        ("gpt-35-turbo-16k", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("gpt-5.4-mini", "o200k_base"),
        ("o4-mini-2025-04-16", "o200k_base"),
    ],
)
def test_the_longest_known_name_decides_the_encoding(model: str, encoding: str) -> None:
    known = models.family(model)
    assert known is not None
    assert known.encoding == encoding


@pytest.mark.parametrize(
    "model", ["gpt-6-sol", "gpt-4.7", "gpt-4x", "gpt-50", "gpt-5o", "my-deployment", "claude-x", ""]
)
def test_an_unknown_name_counts_with_o200k_and_says_so(model: str) -> None:
    count = counter(model).messages(user("hello"))
    assert (count.encoding, count.exact) == ("o200k_base", False)
    assert "no encoding is known" in count.warnings[0]


def test_a_relative_without_measurement_is_not_called_exact() -> None:
    assert not counter("o1").messages(user("hello")).exact


def test_the_table_agrees_with_tiktoken() -> None:
    from tiktoken.model import MODEL_PREFIX_TO_ENCODING, MODEL_TO_ENCODING

    ours = {"o200k_base", "cl100k_base"}
    theirs = {**MODEL_TO_ENCODING, **{name + "x": enc for name, enc in MODEL_PREFIX_TO_ENCODING.items()}}
    for name, encoding in theirs.items():
        known = models.family(name.replace("ft:davinci-002x", "davinci-002").replace("ft:babbage-002x", "babbage-002"))
        if encoding in ours and known is not None:
            assert known.encoding == encoding, name
        elif encoding in ours:
            assert name in {"ft:gpt-4ox", "ft:gpt-4x", "ft:gpt-3.5-turbox", "gpt-5x"}, name  # we want a dash


def test_text_that_looks_like_a_special_token_is_counted_as_text() -> None:
    count = counter("gpt-4o")
    assert count.text("<|endoftext|>") > 1
    assert count.messages(user("hi <|im_start|>system<|endoftext|>")).exact


def test_a_text_is_clipped_to_a_number_of_tokens_at_a_whole_character() -> None:
    count = counter("gpt-4o")
    assert count.clip("one two three four", 2) == "one two"
    assert count.clip("one two", 2) == "one two"
    for limit in range(12):
        clipped = count.clip("\N{EXTRATERRESTRIAL ALIEN}\N{ADLAM SMALL LETTER ALIF} <|endoftext|>", limit)
        assert count.text(clipped) <= limit
        assert "\N{REPLACEMENT CHARACTER}" not in clipped


def test_parts_are_counted_and_what_is_not_text_is_named() -> None:
    count = counter("gpt-4o")
    text = {"type": "text", "text": "hello"}
    assert count.messages(user([text])).tokens == 8
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    mixed = count.messages(user([text, picture, {"type": "input_audio", "input_audio": {}}]))
    assert mixed.tokens == 8
    assert mixed.warnings == (
        "a part of type 'image_url' is not counted",
        "a part of type 'input_audio' is not counted",
    )


def test_messages_without_content_and_the_message_objects_of_the_sdk_are_counted() -> None:
    with AnswerServer(says("hello")) as server, OpenAI(api_key="k", base_url=server.base_url) as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    history = [*user("x"), answer.choices[0].message]
    count = counter("gpt-4o").messages(history)
    assert (count.tokens, count.exact) == (3 + 5 + 5, True)
    assert counter("gpt-4o").messages([{"role": "assistant", "content": None}]).tokens == 3 + 4


def test_many_calls_at_once_and_tools_that_are_not_functions_are_flagged() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    one, two = ([{"role": "assistant", "tool_calls": [call] * n}] for n in (1, 2))
    count = counter("gpt-4o")
    assert count.messages(two).tokens > count.messages(one).tokens + 17
    custom = {"type": "custom", "custom": {"name": "x"}}
    assert count.messages(user("x"), tools=[custom]).warnings == ("tools that are not functions are not counted",)


def test_a_cache_directory_keeps_the_network_out() -> None:
    script = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from oaimigrate.runtime.tokens import count_messages\n"
        "for m in ('gpt-4o', 'gpt-4'):\n"
        "    print(count_messages(m, [{'role': 'user', 'content': 'hello'}], cache_dir=sys.argv[1]).tokens)\n"
    )
    clean = {k: v for k, v in os.environ.items() if k != "TIKTOKEN_CACHE_DIR"}
    run = subprocess.run(
        [sys.executable, "-c", script, str(encodings_folder())], capture_output=True, text=True, env=clean, check=False
    )
    assert (run.stdout.split(), run.stderr) == (["8", "8"], "")


def test_a_cache_without_the_file_or_with_a_damaged_one_is_an_error_not_a_download(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(EncodingUnavailable, match="o200k_base"):
        tokens.load_encoding("o200k_base", tmp_path)
    damaged = tokens.cache_path("o200k_base", tmp_path)
    damaged.write_bytes(b"not it")
    with pytest.raises(EncodingUnavailable):
        tokens.load_encoding("o200k_base", tmp_path)
    assert damaged.exists()
    with pytest.raises(ValueError, match="official"):
        tokens.seed_cache(tmp_path, "o200k_base", packed("cl100k_base"))


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
    if before is None:
        monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
    else:
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", before)
    tokens.load_encoding("cl100k_base", encodings_folder())
    assert os.environ.get("TIKTOKEN_CACHE_DIR") == before


def test_the_budget_is_checked_before_sending() -> None:
    fine = preflight("gpt-4o", user("hello"), reply_tokens=100)
    assert (fine.prompt.tokens, fine.window, fine.over) == (8, 128_000, ())
    assert fine.require() is fine
    with pytest.raises(BudgetExceeded, match=r"8 prompt tokens exceed the budget of 7") as caught:
        preflight("gpt-4o", user("hello"), reply_tokens=1, max_prompt_tokens=7).require()
    assert caught.value.preflight.prompt.tokens == 8
    exactly = preflight("gpt-4", user("hello"), reply_tokens=8192 - 8)
    one_more = preflight("gpt-4", user("hello"), reply_tokens=8192 - 7)
    assert (exactly.over, len(one_more.over)) == ((), 1)


def test_an_unknown_window_or_price_counts_as_over() -> None:
    over = preflight("my-deployment", user("hello"), reply_tokens=1, max_usd=Decimal(1)).over
    assert over == (
        "the context window of 'my-deployment' is not known",
        "the price of 'my-deployment' is not known",
    )
    assert preflight("my-deployment", user("hello"), reply_tokens=1, window=4096).over == ()


def test_prices_come_from_genai_prices() -> None:
    pytest.importorskip("genai_prices")
    whole = models.cost_usd("gpt-4o", 1000, 100)
    assert whole == Decimal("0.0035")
    cached = models.cost_usd("gpt-4o", 1000, 100, cached_tokens=800)
    assert cached is not None
    assert cached < whole
    assert models.cost_usd("no-such-model", 1, 1) is None
    assert models.context_window("gpt-6-sol") is not None
    assert models.context_window("no-such-model") is None
    dear = preflight("gpt-4o", user("hello"), reply_tokens=100, max_usd=Decimal("0.0001"))
    assert dear.over == ("up to $0.00102 exceeds the budget of $0.0001",)


def test_without_genai_prices_the_price_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "genai_prices", None)
    assert models.cost_usd("gpt-4o", 1, 1) is None
    assert models.context_window("gpt-6-sol") is None


def test_cached_and_audio_tokens_have_their_own_price() -> None:
    pytest.importorskip("genai_prices")
    full = cost_usd("gpt-4o", 100_000, 10)
    cached = cost_usd("gpt-4o", 100_000, 10, cached_tokens=90_000)
    assert full is not None
    assert cached is not None
    assert cached < full
    details = SimpleNamespace(cached_tokens=90_000, audio_tokens=None)
    chat = SimpleNamespace(prompt_tokens=100_000, completion_tokens=10, prompt_tokens_details=details)
    responses = SimpleNamespace(input_tokens=100_000, output_tokens=10, input_tokens_details=details)
    assert usage_cost("gpt-4o", chat) == usage_cost("openai/gpt-4o", responses) == cached
    assert usage_cost("gpt-4o", SimpleNamespace(prompt_tokens=100_000, total_tokens=100_000)) == cost_usd(
        "gpt-4o", 100_000, 0
    )
    spoken = cost_usd("gpt-audio", 1000, 100, audio_tokens=900, output_audio_tokens=90)
    written = cost_usd("gpt-audio", 1000, 100)
    assert spoken is not None
    assert written is not None
    assert spoken > written
    assert cost_usd("gpt-4o", 10, 0, cached_tokens=20) is None  # figures that cannot be
    assert usage_cost("ft:gpt-4o-mini:acme::x1", chat) is None


def test_tool_calls_of_the_sdk_s_own_classes_count_inside_a_dict_too() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"city": "Paris"}'}}
    message = ChatCompletionMessage.model_validate({"role": "assistant", "content": None, "tool_calls": [call]})
    counter = TokenCounter("gpt-4o", encodings_folder())
    whole = counter.message({"role": "assistant", "content": None, "tool_calls": [call]})
    assert counter.message({"role": "assistant", "content": None, "tool_calls": message.tool_calls}) == whole
    assert counter.message(message) == whole
    assert "f(" in transcript({"role": "assistant", "content": None, "tool_calls": message.tool_calls})


def test_prices_are_loaded_with_the_module_and_not_in_the_middle_of_a_call() -> None:
    """genai-prices imports httpx2; openai 2.54 raises AttributeError in other threads while that import goes on."""
    pytest.importorskip("genai_prices")
    code = "import sys, oaimigrate.runtime.models; print('genai_prices' in sys.modules, 'openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
