"""Get data out of a model: JSON mode or a schema, only from whole answers, asked again with what was wrong.

The one idea: every answer either becomes a value that passed validation or an `Attempt` that says why not. `ask` sends
the reason back to the model a bounded number of times, and gives up with `StructuredError`, which holds every attempt.

Cut, filtered, refused and empty answers are never parsed: a cut `{"total": 12` would "heal" to a wrong number.
With `heal=True` an answer that is whole but not quite JSON (a code fence, single quotes, a trailing comma) is repaired
by json-repair, and the result says so. json-repair never fails: it returns '' for prose and a list for prose with
brackets, so whatever is not an object after the repair is an error here; it can also drop a value (`{"a" 1}`), so let a
schema check what was repaired. Needs openai (and its pydantic); healing needs `json-repair`. Imports `outcome`.

Sources: `response_format` in the docstrings of openai 3.54.0 (JSON mode needs the word JSON in a message, or the model
may write white space until the limit); what strict schemas require, `openai/lib/_pydantic.py`; json-repair 0.64.6.

>>> from dataclasses import dataclass
>>> @dataclass
... class Point:
...     x: int
>>> parse("```json\\n{'x': 1,}\\n```", schema_of(Point), heal=True)
Healed(value=Point(x=1), repaired=True)
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, Literal, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from .outcome import Outcome, Request, Status, Steps, adrive, drive, read, with_more_room

T = TypeVar("T")
Mode = Literal["json_schema", "json_object"]


@dataclass(frozen=True, slots=True)
class Schema(Generic[T]):
    """What an answer must be. `validate` turns the parsed object into a value or raises ValueError.

    Mode "json_schema" has the service enforce `json_schema`; "json_object" is JSON mode, for models and servers without
    schemas: the schema then stands in a system message and only `validate` enforces it.
    """

    name: str
    json_schema: Mapping[str, Any] | None
    validate: Callable[[Any], T]
    mode: Mode = "json_schema"

    @property
    def response_format(self) -> dict[str, Any]:
        if self.mode == "json_object":
            return {"type": "json_object"}
        described = {"name": self.name, "schema": self.json_schema, "strict": True}
        return {"type": "json_schema", "json_schema": described}


def schema_of(kind: type[T], *, mode: Mode = "json_schema") -> Schema[T]:
    """The schema of a pydantic model, dataclass or TypedDict; values are validated as JSON by pydantic.

    Raises TypeError for a type that is not an object: the service wants one at the root.
    """
    adapter = TypeAdapter(kind)
    described = strict(adapter.json_schema())
    if described.get("type") != "object":
        raise TypeError(f"a schema must be an object at its root; wrap {kind!r} in a field")

    def validate(value: Any) -> T:
        return adapter.validate_json(json.dumps(value))

    name = re.sub(r"[^A-Za-z0-9_-]", "_", kind.__name__)[:64]  # what the API takes: not `Page[int]`
    return Schema(name, described, validate, mode)


#: JSON mode without a schema: any object.
ANY_OBJECT: Schema[dict[str, Any]] = Schema("object", None, lambda value: value, "json_object")


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a JSON schema that strict mode accepts: closed objects, every property required, no defaults."""
    root = deepcopy(dict(schema))
    _tighten(root, root)
    return root


def _tighten(node: Any, root: dict[str, Any]) -> None:
    if isinstance(node, list):
        for item in node:
            _tighten(item, root)
    if not isinstance(node, dict):
        return
    if "$ref" in node and len(node) > 1:  # strict mode does not allow anything beside a reference
        target: Any = root
        for step in node.pop("$ref").removeprefix("#/").split("/"):
            target = target[step]
        node.update({key: deepcopy(value) for key, value in target.items() if key not in node})
    if len(node.get("allOf", ())) == 1:
        node.update(node.pop("allOf")[0])
        _tighten(node, root)
        return
    node.pop("default", None)
    if node.get("type") == "object":
        node.setdefault("additionalProperties", False)
    if isinstance(node.get("properties"), dict):
        node["required"] = list(node["properties"])
    for key in ("properties", "$defs", "definitions"):
        for member in node.get(key, {}).values():
            _tighten(member, root)
    for key in ("items", "anyOf", "allOf", "prefixItems"):
        _tighten(node.get(key), root)


# --- one answer ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Healed(Generic[T]):
    """A value, and whether the text had to be repaired to get it."""

    value: T
    repaired: bool


def parse(text: str, schema: Schema[T], *, heal: bool = False) -> Healed[T]:
    """The value in a whole answer. Raises ValueError, with a reason a model can act on, if there is none.

    NaN and Infinity are no JSON and are refused, though `json.loads` would take them.
    """
    repaired = False
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if not heal:
            raise ValueError(f"the answer is not JSON: {error}") from error
        value, repaired = _repair(text, error), True
    if not isinstance(value, dict):
        raise ValueError(f"the answer is not a JSON object but {type(value).__name__}")
    try:
        return Healed(schema.validate(value), repaired)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the object'}: {e['msg']}" for e in error.errors())
        raise ValueError(f"the answer does not fit the schema: {found}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _repair(text: str, error: Exception) -> Any:
    """The one object in the text: as it stands between prose, else as json-repair reads it."""
    import json_repair

    start = max(text.find("{"), 0)
    try:
        value, end = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text, start)
        several = "{" in text[end:]  # of several objects json-repair would keep the last that looks like the first
    except (ValueError, RecursionError):
        several = False
        try:
            value = json_repair.loads(text, skip_json_loads=True) if ":" in text[start:] else ""
        except (ValueError, RecursionError):
            value = ""
    if several or not isinstance(value, dict):  # '' for prose, a list for prose with brackets
        raise ValueError(f"the answer is not one JSON object: {error}") from error
    return value


# --- asking until it fits ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """An answer that could not be used, and why."""

    outcome: Outcome
    problem: str


class StructuredError(ValueError):
    """No usable answer; `attempts` holds every one, with its completion (`attempts[i].outcome.completion`)."""

    def __init__(self, attempts: tuple[Attempt, ...], problem: str) -> None:
        super().__init__(f"no usable answer after {len(attempts)}: {problem}")
        self.attempts = attempts


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A validated value. `healed` says that the text was repaired; `attempts` are the answers before it."""

    value: T
    healed: bool
    outcome: Outcome
    attempts: tuple[Attempt, ...] = ()


AGAIN = "{problem}. Answer again with one JSON object and nothing else: no prose, no code fence."
SHORTER = "Your answer was cut off. Answer again, as briefly as the format allows."


def ask(
    create: Callable[..., Any], schema: Schema[T], /, *, attempts: int = 3, heal: bool = False, **request: Any
) -> Parsed[T]:
    """Ask for a value of this schema, at most `attempts` times.

    `create` is `client.chat.completions.create`; `response_format` is filled in unless given. A cut answer is asked for
    again with twice the limit of tokens, or to be brief where no limit was set. Refused and filtered answers and tool
    calls end it at once: asking again would not help. Raises StructuredError with every attempt; what the first call
    raises is raised as it is, what a later one raises is the `__cause__` of the StructuredError.
    """
    return drive(create, _steps(schema, attempts, _checked(heal), prepared(request, schema)))


async def aask(
    create: Callable[..., Awaitable[Any]],
    schema: Schema[T],
    /,
    *,
    attempts: int = 3,
    heal: bool = False,
    **request: Any,
) -> Parsed[T]:
    """`ask` for an AsyncOpenAI client."""
    return await adrive(create, _steps(schema, attempts, _checked(heal), prepared(request, schema)))


def _checked(heal: bool) -> bool:
    """Raises ImportError before anything is sent if healing is wanted and json-repair is not installed."""
    if heal:
        import json_repair  # noqa: F401
    return heal


def prepared(request: Request, schema: Schema[Any]) -> Request:
    """The request with its `response_format`, and in JSON mode with the instruction that mode needs."""
    if request.get("stream") or (request.get("n") or 1) != 1:
        raise ValueError("one whole answer at a time: drop `stream` and `n`")
    messages = list(request["messages"])
    if schema.mode == "json_object" and (schema.json_schema or "json" not in str(messages).lower()):
        wanted = "" if schema.json_schema is None else f" It must fit this schema: {json.dumps(schema.json_schema)}"
        first = next((i for i, m in enumerate(messages) if _role(m) not in ("system", "developer")), len(messages))
        messages.insert(first, {"role": "system", "content": f"Answer with one JSON object and nothing else.{wanted}"})
    return {"response_format": schema.response_format, **request, "messages": messages}


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else getattr(message, "role", None)


def _steps(schema: Schema[T], limit: int, heal: bool, base: Request) -> Steps[Parsed[T]]:
    tried: list[Attempt] = []
    request, problem = base, "no attempt was allowed"
    for _ in range(limit):
        try:
            outcome = read((yield request))
        except Exception as error:
            if not tried:
                raise
            raise StructuredError(tuple(tried), f"asking again failed: {error}") from error
        try:
            found = parse(_usable(outcome), schema, heal=heal)
            return Parsed(found.value, found.repaired, outcome, tuple(tried))
        except ValueError as error:
            problem = str(error)
        tried.append(Attempt(outcome, problem))
        if outcome.status in (Status.FILTERED, Status.REFUSED, Status.TOOL_CALLS):
            break
        if outcome.status is Status.TRUNCATED and (larger := with_more_room(base)):
            request = base = larger
        else:
            request = _again(base, outcome, problem)
    raise StructuredError(tuple(tried), problem)


def _usable(outcome: Outcome) -> str:
    match outcome.status:
        case Status.COMPLETE:
            return outcome.text
        case Status.REFUSED:
            raise ValueError(f"the model refused: {outcome.refusal}")
        case Status.TRUNCATED:
            raise ValueError(f"the answer is not known to be whole (finish_reason {outcome.finish_reason!r})")
    raise ValueError(f"there is no answer to parse: {outcome.status.value}")


def _again(base: Request, outcome: Outcome, problem: str) -> Request:
    """The base request with the last answer and what was wrong with it; earlier ones are left out to stay small."""
    if outcome.status is Status.EMPTY:
        return base
    demand = SHORTER if outcome.status is Status.TRUNCATED else AGAIN.format(problem=problem[:1].upper() + problem[1:])
    said = {"role": "assistant", "content": outcome.text}
    more = [{"role": "user", "content": demand}]
    return {**base, "messages": [*base["messages"], *([said] if outcome.text else []), *more]}
