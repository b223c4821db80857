"""Which settings hold for a buffer: those the command line would find for its path."""

from __future__ import annotations

import os

from oaimigrate.config import Config
from oaimigrate.manifests.pins import newest_target


class Settings:
    """The configuration of files, read once until something on disk changes."""

    def __init__(self) -> None:
        self._found: dict[str, Config] = {}

    def of(self, path: str) -> Config:
        folder = os.path.dirname(path)
        if folder not in self._found:
            self._found[folder] = Config(target=newest_target(path))
        return self._found[folder]

    def forget(self) -> None:
        self._found.clear()
