"""Build OpenAI clients as production needs them: timeouts, pool, proxy, private CA, Azure, and keys that rotate.

One client per configuration and event loop, kept and closed: a client owns a connection pool, building one costs far
more than a call, and an async pool dies with its loop. `get_client(settings)` and `get_async_client(settings)` are the
way in; `build_client` and `build_async_client` make one that is yours to close.

The key never enters the SDK's objects, so it is in no repr, log line or traceback of them: a `settings.key` provider is
asked for it, and an httpx auth flow puts it on each request. The key is fetched again when it is older than
`key_lifetime`, and when the server answers 401: that request is then sent once more with the new key, on the same pool,
so calls in flight are neither dropped nor seen failing. (The SDK's own `api_key=callable`, since 1.106, knows no 401.
Realtime websockets do not pass through httpx: give those the key yourself.)

- Times are seconds. `read` is the longest gap between bytes, streaming or not; nothing here limits a whole request.
- `max_retries` is 0: retrying is the job of one place, see `retry`.
- `openai.Timeout` and `openai.DefaultHttpxClient` exist in 1.x, 2.x and 3.x and are right for httpx and httpx2. A proxy
  goes into the HTTP client; `base_url` is the root of the API. A private CA is added to the system's.

Needs: openai; no other module of this package. Raises `KeyUnavailable` when the provider fails and no key is known
(1.x wraps it as the cause of an APIConnectionError).

>>> settings = Settings(key=lambda: "sk-secret", base_url="http://127.0.0.1:9/v1", proxy="http://me:pw@proxy:3128")
>>> "sk-secret" in repr(settings) or "pw" in repr(settings)
False
>>> get_client(settings) is get_client(settings)
True
>>> close_clients()
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import logging
import os
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import openai

log = logging.getLogger(__name__)
#: httpx or httpx2, whichever this SDK uses (the class itself says "openai", where it is exported from).
http: Any = import_module(openai.Timeout.__eq__.__module__.partition(".")[0])

KeyProvider = Callable[[], str | Awaitable[str]]
PLACEHOLDER = "set-per-request"


class KeyUnavailable(openai.OpenAIError):
    """The key provider failed before it ever gave a key; its exception is the cause."""


def environment_key() -> str:
    """The key from OPENAI_API_KEY, or AZURE_OPENAI_API_KEY where that is unset; read at each fetch."""
    key = os.environ.get("OPENAI_API_KEY") or os.environ.get("AZURE_OPENAI_API_KEY")
    if not key:
        raise LookupError("neither OPENAI_API_KEY nor AZURE_OPENAI_API_KEY is set")
    return key


@dataclass(frozen=True, slots=True)
class Azure:
    """An Azure OpenAI resource; `entra_id` if the key provider returns Microsoft Entra ID tokens, not API keys."""

    endpoint: str
    api_version: str
    deployment: str | None = None
    entra_id: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration; equal settings share a client, so pass the same provider function, not a new lambda each time.

    `key` returns the key, or for async clients an awaitable of it; a plain function is run in a thread there. Retry
    storms of a revoked key are avoided: the provider is asked at most once at a time and per `key_pause` seconds.
    """

    key: KeyProvider = field(default=environment_key, repr=False)
    key_lifetime: float = 300.0
    key_pause: float = 1.0
    organization: str | None = None
    project: str | None = None
    base_url: str | None = None
    azure: Azure | None = None
    connect: float = 5.0
    read: float = 60.0
    write: float = 30.0
    pool: float = 10.0
    max_connections: int = 1000
    max_keepalive: int = 100
    keepalive_expiry: float = 5.0
    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    http2: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class _KeyRing:
    """The current key, its age, and the header it goes into."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.key, self.fetched = settings, "", float("-inf")
        self.asked_in_vain = float("-inf")  # when the provider last had no other key than the refused one
        azure = settings.azure
        self.header, self.prefix = ("api-key", "") if azure and not azure.entra_id else ("authorization", "Bearer ")

    def fresh(self, refused: str | None) -> bool:
        """Whether the key at hand will do: young enough, and not the one that was refused."""
        now = time.monotonic()
        if refused is not None and refused == self.key:
            return now - self.asked_in_vain < self.settings.key_pause
        return now - self.fetched < self.settings.key_lifetime

    def accept(self, key: object) -> None:
        if not isinstance(key, str) or not key.strip():
            raise ValueError("the key provider returned no key")
        now = time.monotonic()
        self.asked_in_vain = now if key.strip() == self.key else float("-inf")
        self.key, self.fetched = key.strip(), now

    def failed(self, error: Exception) -> None:
        """A provider that is down must not take the service down while an old key may still be good."""
        if not self.key:
            raise KeyUnavailable(f"the key provider failed: {type(error).__name__}") from error
        log.warning("key provider failed (%s); going on with the key at hand", type(error).__name__)
        self.asked_in_vain = time.monotonic()
        self.fetched = self.asked_in_vain - self.settings.key_lifetime + self.settings.key_pause

    def sign(self, request: Any) -> None:
        if self.settings.azure:  # the SDK's placeholder must not travel as a second credential
            request.headers.pop("authorization", None)
            request.headers.pop("api-key", None)
        request.headers[self.header] = self.prefix + self.key


class _Signed(http.Auth):  # type: ignore[misc]
    """Puts the key on each request and repeats a request once that was answered 401, with a newer key."""

    def __init__(self, ring: _KeyRing) -> None:
        self._ring, self._lock, self._alock = ring, threading.Lock(), asyncio.Lock()

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        self._refresh(None)
        used = self._ring.key
        self._ring.sign(request)
        response = yield request
        if response.status_code == 401:
            self._refresh(used)
            if self._ring.key != used:
                response.read()
                self._ring.sign(request)
                yield request

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        await self._arefresh(None)
        used = self._ring.key
        self._ring.sign(request)
        response = yield request
        if response.status_code == 401:
            await self._arefresh(used)
            if self._ring.key != used:
                await response.aread()
                self._ring.sign(request)
                yield request

    def _refresh(self, refused: str | None) -> None:
        if self._ring.fresh(refused):
            return
        with self._lock:
            if self._ring.fresh(refused):
                return
            try:
                key = self._ring.settings.key()
                if inspect.iscoroutine(key):
                    key.close()
                    raise TypeError("an async key provider needs an async client")
                self._ring.accept(key)
            except Exception as error:
                self._ring.failed(error)

    async def _arefresh(self, refused: str | None) -> None:
        if self._ring.fresh(refused):
            return
        async with self._alock:
            if self._ring.fresh(refused):
                return
            provider = self._ring.settings.key
            try:
                if inspect.iscoroutinefunction(provider):
                    key = await provider()
                else:
                    key = await asyncio.to_thread(provider)
                    key = await key if inspect.isawaitable(key) else key
                self._ring.accept(key)
            except Exception as error:
                self._ring.failed(error)


def _transport(settings: Settings) -> dict[str, Any]:
    """Arguments of the HTTP client; `DefaultHttpxClient` adds the SDK's defaults (redirects on, 1000 connections)."""
    options: dict[str, Any] = {
        "timeout": _timeout(settings),
        "limits": http.Limits(
            max_connections=settings.max_connections,
            max_keepalive_connections=settings.max_keepalive,
            keepalive_expiry=settings.keepalive_expiry,
        ),
        "auth": _Signed(_KeyRing(settings)),
        "http2": settings.http2,
    }
    if settings.proxy:
        options["proxy"] = settings.proxy
    if settings.ca_file:
        trust = ssl.create_default_context()
        trust.load_verify_locations(settings.ca_file)
        options["verify"] = trust
    return options


def _timeout(settings: Settings) -> openai.Timeout:
    return openai.Timeout(connect=settings.connect, read=settings.read, write=settings.write, pool=settings.pool)


def _arguments(settings: Settings) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "api_key": PLACEHOLDER,
        "organization": settings.organization,
        "project": settings.project,
        "timeout": _timeout(settings),
        "max_retries": 0,
        "default_headers": dict(settings.headers),
    }
    if settings.azure is None:
        return {**shared, "base_url": settings.base_url}
    azure = settings.azure
    where = {"azure_endpoint": azure.endpoint, "azure_deployment": azure.deployment, "api_version": azure.api_version}
    return {**shared, **where}


def build_client(settings: Settings) -> openai.OpenAI:
    """A new sync client, yours to close; safe to share between threads."""
    kind = openai.OpenAI if settings.azure is None else openai.AzureOpenAI
    return kind(**_arguments(settings), http_client=openai.DefaultHttpxClient(**_transport(settings)))


def build_async_client(settings: Settings) -> openai.AsyncOpenAI:
    """A new async client, yours to close; belongs to one event loop."""
    kind = openai.AsyncOpenAI if settings.azure is None else openai.AsyncAzureOpenAI
    return kind(**_arguments(settings), http_client=openai.DefaultAsyncHttpxClient(**_transport(settings)))


_lock = threading.Lock()
_clients: dict[Settings, openai.OpenAI] = {}
_loops: dict[asyncio.AbstractEventLoop, dict[Settings, tuple[openai.AsyncOpenAI, AsyncGenerator[None, None]]]] = {}


def get_client(settings: Settings) -> openai.OpenAI:
    """The sync client of these settings in this process, built on first use, closed at exit."""
    with _lock:
        client = _clients.get(settings)
        if client is None or client.is_closed():
            client = _clients[settings] = build_client(settings)
        return client


def get_async_client(settings: Settings) -> openai.AsyncOpenAI:
    """The async client of these settings in the running loop; RuntimeError outside one.

    `asyncio.run` closes it with the loop, as does any runner that calls `loop.shutdown_asyncgens()`; elsewhere await
    `aclose_clients()` before the loop ends.
    """
    loop = asyncio.get_running_loop()
    with _lock:
        for ended in [other for other in _loops if other.is_closed()]:
            del _loops[ended]
        clients = _loops.setdefault(loop, {})
        known = clients.get(settings)
        if known is None or known[0].is_closed():
            client = build_async_client(settings)
            clients[settings] = known = client, _closing(client, loop)
            with contextlib.suppress(StopIteration):
                known[1].__anext__().send(None)  # run to its yield: the loop now knows it and will close it
        return known[0]


async def _closing(client: openai.AsyncOpenAI, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
    """A generator whose only work is its end, which the loop's shutdown_asyncgens brings about."""
    try:
        yield
    finally:
        _loops.pop(loop, None)
        await client.close()


def close_clients() -> None:
    """Close and forget the sync clients of this process; calls in flight on them fail."""
    with _lock:
        clients = list(_clients.values())
        _clients.clear()
    for client in clients:
        client.close()


async def aclose_clients() -> None:
    """Close and forget the async clients of the running loop."""
    with _lock:
        clients = _loops.pop(asyncio.get_running_loop(), {})
    for _, closing in clients.values():
        await closing.aclose()


def _after_fork() -> None:
    """A child must not share its parent's sockets: forget them, without closing what the parent uses."""
    global _lock
    _lock = threading.Lock()
    _inherited.append((dict(_clients), dict(_loops)))  # kept alive: their __del__ would close them
    _clients.clear()
    _loops.clear()


_inherited: list[object] = []
atexit.register(close_clients)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
