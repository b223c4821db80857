"""Clients as configured, keys that rotate under load, pools that close, and no key where it does not belong."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest
import trustme

from oaimigrate.runtime import client as module
from oaimigrate.runtime.client import (
    Azure,
    KeyUnavailable,
    Settings,
    aclose_clients,
    build_async_client,
    build_client,
    close_clients,
    environment_key,
    get_async_client,
    get_client,
)
from oaimigrate.runtime.errors import Cause, classify

from .faults import FaultServer, script

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
SECRET = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_OPENAI_")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    yield
    close_clients()


def secret() -> str:
    return SECRET


def settings(server: FaultServer, **options: object) -> Settings:
    return Settings(**{"key": secret, "base_url": server.base_url, **options})  # type: ignore[arg-type]


class Vault:
    """A secret store: counts fetches, can be slow, down, or hand out one key after another."""

    def __init__(self, *keys: str, delay: float = 0.0) -> None:
        self.keys, self.delay, self.fetches, self.down = list(keys), delay, 0, False

    def __call__(self) -> str:
        time.sleep(self.delay)
        self.fetches += 1
        if self.down:
            raise ConnectionError("vault is sealed")
        return self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]


def test_every_setting_reaches_the_client() -> None:
    with FaultServer() as server:
        chosen = settings(
            server,
            organization="org-1",
            project="proj-1",
            connect=1.0,
            read=2.0,
            write=3.0,
            pool=4.0,
            max_connections=7,
            max_keepalive=3,
            headers=(("X-Team", "blue"),),
        )
        with build_client(chosen) as client:
            client.chat.completions.create(**ASK)
            assert client.timeout == openai.Timeout(connect=1.0, read=2.0, write=3.0, pool=4.0)
            assert client.max_retries == 0
            pool = client._client._transport._pool  # type: ignore[attr-defined]
            assert (pool._max_connections, pool._max_keepalive_connections) == (7, 3)
        (request,) = server.requests
    assert request.headers["openai-organization"] == "org-1"
    assert request.headers["openai-project"] == "proj-1"
    assert request.headers["x-team"] == "blue"
    assert request.key == SECRET


def test_a_proxy_carries_the_requests() -> None:
    with FaultServer() as proxy:
        address = f"http://me:pw@127.0.0.1:{proxy.port}"
        with build_client(Settings(key=secret, base_url="http://api.invalid/v1", proxy=address)) as client:
            assert client.chat.completions.create(**ASK).choices
        assert proxy.requests[0].path == "http://api.invalid/v1/chat/completions"
        assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")


def test_a_private_ca_is_trusted_and_an_unknown_one_is_not_tried_again(tmp_path: Path) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with FaultServer(tls=tls) as server:
        with build_client(settings(server, ca_file=str(tmp_path / "ca.pem"))) as client:
            assert client.chat.completions.create(**ASK).choices
        with build_client(settings(server)) as client, pytest.raises(openai.APIConnectionError) as raised:
            client.chat.completions.create(**ASK)
    assert classify(raised.value) is Cause.MISUSE


@pytest.mark.parametrize(("entra", "header"), [(False, "api-key"), (True, "authorization")])
def test_azure_gets_its_paths_and_its_header(entra: bool, header: str) -> None:
    with FaultServer() as server:
        azure = Azure(f"http://127.0.0.1:{server.port}", "2024-10-21", entra_id=entra)

        async def main() -> None:
            async with build_async_client(Settings(key=secret, azure=azure)) as client:
                await client.chat.completions.create(**ASK)

        with build_client(Settings(key=secret, azure=azure)) as client:
            client.chat.completions.create(**ASK)
        asyncio.run(main())
        for request in server.requests:
            assert request.path == "/openai/deployments/m/chat/completions?api-version=2024-10-21"
            assert request.headers[header].removeprefix("Bearer ") == SECRET
            assert ("authorization" in request.headers) is entra
            assert ("api-key" in request.headers) is not entra
            assert "set-per-request" not in str(request.headers)


def test_the_key_is_in_no_repr_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultServer(script("ok", "unauthorised", "server_error")) as server:
        chosen = settings(server)
        with build_client(chosen) as client:
            client.chat.completions.create(**ASK)
            shown = [repr(chosen), repr(client), repr(vars(client)), repr(vars(client._client))]
            for _ in range(2):
                with pytest.raises(openai.APIStatusError) as raised:
                    client.chat.completions.create(**ASK)
                shown += [str(raised.value), repr(raised.value), repr(raised.value.request)]
            assert client.api_key == module.PLACEHOLDER
    assert "HTTP" in caplog.text
    assert not [text for text in [*shown, caplog.text] if SECRET in text]


def test_a_key_is_fetched_again_when_it_is_old() -> None:
    vault = Vault("one", "two", "three")
    with FaultServer() as server, build_client(settings(server, key=vault, key_lifetime=0.15)) as client:
        for pause in (0, 0, 0.2, 0):
            time.sleep(pause)
            client.chat.completions.create(**ASK)
        assert [r.key for r in server.requests] == ["one", "one", "two", "two"]
    assert vault.fetches == 2


def test_a_revoked_key_is_replaced_without_a_failed_call() -> None:
    vault = Vault("old", "new", delay=0.02)
    with FaultServer(keys={"old", "new"}, interval=0.05) as server, build_client(settings(server, key=vault)) as client:
        stream = client.chat.completions.create(**ASK, stream=True)  # in flight while the key changes
        first = next(iter(stream))
        server.keys = {"new"}
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: client.chat.completions.create(**ASK), range(64)))
        assert all(answer.choices[0].message.content == "echo hi" for answer in answers)
        text = [c.choices[0].delta.content or "" for c in [first, *stream] if c.choices]
        assert "".join(text) == "echo hi"
        assert not client.is_closed()
        refused = server.faults["unauthorised"]
    assert vault.fetches == 2
    assert 1 <= refused <= 16
    assert server.faults["ok"] == 65


def test_a_revoked_key_is_replaced_under_async_load_too() -> None:
    vault = Vault("old", "new", delay=0.02)

    async def provider() -> str:
        await asyncio.sleep(0.01)
        return vault()

    async def main(key: object) -> None:
        with FaultServer(keys={"old", "new"}) as server:
            async with build_async_client(settings(server, key=key)) as client:
                await client.chat.completions.create(**ASK)
                server.keys = {"new"}
                answers = await asyncio.gather(*(client.chat.completions.create(**ASK) for _ in range(64)))
                assert all(answer.choices for answer in answers)
        assert server.faults["ok"] == 65

    asyncio.run(main(provider))
    assert vault.fetches == 2
    vault = Vault("old", "new", delay=0.02)
    asyncio.run(main(vault))
    assert vault.fetches == 2


def test_a_blocking_provider_does_not_block_the_loop() -> None:
    async def main() -> None:
        with FaultServer() as server:
            async with build_async_client(settings(server, key=Vault("k", delay=0.3))) as client:
                call = asyncio.create_task(client.chat.completions.create(**ASK))
                longest, last = 0.0, time.monotonic()
                while not call.done():
                    await asyncio.sleep(0.005)
                    longest, last = max(longest, time.monotonic() - last), time.monotonic()
                assert longest < 0.25

    asyncio.run(main())


def test_a_key_that_stays_refused_does_not_cause_a_storm() -> None:
    vault = Vault("bad")
    with FaultServer(keys={"good"}) as server, build_client(settings(server, key=vault, key_pause=30)) as client:
        for _ in range(10):
            with pytest.raises(openai.AuthenticationError):
                client.chat.completions.create(**ASK)
        assert len(server.requests) == 10
    assert vault.fetches == 2


def test_a_provider_that_is_down_keeps_the_last_key(caplog: pytest.LogCaptureFixture) -> None:
    vault = Vault("good")
    with FaultServer() as server:
        with build_client(settings(server, key=vault, key_lifetime=0.05, key_pause=0.03)) as client:
            client.chat.completions.create(**ASK)
            vault.down = True
            time.sleep(0.1)
            client.chat.completions.create(**ASK)
            assert {r.key for r in server.requests} == {"good"}
            assert "key provider failed" in caplog.text
        with build_client(settings(server, key=vault)) as client, pytest.raises(openai.OpenAIError) as raised:
            client.chat.completions.create(**ASK)
    assert isinstance(raised.value, KeyUnavailable) or isinstance(raised.value.__cause__, KeyUnavailable)


def test_an_async_provider_in_a_sync_client_and_an_empty_key_are_refused() -> None:
    async def provider() -> str:
        return "k"

    for key in (provider, lambda: " "):
        with FaultServer() as server, build_client(settings(server, key=key)) as client:
            with pytest.raises(openai.OpenAIError):
                client.chat.completions.create(**ASK)
            assert not server.requests
    gc.collect()


def test_the_environment_is_read_at_each_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError):
        environment_key()
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure")
    assert environment_key() == "azure"
    monkeypatch.setenv("OPENAI_API_KEY", "plain")
    assert environment_key() == "plain"


def test_one_sync_client_per_configuration() -> None:
    first = Settings(key=secret, base_url="http://127.0.0.1:9/v1")
    with ThreadPoolExecutor(8) as pool:
        clients = set(
            pool.map(lambda _: id(get_client(Settings(key=secret, base_url="http://127.0.0.1:9/v1"))), range(32))
        )
    assert clients == {id(get_client(first))}
    assert get_client(Settings(key=secret, base_url="http://127.0.0.1:9/v1", read=5)) is not get_client(first)
    closed = get_client(first)
    close_clients()
    assert closed.is_closed()
    assert get_client(first) is not closed


def test_one_async_client_per_loop_closed_with_it() -> None:
    with FaultServer() as server:
        seen: list[openai.AsyncOpenAI] = []

        async def main() -> None:
            client = get_async_client(settings(server))
            assert client is get_async_client(settings(server))
            seen.append(client)
            await asyncio.gather(*(client.chat.completions.create(**ASK) for _ in range(10)))
            assert server.connections

        for _ in range(3):
            asyncio.run(main())
            assert seen[-1].is_closed()
        assert len({id(client) for client in seen}) == 3
        deadline = time.monotonic() + 3
        while server.connections and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.connections == 0
    gc.collect()
    assert not len(module._loops)


def test_async_clients_can_be_closed_by_hand_and_need_a_loop() -> None:
    async def main() -> None:
        client = get_async_client(Settings(key=secret, base_url="http://127.0.0.1:9/v1"))
        await aclose_clients()
        assert client.is_closed()
        assert get_async_client(Settings(key=secret, base_url="http://127.0.0.1:9/v1")) is not client

    asyncio.run(main())
    with pytest.raises(RuntimeError):
        get_async_client(Settings(key=secret))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_not_use_its_parent_s_connections() -> None:
    parent = get_client(Settings(key=secret, base_url="http://127.0.0.1:9/v1"))
    pid = os.fork()
    if pid == 0:
        child = get_client(Settings(key=secret, base_url="http://127.0.0.1:9/v1"))
        os._exit(0 if child is not parent and not parent.is_closed() else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert not parent.is_closed()


def test_nothing_of_httpx_is_imported_by_name() -> None:
    source = Path(str(sys.modules[Settings.__module__].__file__)).read_text(encoding="utf-8")
    assert "import httpx" not in source
    assert threading.active_count() < 20
