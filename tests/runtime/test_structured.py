"""Values out of answers: schemas, JSON mode, healing, asking again and giving up, through the real SDK."""

from __future__ import annotations

import asyncio
import doctest
import enum
import json
import sys
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field, create_model

from oaimigrate.runtime import structured
from oaimigrate.runtime.outcome import Status
from oaimigrate.runtime.structured import ANY_OBJECT, Parsed, Schema, StructuredError, aask, parse, schema_of, strict

from .answers import AnswerServer, calls, fails, says


class Unit(str, enum.Enum):
    GRAM = "g"
    PIECE = "pc"


class Item(BaseModel):
    name: str = Field(description="what it is")
    amount: float
    unit: Unit = Unit.PIECE
    note: str | None = None


class Order(BaseModel):
    items: list[Item]
    best: Item | None = Field(default=None, description="the one to take")


@dataclass
class Point:
    x: int
    y: int


POINT = schema_of(Point)
ASK: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "where?"}]}
GOOD = '{"x": 1, "y": 2}'


def ask(server: AnswerServer, schema: Schema[Any] = POINT, **options: Any) -> Parsed[Any]:
    with OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
        return structured.ask(client.chat.completions.create, schema, **{**ASK, **options})


def ask_async(server: AnswerServer, schema: Schema[Any] = POINT, **options: Any) -> Parsed[Any]:
    async def run() -> Parsed[Any]:
        async with AsyncOpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
            return await aask(client.chat.completions.create, schema, **{**ASK, **options})

    return asyncio.run(run())


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(structured).failed == 0


@pytest.mark.parametrize("asking", [ask, ask_async])
def test_an_answer_that_fits_is_a_value(asking: Any) -> None:
    with AnswerServer(says(GOOD)) as server:
        got = asking(server)
    assert (got.value, got.healed, got.attempts) == (Point(1, 2), False, ())
    sent = server.asked[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert (sent["json_schema"]["name"], sent["json_schema"]["strict"]) == ("Point", True)
    assert sent["json_schema"]["schema"]["additionalProperties"] is False


def test_a_schema_is_what_the_sdk_itself_would_send() -> None:
    from openai.lib._pydantic import to_strict_json_schema  # private: only an oracle here

    def without_defaults(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: without_defaults(v) for k, v in node.items() if k != "default"}
        return [without_defaults(item) for item in node] if isinstance(node, list) else node

    for model in (Item, Order):
        assert strict(model.model_json_schema()) == without_defaults(to_strict_json_schema(model))


def test_a_reference_with_neighbours_and_a_lone_all_of_are_inlined() -> None:
    defined = {"A": {"type": "object", "properties": {"b": {"type": "string", "default": "x"}}}}
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A", "description": "one"}, "c": {"allOf": [{"type": "string"}]}},
        "$defs": defined,
    }
    got = strict(schema)
    assert got["properties"]["a"]["description"] == "one"
    assert got["properties"]["a"]["required"] == ["b"]
    assert got["properties"]["c"] == {"type": "string"}
    assert got["$defs"]["A"]["properties"]["b"] == {"type": "string"}
    assert schema["$defs"]["A"] == defined["A"]
    assert "required" not in defined["A"]


def test_a_schema_has_a_name_that_the_api_takes() -> None:
    T = TypeVar("T")

    class Page(BaseModel, Generic[T]):
        items: list[T]

    assert schema_of(Page[int]).name == "Page_int_"
    assert len(schema_of(create_model("Long" * 40, x=(int, ...))).name) == 64


def test_a_root_that_is_no_object_is_refused() -> None:
    with pytest.raises(TypeError, match="object at its root"):
        schema_of(list[int])


def test_json_mode_says_json_and_gives_the_schema() -> None:
    with AnswerServer(says('{"a": [1]}')) as server:
        assert ask(server, ANY_OBJECT).value == {"a": [1]}
        ask(server, ANY_OBJECT, messages=[{"role": "user", "content": "Reply in JSON"}])
        started = [{"role": "system", "content": "Be kind"}, *ASK["messages"]]
        with pytest.raises(StructuredError):
            ask(server, schema_of(Point, mode="json_object"), messages=started, attempts=1)
    plain, told, described = server.asked
    assert plain["response_format"] == {"type": "json_object"}
    assert "JSON" in plain["messages"][0]["content"]
    assert len(told["messages"]) == 1
    assert [m["role"] for m in described["messages"]] == ["system", "system", "user"]
    assert '"additionalProperties"' in described["messages"][1]["content"]


@pytest.mark.parametrize("asking", [ask, ask_async])
def test_what_was_wrong_is_sent_back(asking: Any) -> None:
    with AnswerServer(says('{"x": 1'), says('{"x": "one", "y": 2}'), says(GOOD)) as server:
        got = asking(server)
    assert got.value == Point(1, 2)
    assert [a.outcome.text for a in got.attempts] == ['{"x": 1', '{"x": "one", "y": 2}']
    second, third = server.asked[1]["messages"], server.asked[2]["messages"]
    assert (len(second), len(third)) == (3, 3)
    assert "The answer is not JSON: Expecting" in second[-1]["content"]
    assert "does not fit the schema: x: Input should be a valid integer" in third[-1]["content"]
    assert second[1] == {"role": "assistant", "content": '{"x": 1'}


@pytest.mark.parametrize("asking", [ask, ask_async])
def test_giving_up_keeps_everything(asking: Any) -> None:
    with AnswerServer(says("no"), says("[1]"), says("{}")) as server, pytest.raises(StructuredError) as caught:
        asking(server)
    assert len(server.asked) == 3
    assert [a.outcome.text for a in caught.value.attempts] == ["no", "[1]", "{}"]
    assert "not a JSON object but list" in caught.value.attempts[1].problem
    assert "x: Field required; y: Field required" in str(caught.value)
    assert all(a.outcome.completion.id for a in caught.value.attempts)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (says(GOOD, "content_filter"), Status.FILTERED),
        (says(None, refusal="I will not"), Status.REFUSED),
        (calls(("f", GOOD)), Status.TOOL_CALLS),
    ],
)
def test_what_asking_again_cannot_help_ends_it_at_once(answer: Any, status: Status) -> None:
    with AnswerServer(answer) as server, pytest.raises(StructuredError) as caught:
        ask(server)
    assert len(server.asked) == 1
    assert [a.outcome.status for a in caught.value.attempts] == [status]


def test_a_cut_answer_is_never_parsed_but_asked_for_with_more_room() -> None:
    with AnswerServer(says(GOOD, "length"), says(GOOD, "length"), says(GOOD)) as server:
        got = ask(server, heal=True, max_tokens=50)
    assert [body["max_tokens"] for body in server.asked] == [50, 100, 200]
    assert [a.outcome.status for a in got.attempts] == [Status.TRUNCATED] * 2


def test_a_cut_answer_without_a_limit_is_asked_for_more_briefly() -> None:
    with AnswerServer(says('{"x"', "length"), says(GOOD)) as server:
        ask(server)
    assert server.asked[1]["messages"][-1]["content"] == structured.SHORTER


def test_an_empty_answer_is_asked_for_again_as_it_was() -> None:
    with AnswerServer(says(""), says(GOOD)) as server:
        assert ask(server).value == Point(1, 2)
    assert server.asked[0] == server.asked[1]


def test_the_first_error_is_raised_and_a_later_one_keeps_the_attempts() -> None:
    with AnswerServer(fails(401, "invalid_api_key")) as server, pytest.raises(openai.AuthenticationError):
        ask(server)
    again = pytest.raises(StructuredError, match="asking again failed")
    with AnswerServer(says("no"), fails(429, "rate_limit_exceeded")) as server, again as caught:
        ask(server)
    assert isinstance(caught.value.__cause__, openai.RateLimitError)
    assert [a.outcome.text for a in caught.value.attempts] == ["no"]


def test_streams_and_several_choices_are_refused() -> None:
    with AnswerServer(says(GOOD)) as server:
        for options in ({"stream": True}, {"n": 3}):
            with pytest.raises(ValueError, match="one whole answer"):
                ask(server, **options)


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{GOOD}\n```",
        "{'x': 1, 'y': 2}",
        '{"x": 1, "y": 2,}',
        '{"x": 1 "y": 2}',
        '{x: 1, "y": 2} // done',
        f"Sure! Here it is: {GOOD} Anything else?",
    ],
)
def test_healing_is_said_and_only_where_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        parse(text, POINT)
    assert parse(text, POINT, heal=True) == structured.Healed(Point(1, 2), True)
    with AnswerServer(says(text)) as server:
        assert ask(server, heal=True).healed
    assert not parse(GOOD, POINT, heal=True).repaired


@pytest.mark.parametrize(
    "text",
    ["Sorry, I cannot do that.", "", "I think {curly} is nice", "[see note]", f"{GOOD} {GOOD}", "[" * 100_000],
)
def test_prose_does_not_heal_into_something(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        parse(text, ANY_OBJECT, heal=True)


@pytest.mark.parametrize("text", ['{"x": NaN, "y": 1}', '{"x": -Infinity, "y": 1}', "null", '"x"', "12"])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        parse(text, ANY_OBJECT)


def test_healing_without_json_repair_fails_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "json_repair", None)
    with AnswerServer(says(GOOD)) as server, pytest.raises(ImportError):
        ask(server, heal=True)
    assert server.asked == []


def test_a_validator_of_ones_own() -> None:
    def positive(value: Any) -> int:
        if value["n"] <= 0:
            raise ValueError("n must be positive")
        return int(value["n"])

    schema = Schema("n", {"type": "object"}, positive)
    with AnswerServer(says('{"n": -1}'), says('{"n": 4}')) as server:
        got = ask(server, schema)
    assert (got.value, got.attempts[0].problem) == (4, "n must be positive")


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5)))
def test_any_object_comes_back_as_it_was(value: dict[str, Any]) -> None:
    assert parse(json.dumps(value), ANY_OBJECT) == structured.Healed(value, False)
