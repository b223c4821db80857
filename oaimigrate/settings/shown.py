"""What applies to a path and why, as `oaimigrate config` prints it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from oaimigrate import rulebook
from oaimigrate.config import Config
from oaimigrate.discovery import DiscoveryError, discover, excluded
from oaimigrate.reporters.summary import counted
from oaimigrate.settings.configuration import Configuration, Settings
from oaimigrate.settings.keys import KEYS
from oaimigrate.settings.options import configuration


def shown(path: str, options: Mapping[str, Any], *, as_json: bool) -> str:
    """The settings of a path, as text or as JSON."""
    if not os.path.lexists(path):
        raise DiscoveryError(f"no such file or folder: `{path}`")
    configured = configuration(Config(), options)
    inside = os.path.join(path, "_") if os.path.isdir(path) else path
    config = configured.config(inside)
    settings = configured.settings(os.path.dirname(inside) or os.curdir)
    values = {name: (settings.get(name), settings.origin(name)) for name in KEYS}
    if settings.get("target") is None:
        values["target"] = config.target, "requirements, or the newest"
    values |= _selecting(configured, values)
    codes = [code for code in rulebook.load() if config.enables(code)]
    if as_json:
        entries = {name: {"value": value, "origin": origin} for name, (value, origin) in values.items()}
        document = {"file": settings.file, "settings": entries, "rules": codes, "checked": _why(path, configured)[0]}
        return json.dumps(document, indent=2) + "\n"
    return "\n".join([*_head(settings, path, configured), "", *_table(values), "", *_rules(codes)]) + "\n"


def _selecting(configured: Configuration, values: Mapping[str, tuple[Any, str]]) -> dict[str, tuple[Any, str]]:
    """The keys about which an option says something, too; `--select` puts aside what a file says."""
    found = {}
    given = {"select": configured.select, "extend-select": configured.extend_select, "ignore": configured.ignore}
    for name, codes in given.items():
        before, origin = values[name] if not configured.select else (None, "default")
        if codes or configured.select:
            origins = [*([origin] if origin != "default" else []), *([f"--{name}"] if codes else [])]
            found[name] = [*(before or []), *codes], ", ".join(origins) or "default"
    return found


def _head(settings: Settings, path: str, configured: Configuration) -> list[str]:
    return [
        f"Configuration: {settings.file or 'none found; these are the defaults'}",
        f"{path}: {_why(path, configured)[1]}",
    ]


def _why(path: str, configured: Configuration) -> tuple[bool, str]:
    """Whether a run that is given the folders around finds the path, and why not."""
    if os.path.isdir(path):
        count = len(discover([path], excludes_of=configured.excludes))
        return True, f"a folder in which a run looks at {counted(count, 'file')}"
    if not excluded(path, configured.excludes):
        return True, "checked"
    patterns = configured.excludes(os.path.dirname(path) or os.curdir).patterns
    own = patterns is not None and patterns.covers(os.path.realpath(path))
    reason = "left out by `exclude` or `extend-exclude`" if own else "left out by git or by the default excludes"
    return False, f"{reason}, unless it is named" + (" (`force-exclude` is set)" if configured.forces_excludes else "")


def _table(values: Mapping[str, tuple[Any, str]]) -> list[str]:
    rows = [(f"{name} = {_toml(value)}", origin) for name, (value, origin) in values.items()]
    width = min(max(len(left) for left, _ in rows), 60)
    return [f"{left:<{width}}  # {origin}" for left, origin in rows]


def _toml(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }" if value else "{}"
    return json.dumps(value, ensure_ascii=False)


def _rules(codes: list[str]) -> list[str]:
    pages = rulebook.load()
    off = [code for code in pages if code not in codes]
    return [f"Rules that run ({len(codes)}): {', '.join(codes)}", f"Rules that do not ({len(off)}): {', '.join(off)}"]
