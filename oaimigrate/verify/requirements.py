"""What a project asks for, without its openai pin: the isolated environments bring their own.

Read are `requirements*.txt` with the files they include, and `[project]` and Poetry's tables of `pyproject.toml`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OPENAI = re.compile(r"openai\s*(\[[^\]]*\])?\s*(?=$|[<>=!~;@ (])", re.IGNORECASE)
_NAMES = ("requirements.txt", "requirements-dev.txt", "requirements-test.txt", "dev-requirements.txt")


@dataclass(frozen=True, slots=True)
class Requirements:
    """The other packages of a project, the extras of its openai, and lines that were left out."""

    others: tuple[str, ...] = ()
    extras: str = ""
    skipped: tuple[str, ...] = ()


def of_project(folder: Path, file: Path | None = None) -> Requirements:
    """The requirements in `file`, or in the usual files of a project."""
    lines = [*_in_text(file, set())] if file else [line for name in _NAMES for line in _in_text(folder / name, set())]
    if not file:
        lines += _in_pyproject(folder / "pyproject.toml")
    others, skipped, extras = [], [], ""
    for line in dict.fromkeys(lines):
        if openai := _OPENAI.match(line):
            extras = extras or (openai.group(1) or "").replace(" ", "")
        elif re.match(r"-|\.|/|[a-z+]+://", line):
            skipped.append(line)
        else:
            others.append(line)
    return Requirements(tuple(others), extras, tuple(skipped))


def _in_text(path: Path, seen: set[Path]) -> Iterator[str]:
    """The requirements of a file and of the files that it includes."""
    path = path.resolve()
    if path in seen or not path.is_file():
        return
    seen.add(path)
    text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\\\n", " ")
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        line = re.sub(r"\s--hash=\S+", "", line).strip()
        if included := re.match(r"(?:-r|--requirement)[ =]*(\S+)", line):
            yield from _in_text(path.parent / included.group(1), seen)
        elif line and not line.startswith(("-c", "--constraint", "-i ", "--index", "--extra-index", "--find", "--pre")):
            yield line


def _in_pyproject(path: Path) -> list[str]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    project, poetry = data.get("project", {}), data.get("tool", {}).get("poetry", {})
    lines = [str(line) for line in project.get("dependencies", [])]
    return lines + [_from_poetry(k, v) for k, v in poetry.get("dependencies", {}).items() if k != "python"]


def _from_poetry(name: str, value: Any) -> str:
    """Poetry's `^1.2` and `~1.2` in the words of pip."""
    version = value.get("version", "*") if isinstance(value, dict) else str(value)
    if not version or version == "*":
        return name
    if version[0] in "^~" and not version.startswith("~="):
        numbers = re.findall(r"\d+", version)
        place = 1 if version[0] == "~" and len(numbers) > 1 else next((i for i, n in enumerate(numbers) if n != "0"), 0)
        upper = [*numbers[:place], str(int(numbers[place]) + 1)]
        return f"{name}>={version[1:]},<{'.'.join(upper)}"
    return f"{name}{version}" if version[0] in "<>=!~" else f"{name}=={version}"
