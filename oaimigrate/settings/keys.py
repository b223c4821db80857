"""The keys of a configuration: what each holds, means and defaults to. Checks and the JSON schema are made from it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oaimigrate.config import CLIENT_STYLES, TARGETS

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `kind` is codes, patterns, table (patterns → codes), flag, name, file, or choice (of `choices`)."""

    kind: str
    default: Any
    help: str
    choices: tuple[Any, ...] = ()


KEYS: dict[str, Key] = {
    "extend": Key("file", None, "A configuration file whose settings hold where this one has none of its own"),
    "select": Key(
        "codes", None, "The rules that run, as codes, beginnings of codes or names; instead of the default ones"
    ),
    "extend-select": Key("codes", [], "Rules that run, too"),
    "ignore": Key("codes", [], "Rules that do not run"),
    "per-file-ignores": Key("table", {}, "Rules that do not run in files that match a pattern"),
    "extend-per-file-ignores": Key("table", {}, "The same, in addition"),
    "fixable": Key("codes", ["ALL"], "The only rules whose fixes are applied"),
    "unfixable": Key("codes", [], "Rules whose fixes are only shown"),
    "extend-safe-fixes": Key("codes", [], "Rules whose unsafe fixes count as safe"),
    "extend-unsafe-fixes": Key("codes", [], "Rules whose safe fixes count as unsafe"),
    "exclude": Key(
        "patterns", None, "Files and folders to leave out, written as in .gitignore; instead of the default ones"
    ),
    "extend-exclude": Key("patterns", [], "Files and folders to leave out, too"),
    "force-exclude": Key("flag", False, "Whether excludes hold for files that are named, too"),
    "target": Key(
        "choice", None, "The SDK major to write for; by default the newest that the requirements allow", TARGETS
    ),
    "client-style": Key("choice", "instance", "How rewritten code gets its client", CLIENT_STYLES),
    "client-name": Key("name", "client", "What a client is called where one is built"),
    "async-client-name": Key("name", "async_client", "What an asynchronous client is called"),
    "baseline": Key("file", None, "The findings that were there before, which are not reported"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the value at a path of keys."""

    path: Path
    message: str


def problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a table of keys and values, in its order."""
    for name, value in values.items():
        key = KEYS.get(name)
        if key is None:
            near = difflib.get_close_matches(name.replace("_", "-"), KEYS, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else "; `oaimigrate config` lists them"
            hint = "; the table `[tool.oaimigrate]` is for pyproject.toml" if name == "tool" else hint
            yield Problem((name,), f"unknown key `{name}`{hint}")
        elif message := _mistake(key, value):
            yield Problem((name,), f"`{name}` {message}")
        elif key.kind == "table":
            for pattern, codes in value.items():
                if not _strings(codes):
                    yield Problem((name, pattern), f"`{name}` takes a list of rules for each pattern")


def _mistake(key: Key, value: Any) -> str:
    match key.kind:
        case "codes" | "patterns":
            return "" if _strings(value) else "takes a list of strings"
        case "table":
            return "" if isinstance(value, dict) else "takes a table of patterns and rules"
        case "flag":
            return "" if isinstance(value, bool) else "takes true or false"
        case "choice":
            if any(value == choice and type(value) is type(choice) for choice in key.choices):
                return ""
            return f"takes one of {', '.join(map(repr, key.choices))}".replace("'", '"')
        case "name":
            return "" if isinstance(value, str) and _is_name(value) else "takes a name of Python"
        case _:
            return "" if isinstance(value, str) and value else "takes the path of a file"


def _is_name(text: str) -> bool:
    import keyword

    return text.isidentifier() and not keyword.iskeyword(text)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def schema() -> dict[str, Any]:
    """The JSON schema of `oaimigrate.toml` and of `[tool.oaimigrate]`."""
    strings = {"type": "array", "items": {"type": "string"}}
    kinds: dict[str, dict[str, Any]] = {
        "codes": strings,
        "patterns": strings,
        "table": {"type": "object", "additionalProperties": strings},
        "flag": {"type": "boolean"},
        "name": {"type": "string", "pattern": r"^[^\W\d]\w*$"},
        "file": {"type": "string", "minLength": 1},
    }
    properties = {}
    for name, key in KEYS.items():
        shape = {"enum": list(key.choices)} if key.kind == "choice" else kinds[key.kind]
        default = {} if key.default is None else {"default": key.default}
        properties[name] = {"description": key.help, **shape, **default}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "oaimigrate",
        "description": "The configuration of oaimigrate",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
