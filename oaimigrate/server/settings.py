"""Which settings hold for a file: those the command line would find for its path.

A mistake in a configuration file is told once; until it is repaired, the settings before it hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from oaimigrate.config import Config, ConfigError
from oaimigrate.discovery import Excludes
from oaimigrate.manifests.pins import newest_target
from oaimigrate.settings.configuration import Configuration


class Settings:
    """The configuration of files, read once until something on disk changes."""

    def __init__(self, tell: Callable[[str], None] = lambda text: None) -> None:
        self._tell = tell
        self._told: set[str] = set()
        self._configuration = Configuration()
        self._last: dict[str, Config] = {}
        self._left_out: dict[str, Excludes] = {}

    def of(self, path: str) -> Config:
        folder = os.path.dirname(path)
        try:
            self._last[folder] = self._configuration.config(path)
        except ConfigError as error:
            self._mistake(error)
            self._last.setdefault(folder, Config(target=newest_target(path)))
        return self._last[folder]

    def excludes(self, folder: str) -> Excludes:
        """What is left out of a folder."""
        try:
            self._left_out[folder] = self._configuration.excludes(folder)
        except ConfigError as error:
            self._mistake(error)
            self._left_out.setdefault(folder, Configuration(isolated=True).excludes(folder))
        return self._left_out[folder]

    def forget(self) -> None:
        self._told.clear()
        self._configuration = Configuration()

    def _mistake(self, error: ConfigError) -> None:
        if str(error) not in self._told:
            self._told.add(str(error))
            self._tell(str(error))
