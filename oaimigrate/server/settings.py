"""Which settings hold for a file: those the command line would find for its path.

A mistake in a configuration file is told once; until it is repaired, the settings before it hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from oaimigrate.config import Config, ConfigError
from oaimigrate.discovery import Excludes
from oaimigrate.manifests.pins import newest_target
from oaimigrate.settings.configuration import Configuration
from oaimigrate.settings.files import NAMES


class Settings:
    """The configuration of files, read once until something on disk changes."""

    def __init__(self, tell: Callable[[str], None] = lambda text: None) -> None:
        self._tell = tell
        self._told: set[str] = set()
        self._configuration = Configuration()
        self._last: dict[str, Config] = {}
        self._left_out: dict[str, Excludes] = {}
        self._times: dict[str, int] = {}  # by path of a configuration file; 0 where there is none

    def of(self, path: str) -> Config:
        folder = os.path.dirname(path)
        try:
            self._last[folder] = self._configuration.config(path)
        except ConfigError as error:
            self._mistake(error)
            self._last.setdefault(folder, Config(target=newest_target(path)))
        for name in self._configuration.extended:
            self._times.setdefault(name, _time(name))
        return self._last[folder]

    def excludes(self, folder: str) -> Excludes:
        """What is left out of a folder."""
        try:
            self._left_out[folder] = self._configuration.excludes(folder)
        except ConfigError as error:
            self._mistake(error)
            self._left_out.setdefault(folder, Configuration(isolated=True).excludes(folder))
        return self._left_out[folder]

    def changed(self, path: str) -> bool:
        """Whether a configuration file above `path`, or one that such a file extends, is not what it was; what was
        read is forgotten then.

        Nobody else says so of a file outside the workspace: clients watch what is in it.
        """
        now = {name: _time(name) for name in (*_candidates(path), *self._configuration.extended)}
        old = any(self._times.get(name, time) != time for name, time in now.items())
        self._times |= now
        if old:
            self.forget()
        return old

    def forget(self) -> None:
        self._told.clear()
        self._configuration = Configuration()

    def _mistake(self, error: ConfigError) -> None:
        if str(error) not in self._told:
            self._told.add(str(error))
            self._tell(str(error))


def _candidates(path: str) -> Iterator[str]:
    folder = os.path.dirname(path)
    while True:
        yield from (os.path.join(folder, name) for name in NAMES)
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return


def _time(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except (OSError, ValueError):
        return 0
