"""Where the tests keep the expectations they are to rewrite, until the session ends (see conftest.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

Replacement = tuple[Path, int, int, str]
REPLACEMENTS = pytest.StashKey[list[Replacement]]()
