"""The finish_reason matrix, continuing, and asking for code that was left out, through the real SDK."""

from __future__ import annotations

import asyncio
import contextlib
import doctest
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI, OpenAI

from oaimigrate.runtime import outcome
from oaimigrate.runtime.outcome import Reply, Status, areply, join, omissions, read, read_error, reply
from oaimigrate.runtime.stream import ChatStream, Choice, StreamInterrupted, StreamResult
from oaimigrate.runtime.stream import ToolCall as StreamedCall

from .answers import AnswerServer, calls, fails, says
from .faults import FaultServer, script

ASK: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "go"}]}


def ask(server: AnswerServer, **options: Any) -> Reply:
    with OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
        return reply(client.chat.completions.create, **{**ASK, **options})


def ask_async(server: AnswerServer, **options: Any) -> Reply:
    async def run() -> Reply:
        async with AsyncOpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
            return await areply(client.chat.completions.create, **{**ASK, **options})

    return asyncio.run(run())


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(outcome).failed == 0


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (says("hi"), Status.COMPLETE),
        (says("hi", "length"), Status.TRUNCATED),
        (says("", "length"), Status.TRUNCATED),
        (calls(("f", '{"a'), finish_reason="length"), Status.TRUNCATED),
        (says("hi", "content_filter"), Status.FILTERED),
        (says(None, "content_filter"), Status.FILTERED),
        (calls(("f", "{}")), Status.TOOL_CALLS),
        (calls(("f", "{}"), finish_reason="stop"), Status.TOOL_CALLS),
        (says(None, "function_call", function_call={"name": "f", "arguments": "{}"}), Status.TOOL_CALLS),
        (says(None, "tool_calls"), Status.EMPTY),
        (says(None, refusal="I cannot"), Status.REFUSED),
        (says(None), Status.EMPTY),
        (says(" \n"), Status.EMPTY),
        (says("hi", None), Status.TRUNCATED),
        (says("hi", "a_new_reason"), Status.TRUNCATED),
        ({"raw": {"id": "x", "choices": []}}, Status.EMPTY),
        ({"raw": {"id": "x", "choices": None}}, Status.EMPTY),
        ({"raw": {"choices": [{"index": 0, "finish_reason": "stop"}]}}, Status.EMPTY),
        ({"raw": {"choices": [{"index": 1, "message": {"content": "b"}, "finish_reason": "stop"}]}}, Status.EMPTY),
        ({"raw": {"choices": [{"message": {"content": "b"}, "finish_reason": "stop"}]}}, Status.COMPLETE),
    ],
)
def test_the_matrix(answer: Any, status: Status) -> None:
    with AnswerServer(answer) as server:
        got = ask(server, continuations=0).outcome
    assert (got.status, got.complete) == (status, status is Status.COMPLETE)


def test_tool_calls_keep_what_the_model_wrote() -> None:
    custom = {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    function = {"id": "d", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    with AnswerServer(says(None, "tool_calls", tool_calls=[custom, function])) as server:
        first, second = ask(server).outcome.tool_calls
    assert (first.name, first.arguments) == ("shell", "ls")
    assert (second.id, second.parsed()) == ("d", {"a": 1})
    with pytest.raises(ValueError, match="Expecting value"):
        first.parsed()


@pytest.mark.parametrize(
    ("fault", "status"), [("ok", Status.COMPLETE), ("filtered", Status.FILTERED), ("truncated", Status.TRUNCATED)]
)
def test_what_a_stream_has_put_together_is_read_alike(fault: str, status: Status) -> None:
    with FaultServer(script(fault)) as server, OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
        stream = ChatStream(client.chat.completions.create(stream=True, **ASK))
        with stream, contextlib.suppress(StreamInterrupted):
            "".join(stream)
        got = read(stream.result)
    assert got.status is status
    assert "echo go".startswith(got.text)
    assert got.text


def test_a_legacy_completion_and_tool_calls_of_a_stream_are_read_alike() -> None:
    legacy = openai.types.Completion.construct(choices=[{"text": "hi", "finish_reason": "length", "index": 0}])
    assert (read(legacy).text, read(legacy).status) == ("hi", Status.TRUNCATED)
    streamed = StreamResult(choices=[Choice(finish_reason="tool_calls", tool_calls=[StreamedCall("c", "f", "{}")])])
    assert read(streamed).tool_calls == (outcome.ToolCall("c", "f", "{}"),)
    assert read(streamed, 1).status is Status.EMPTY


def test_azure_says_what_was_filtered() -> None:
    results = {"hate": {"filtered": True, "severity": "high"}, "violence": {"filtered": False}, "error": "x"}
    with AnswerServer({**says("", "content_filter"), "content_filter_results": results}) as server:
        assert ask(server).outcome.filtered == ("hate",)


@pytest.mark.parametrize(("code", "filtered"), [("content_filter", True), ("invalid_value", False), (None, False)])
def test_a_filtered_prompt_is_known_by_its_code(code: str | None, filtered: bool) -> None:
    with AnswerServer(fails(400, code)) as server, pytest.raises(openai.BadRequestError) as caught:
        ask(server)
    found = read_error(caught.value)
    assert (found is not None) == filtered
    assert found is None or found.status is Status.FILTERED


@pytest.mark.parametrize("asking", [ask, ask_async])
def test_a_cut_answer_is_continued_until_it_is_whole(asking: Any) -> None:
    with AnswerServer(says("one ", "length"), says("two ", "length"), says("three")) as server:
        got = asking(server)
    assert (got.outcome.text, got.outcome.status, got.continued) == ("one two three", Status.COMPLETE, 2)
    assert got.whole
    assert got.usage == (15, 21)
    assert [m["content"] for m in server.asked[2]["messages"]] == ["go", "one two ", outcome.CONTINUE]
    assert ASK["messages"] == [{"role": "user", "content": "go"}]


@pytest.mark.parametrize("asking", [ask, ask_async])
def test_continuing_is_bounded(asking: Any) -> None:
    with AnswerServer(says("x", "length")) as server:
        got = asking(server, continuations=2)
    assert (len(server.asked), got.outcome.text, got.outcome.status) == (3, "xxx", Status.TRUNCATED)
    assert not got.whole


@pytest.mark.parametrize("first", [says("", "length"), calls(("f", '{"a'), finish_reason="length")])
@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_an_answer_with_nothing_to_continue_is_asked_for_again_with_more_room(first: Any, limit: str) -> None:
    with AnswerServer(first, first, says("done")) as server:
        got = ask(server, **{limit: 100})
    assert [body[limit] for body in server.asked] == [100, 200, 400]
    assert all(body["messages"] == ASK["messages"] for body in server.asked)
    assert got.outcome.text == "done"


def test_without_a_limit_there_is_no_room_to_give() -> None:
    with AnswerServer(says("", "length")) as server:
        assert ask(server).outcome.status is Status.TRUNCATED
    assert len(server.asked) == 1


def test_an_unknown_reason_is_not_continued() -> None:
    with AnswerServer(says("x", "eos")) as server:
        assert ask(server).outcome.status is Status.TRUNCATED
    assert len(server.asked) == 1


def test_a_continuation_that_adds_nothing_ends_the_answer() -> None:
    with AnswerServer(says("all", "length"), says("")) as server:
        got = ask(server)
    assert (got.outcome.text, got.outcome.status) == ("all", Status.COMPLETE)


def test_a_continuation_that_fails_keeps_what_had_arrived() -> None:
    with AnswerServer(says("half", "length"), fails(400, "context_length_exceeded")) as server:
        got = ask(server)
    assert (got.outcome.text, got.outcome.status) == ("half", Status.TRUNCATED)
    assert isinstance(got.error, openai.BadRequestError)
    assert got.error.code == "context_length_exceeded"


def test_the_first_error_is_raised() -> None:
    with AnswerServer(fails(429, "insufficient_quota")) as server, pytest.raises(openai.RateLimitError):
        ask(server)


def test_a_stream_and_several_choices_are_refused_before_sending() -> None:
    with AnswerServer(says("x")) as server:
        for options in ({"stream": True}, {"n": 2}):
            with pytest.raises(ValueError, match="one whole answer"):
                ask(server, **options)
    assert server.asked == []


LAZY = "```py\nimport a\n# ... rest of code\n```"
LAZIER = "```py\n# ... rest of code\n# ...\n```"
FULL = "```py\nimport a\nprint(a)\n```"


@pytest.mark.parametrize("asking", [ask, ask_async])
def test_code_that_was_left_out_is_asked_for_more_and_more_firmly(asking: Any) -> None:
    with AnswerServer(says(LAZY), says(LAZIER), says(FULL)) as server:
        got = asking(server, firmer=3)
    assert (got.outcome.text, got.omissions, got.firmer, got.whole) == (FULL, (), 2, True)
    demands = [body["messages"][-1]["content"] for body in server.asked[1:]]
    assert demands[0] == outcome.FIRMER[0].format(found="`# ... rest of code`")
    assert demands[1] == outcome.FIRMER[1].format(found="`# ... rest of code`, `# ...`")
    assert [len(body["messages"]) for body in server.asked] == [1, 3, 3]


def test_asking_more_firmly_is_bounded_and_the_best_answer_is_kept() -> None:
    with AnswerServer(says(LAZY), says(LAZIER)) as server:
        got = ask(server, firmer=2)
    assert (len(server.asked), got.outcome.text, got.omissions) == (3, LAZY, ("# ... rest of code",))
    assert (len(got.completions), got.whole) == (3, False)


def test_an_error_while_asking_more_firmly_keeps_the_answer() -> None:
    with AnswerServer(says(LAZY), fails(500, None)) as server:
        got = ask(server, firmer=2)
    assert got.outcome.text == LAZY
    assert isinstance(got.error, openai.InternalServerError)


def test_laziness_is_left_alone_unless_asked_for() -> None:
    with AnswerServer(says(LAZY)) as server:
        got = ask(server)
    assert (len(server.asked), got.omissions) == (1, ("# ... rest of code",))


@pytest.mark.parametrize(
    "line",
    [
        "//... rest of code",
        "# ... (rest of the implementation)",
        "/* ... */",
        "{/* ... existing code ... */}",
        "<!-- rest of the HTML content -->",
        "    # Rest of your code here",
        "// existing imports here",
        "# Implementation goes here",
        "// TODO: your code here",
        "// omitted for brevity",
        "# other methods remain the same",
        "[... rest of code unchanged ...]",
        "foo();  // …",
    ],
)
def test_a_line_that_stands_for_code_is_found(line: str) -> None:
    assert omissions(line) == (line.strip(),)


@pytest.mark.parametrize(
    "line",
    [
        "def f(): ...",
        "const {a, ...rest} = props",
        "see https://example.org/... for the rest",
        "# read the rest of the file",
        "x = [1, ..., 2]",
        "# loading...",
        "// handle other cases",
        "# existing users keep their password",
        "a[..., 0]",
    ],
)
def test_an_ellipsis_that_is_code_is_not(line: str) -> None:
    assert omissions(line) == ()


def test_prose_around_a_code_block_is_not_searched() -> None:
    assert omissions("# ... rest of code\n```py\nprint(1)\n```\n") == ()
    assert omissions("```py\n# ... rest of code") == ("# ... rest of code",)


def test_a_seam_drops_repeated_words_and_a_reopened_fence() -> None:
    assert join("The quick brown fox jumps over", "quick brown fox jumps over the dog") == (
        "The quick brown fox jumps over the dog"
    )
    assert join("```py\nx = 1\n", "```python\ny = 2\n```") == "```py\nx = 1\ny = 2\n```"
    assert join("a" + "-" * 40, "-" * 40) == "a" + "-" * 80


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_seam_loses_nothing_but_what_is_repeated(before: str, after: str) -> None:
    whole = join(before, after)
    assert whole.startswith(before)
    assert whole == before + after or before.count("```") % 2 or after[: len(before + after) - len(whole)] in before
