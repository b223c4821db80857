"""A circuit breaker for calls to the OpenAI API, and what to answer while it is open.

Retrying against a service that is down multiplies the outage. The breaker watches a sliding window of recent calls;
when too many of them failed it opens and refuses calls at once (`CircuitOpen`), after a pause it lets a few probes
through (half-open), and it closes when they succeed. The idea to keep in mind: every admitted call holds a `Permit`
that must end in success, failure or release, and a permit says nothing about any period but the one it was given in.

Written by hand because the libraries do not hold these points: pybreaker 1.4.1 does nothing for coroutines,
aiobreaker 1.2.0 hides the error of the call that trips it, circuitbreaker 2.1.3 does not limit its probes.

A cancelled probe, an exception that says nothing about the service, a probe that hangs and a permit that is lost all
give their slot back: the breaker cannot stay half-open for ever. One lock, held for microseconds and never while
foreign code runs, makes it safe from threads and tasks. Times are seconds of `clock`. Needs openai and nothing else.

>>> breaker = CircuitBreaker(minimum_calls=2, failure_rate=0.5, cooldown=30)
>>> def down(**_):
...     raise ConnectionError("no route")
>>> with_fallbacks(breaker, down, {"static": lambda error: "Please try again later"}).source
'static'
>>> breaker.snapshot().failures
1
"""

from __future__ import annotations

import enum
import itertools
import json
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, ParamSpec, TypeVar

import openai
from openai.types.chat import ChatCompletion

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)


class State(enum.Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Verdict(enum.Enum):
    """What the end of a call says about the service."""

    SUCCESS = "success"
    FAILURE = "failure"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state; `number` counts from 1, `at` is the breaker's clock in seconds."""

    number: int
    old: State
    new: State
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The breaker at one instant; `calls` and `failures` are those inside the window."""

    state: State
    calls: int
    failures: int
    probes_in_flight: int


class CircuitOpen(RuntimeError):
    """The call was not made. `retry_after` is the seconds until a probe may be admitted (0: when one ends)."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"circuit is open; try again in {retry_after:.1f} s")
        self.retry_after = retry_after


def judge(error: BaseException) -> Verdict:
    """Judge an exception of the SDK; the default of `CircuitBreaker(judge=…)`.

    Connection errors, timeouts, 5xx, unparsable answers and an exhausted quota (429 with code `insufficient_quota`:
    every later call fails as well) are failures. Any other 4xx shows a service that answers. A rate limit is ours to
    respect, not an outage, and a TypeError of the caller or a cancellation says nothing.
    """
    if isinstance(error, openai.RateLimitError):
        return Verdict.FAILURE if error.code == "insufficient_quota" else Verdict.NOTHING
    if isinstance(error, openai.APIStatusError):
        return Verdict.FAILURE if error.status_code >= 500 or error.status_code == 408 else Verdict.SUCCESS
    if isinstance(error, (openai.APIError, ConnectionError, TimeoutError, json.JSONDecodeError)):
        return Verdict.FAILURE  # APIError as such: an error event in a stream; APIConnectionError covers timeouts
    # 1.x and 2.x let transport errors of a broken stream through as they are, from httpx or httpx2
    transport = any(base.__name__ == "TransportError" for base in type(error).__mro__)
    return Verdict.FAILURE if transport else Verdict.NOTHING


class Permit:
    """Leave to make one call. End it once with `success`, `failure` or `release`; later ends are ignored.

    As a context manager it judges the exception that leaves the block. Hold it over a whole stream, not only its
    opening. A permit that is lost is released when it is collected.
    """

    __slots__ = ("_breaker", "_ended", "number", "period")

    def __init__(self, breaker: CircuitBreaker, period: int, number: int) -> None:
        self._breaker, self.period, self.number, self._ended = breaker, period, number, False

    def success(self) -> None:
        self._end(Verdict.SUCCESS)

    def failure(self) -> None:
        self._end(Verdict.FAILURE)

    def release(self) -> None:
        """The call ended without telling anything about the service (cancelled, wrong arguments)."""
        self._end(Verdict.NOTHING)

    def _end(self, verdict: Verdict) -> None:
        if not self._ended:
            self._ended = True
            self._breaker._finish(self, verdict)

    def __enter__(self) -> Permit:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is None:
            return self.success()
        try:
            verdict = self._breaker.judge(error) if isinstance(error, Exception) else Verdict.NOTHING
        except Exception:
            log.exception("the breaker's judge failed; the call is not counted")
            verdict = Verdict.NOTHING
        return self._end(verdict)

    def __del__(self) -> None:
        self._breaker._in_flight.pop(self.number, None)  # atomic, without the lock: collection can happen anywhere


class CircuitBreaker:
    """Open when at least `failure_rate` of the calls in the window failed, judged from `minimum_calls` on.

    The window holds the last `window_calls` calls that ended within the last `window` seconds. Open lasts `cooldown`
    seconds; then at most `probes` calls are in flight, `probes` successes close the circuit and one failure opens it
    again. A probe older than `probe_timeout` seconds loses its slot and its say.
    """

    def __init__(
        self,
        *,
        window: float = 60.0,
        window_calls: int = 1000,
        minimum_calls: int = 10,
        failure_rate: float = 0.5,
        cooldown: float = 30.0,
        probes: int = 3,
        probe_timeout: float = 120.0,
        judge: Callable[[Exception], Verdict] = judge,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (0 < failure_rate <= 1 and probes >= 1 and 1 <= minimum_calls <= window_calls):
            raise ValueError("need 0 < failure_rate <= 1, probes >= 1 and 1 <= minimum_calls <= window_calls")
        self.window, self.minimum_calls, self.failure_rate = window, minimum_calls, failure_rate
        self.cooldown, self.probes, self.probe_timeout = cooldown, probes, probe_timeout
        self.judge, self._clock = judge, clock
        self._lock = threading.Lock()
        self._state = State.CLOSED
        self._period = 0  # grows with every transition: a permit of an earlier period has no say
        self._since = clock()
        self._calls: deque[tuple[float, bool]] = deque(maxlen=window_calls)
        self._failures = 0
        self._in_flight: dict[int, float] = {}  # the current probes: permit number → when it was granted
        self._probe_successes = 0
        self._listeners: list[Callable[[Transition], None]] = []
        self._news: deque[Transition] = deque()
        self._telling = False
        self._numbers, self._permits = itertools.count(1), itertools.count(1)

    @property
    def state(self) -> State:
        """The state now. An open circuit turns half-open when a call asks after the cooldown, not by itself."""
        return self._state

    def snapshot(self) -> Snapshot:
        with self._lock:
            self._prune(self._clock())
            self._reclaim(self._clock())
            return Snapshot(self._state, len(self._calls), self._failures, len(self._in_flight))

    def subscribe(self, listener: Callable[[Transition], None]) -> Callable[[], None]:
        """Call `listener` after every transition, in order; returns how to unsubscribe. Its exceptions are logged."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def acquire(self) -> Permit:
        """Leave to make one call; raises CircuitOpen when there is none."""
        try:
            with self._lock:
                return self._grant(self._clock())
        finally:
            self._tell()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` if the circuit lets it; raises CircuitOpen or whatever the function raises."""
        with self.acquire():
            return function(*args, **kwargs)

    async def acall(self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.acquire():
            return await function(*args, **kwargs)

    def force(self, state: State) -> None:
        """Set the state by hand: OPEN when a status page says so, CLOSED to forget the window."""
        with self._lock:
            self._move(state, self._clock(), "by hand")
        self._tell()

    # Below: called with the lock held, except _finish and _tell.

    def _grant(self, now: float) -> Permit:
        if self._state is State.OPEN:
            left = self._since + self.cooldown - now
            if left > 0:
                raise CircuitOpen(left)
            self._move(State.HALF_OPEN, now, f"cooldown of {self.cooldown:g} s over")
        if self._state is State.HALF_OPEN:
            self._reclaim(now)
            if len(self._in_flight) + self._probe_successes >= self.probes:
                raise CircuitOpen(0.0)
        permit = Permit(self, self._period, next(self._permits))
        if self._state is State.HALF_OPEN:
            self._in_flight[permit.number] = now
        return permit

    def _reclaim(self, now: float) -> None:
        """Give back the slots of probes that hang."""
        for number, granted in self._in_flight.copy().items():
            if now - granted >= self.probe_timeout:
                self._in_flight.pop(number, None)

    def _finish(self, permit: Permit, verdict: Verdict) -> None:
        with self._lock:
            if permit.period == self._period:
                now = self._clock()
                if self._state is State.CLOSED:
                    self._count(verdict, now)
                elif self._state is State.HALF_OPEN:
                    self._probed(permit, verdict, now)
        self._tell()

    def _count(self, verdict: Verdict, now: float) -> None:
        if verdict is Verdict.NOTHING:
            return
        if len(self._calls) == self._calls.maxlen:
            self._failures -= self._calls.popleft()[1]
        self._calls.append((now, verdict is Verdict.FAILURE))
        self._failures += verdict is Verdict.FAILURE
        self._prune(now)
        if (total := len(self._calls)) >= self.minimum_calls and self._failures >= self.failure_rate * total:
            self._move(State.OPEN, now, f"{self._failures} of {total} calls failed")

    def _probed(self, permit: Permit, verdict: Verdict, now: float) -> None:
        self._reclaim(now)
        if self._in_flight.pop(permit.number, None) is None:  # it hung for too long
            return
        if verdict is Verdict.FAILURE:
            self._move(State.OPEN, now, "a probe failed")
        elif verdict is Verdict.SUCCESS:
            self._probe_successes += 1
            if self._probe_successes >= self.probes:
                self._move(State.CLOSED, now, f"{self.probes} probes succeeded")

    def _prune(self, now: float) -> None:
        while self._calls and now - self._calls[0][0] >= self.window:
            self._failures -= self._calls.popleft()[1]

    def _move(self, new: State, now: float, reason: str) -> None:
        self._news.append(Transition(next(self._numbers), self._state, new, now, reason))
        self._state, self._since = new, now
        self._period += 1
        self._calls.clear()
        self._in_flight.clear()
        self._failures = self._probe_successes = 0

    def _tell(self) -> None:
        """Hand the news to the listeners, one teller at a time so that they hear it in order."""
        while self._news:
            with self._lock:
                if self._telling or not self._news:
                    return
                self._telling, news = True, self._news.popleft()
            try:
                for listener in list(self._listeners):
                    try:
                        listener(news)
                    except Exception:
                        log.exception("a listener of the breaker failed")
            finally:
                self._telling = False


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value and where it came from: "primary" or the name of the fallback, with the error that led there."""

    value: T
    source: str
    error: Exception | None = None


def _check_served(breaker: CircuitBreaker, error: Exception) -> None:
    """Fall back when the circuit is open or the service failed; an error of the request itself must be seen."""
    if not isinstance(error, CircuitOpen) and breaker.judge(error) is not Verdict.FAILURE:
        raise error


def with_fallbacks(
    breaker: CircuitBreaker, primary: Callable[[], T], fallbacks: Mapping[str, Callable[[Exception], T]]
) -> Answer[T]:
    """`primary()` through the breaker, else the first fallback that does not raise, in order.

    A fallback gets the error and returns the same type: a cached answer (`AnswerCache`), a static text
    (`static_answer`), or a call of another model or client. If all of them raise, the primary's error is raised.
    """
    try:
        return Answer(breaker.call(primary), "primary")
    except Exception as error:
        _check_served(breaker, error)
        for name, fallback in fallbacks.items():
            try:
                return Answer(fallback(error), name, error)
            except Exception as failed:
                log.info("fallback %s failed: %s", name, type(failed).__name__)
        raise


async def awith_fallbacks(
    breaker: CircuitBreaker,
    primary: Callable[[], Awaitable[T]],
    fallbacks: Mapping[str, Callable[[Exception], Awaitable[T]]],
) -> Answer[T]:
    """`with_fallbacks` for coroutine functions."""
    try:
        return Answer(await breaker.acall(primary), "primary")
    except Exception as error:
        _check_served(breaker, error)
        for name, fallback in fallbacks.items():
            try:
                return Answer(await fallback(error), name, error)
            except Exception as failed:
                log.info("fallback %s failed: %s", name, type(failed).__name__)
        raise


def static_answer(text: str, model: str = "static") -> ChatCompletion:
    """A completed answer with a fixed text, for callers that read `choices[0].message.content`; no usage."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    answer = {"id": "static", "object": "chat.completion", "created": int(time.time()), "model": model}
    return ChatCompletion.model_validate({**answer, "choices": [choice]})


class AnswerCache(Generic[T]):
    """The last good answers by question, for when the service is down; thread-safe, least recently used out first.

    `recall(key)` raises KeyError when there is no answer younger than `max_age` seconds: the next fallback is tried.
    """

    def __init__(self, size: int = 1000, max_age: float = 3600.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._answers: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._size, self._max_age, self._clock, self._lock = size, max_age, clock, threading.Lock()

    def remember(self, key: Hashable, answer: T) -> T:
        with self._lock:
            self._answers[key] = (self._clock(), answer)
            self._answers.move_to_end(key)
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)
        return answer

    def recall(self, key: Hashable) -> T:
        with self._lock:
            stored, answer = self._answers[key]
            if self._clock() - stored > self._max_age:
                del self._answers[key]
                raise KeyError(key)
            self._answers.move_to_end(key)
            return answer
