"""Runs inside any SDK: makes the calls it is given and prints what each of them sent over the wire.

The argument is a JSON list of calls: the dotted `path` below the module or below a client, `args`, `kwargs`, and
optionally `suffix` (read from the result), `asynchronous` (path of the asynchronous twin in 0.28), `client` (options of
the new client), `settings` (of a fresh module, which then makes the call) and `environment`. In arguments {"tuple": []}
stands for a tuple, {"file": name, "text": ...} for an opened file, {"url": path} for an address below the server's and
{"through": path} for an HTTP client with that address as its proxy.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import os
import sys
from functools import reduce
from typing import Any

import in_server
import openai

OLD = openai.VERSION.startswith("0.")


def argument(value: Any) -> Any:
    """Build what JSON cannot say."""
    match value:
        case {"file": name, "text": text}:
            file = io.BytesIO(text.encode())
            file.name = name
            return file
        case {"tuple": items}:
            return tuple(argument(i) for i in items)
        case {"url": path}:
            return f"{SERVER}/{path}"
        case {"through": path}:
            return openai.DefaultHttpxClient(proxy=f"{SERVER}/{path}")
        case dict():
            return {k: argument(v) for k, v in value.items()}
        case list():
            return [argument(v) for v in value]
    return value


def outcome(call: dict[str, Any], value: Any, failed: Exception | None = None) -> dict[str, Any]:
    """What one call sent and gave."""
    sent = list(in_server.Handler.records)
    if failed is not None:
        return {"sent": sent, "raised": f"{type(failed).__name__}: {failed}"}
    given = eval(f"value{call.get('suffix', '')}", {"value": value})
    shown = given if isinstance(given, str) else given.decode() if isinstance(given, bytes) else None
    return {"sent": sent, "type": type(given).__name__, "text": shown}


def run(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the calls one after the other."""
    client = None if OLD else openai.OpenAI(**CLIENT)
    found = []
    for call in calls:
        before = dict(os.environ)
        in_server.Handler.records.clear()
        try:
            if "settings" in call:
                settle(call)
            value = function(call, call["path"], client)(*argument(call.get("args", [])), **argument(call["kwargs"]))
            if call.get("iterate"):
                list(value)
            found.append({"sync": outcome(call, value)})
        except Exception as failed:
            found.append({"sync": outcome(call, None, failed)})
        os.environ.clear()
        os.environ.update(before)
    return found


async def run_async(calls: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    """Make the asynchronous twins of the calls, and add what they sent and gave."""
    client = None if OLD else openai.AsyncOpenAI(**CLIENT)
    for call, answers in zip(calls, found, strict=True):
        if not call.get("asynchronous"):
            continue
        in_server.Handler.records.clear()
        try:
            twin = function(call, call["asynchronous"] if OLD else call["path"], client)
            value = await twin(*argument(call.get("args", [])), **argument(call["kwargs"]))
            answers["async"] = outcome(call, value)
        except Exception as failed:
            answers["async"] = outcome(call, None, failed)
    if client is not None:
        await client.close()


def function(call: dict[str, Any], path: str, client: Any) -> Any:
    """What stands at the path below the module or below a client with the options of the call."""
    root: Any = openai
    options = argument(call.get("client", {}))
    if "azure_endpoint" in options:
        root = openai.AzureOpenAI(**options)
    elif "settings" not in call and client is not None:
        root = client.with_options(**options)
    return reduce(getattr, path.split("."), root)


def settle(call: dict[str, Any]) -> None:
    """A fresh module with the environment and the settings of the call: 0.28 reads its environment on import."""
    global openai
    for name in [n for n in sys.modules if n.partition(".")[0] == "openai"]:
        del sys.modules[name]
    os.environ.update(argument(call.get("environment", {})))
    openai = importlib.import_module("openai")
    for name, value in argument(call["settings"]).items():
        setattr(openai, name, value)


def main() -> None:
    calls = json.loads(sys.argv[1])
    if OLD:
        openai.api_key, openai.api_base = CLIENT["api_key"], CLIENT["base_url"]
    found = run(calls)
    asyncio.run(run_async(calls, found))
    print(json.dumps(found))


SERVER = in_server.start()
CLIENT: dict[str, Any] = {"api_key": "k", "base_url": f"{SERVER}/ok/v1", "max_retries": 0}
main()
