"""Count what oaimigrate does with each public name of openai 0.28: rewritten, reported, or still right as it is.

Every row of the map becomes a small 0.28 program that uses the name, and the program goes through the engine. The
proofs in `tests/sdk` see to it that the rows are all the names there were. `python tests/name_coverage.py` prints the
table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from running import run

from oaimigrate.analysis.api import Api, Method, Removed, load

VALUES = {
    "model": '"gpt-4"',
    "messages": '[{"role": "user", "content": "Hi"}]',
    "prompt": '"Hi"',
    "input": '"Hi"',
    "file": 'open("f", "rb")',
    "filename": '"f"',
    "purpose": '"fine-tune"',
    "image": 'open("i", "rb")',
    "training_file": '"file-1"',
    "id": '"id-1"',
    "sid": '"id-1"',
}
OPTIONS: dict[str, Any] = {"select": ("OAI1",), "safety": "unsafe", "client_style": "instance", "target": 3}
TAKES_ARGUMENT = ("get", "pop", "setdefault", "fromkeys", "update", "construct_from", "refresh_from")
ATTRIBUTES = frozenset({"openai_id", "response_ms", "organization", "engine", "typed_api_type", "api_base_override"})
SETTINGS_ON_ANSWERS = frozenset({"api_key", "api_type", "api_version"})  # attributes too
AZURE = 'openai.api_type = "azure"\nopenai.api_key = "k"\nopenai.api_base = "https://x"\nopenai.api_version = "x"\n'
AZURE_CALL = 'answer = openai.ChatCompletion.create(engine="gpt-4", messages=[])'
ANSWER = 'answer = openai.ChatCompletion.create(model="gpt-4", messages=[])'


@dataclass(frozen=True, slots=True)
class Name:
    """A public name of 0.28, the line of a program that uses it, and whether the line is right with every later SDK."""

    group: str
    name: str
    line: str
    before: str = ""
    after: str = ""
    right: bool = False

    @property
    def program(self) -> str:
        return f"import openai\n{self.before}{self.line}\n{self.after}"


def names(api: Api) -> Iterator[Name]:
    """Every row of the map, as a program. The order is that of the table."""
    for path, (method, asynchronous) in api.methods.items():
        group, call = "Methods of the resource classes", f"openai.{path}({_arguments(method)})"
        if asynchronous:
            yield Name(group, path, f"    return await {call}", before="\n\nasync def main():\n")
        else:
            yield Name(group, path, call)
    for old in api.settings:
        azure = old in ("api_type", "api_version")
        before, after = (AZURE, AZURE_CALL) if azure else ("", ANSWER)
        others = "".join(line for line in before.splitlines(keepends=True) if not line.startswith(f"openai.{old} "))
        value = "azure" if old == "api_type" else "x"
        yield Name("Settings of the module", old, f'openai.{old} = "{value}"', before=others, after=f"{after}\n")
    for row in api.settings.values():
        if row.env:
            line, same = f'os.environ["{row.env}"] = "x"', row.env == row.new_env
            yield Name("Environment variables", row.env, line, before="import os\n", after=f"{ANSWER}\n", right=same)
    for old in api.errors:
        clause = f"except openai.error.{old}:"
        yield Name("Exceptions", old, clause, before=f"try:\n    {ANSWER}\n", after="    pass\n")
    handler = f"try:\n    {ANSWER}\nexcept openai.error.OpenAIError as e:\n"
    for attribute in api.error_attributes.values():
        same = attribute.new == f"{{e}}.{attribute.old}"
        line = f"    print(e.{attribute.old})"
        yield Name("Attributes of exceptions", attribute.old, line, before=handler, right=same)
    for old, template in api.dict_methods.items():
        used = f"answer.{old}{_brackets(old)}"
        same = template.replace("{r}", "answer") == used
        yield Name("Names of response objects", old, f"print({used})", before=f"{ANSWER}\n", right=same)
    for removed in api.removed.values():
        yield _use(removed)


def _arguments(method: Method) -> str:
    """The required arguments and those that 0.28 takes by position, by 0.28's names."""
    old_names = {new: old for old, new in method.rename.items() if old in method.positional}
    given = [n for n in method.positional if n not in ("filename", "model")]
    wanted = dict.fromkeys([*(old_names.get(n, n) for n in method.required), *given])
    return ", ".join(f"{n}={VALUES[n]}" for n in wanted if n in VALUES)


def _brackets(old: str) -> str:
    """How a name of a response object is used: without brackets when it is an attribute."""
    if old in TAKES_ARGUMENT:
        return '("id")'
    return "" if old in ATTRIBUTES | SETTINGS_ON_ANSWERS else "()"


def _use(row: Removed) -> Name:
    """A use of a name that is no resource, no setting and no exception: imported from its module, or an attribute."""
    group, right = "Other modules, classes and functions", bool(row.new)
    module, _, name = row.path.rpartition(".")
    if module == "APIResource":
        return Name(group, row.path, f"print(openai.ChatCompletion.{name})")
    if module and module.islower():
        return Name(group, row.path, f"from openai.{module} import {name}", after=f"\nprint({name})\n", right=right)
    if row.path.islower() and not row.path.startswith("_"):
        return Name(group, row.path, f"import openai.{row.path}", after=f"\nprint(openai.{row.path})\n", right=right)
    return Name(group, row.path, f"print(openai.{row.path})", right=right)


def outcome(name: Name) -> str:
    """What a migration with all fixes does with the name: "rewritten", "reported", "right as it is" or "missed"."""
    first = run({"example.py": name.program.encode()}, **OPTIONS)
    again = run(first.files, **OPTIONS)
    if again.diagnostics:
        return "reported"
    if name.line not in first.files["example.py"].decode().splitlines():
        return "rewritten"
    return "right as it is" if name.right else "missed"


@cache
def coverage() -> dict[Name, str]:
    """What happens to each public name of 0.28."""
    return {name: outcome(name) for name in names(load())}


def table() -> str:
    """The coverage in Markdown, with a line for each group and one for all."""
    columns = [c for c in ("rewritten", "reported", "right as it is", "missed") if c in coverage().values()]
    lines = [f"| Public names of openai 0.28 | {' | '.join(columns)} | total |"]
    lines.append(f"| --- |{' --: |' * (len(columns) + 1)}")
    for group in (*dict.fromkeys(name.group for name in coverage()), "All"):
        count = Counter(done for name, done in coverage().items() if group in (name.group, "All"))
        cells = (group, *(count[column] for column in columns), sum(count.values()))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
