"""Runs in the isolated environments when an interpreter starts; does nothing unless a verification runs it.

It is copied there beside a `.pth` file that imports it, so it may use the standard library only. It sends requests
for the API to the recording server whatever address the program wrote down, says with each of them which source line
made it, and stops the program when it wants to reach any other host.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import sys
import threading
from collections.abc import Callable
from fnmatch import fnmatch
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "OAIMIGRATE_VERIFY"
MARK = "x-oaimigrate-verify-"
STOPPED = 86  # the exit status of a program that was stopped

_session: dict[str, Any] = {}


def start(text: str) -> None:
    """Take over the network of this interpreter. `text` is the JSON that `process.py` made."""
    _session.update(json.loads(text))
    sys.meta_path.insert(0, _Finder())  # type: ignore[arg-type]
    sys.addaudithook(_audit)


class _Finder:
    """Patches the HTTP libraries when they are imported; importing them here would slow every start down."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        patch = _PATCHES.pop(name, None)
        spec = importlib.util.find_spec(name) if patch else None
        if patch is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            patch(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _redirect(url: str, proxy: object = None) -> tuple[str, dict[str, str]] | None:
    """Where a request really goes, with the headers that tell the server about it; None to leave it alone."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    marks = {MARK + "lane": _lane()}
    if source := _source():
        marks[MARK + "source"] = source
    if proxy:
        marks[MARK + "proxy"] = str(proxy)
    if origin == _session["server"]:
        return url, marks
    host = (parts.hostname or "").lower()
    if not any(fnmatch(host, known) or fnmatch(f"{host}:{parts.port}", known) for known in _session["hosts"]):
        if not _is_here(host):
            _stop(host)
        return None
    marks[MARK + "origin"] = origin
    return _session["server"] + parts._replace(scheme="", netloc="").geturl(), marks


def _source() -> str:
    """The innermost line of the program itself on the stack."""
    frame = sys._getframe(1)
    while frame:
        name = frame.f_code.co_filename
        if name.startswith(_session["root"]):
            return f"{os.path.relpath(name, _session['root'])}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def _lane() -> str:
    lane = "main" if threading.current_thread() is threading.main_thread() else str(threading.get_ident())
    if "asyncio" in sys.modules:
        try:
            task = sys.modules["asyncio"].current_task()
        except RuntimeError:
            return lane
        return f"{lane}/{task.get_name()}" if task else lane
    return lane


def _patch_requests(module: Any) -> None:
    send = module.HTTPAdapter.send

    def redirected(
        self: Any,
        request: Any,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Any:
        proxy = (proxies or {}).get(urlsplit(request.url).scheme)
        found = _redirect(request.url, proxy)
        if found is None:
            return send(self, request, stream, timeout, verify, cert, proxies)
        original, (request.url, marks) = request.url, found
        request.headers.update(marks)
        try:
            response = send(self, request, stream, timeout, False, None, None)
            response.url = original
            return response
        finally:
            request.url = original
            for name in marks:
                request.headers.pop(name, None)

    module.HTTPAdapter.send = redirected


def _patch_aiohttp(module: Any) -> None:
    request = module.ClientSession._request

    async def redirected(self: Any, method: str, str_or_url: Any, **options: Any) -> Any:
        found = _redirect(str(str_or_url), options.get("proxy"))
        if found is not None:
            str_or_url, marks = found
            options["proxy"] = None
            options["headers"] = {**(options.get("headers") or {}), **marks}
        return await request(self, method, str_or_url, **options)

    module.ClientSession._request = redirected


def _patch_httpx(module: Any) -> None:
    handle, ahandle = module.HTTPTransport.handle_request, module.AsyncHTTPTransport.handle_async_request

    def inner(self: Any, request: Any) -> tuple[Any, bool]:
        """The request to make instead, and whether the transport itself can make it."""
        proxy = getattr(self._pool, "_proxy_url", None)
        proxy = proxy and bytes(proxy).decode().rstrip("/")
        found = _redirect(str(request.url), proxy)
        if found is None:
            return request, True
        url, marks = found
        headers = [*request.headers.raw, *((k.encode(), v.encode()) for k, v in marks.items())]
        made = module.Request(
            request.method, url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        return made, not proxy

    def redirected(self: Any, request: Any) -> Any:
        made, itself = inner(self, request)
        return handle(self if itself else module.HTTPTransport(verify=False, trust_env=False), made)

    async def aredirected(self: Any, request: Any) -> Any:
        made, itself = inner(self, request)
        return await ahandle(self if itself else module.AsyncHTTPTransport(verify=False, trust_env=False), made)

    module.HTTPTransport.handle_request = redirected
    module.AsyncHTTPTransport.handle_async_request = aredirected


_PATCHES: dict[str, Callable[[Any], None]] = {
    "requests.adapters": _patch_requests,
    "aiohttp.client": _patch_aiohttp,
    "httpx._transports.default": _patch_httpx,
    "httpx2._transports.default": _patch_httpx,
}


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """See every connection that the interpreter makes, whichever library asks for it."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        if isinstance(address, tuple) and address and not _is_here(address[0]):
            _stop(address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        if not _is_here(arguments[0]):
            _stop(arguments[0])
    elif event == "socket.bind":
        address = arguments[1]
        if isinstance(address, tuple) and len(address) > 1:
            _note({"event": "bind", "port": address[1]})


def _is_here(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not host or host in ("localhost", "0.0.0.0", "::", _own_name()):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return bool(host.endswith(".localhost"))


def _own_name() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def _stop(host: Any) -> None:
    """End the program at once: an exception could be caught, and the request made after all."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    _note({"event": "host", "host": name, "source": _source()})
    sys.stderr.write(f"oaimigrate verify: stopped, because it wants to reach {name}\n")
    sys.stderr.flush()
    os._exit(STOPPED)


def _note(event: dict[str, Any]) -> None:
    descriptor = os.open(_session["events"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (json.dumps(event) + "\n").encode())
    finally:
        os.close(descriptor)


if os.environ.get(VARIABLE):
    start(os.environ[VARIABLE])
