"""Fitting histories into windows and recovering from context_length_exceeded, through the real SDK."""

from __future__ import annotations

import asyncio
import doctest
from functools import partial
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI, OpenAI

from oaimigrate.runtime import context
from oaimigrate.runtime.context import Completed, ContextOverflow, Plan, acomplete, complete, fit, is_overflow, turns
from oaimigrate.runtime.tokens import TokenCounter

from .answers import AnswerServer, fails, says
from .encodings import encodings_folder

COUNTING = partial(TokenCounter, cache_dir=encodings_folder())
GPT4O = COUNTING("gpt-4o")
TOO_LONG = fails(400, "context_length_exceeded")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(encodings_folder()))


def said(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def called(name: str, result: str) -> list[dict[str, Any]]:
    call = {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    return [asked, {"role": "tool", "tool_call_id": name, "content": result}]


def talk(*, rounds: int, words: int = 20) -> list[dict[str, Any]]:
    history = [said("system", "Be brief")]
    for n in range(rounds):
        history += [said("user", f"q{n} " + "word " * words), said("assistant", f"a{n} " + "word " * words)]
    return [*history, said("user", "last")]


def run(server: AnswerServer, plan: Plan, **request: Any) -> Completed:
    with OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
        return complete(client.chat.completions.create, plan, **request)


def run_async(server: AnswerServer, plan: Plan, **request: Any) -> Completed:
    async def go() -> Completed:
        async with AsyncOpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
            return await acomplete(client.chat.completions.create, plan, **request)

    return asyncio.run(go())


def small(window: int, **options: Any) -> Plan:
    given_windows = {"m": window, "gpt-4o": window, **options.pop("windows", {})}
    return Plan(windows=given_windows, counter=COUNTING, reply_tokens=10, **options)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(context).failed == 0


def test_a_turn_goes_from_one_user_message_to_the_next() -> None:
    history = [
        said("system", "s"),
        said("assistant", "hello"),
        said("user", "one"),
        said("user", "more of one"),
        *called("f", "1"),
        said("developer", "d"),
        said("assistant", "done"),
        said("user", "two"),
    ]
    assert turns(history) == [[1], [2, 3, 4, 5, 7], [8]]
    assert turns([]) == []


def test_the_oldest_turns_go_first_and_system_messages_stay_in_place() -> None:
    history = talk(rounds=4)
    history.insert(3, said("developer", "Answer in French"))
    whole = GPT4O.messages(history).tokens
    fitted = fit(history, whole - 1, GPT4O)
    assert fitted.dropped == (history[1], history[2])
    assert fitted.messages == (history[0], *history[3:])
    assert fitted.fits
    assert fitted.tokens == GPT4O.messages(fitted.messages).tokens
    assert fit(history, whole, GPT4O).dropped == ()


def test_the_last_turn_stays_even_if_it_does_not_fit() -> None:
    fitted = fit(talk(rounds=3), 5, GPT4O)
    assert [m["content"] for m in fitted.messages] == ["Be brief", "last"]
    assert not fitted.fits


def test_old_exchanges_with_tools_go_from_a_turn_that_is_too_long() -> None:
    history = [said("user", "do it"), *called("a", "x " * 50), *called("b", "y " * 50), *called("c", "z")]
    fitted = fit(history, 60, GPT4O)
    assert fitted.messages == (history[0], *history[5:])
    assert fitted.dropped == tuple(history[1:5])


def test_declared_tools_take_room() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "words " * 40, "parameters": {}}}
    history = talk(rounds=2)
    budget = GPT4O.messages(history).tokens
    assert fit(history, budget, GPT4O).dropped == ()
    assert fit(history, budget, GPT4O, tools=[tool]).dropped != ()


MESSAGES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["system", "developer", "user", "assistant"]), st.text("ab ", max_size=12)).map(
            lambda pair: [said(*pair)]
        ),
        st.tuples(st.sampled_from("fgh"), st.text("01", max_size=8)).map(lambda pair: called(*pair)),
    ),
    max_size=12,
).map(lambda groups: [message for group in groups for message in group])


@settings(max_examples=150, deadline=None)
@given(MESSAGES, st.integers(0, 120))
def test_whatever_is_dropped_the_history_stays_one_the_api_accepts(history: list[dict[str, Any]], budget: int) -> None:
    fitted = fit(history, budget, GPT4O)
    kept = list(fitted.messages)
    assert fitted.tokens == GPT4O.messages(kept).tokens
    assert [m for m in history if m["role"] in context.PINNED] == [m for m in kept if m["role"] in context.PINNED]
    assert fitted.fits or len(turns(kept)) <= 1
    for position, message in enumerate(kept):
        if message["role"] == "tool":
            before = next(
                m for m in reversed(kept[:position]) if m["role"] != "tool" and m["role"] not in context.PINNED
            )
            assert before["tool_calls"][0]["id"] == message["tool_call_id"]
        if message.get("tool_calls"):
            assert any(m.get("tool_call_id") == message["tool_calls"][0]["id"] for m in kept[position + 1 :])


@pytest.mark.parametrize("running", [run, run_async])
def test_a_history_that_fits_is_sent_as_it_is(running: Any) -> None:
    with AnswerServer(says("fine")) as server:
        got = running(server, small(1000), model="m", messages=talk(rounds=1), temperature=0)
    assert got.completion.choices[0].message.content == "fine"
    assert (got.done, got.model, list(got.messages)) == ((), "m", talk(rounds=1))
    assert server.asked[0]["messages"] == talk(rounds=1)
    assert server.asked[0]["temperature"] == 0


@pytest.mark.parametrize("running", [run, run_async])
def test_a_long_history_is_cut_before_it_is_sent(running: Any) -> None:
    with AnswerServer(says("fine")) as server:
        got = running(server, small(100), model="gpt-4o", messages=talk(rounds=6))
    assert len(server.asked) == 1
    assert GPT4O.messages(server.asked[0]["messages"]).tokens <= 90
    assert got.done == ("drop",)
    assert len(got.dropped) + len(got.messages) == len(talk(rounds=6))


@pytest.mark.parametrize("running", [run, run_async])
def test_an_overflow_is_recovered_from_by_its_code(running: Any) -> None:
    with AnswerServer(TOO_LONG, TOO_LONG, says("fine")) as server:
        got = running(server, small(10_000), model="gpt-4o", messages=talk(rounds=8))
    sizes = [GPT4O.messages(body["messages"]).tokens for body in server.asked]
    assert sizes[1] <= sizes[0] * 3 // 4
    assert sizes[2] <= sizes[1] * 3 // 4
    assert got.done == ("recovery", "drop", "recovery", "drop")
    assert got.completion.choices[0].message.content == "fine"


def test_an_unknown_window_is_left_to_the_service() -> None:
    with AnswerServer(TOO_LONG, says("fine")) as server:
        got = run(server, Plan(counter=COUNTING), model="my-deployment", messages=talk(rounds=4))
    assert (len(server.asked), got.done) == (2, ("recovery", "drop"))


@pytest.mark.parametrize("code", ["invalid_value", "string_above_max_length", None])
def test_other_errors_are_raised_as_they_are(code: str | None) -> None:
    with AnswerServer(fails(400, code)) as server, pytest.raises(openai.BadRequestError) as caught:
        run(server, small(1000), model="m", messages=talk(rounds=3))
    assert len(server.asked) == 1
    assert not is_overflow(caught.value)


def test_recoveries_are_bounded_and_end_with_the_error_of_the_service() -> None:
    with AnswerServer(TOO_LONG) as server, pytest.raises(openai.BadRequestError) as caught:
        run(server, small(10_000, recoveries=2), model="m", messages=talk(rounds=30))
    assert len(server.asked) == 3
    assert is_overflow(caught.value)


def test_what_cannot_be_any_shorter_is_not_sent_again() -> None:
    with AnswerServer(TOO_LONG) as server, pytest.raises(openai.BadRequestError):
        run(server, small(1000), model="m", messages=[said("user", "long " * 100)])
    assert len(server.asked) == 1
    with AnswerServer(TOO_LONG, says("fine")) as server:  # a little shorter is worth a try
        run(server, small(1000), model="m", messages=[*talk(rounds=1, words=2)[:3], said("user", "long " * 100)])
    assert len(server.asked) == 2


def test_a_turn_that_cannot_fit_is_not_sent_at_all() -> None:
    with AnswerServer(says("x")) as server, pytest.raises(ContextOverflow, match="where 90 fit") as caught:
        run(server, small(100), model="m", messages=[*talk(rounds=1)[:3], said("user", "long " * 100)])
    assert server.asked == []
    assert len(caught.value.state.messages) == 2


@pytest.mark.parametrize("running", [run, run_async])
def test_the_smallest_larger_model_that_is_enough_is_taken(running: Any) -> None:
    plan = small(100, larger=("huge", "big", "m"), windows={"huge": 100_000, "big": 1_000})
    with AnswerServer(says("fine")) as server:
        got = running(server, plan, model="m", messages=talk(rounds=6))
    assert (server.asked[0]["model"], got.model, got.done) == ("big", "big", ("switch to big",))
    assert server.asked[0]["messages"] == talk(rounds=6)


def test_a_model_that_is_too_small_even_so_is_switched_to_and_the_rest_dropped() -> None:
    plan = small(50, larger=("big",), windows={"big": 120})
    with AnswerServer(says("fine")) as server:
        got = run(server, plan, model="m", messages=talk(rounds=6))
    assert got.done == ("switch to big", "drop")


def test_steps_that_cannot_help_are_passed_over() -> None:
    plan = small(100, larger=("m2",), windows={"m2": 90}, summarise_with="s", summary_tokens=10)
    with AnswerServer(says("x")) as server, pytest.raises(ContextOverflow) as caught:
        run(server, plan, model="m", messages=[said("user", "long " * 200)])
    assert (server.asked, caught.value.state.done) == ([], ())


def test_a_larger_model_serves_an_overflow_too() -> None:
    plan = small(1000, larger=("big",), windows={"big": 5000})
    with AnswerServer(TOO_LONG, says("fine")) as server:
        got = run(server, plan, model="m", messages=talk(rounds=6))
    assert [body["model"] for body in server.asked] == ["m", "big"]
    assert got.done == ("recovery", "switch to big")


@pytest.mark.parametrize("running", [run, run_async])
def test_what_is_dropped_can_be_summarised_by_a_call(running: Any) -> None:
    history = [*talk(rounds=6)[:-1], said("user", "weather?"), *called("look", "rain"), said("user", "last")]
    plan = small(160, summarise_with="gpt-4o-mini", summary_tokens=20)
    with AnswerServer(says("They said words."), says("fine")) as server:
        got = running(server, plan, model="gpt-4o", messages=history)
    request, final = server.asked
    assert (request["model"], request["max_completion_tokens"]) == ("gpt-4o-mini", 20)
    assert request["messages"][1]["content"].startswith("user: q0 word")
    assert got.summary == "They said words."
    assert final["messages"][1] == said("assistant", f"{context.HEADING}\nThey said words.")
    assert final["messages"][0] == history[0]
    assert final["messages"][-1] == history[-1]
    assert GPT4O.messages(final["messages"]).tokens <= 150
    assert got.done == ("summarise",)


@pytest.mark.parametrize("answer", [says(""), fails(500, None)])
def test_a_summary_that_fails_leaves_dropping(answer: Any) -> None:
    with AnswerServer(answer, says("fine")) as server:
        got = run(server, small(100, summarise_with="s", summary_tokens=20), model="m", messages=talk(rounds=6))
    assert (got.summary, got.done) == (None, ("summary failed", "drop"))
    assert got.completion.choices[0].message.content == "fine"


def test_a_summariser_with_a_small_window_gets_the_newest_part() -> None:
    plan = small(100, summarise_with="tiny", summary_tokens=20, windows={"tiny": 200})
    with AnswerServer(says("Short."), says("fine")) as server:
        run(server, plan, model="m", messages=talk(rounds=8))
    asked = server.asked[0]["messages"]
    assert COUNTING("tiny").messages(asked).tokens <= 180
    assert "q6" in asked[1]["content"]
    assert "q0" not in asked[1]["content"]


def test_a_summary_that_is_too_long_is_clipped() -> None:
    with AnswerServer(says("word " * 200), says("fine")) as server:
        got = run(server, small(100, summarise_with="s", summary_tokens=20), model="gpt-4o", messages=talk(rounds=6))
    assert got.summary is not None
    assert GPT4O.text(got.summary) == 20
    assert got.done == ("summarise",)
    assert GPT4O.messages(server.asked[1]["messages"]).tokens <= 90


def test_the_limit_in_the_request_is_what_is_left_free() -> None:
    plan = Plan(windows={"m": 200}, counter=COUNTING)
    with AnswerServer(says("fine")) as server:
        assert run(server, plan, model="m", messages=talk(rounds=3), max_completion_tokens=20).done == ()
        assert run(server, plan, model="m", messages=talk(rounds=3), max_tokens=120).done == ("drop",)


def test_the_history_returned_can_be_gone_on_from_with_message_objects() -> None:
    with AnswerServer(says("one " * 20), says("two")) as server:
        first = run(server, small(100), model="gpt-4o", messages=talk(rounds=1))
        history = [*first.messages, first.completion.choices[0].message, said("user", "again")]
        second = run(server, small(100), model="gpt-4o", messages=history)
    assert second.completion.choices[0].message.content == "two"
    assert server.asked[1]["messages"][-1] == said("user", "again")
