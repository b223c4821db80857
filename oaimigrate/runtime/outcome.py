"""Say what an answer is before using it: HTTP 200 does not mean that the text is whole, or that there is one.

The one idea: `read` turns a completion into an `Outcome` with one of six statuses, and only COMPLETE may be trusted
as it is. Nothing the matrix does not know is ever called complete: a missing or new finish_reason is TRUNCATED.

    finish_reason            message                    status
    stop                     text                       COMPLETE
    stop                     refusal                    REFUSED
    stop                     tool calls                 TOOL_CALLS  (a tool forced by name ends with "stop")
    stop                     nothing                    EMPTY
    tool_calls               calls / none               TOOL_CALLS / EMPTY  (function_call likewise)
    length                   anything, even tool calls  TRUNCATED   (reasoning can use up the limit: no text at all)
    content_filter           anything                   FILTERED
    none or unknown          anything                   TRUNCATED
    no choices, no message                              EMPTY

`reply` asks, continues an answer that hit the limit, and asks more firmly when code was left out ("// rest of code").
Needs openai. Imports no sibling.

Sources: the matrix, `finish_reason` in openai 3.54.0 and its docstrings; empty choices, Azure's first chunk and
content_filter_results, Azure's content filter annotations; the codes of a filtered prompt, Azure and the images API.

>>> from openai.types.chat import ChatCompletion
>>> message = {"role": "assistant", "content": "Once upon a"}
>>> outcome = read(ChatCompletion.construct(choices=[{"message": message, "finish_reason": "length", "index": 0}]))
>>> outcome.status.value, outcome.text
('truncated', 'Once upon a')
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, TypeVar

import openai

T = TypeVar("T")
Request = dict[str, Any]
#: A conversation with the model without input or output: yields requests, is sent completions, returns its result.
Steps = Generator[Request, Any, T]


class Status(Enum):
    COMPLETE = "complete"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    TOOL_CALLS = "tool_calls"
    REFUSED = "refused"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model wants called; `arguments` is the model's text, which need not be JSON."""

    id: str | None
    name: str
    arguments: str

    def parsed(self) -> Any:
        """The arguments, read. Raises ValueError (json.JSONDecodeError) if they are not JSON."""
        return json.loads(self.arguments)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one choice of a completion is. `text` is what arrived, whole or not; "" if nothing did."""

    status: Status
    text: str = ""
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    filtered: tuple[str, ...] = ()  # Azure's categories, such as "hate"
    completion: Any = field(default=None, repr=False, compare=False)

    @property
    def complete(self) -> bool:
        return self.status is Status.COMPLETE


def read(completion: Any, index: int = 0) -> Outcome:
    """The outcome of one choice of a chat completion, a legacy completion, or what a stream has put together so far.

    Never raises for anything a server can answer. The result of `ChatStream` in the module `stream` can be given as it
    is: without a finish_reason, because the stream broke, it is TRUNCATED.
    """
    choices = getattr(completion, "choices", None) or []
    choice = next((c for i, c in enumerate(choices) if getattr(c, "index", i) in (index, None)), None)
    message = getattr(choice, "message", choice if hasattr(choice, "text") else None)
    if message is None:
        return Outcome(Status.EMPTY, completion=completion)
    text = getattr(message, "content", getattr(message, "text", None))
    outcome = Outcome(
        Status.EMPTY,
        text if isinstance(text, str) else "",
        getattr(message, "refusal", None) or None,
        tuple(_calls(message)),
        getattr(choice, "finish_reason", None),
        _filtered(getattr(choice, "content_filter_results", None)),
        completion,
    )
    return replace(outcome, status=_status(outcome))


def _status(outcome: Outcome) -> Status:
    match outcome.finish_reason:
        case "content_filter":
            return Status.FILTERED
        case "stop" | "tool_calls" | "function_call":
            if outcome.tool_calls:
                return Status.TOOL_CALLS
            if outcome.refusal:
                return Status.REFUSED
            announced = outcome.finish_reason != "stop"
            return Status.EMPTY if announced or not outcome.text.strip() else Status.COMPLETE
    return Status.TRUNCATED


def _calls(message: Any) -> Generator[ToolCall, None, None]:
    for call in getattr(message, "tool_calls", None) or ():
        function = getattr(call, "function", None) or getattr(call, "custom", None) or call
        arguments = _field(function, "arguments") or _field(function, "input")
        yield ToolCall(getattr(call, "id", None), _field(function, "name") or "", arguments or "")
    old = getattr(message, "function_call", None)
    if old is not None:
        yield ToolCall(None, old.name or "", old.arguments or "")


def _field(found: Any, name: str) -> Any:
    """A field of a model, or of what an SDK that does not know it yet leaves as a dict (custom tools in 1.55)."""
    return found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)


def _filtered(results: Any) -> tuple[str, ...]:
    if not isinstance(results, Mapping):
        return ()
    return tuple(name for name, found in results.items() if isinstance(found, Mapping) and found.get("filtered"))


def read_error(error: Exception) -> Outcome | None:
    """FILTERED for an error that says the prompt was filtered (by its code, not its text), None for any other."""
    if isinstance(error, openai.APIError) and error.code in ("content_filter", "content_policy_violation"):
        return Outcome(Status.FILTERED, finish_reason="content_filter")
    return None


# --- asking until it is whole --------------------------------------------------------------------------------------

CONTINUE = (
    "Your reply was cut off. Continue exactly where it stops, in the middle of a word if need be. Repeat nothing."
)
#: What to say to an answer that left code out; the last one serves all further rounds.
FIRMER = (
    "You left code out: {found}. Do not truncate code. Write full implementations: give the complete code again, "
    "without placeholders and without comments that stand for code.",
    "Code is still left out: {found}. An answer with a placeholder cannot be used. Write everything, from the first "
    "line to the last, even where nothing changes.",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of `reply`, with everything kept. `outcome.text` is the joined text of all continuations.

    `omissions` are the lines of the text that still stand for code; `error` ended the conversation after the first
    answer had arrived, which is why it is reported here and not raised.
    """

    outcome: Outcome
    completions: tuple[Any, ...]
    continued: int = 0
    firmer: int = 0
    omissions: tuple[str, ...] = ()
    error: Exception | None = None

    @property
    def whole(self) -> bool:
        return self.outcome.complete and not self.omissions

    @property
    def usage(self) -> tuple[int, int]:
        """Prompt and completion tokens of all calls together, as far as they were reported."""
        used = [u for u in (getattr(c, "usage", None) for c in self.completions) if u is not None]
        return sum(u.prompt_tokens or 0 for u in used), sum(u.completion_tokens or 0 for u in used)


def reply(create: Callable[..., Any], /, *, continuations: int = 3, firmer: int = 0, **request: Any) -> Reply:
    """Ask, continue up to `continuations` times if the limit was hit, ask more firmly up to `firmer` times.

    `create` is `client.chat.completions.create` or anything with its keywords. At most
    `(1 + firmer) * (1 + continuations)` calls are made. Raises what the first call raises; ValueError for `stream`
    or `n`, which this cannot follow.
    """
    return drive(create, _reply(_plain(request), continuations, firmer))


async def areply(
    create: Callable[..., Awaitable[Any]], /, *, continuations: int = 3, firmer: int = 0, **request: Any
) -> Reply:
    """`reply` for an AsyncOpenAI client."""
    return await adrive(create, _reply(_plain(request), continuations, firmer))


def _plain(request: Request) -> Request:
    if request.get("stream") or (request.get("n") or 1) != 1:
        raise ValueError("one whole answer at a time: drop `stream` and `n`")
    return {**request, "messages": list(request["messages"])}


def _reply(request: Request, continuations: int, firmer: int) -> Steps[Reply]:
    best = yield from _whole(request, continuations)
    latest, seen = best, best
    for round_ in range(firmer):
        if not (latest.outcome.complete and latest.omissions) or seen.error:
            break
        quoted = ", ".join(f"`{line}`" for line in latest.omissions[:5])
        demand = FIRMER[min(round_, len(FIRMER) - 1)].format(found=quoted)
        try:
            latest = yield from _whole(_after(request, latest.outcome.text, demand), continuations)
        except Exception as error:
            return replace(best, completions=seen.completions, firmer=round_ + 1, error=error)
        seen = replace(latest, completions=seen.completions + latest.completions, firmer=round_ + 1)
        if latest.outcome.complete and len(latest.omissions) <= len(best.omissions):
            best = latest
    return replace(best, completions=seen.completions, firmer=seen.firmer, error=seen.error)


def _whole(request: Request, continuations: int) -> Steps[Reply]:
    """One answer and what it takes to finish it."""
    outcome = read((yield request))
    text, seen, error = outcome.text, [outcome.completion], None
    for _ in range(continuations):
        if outcome.status is not Status.TRUNCATED or outcome.finish_reason != "length":
            break
        if text and not outcome.tool_calls:
            follow_up = _after(request, text, CONTINUE)
        else:  # nothing to go on from: a cut call, or a limit spent on reasoning
            larger = with_more_room(request)
            if larger is None:
                break
            request = follow_up = larger
        try:
            outcome = read((yield follow_up))
        except Exception as failure:
            error = failure
            break
        seen.append(outcome.completion)
        text = join(text, outcome.text)
        if outcome.status is Status.EMPTY and text:
            outcome = replace(outcome, status=Status.COMPLETE)  # it had nothing to add
    outcome = replace(outcome, text=text)
    return Reply(outcome, tuple(seen), len(seen) - 1, omissions=omissions(text), error=error)


def _after(request: Request, text: str, demand: str) -> Request:
    more = [{"role": "assistant", "content": text}, {"role": "user", "content": demand}]
    return {**request, "messages": [*request["messages"], *more]}


def with_more_room(request: Request) -> Request | None:
    """The request with its limit of reply tokens doubled; None if it sets no limit, so that there is none to raise."""
    for name in ("max_completion_tokens", "max_tokens"):
        if isinstance(request.get(name), int):
            return {**request, name: 2 * request[name]}
    return None


def join(before: str, after: str, *, at_least: int = 20) -> str:
    """Two halves of one text. Words the second half repeats (20 characters or more) and a reopened fence go once.

    >>> join("def total(values):\\n    return su", "    return sum(values)", at_least=10)
    'def total(values):\\n    return sum(values)'
    """
    if before.count("```") % 2:
        after = re.sub(r"\A```\w+\n", "", after)
    for size in range(min(len(before), len(after), 400), at_least - 1, -1):
        if before.endswith(after[:size]) and re.search(r"\w", after[:size]):
            return before + after[size:]
    return before + after


def drive(create: Callable[..., Any], steps: Steps[T]) -> T:
    """Run a conversation with a sync client; errors of a call are thrown into the conversation."""
    try:
        request = next(steps)
        while True:
            try:
                completion = create(**request)
            except Exception as error:
                request = steps.throw(error)
            else:
                request = steps.send(completion)
    except StopIteration as end:
        result: T = end.value
        return result


async def adrive(create: Callable[..., Awaitable[Any]], steps: Steps[T]) -> T:
    """`drive` for an async client; cancelling it abandons the conversation."""
    try:
        request = next(steps)
        while True:
            try:
                completion = await create(**request)
            except Exception as error:
                request = steps.throw(error)
            else:
                request = steps.send(completion)
    except StopIteration as end:
        result: T = end.value
        return result


# --- code that was left out ------------------------------------------------------------------------------------------

_DOTS = r"(?:\.{3}|…)"
_COMMENT = r"(?:(?<!:)//|\#|--|/\*|<!--|;;|%|\(\*|\"\"\")"
_CODE = (
    r"(?:code|implementation|file|functions?|class(?:es)?|methods?|logic|program|script|module|component|body|fields"
    r"|cases|tests|styles|content|handlers?|imports?|routes?|properties|definitions?)"
)
_STANDS_IN = rf"""
    (?:the\s+)?(?:rest|remainder|remaining\s+parts?)\s+of\s+(?:the\s+|your\s+|this\s+|my\s+)?(?:\w+\s+)?{_CODE}\b
  | (?:the\s+)?(?:existing|previous|remaining|other|original)\s+(?:\w+\s+)?{_CODE}\b[^.]*
    (?:here|unchanged|same|above|as\s+(?:before|is)|{_DOTS})
  | (?:everything|all)\s+else\s+(?:\w+\s+)?(?:unchanged|the\s+same)
  | (?:same|code|unchanged|identical)\s+(?:as\s+|from\s+)(?:before|above)\b
  | (?:\w+\s+){{0,4}}(?:remains?|stays?)\s+(?:the\s+same|unchanged|as\s+(?:is|before))\b
  | (?:\w+\s+){{0,4}}omitted\s+for\s+(?:brevity|clarity|space)\b
  | (?:todo:?\s+)?(?:your|add\s+your|put\s+your|full|actual)\s+(?:code|logic|implementation)\s+(?:goes\s+)?here\b
  | (?:implementation|code|logic)\s+(?:goes\s+)?here\b
  | (?:and\s+so\s+on|repeat\s+for\s+(?:the\s+)?(?:other|remaining)|continue\s+(?:with|for)\s+the\s+rest)\b
"""
_OMISSION = re.compile(
    rf"""^\s*(?:.*?\s)??\{{?{_COMMENT}\s*(?:{_DOTS}\s*(?:\*/\}}?|-->|\*\))?\s*$ | [\[(<]?\s*{_DOTS}?\s*(?:{_STANDS_IN})
      | {_DOTS}\s*.*\b(?:rest|existing|remaining|previous|unchanged|same|omitted|other)\b
      | .*\b(?:rest|existing|remaining|previous|unchanged|same|omitted|other)\b.*{_DOTS}\s*(?:\*/|-->|\*\))?\s*$)
    | ^\s*[\[(<]?\s*{_DOTS}\s*[\[(<]?\s*(?:{_STANDS_IN}|existing\s+{_CODE})""",
    re.IGNORECASE | re.VERBOSE,
)
_FENCE = re.compile(r"^[ ]{0,3}```[^\n]*\n(.*?)(?:^[ ]{0,3}```|\Z)", re.MULTILINE | re.DOTALL)


def omissions(text: str) -> tuple[str, ...]:
    """The lines that stand for code that is not there; in fenced blocks where there are any, else anywhere.

    A heuristic: comments that are only an ellipsis or say "rest of the code", "unchanged", "implementation here".
    Ellipses that are code (`def f(): ...`, `{...rest}`) are none.

    >>> omissions("```js\\nload();\\n// ... rest of code\\n```")
    ('// ... rest of code',)
    """
    blocks = _FENCE.findall(text) or [text]
    lines = (line for block in blocks for line in block.splitlines() if len(line) < 240)
    return tuple(line.strip() for line in lines if _OMISSION.search(line))
