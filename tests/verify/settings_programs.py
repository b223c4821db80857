"""Small programs, made by combining where settings are made with how a request is made.

A setting that gets lost on the way to a request raises nothing: the request goes to another host, or with another key.
No list of cases written by hand has all combinations, so these are generated.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

HEAD = "import asyncio\nimport functools\nimport os\n\nimport openai\n\n"
HOSTS = ("gateway.example", "other.example")
KEY, OTHER_KEY = "sk-one-0123456789abcdef", "sk-two-0123456789abcdef"
AZURE_KEY = "azure-key-0123456789abcdef"

# Where settings are made: {settings} are their lines, {call} are the lines of the request.
PLACES = {
    "at module level": "{settings}\n\n\ndef run():\n    {call}\n\n\nrun()\n",
    "in a function": "def setup():\n    {settings}\n\n\ndef run():\n    {call}\n\n\nsetup()\nrun()\n",
    "in the function that asks": "def run():\n    {settings}\n    {call}\n\n\nrun()\n",
    "in a constructor": (
        "class Bot:\n    def __init__(self):\n        {settings}\n\n"
        "    def run(self):\n        {call}\n\n\nBot().run()\n"
    ),
    "in a class body": "class Bot:\n    {settings}\n\n    def run(self):\n        {call}\n\n\nBot().run()\n",
    "below the main guard": 'def run():\n    {call}\n\n\nif __name__ == "__main__":\n    {settings}\n    run()\n',
    "under a condition": 'if not os.environ.get("NOTHING"):\n    {settings}\n\n\ndef run():\n    {call}\n\n\nrun()\n',
    "and the key changed later": (
        '{settings}\n\n\ndef run():\n    {call}\n\n\nrun()\nopenai.api_key = "{other}"\nrun()\n'
    ),
    "in another module": "import config\n\n\ndef run():\n    {call}\n\n\nrun()\n",
    "in a function of another module": "import config\n\n\ndef run():\n    {call}\n\n\nconfig.setup()\nrun()\n",
    "for two modules": "{settings}\n\nimport config\n\n\ndef run():\n    {call}\n\n\nrun()\nconfig.run()\n",
}
CONFIG = {
    "in another module": "import openai\n\n{settings}\n",
    "in a function of another module": "import openai\n\n\ndef setup():\n    {settings}\n",
    "for two modules": HEAD + "\ndef run():\n    {call}\n",
}
SETTINGS = {
    "plain": f'openai.api_key = "{KEY}"',
    "gateway": (
        f'openai.api_key = "{KEY}"\nopenai.api_base = "https://gateway.example/v1"\nopenai.organization = "org-1"'
    ),
    "azure": (
        f'openai.api_type = "azure"\nopenai.api_key = "{AZURE_KEY}"\n'
        'openai.api_base = "https://tickets.openai.azure.com"\nopenai.api_version = "2024-02-01"'
    ),
}
CALLS = {
    "sync": 'print(openai.ChatCompletion.create({given})["choices"][0]["message"]["content"])',
    "async": (
        "async def go():\n    answer = await openai.ChatCompletion.acreate({given})\n"
        '    print(answer["choices"][0]["message"]["content"])\n\nasyncio.run(go())'
    ),
    "partial": (
        "ask = functools.partial(openai.ChatCompletion.create, {given})\nprint(ask().choices[0].message.content)"
    ),
    "variable": "api = openai.ChatCompletion\nprint(api.create({given}).choices[0].message.content)",
    "options": "options = dict({given})\nprint(openai.ChatCompletion.create(**options).choices[0].message.content)",
}
GIVEN = {
    "nothing": "",
    "key": f', api_key="{OTHER_KEY}"',
    "host": ', api_base="https://other.example/v1"',
    "headers": ', headers={"x-team": "search"}, request_timeout=20',
}


@dataclass(frozen=True)
class Program:
    """The files of a program, and the same with settings as half-migrated code makes them."""

    name: str
    files: dict[str, str]
    half: dict[str, str]


def programs(each: int) -> Iterator[Program]:
    """For every place and kind of settings, `each` of the ways to make the request: the same ones every time."""
    for (place, frame), (kind, settings) in product(PLACES.items(), SETTINGS.items()):
        ways = [w for w in product(CALLS, GIVEN) if kind != "azure" or w[1] != "host"]
        for call, given in sorted(random.Random(f"{place} {kind}").sample(ways, each)):
            model = 'engine="gpt-4"' if kind == "azure" else 'model="gpt-4"'
            said = f'{model}, messages=[{{"role": "user", "content": "hello"}}]{GIVEN[given]}'
            request = CALLS[call].replace("{given}", said)
            other = AZURE_KEY if kind == "azure" else OTHER_KEY
            texts = {"main.py": HEAD + frame, **({"config.py": CONFIG[place]} if place in CONFIG else {})}
            files = {name: _filled(text, settings, request, other) for name, text in texts.items()}
            half = {name: _filled(text, _modern(settings), request, other) for name, text in texts.items()}
            yield Program(f"{kind} settings {place}, {call} with {given}", files, half)


def _modern(settings: str) -> str:
    """The settings by the names that the module has today, where they have others."""
    azure = "azure" in settings
    new = "azure_endpoint" if azure else "base_url"
    return settings.replace("openai.api_base", f"openai.{new}").replace("/v1", "/v1/")


def _filled(text: str, settings: str, call: str, other: str) -> str:
    lines = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        name = line.strip()
        block = settings if name == "{settings}" else call if name == "{call}" else None
        lines += (
            [line.replace("{other}", other)] if block is None else [indent + b if b else "" for b in block.split("\n")]
        )
    return "\n".join(lines) + "\n"
