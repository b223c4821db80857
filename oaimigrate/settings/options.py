"""From options of the command line to the configuration of a run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from oaimigrate.config import Config, ConfigError, split_selectors
from oaimigrate.settings import files
from oaimigrate.settings.configuration import Configuration
from oaimigrate.settings.keys import KEYS, problems

# Options that add to what the configuration says, instead of taking its place.
_ADDING = ("extend-exclude", "unfixable", "extend-per-file-ignores", "extend-safe-fixes", "extend-unsafe-fixes")


def configuration(base: Config, given: Mapping[str, Any]) -> Configuration:
    """The configuration that the options ask for; `given` holds them by the names of `oaimigrate.options`."""
    overrides: dict[str, tuple[Any, str]] = {}
    file = None
    for value in given.get("config") or ():
        if "=" not in value or os.path.exists(value):
            if file is not None:
                raise ConfigError("`--config` names two files")
            file = value
        else:
            overrides |= {name: (setting, "--config") for name, setting in _setting(value).items()}
    if file is not None and given.get("isolated"):
        raise ConfigError("`--isolated` and a file in `--config` exclude each other")
    additions: dict[str, tuple[Any, str]] = {}
    for name in KEYS:
        value = given.get(name.replace("-", "_"))
        if name in ("select", "extend-select", "ignore") or value in (None, (), []):
            continue
        entry = _value(name, value), f"--{name}"
        (additions if name in _ADDING else overrides)[name] = entry
    select, extend, ignore = (split_selectors(given.get(key) or ()) for key in ("select", "extend_select", "ignore"))
    made = Configuration(
        base, select, extend, ignore, overrides, additions, file=file, isolated=bool(given.get("isolated"))
    )
    made.check()
    return made


def _setting(text: str) -> dict[str, Any]:
    values = files.parse(text, f"`--config {text}`")
    for problem in problems(values):
        raise ConfigError(f"`--config {text}`: {problem.message}")
    return values


def _value(name: str, value: Any) -> Any:
    match KEYS[name].kind:
        case "codes":
            return list(split_selectors(value))
        case "patterns":
            return [pattern for text in value for pattern in text.split(",") if pattern]
        case "table":
            return _table(name, value)
        case "choice" if name == "target":
            return int(value)
        case _:
            return value


def _table(name: str, values: Sequence[str]) -> dict[str, list[str]]:
    """`PATTERN:CODES`, each of several; as in Ruff and Flake8 a comma may begin the next pattern."""
    found: dict[str, list[str]] = {}
    for text in values:
        pattern = ""
        for part in re.split(r",[ \t]*|\n", text):
            new, colon, code = part.rpartition(":")
            pattern = new.strip() if colon else pattern
            if not pattern or not split_selectors([code]):
                raise ConfigError(f"`--{name}` takes PATTERN:CODES, not `{text}`")
            found.setdefault(pattern, []).extend(split_selectors([code]))
    return found
