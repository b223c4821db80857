"""Version specifiers: what `>=1.2,<3`, `^0.28` and their like allow."""

from __future__ import annotations

import re

from oaimigrate.config import TARGETS

_CLAUSE = re.compile(r"(?P<operator>===?|~=|>=|<=|!=|<|>|\^|~|=|)\s*v?(?P<version>\d+(?:\.\d+)*)")
# What the SDK's major versions are asked for by: the first release of 1.x that works with the httpx of today.
_FIRST = {1: "1.55.3"}


def majors(wanted: str) -> set[int]:
    """Those of the known majors that a specifier allows."""
    return {major for major in TARGETS if _allowed(major, wanted)}


def below_one(wanted: str) -> bool:
    """Whether a specifier allows versions of openai 0.x and none after them."""
    return bool(wanted) and not majors(wanted) and _allowed(0, wanted)


def bound(target: int) -> str:
    """The specifier for a major version."""
    return f">={_FIRST.get(target, target)},<{target + 1}"


def caret(target: int) -> str:
    """The same as Poetry writes it."""
    return f"^{_FIRST.get(target, target)}"


def compatible(target: int) -> str:
    """The same in one clause, for commands, where < and > mean something else."""
    return f"~={'.'.join([*_FIRST.get(target, str(target)).split('.'), '0'][:2])}"


def _allowed(major: int, wanted: str) -> bool:
    return all(_allows(major, match["operator"], match["version"]) for match in _CLAUSE.finditer(wanted))


def _allows(major: int, operator: str, version: str) -> bool:
    first, *rest = (int(part) for part in version.split("."))
    match operator:
        case ">=" | ">":
            return major >= first
        case "<=":
            return major <= first
        case "<":
            return major < first or (major == first and any(rest))
        case "!=":
            return True
        case _:
            return major == first
