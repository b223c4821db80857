"""Runs inside any SDK: makes a chat completion fail in every way; prints what was raised and what the error carries.

Arguments: the cases, as words; the expressions to read from each error, as JSON {name: expression with `e`}. Every case
is tried with the synchronous and the asynchronous call.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import in_server
import openai

OLD = openai.VERSION.startswith("0.")
REQUEST: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
SECONDS = 0.4  # the network timeout: shorter than the server's pause
CLIENT: dict[str, Any] = {"api_key": "k", "timeout": SECONDS, "max_retries": 0}
OLD_CALL = {"request_timeout": SECONDS, "timeout": 0}  # timeout=0: a 409 is raised and not repeated for ever


def fail_locally() -> None:
    """An error that no answer of the server caused."""
    raise (openai.error.OpenAIError if OLD else openai.OpenAIError)(in_server.WORDS)


def carried(e: Exception, expressions: dict[str, str]) -> dict[str, Any]:
    """What was raised, as its line of ancestors, with the values of the expressions."""
    line = [(c.__module__, c.__name__) for c in type(e).__mro__]
    names = [name if module.startswith("openai") else f"{module}.{name}" for module, name in line]
    return {"raised": names, "values": {name: value(text, e) for name, text in expressions.items()}}


def value(expression: str, e: Exception) -> Any:
    """The value in a form that JSON and both worlds share; an error of the expression as {"raises": name}."""
    try:
        found = eval(expression, {"e": e, "openai": openai})
    except Exception as failed:
        return {"raises": type(failed).__name__}
    return found if isinstance(found, (str, int, dict, list, type(None))) else f"<{type(found).__name__}>"


def run(urls: dict[str, str], expressions: dict[str, str]) -> dict[str, Any]:
    """Every case with the synchronous call; nothing raised is an empty line of ancestors."""
    client = None if OLD else openai.OpenAI(**CLIENT)
    found: dict[str, Any] = {}
    for case, url in urls.items():
        stream = case == "stream"
        try:
            if case == "local":
                fail_locally()
            elif client is None:
                answer = openai.ChatCompletion.create(**REQUEST, **OLD_CALL, api_key="k", api_base=url, stream=stream)
            else:
                answer = client.with_options(base_url=url).chat.completions.create(**REQUEST, stream=stream)
            if stream:
                list(answer)
            found[case] = {"raised": [], "values": {}}
        except Exception as e:
            found[case] = carried(e, expressions)
    return found


async def run_async(urls: dict[str, str], expressions: dict[str, str]) -> dict[str, Any]:
    """The same with the asynchronous call."""
    client = None if OLD else openai.AsyncOpenAI(**CLIENT)
    found: dict[str, Any] = {}
    for case, url in urls.items():
        stream = case == "stream"
        try:
            if case == "local":
                fail_locally()
            elif client is None:
                answer = await openai.ChatCompletion.acreate(
                    **REQUEST, **OLD_CALL, api_key="k", api_base=url, stream=stream
                )
            else:
                answer = await client.with_options(base_url=url).chat.completions.create(**REQUEST, stream=stream)
            if stream:
                [item async for item in answer]
            found[f"{case}/async"] = {"raised": [], "values": {}}
        except Exception as e:
            found[f"{case}/async"] = carried(e, expressions)
    if client is not None:
        await client.close()
    return found


def main() -> None:
    cases, expressions = sys.argv[1].split(), json.loads(sys.argv[2])
    server, nowhere = in_server.start(), in_server.closed_port()
    urls = {case: f"{nowhere if case == 'refused' else f'{server}/{case}'}/v1" for case in cases}
    print(json.dumps(run(urls, expressions) | asyncio.run(run_async(urls, expressions))))


main()
