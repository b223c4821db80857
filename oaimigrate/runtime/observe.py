"""See what calls cost and how long they take: ids, usage, latency, cost by tag, anomalies, OpenTelemetry.

`observer.call(client.chat.completions, model=…, messages=…)` makes the call and hands a `CallRecord` to a sink, for
failures too. It goes through `with_raw_response`: the figures are in headers that a parsed answer no longer has.

- `request_id` is the header `x-request-id` (`response._request_id`, `error.request_id`), the one to give to support;
  `response_id` (`response.id`) is the completion's own.
- Times are seconds: `seconds` to the whole answer, `first_token` to the first content of a stream, `server_seconds`
  from `openai-processing-ms`. Network and queueing are the difference; `response.created` is a date, not a measure.
- Usage of a stream needs `stream_options={"include_usage": True}`; `stream` adds it unless told otherwise.
- Prompts and answers are not recorded unless `record_content=True`. What is recorded, error messages included, passes
  through `redact`; `RedactingFilter` does the same for a logging handler.
- With opentelemetry-api installed each call is a client span and three metrics: see `telemetry`.

Needs nothing but the client it is given; optional opentelemetry-api and genai-prices. Imports `models` (the prices) and
`telemetry`.
A sink, price or exporter that raises is logged and never seen by the caller.

>>> redact("Incorrect API key provided: sk-proj-abcdefghijklmnop")
'Incorrect API key provided: [redacted]'
>>> spikes = SpikeDetector(minimum_calls=3, factor=4, floor=100)
>>> [spikes.check("gpt-4o", tokens) for tokens in (50, 60, 55, 58, 5000)]
[False, False, False, False, True]
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import re
import statistics
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any

from .models import usage_cost
from .telemetry import Telemetry

log = logging.getLogger(__name__)
log_record = partial(log.info, "%s")  # the default sink: one line without content
SECRETS = re.compile(
    r"\b(?:sk|sess|ek)-[A-Za-z0-9_\-*]{8,}"  # keys, and the masked form in the API's error messages
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/\-]+=*"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # credentials in a URL
    r"|(?i:(?<=api-key: )|(?<=api_key=)|(?<='api-key': ')|(?<=\"api-key\": \"))[^\s,'\"]+"
)


def redact(text: str) -> str:
    """The text without API keys, bearer tokens and credentials in URLs."""
    return SECRETS.sub("[redacted]", text)


class RedactingFilter(logging.Filter):
    """Add to a logging handler: redacts message, arguments and traceback of everything that passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info or record.exc_text:
            told = record.exc_text or logging.Formatter().formatException(record.exc_info)  # type: ignore[arg-type]
            record.exc_text, record.exc_info = redact(told), None
        return True


@dataclass(slots=True)
class CallRecord:
    """One call. Tokens are None when the answer carried no usage; `cost` is in US dollars, None when not known."""

    operation: str
    model: str
    tags: dict[str, str]
    response_model: str | None = None
    request_id: str | None = None
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    seconds: float = 0.0
    first_token: float | None = None
    server_seconds: float | None = None
    cost: float | None = None
    status: int | None = None
    error: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    anomalies: tuple[str, ...] = ()
    content: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Totals:
    """Sums of a tag's calls; `unpriced` counts the calls whose cost is not in `cost`."""

    calls: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0

    def add(self, record: CallRecord) -> None:
        self.calls += 1
        self.errors += record.error is not None
        self.input_tokens += record.input_tokens or 0
        self.output_tokens += record.output_tokens or 0
        self.cost += record.cost or 0.0
        self.unpriced += record.cost is None


class Ledger:
    """Totals by (tag, value), for instance ("user", "u1"); beyond `size` values new ones go to (tag, "(other)")."""

    def __init__(self, size: int = 10_000) -> None:
        self._totals: dict[tuple[str, str], Totals] = {}
        self._size, self._lock = size, threading.Lock()

    def add(self, record: CallRecord) -> None:
        with self._lock:
            for key in record.tags.items():
                if key not in self._totals and len(self._totals) >= self._size:
                    key = (key[0], "(other)")
                self._totals.setdefault(key, Totals()).add(record)

    def totals(self) -> dict[tuple[str, str], Totals]:
        with self._lock:
            return dict(self._totals)


class SpikeDetector:
    """Flags a count above `floor` and above `factor` times the median of the last `window` of its key.

    A looping model or an injected prompt shows itself that way; a lasting change of level is flagged for half a window.
    """

    def __init__(self, *, window: int = 100, minimum_calls: int = 20, factor: float = 4.0, floor: int = 200) -> None:
        self.window, self.minimum_calls, self.factor, self.floor = window, minimum_calls, factor, floor
        self._seen: OrderedDict[str, deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, key: str, tokens: int) -> bool:
        with self._lock:
            seen = self._seen.setdefault(key, deque(maxlen=self.window))
            self._seen.move_to_end(key)
            if len(self._seen) > 1000:
                self._seen.popitem(last=False)
            known = tokens > self.floor and len(seen) >= self.minimum_calls
            spike = known and tokens > self.factor * statistics.median(seen)
            seen.append(tokens)
            return spike


def genai_price(model: str, usage: Any) -> float | None:
    """US dollars by genai-prices, cached tokens at their price; None where it is not installed or knows no price."""
    cost = usage_cost(model, usage)
    return None if cost is None else float(cost)


#: `gen_ai.operation.name` by the module of the resource; chat completions and responses are "chat".
OPERATIONS = {"openai.resources.embeddings": "embeddings", "openai.resources.completions": "text_completion"}


class Observer:
    """Makes calls, tells `sink` about each, sums them up in `ledger`; `price(model, usage)` is US dollars or None."""

    def __init__(
        self,
        sink: Callable[[CallRecord], object] = log_record,
        *,
        price: Callable[[str, Any], float | None] = genai_price,
        ledger: Ledger | None = None,
        spikes: SpikeDetector | None = None,
        record_content: bool = False,
        include_usage: bool = True,
    ) -> None:
        self.sink, self.price = sink, price
        self.record_content, self.include_usage = record_content, include_usage
        self.ledger, self.spikes = ledger or Ledger(), spikes or SpikeDetector()
        self._telemetry = Telemetry.if_installed()

    # Each makes `resource.create(**request)`, of the sync or the async client, and raises what that raises.

    def call(self, resource: Any, /, *, tags: Mapping[str, str] | None = None, **request: Any) -> Any:
        with self._observe(resource, request, tags) as seen:
            raw = resource.with_raw_response.create(**request)
            seen.headers(raw)
            answer = raw.parse()
            seen.answer(answer)
            return answer

    async def acall(self, resource: Any, /, *, tags: Mapping[str, str] | None = None, **request: Any) -> Any:
        with self._observe(resource, request, tags) as seen:
            raw = await resource.with_raw_response.create(**request)
            seen.headers(raw)
            answer = raw.parse()
            answer = await answer if inspect.isawaitable(answer) else answer
            seen.answer(answer)
            return answer

    def stream(self, resource: Any, /, *, tags: Mapping[str, str] | None = None, **request: Any) -> ObservedStream:
        """The record is made when the stream ends or is closed."""
        request = self._streaming(request)
        with contextlib.ExitStack() as stack:
            seen = stack.enter_context(self._observe(resource, request, tags))
            raw = resource.with_raw_response.create(**request)
            seen.headers(raw)
            return ObservedStream(raw.parse(), seen, stack.pop_all())

    async def astream(
        self, resource: Any, /, *, tags: Mapping[str, str] | None = None, **request: Any
    ) -> AsyncObservedStream:
        request = self._streaming(request)
        with contextlib.ExitStack() as stack:
            seen = stack.enter_context(self._observe(resource, request, tags))
            raw = await resource.with_raw_response.create(**request)
            seen.headers(raw)
            stream = raw.parse()
            stream = await stream if inspect.isawaitable(stream) else stream
            return AsyncObservedStream(stream, seen, stack.pop_all())

    def _streaming(self, request: dict[str, Any]) -> dict[str, Any]:
        options = {"stream_options": {"include_usage": True}} if self.include_usage else {}
        return {**options, **request, "stream": True}

    def _observe(self, resource: Any, request: dict[str, Any], tags: Mapping[str, str] | None) -> _Observation:
        return _Observation(self, OPERATIONS.get(type(resource).__module__, "chat"), request, dict(tags or {}))

    def _finish(self, record: CallRecord, usage: Any, span: Any) -> None:
        """Price, judge, sum up and report, each on its own: nothing here may hurt the call or the other steps."""

        def assess(record: CallRecord) -> None:
            if usage is not None:
                if self.spikes.check(record.model, record.output_tokens or 0):
                    record.anomalies += ("output tokens",)
                record.cost = self.price(record.response_model or record.model, usage)

        steps: list[Callable[[CallRecord], object]] = [assess, self.ledger.add, self.sink]
        steps += [partial(self._telemetry.end, span)] if self._telemetry else []
        for step in steps:
            try:
                step(record)
            except Exception:
                log.exception("observing a call failed")


class _Observation:
    """One call being watched: collects the record, ends the span, reports on exit."""

    def __init__(self, observer: Observer, operation: str, request: dict[str, Any], tags: dict[str, str]) -> None:
        self.observer, self.usage = observer, None
        self.record = CallRecord(operation, str(request.get("model", "")), tags)
        if observer.record_content:
            self.record.content["input"] = redact(str(request.get("messages", request.get("input"))))
        self.began = time.monotonic()
        self.text: list[str] = []
        self.span = observer._telemetry.start(self.record) if observer._telemetry else None

    def headers(self, raw: Any) -> None:
        self.record.request_id = raw.headers.get("x-request-id")
        self.record.status = raw.http_response.status_code
        with contextlib.suppress(ValueError):
            self.record.server_seconds = float(raw.headers.get("openai-processing-ms", "")) / 1000

    def answer(self, answer: Any) -> None:
        """Take in a completion, or one chunk of a stream; an answer of a shape unknown here must still be given."""
        try:
            self._read(answer)
        except Exception:
            log.exception("observing an answer failed")

    def _read(self, answer: Any) -> None:
        record = self.record
        record.response_id = getattr(answer, "id", None) or record.response_id
        record.response_model = getattr(answer, "model", None) or record.response_model
        self.use(getattr(answer, "usage", None))
        for choice in getattr(answer, "choices", None) or ():
            message = getattr(choice, "delta", None) or getattr(choice, "message", None)
            if choice.finish_reason:
                record.finish_reasons += (choice.finish_reason,)
            content = getattr(message, "content", None)
            if (content or getattr(message, "tool_calls", None)) and record.first_token is None:
                record.first_token = time.monotonic() - self.began if hasattr(choice, "delta") else None
            if content and self.observer.record_content:
                self.text.append(content)

    def use(self, usage: Any) -> None:
        if usage is None:
            return
        self.usage, record = usage, self.record

        def first(*names: str) -> Any:  # of chat completions and embeddings, else of responses
            return next((found for name in names if (found := getattr(usage, name, None)) is not None), None)

        record.input_tokens = first("prompt_tokens", "input_tokens")
        record.output_tokens = first("completion_tokens", "output_tokens")
        record.cached_tokens = getattr(first("prompt_tokens_details", "input_tokens_details"), "cached_tokens", None)
        given = first("completion_tokens_details", "output_tokens_details")
        record.reasoning_tokens = getattr(given, "reasoning_tokens", None)

    def __enter__(self) -> _Observation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        record = self.record
        record.seconds = time.monotonic() - self.began
        if error is not None and not isinstance(error, GeneratorExit):
            record.error, record.error_message = type(error).__name__, redact(str(error))
            record.error_code = getattr(error, "code", None)
            record.status = getattr(error, "status_code", None) or record.status
            record.request_id = getattr(error, "request_id", None) or record.request_id
        if self.text:
            record.content["output"] = redact("".join(self.text))
        self.observer._finish(record, self.usage, self.span)


class ObservedStream:
    """The stream of a watched call: iterate it, close it or use it as a context manager; `record` fills as it goes."""

    def __init__(self, stream: Any, seen: _Observation, stack: contextlib.ExitStack) -> None:
        self._stream, self._seen, self._stack = stream, seen, stack
        self.response, self.record = getattr(stream, "response", None), seen.record

    def __iter__(self) -> Iterator[Any]:
        with self:
            for chunk in self._stream:
                self._seen.answer(chunk)
                yield chunk

    def close(self) -> None:
        self.__exit__(None, None, None)

    def __enter__(self) -> ObservedStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stream.close()
        self._stack.__exit__(kind, error, tb)  # reports once: an exited stack is empty


class AsyncObservedStream:
    """`ObservedStream` of the async client."""

    def __init__(self, stream: Any, seen: _Observation, stack: contextlib.ExitStack) -> None:
        self._stream, self._seen, self._stack = stream, seen, stack
        self.response, self.record = getattr(stream, "response", None), seen.record

    async def __aiter__(self) -> AsyncIterator[Any]:
        async with self:
            async for chunk in self._stream:
                self._seen.answer(chunk)
                yield chunk

    async def close(self) -> None:
        await self.__aexit__(None, None, None)

    async def __aenter__(self) -> AsyncObservedStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._stream.close()
        self._stack.__exit__(kind, error, tb)
