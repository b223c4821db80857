"""The configuration of a run: for each path the `Config` that holds there, and what is left out.

Options come before files, and of files the nearest one holds alone: files are not joined, so that one file says it all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from oaimigrate import gitignore
from oaimigrate.config import Config, ConfigError, resolve
from oaimigrate.discovery import BUILDS, EXCLUDED, Excludes
from oaimigrate.gitignore import Ignores
from oaimigrate.manifests.pins import newest_target
from oaimigrate.settings import files
from oaimigrate.settings.keys import KEYS


@dataclass(frozen=True)
class Settings:
    """The keys and values of one place. `origins` says where a value comes from; a key without one has its default."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    root: str  # patterns and paths are relative to it
    file: str | None = None

    def get(self, name: str) -> Any:
        return self.values.get(name, KEYS[name].default)

    @cached_property
    def excludes(self) -> Excludes:
        own = self.get("exclude")
        names, builds = (EXCLUDED, BUILDS) if own is None else (frozenset[str](), frozenset[str]())
        patterns = gitignore.of([*(own or []), *self.get("extend-exclude")], self.root)
        return Excludes(names, builds, patterns)

    @cached_property
    def per_file(self) -> list[tuple[Ignores, frozenset[str]]]:
        tables = [self.get("per-file-ignores"), self.get("extend-per-file-ignores")]
        pairs = [(pattern, codes) for table in tables for pattern, codes in table.items()]
        found = ((gitignore.of([pattern], self.root), self._meant(codes)) for pattern, codes in pairs)
        return [(patterns, codes) for patterns, codes in found if patterns is not None]

    def ignored_in(self, path: str) -> frozenset[str]:
        """The codes that do not run in a file."""
        real = os.path.abspath(path)
        return frozenset(c for p, codes in self.per_file if p.covers(real) for c in codes)

    def _meant(self, selectors: Sequence[str]) -> frozenset[str]:
        from oaimigrate import rulebook

        return resolve(rulebook.load(), select=selectors) if selectors else frozenset()

    def check(self) -> None:
        """Raise a `ConfigError` with its place for a selector that means nothing."""
        for name, value in self.values.items():
            kind = KEYS[name].kind
            try:
                for selectors in value.values() if kind == "table" else [value] if kind == "codes" else []:
                    self._meant(selectors)
            except ConfigError as error:
                raise ConfigError(f"{self.origins.get(name, '')}: {error}") from error

    def config(self, base: Config) -> Config:
        """What these settings make of the options that no file can set."""
        from oaimigrate import rulebook

        rules = rulebook.load()
        select = [self.get(name) for name in ("select", "extend-select", "ignore")]
        return replace(
            base,
            select=resolve(rules, select=select[0], extend_select=select[1], ignore=select[2]),
            client_style=self.get("client-style"),
            client_names=(self.get("client-name"), self.get("async-client-name")),
            unfixable=frozenset(rules) - self._meant(self.get("fixable")) | self._meant(self.get("unfixable")),
            made_safe=self._meant(self.get("extend-safe-fixes")),
            made_unsafe=self._meant(self.get("extend-unsafe-fixes")),
        )


@dataclass
class Configuration:
    """The settings of every folder. `overrides` are keys and values of the command line with where they come from."""

    base: Config = field(default_factory=Config)
    select: Sequence[str] = ()
    extend_select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    overrides: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    additions: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    file: str | None = None  # instead of looking for one
    isolated: bool = False
    _settings: dict[str, Settings] = field(default_factory=dict)
    _configs: dict[int, Config] = field(default_factory=dict)
    _ignoring: dict[tuple[int, frozenset[str]], Config] = field(default_factory=dict)

    def settings(self, folder: str) -> Settings:
        """The settings that hold in a folder."""
        folder = "" if self.isolated or self.file is not None else os.path.realpath(folder)
        if folder not in self._settings:
            self._settings[folder] = self._find(folder)
        return self._settings[folder]

    @property
    def forces_excludes(self) -> bool:
        """Whether excludes hold for named files, as the working directory's configuration says."""
        return bool(self.settings(os.curdir).get("force-exclude"))

    def excludes(self, folder: str) -> Excludes:
        return self.settings(folder).excludes

    def config(self, path: str) -> Config:
        """The configuration of a file; files with the same one share the object."""
        settings = self.settings(os.path.dirname(path) or os.curdir)
        if id(settings) not in self._configs:
            config, target = settings.config(self.base), settings.get("target")
            codes = self._selected(config.select)
            target = newest_target(path) if target is None else target
            self._configs[id(settings)] = replace(config, select=codes, target=target)
        config = self._configs[id(settings)]
        if not settings.per_file or not (ignored := settings.ignored_in(path)):
            return config
        key = (id(settings), ignored)
        if key not in self._ignoring:
            self._ignoring[key] = replace(config, select=(config.select or frozenset()) - ignored)
        return self._ignoring[key]

    def _selected(self, base: frozenset[str] | None) -> frozenset[str]:
        """The codes that run after the options `--select`, `--extend-select` and `--ignore`."""
        from oaimigrate import rulebook

        return resolve(
            rulebook.load(), select=self.select, extend_select=self.extend_select, ignore=self.ignore, base=base
        )

    def check(self) -> None:
        """Raise a `ConfigError` for an option that means nothing, even where there is nothing to look at."""
        if self.select or self.extend_select or self.ignore:
            self._selected(None)
        if self.overrides or self.additions or self.file is not None:
            self.settings(os.curdir)

    def _find(self, folder: str) -> Settings:
        found = None
        if self.file is not None:
            found = files.read(self.file)
            if found is None:
                raise ConfigError(f"{self.file}: there is no table `[tool.oaimigrate]`")
        elif not self.isolated:
            found = files.in_folder(folder)
            if found is None and (parent := os.path.dirname(folder)) != folder:
                return self.settings(parent)
        root = os.path.realpath(os.curdir) if found is None or self.file is not None else folder
        made = self._made(found, root)
        made.check()
        return made

    def _made(self, found: files.File | None, root: str) -> Settings:
        values = dict(found.values) if found is not None else {}
        origins = {name: f"{found.path}:{found.row((name,))}" for name in values} if found is not None else {}
        for name, (value, origin) in self.overrides.items():
            values[name], origins[name] = value, origin
        for name, (value, origin) in self.additions.items():
            values[name] = _joined(values.get(name, KEYS[name].default), value)
            origins[name] = f"{origins[name]}, {origin}" if name in origins else origin
        return Settings(values, origins, root, found.path if found is not None else None)


def _joined(first: Any, second: Any) -> Any:
    return {**first, **second} if isinstance(second, dict) else [*first, *second]
