"""Say why a call to the OpenAI API failed, whether the same call can succeed later, and how long to wait.

The one idea: by class, status and `error.code`, never by the message, which changes (openai 3.38 removed the code from
it). Transport errors are told by the names of their classes, because they come from httpx or from httpx2, and 1.x and
2.x raise them raw out of streams.

Needs: openai; no other module of this package. Sources: `_should_retry` and `_calculate_retry_timeout` in
openai/_base_client.py (1.109.1 to 3.54.0), https://platform.openai.com/docs/guides/error-codes

>>> classify(TimeoutError()).value, is_retryable(TimeoutError()), is_retryable(ValueError("yours"))
('timeout', True, False)
"""

from __future__ import annotations

import asyncio
import enum
import json
import math
import ssl
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import openai


class Cause(enum.Enum):
    """Why a call failed; the first six can succeed when tried again."""

    RATE_LIMIT = "rate limit"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    SERVER = "server"
    CONFLICT = "conflict"
    MALFORMED = "malformed answer"
    QUOTA = "quota exhausted"
    REFUSED = "request refused"
    MISUSE = "misuse"
    OTHER = "other"


RETRYABLE = frozenset(
    {Cause.RATE_LIMIT, Cause.TIMEOUT, Cause.CONNECTION, Cause.SERVER, Cause.CONFLICT, Cause.MALFORMED}
)
#: 429s that no waiting helps: https://platform.openai.com/docs/guides/error-codes
QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


class DeadlineExceeded(TimeoutError):
    """Time ran out in the middle of an attempt; the cause is the last error before it, if there was one."""


def classify(error: BaseException) -> Cause:
    """Say why a call failed, by class, status and `error.code`, never by message (3.38 removed the code from it)."""
    match error:
        case openai.APIStatusError():
            return _classify_status(error)
        case openai.APITimeoutError():
            return Cause.TIMEOUT
        case openai.APIConnectionError():
            return _classify_transport(error.__cause__) if error.__cause__ else Cause.CONNECTION
        case openai.APIResponseValidationError():
            return Cause.OTHER
        case openai.APIError():  # exactly APIError: an error event inside a stream
            return _classify_event(error)
        case json.JSONDecodeError():  # the SDK lets it through for a 200 that is not JSON
            return Cause.MALFORMED
        case TimeoutError() | asyncio.TimeoutError():
            return Cause.OTHER if isinstance(error, DeadlineExceeded) else Cause.TIMEOUT
        case _ if getattr(error, "nothing_arrived", False):  # a stream consumer that failed before the first token
            return Cause.CONNECTION
        case _:
            found = _classify_transport(error)
            return Cause.OTHER if found is Cause.MISUSE else found


def _classify_status(error: openai.APIStatusError) -> Cause:
    if error.code in QUOTA_CODES:
        return Cause.QUOTA
    known = {408: Cause.TIMEOUT, 409: Cause.CONFLICT, 429: Cause.RATE_LIMIT, 501: Cause.REFUSED, 505: Cause.REFUSED}
    return known.get(error.status_code, Cause.SERVER if error.status_code >= 500 else Cause.REFUSED)


def _classify_event(error: openai.APIError) -> Cause:
    if error.code in QUOTA_CODES:
        return Cause.QUOTA
    if "rate_limit_exceeded" in (error.code, error.type):
        return Cause.RATE_LIMIT
    return Cause.REFUSED if error.type == "invalid_request_error" else Cause.SERVER


def _classify_transport(error: BaseException) -> Cause:
    """Transport errors by name, because they come from httpx or httpx2; 1.x and 2.x raise them raw from streams.

    SDKs before 3.28 wrap any exception as APIConnectionError, a TypeError of an httpx object in an httpx2 client too.
    """
    names = {base.__name__ for base in type(error).__mro__}
    if names & {"LocalProtocolError", "UnsupportedProtocol", "InvalidURL"} or _untrusted(error):
        return Cause.MISUSE
    if "TimeoutException" in names:
        return Cause.TIMEOUT
    return Cause.CONNECTION if "TransportError" in names or isinstance(error, OSError) else Cause.MISUSE


def _untrusted(error: BaseException | None) -> bool:
    """Whether a certificate that does not verify is at the bottom of it: waiting does not mend that."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_retryable(error: BaseException) -> bool:
    """Whether the same call can succeed later. The server's `x-should-retry` decides, except about a quota."""
    cause = classify(error)
    if isinstance(error, openai.APIStatusError) and cause is not Cause.QUOTA:
        wish: str | None = error.response.headers.get("x-should-retry")
        if wish in ("true", "false"):
            return wish == "true"
    return cause in RETRYABLE


def retry_after(error: BaseException) -> float | None:
    """Seconds the server asks to wait, from `retry-after-ms`, else `retry-after`; None if it asks for nothing."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            asked = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        return asked if asked > 0 and not math.isnan(asked) else None
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except (TypeError, ValueError, IndexError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    asked = (date - datetime.now(timezone.utc)).total_seconds()
    return asked if asked > 0 else None
