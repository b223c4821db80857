"""Keys must not leave the file they stand in: what looks like one, and how text is shown without it.

What is hidden keeps its length, so that columns, carets and differences stay where they are.
"""

from __future__ import annotations

import re

_PREFIXED = re.compile(r"\b((?:sk|gsk|xai|nvapi|pplx|csk|dsk)[-_])[A-Za-z0-9_-]{16,}")
_QUOTED = re.compile(r"""(?<=["'])[A-Za-z0-9_-]{24,200}(?=["'])""")
_WHOLE = re.compile(r"""(?<=["'])(?:Bearer )?([A-Za-z0-9_-]{24,200})(?=["'])""")
_SHAPE = re.compile(r"[A-Za-z0-9_-]{24,200}")
_PLACEHOLDER = re.compile(
    r"your|key|x{3,}|\*{3,}|test|fake|dummy|example|sample|here|replace|change|secret|token|placeholder|invalid"
    r"|not[-_]|empty|none[-_]needed|1234|abcd|0000|mock|redacted",
    re.IGNORECASE,
)
_MIN_DISTINCT = 12  # characters; 32 hexadecimal digits of a key have 14 on average


def is_secret(text: str) -> bool:
    """Whether a string is a real key rather than a name or a placeholder for one."""
    if not _SHAPE.fullmatch(text) or _PLACEHOLDER.search(text):
        return False
    mixed = any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
    return mixed and len(set(text)) >= _MIN_DISTINCT


def holds_secret(text: str) -> bool:
    """Whether a quoted string in some code is a real key, by itself or behind `Bearer`."""
    return any(is_secret(found[1]) for found in _WHOLE.finditer(text))


def redact(text: str) -> str:
    """The text with everything that looks like a key masked: `sk-********`."""
    text = _PREFIXED.sub(lambda m: m[1] + "*" * (len(m[0]) - len(m[1])), text)
    return _QUOTED.sub(lambda m: "*" * len(m[0]) if is_secret(m[0]) else m[0], text)
