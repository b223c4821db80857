"""Which Python a manifest allows: openai 3 needs 3.10, and no resolver finds it for a project that allows less."""

from __future__ import annotations

import re

FIRST = {3: 10}  # the minor version of Python 3 that a major version of the SDK needs

_LOWEST = re.compile(
    r"""(?:(?:^|[(,])[ \t]*(?:-[ \t]+)?["']?(?:requires-python|python_requires|python)"""
    r"""|^\[requires\]\s+python_version)["']?[ \t]*[=:]*[ \t]*["']?[ \t]*(?:\^|~=?|>=|==?)?[ \t]*3\.(\d+)"""
    r"""|^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)?(?:\S+/)?python:3\.(\d+)""",
    re.MULTILINE,
)


def too_old(text: str, target: int) -> str:
    """The lowest Python that a manifest names where it is too old for the SDK, "" where none is."""
    minors = [int(found[1] or found[2]) for found in _LOWEST.finditer(text)]
    return f"3.{min(minors)}" if minors and min(minors) < FIRST.get(target, 0) else ""
