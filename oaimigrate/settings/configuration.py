"""The configuration of a run: for each path the `Config` that holds there, and what is left out.

Options come before files, and of files the nearest one holds alone, with the file that its key `extend` names.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from oaimigrate import gitignore
from oaimigrate.config import Config, ConfigError, resolve
from oaimigrate.discovery import BUILDS, EXCLUDED, Excludes
from oaimigrate.gitignore import Ignores
from oaimigrate.manifests.pins import newest_target, target_of_script
from oaimigrate.settings import files
from oaimigrate.settings.keys import KEYS

# Keys that add to what an extended file says under the same name; all others take its place.
_ADDED = frozenset(name for name in KEYS if name.startswith("extend-"))


@dataclass(frozen=True)
class Settings:
    """The keys and values of one place. `origins` says where a value comes from; a key without one has its default.

    `inherited` are those of the file that `extend` names, with a `root` of their own.
    """

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    root: str  # patterns and paths are relative to it
    file: str | None = None
    inherited: Settings | None = None

    def get(self, name: str) -> Any:
        values = [level.values[name] for level in self._levels(name)]
        return functools.reduce(_joined, values) if values else KEYS[name].default

    def origin(self, name: str) -> str:
        """Where the value of a key comes from."""
        return ", ".join(level.origins.get(name, "default") for level in self._levels(name)) or "default"

    def root_of(self, name: str) -> str:
        """The folder that the path under a key is relative to."""
        levels = self._levels(name)
        return levels[-1].root if levels else self.root

    def _levels(self, name: str) -> list[Settings]:
        """The settings that say something under a key and are not overridden, those of the extended file first."""
        above = self.inherited._levels(name) if self.inherited is not None else []
        if name not in self.values:
            return above
        return [*above, self] if name in _ADDED else [self]

    @cached_property
    def excludes(self) -> Excludes:
        levels = self._levels("exclude")
        names, builds = (frozenset[str](), frozenset[str]()) if levels else (EXCLUDED, BUILDS)
        found: Ignores | None = None
        for level in self._files():
            lines = level.values.get("exclude", []) if level in levels else []
            found = gitignore.of([*lines, *level.values.get("extend-exclude", [])], level.root, found)
        if found is not None and found.folder != self.root:
            found = gitignore.below(self.root, found)
        return Excludes(names, builds, found)

    def _files(self) -> list[Settings]:
        """These settings and all that they inherit, which come first."""
        return [*(self.inherited._files() if self.inherited is not None else []), self]

    @cached_property
    def per_file(self) -> list[tuple[Ignores, frozenset[str]]]:
        keys = ("per-file-ignores", "extend-per-file-ignores")
        tables = [(level.root, level.values[name]) for name in keys for level in self._levels(name)]
        found = (
            (gitignore.of([pattern], root), self._meant(codes))
            for root, table in tables
            for pattern, codes in table.items()
        )
        return [
            (patterns if patterns.folder == self.root else gitignore.below(self.root, patterns), codes)
            for patterns, codes in found
            if patterns is not None
        ]

    def selected(self) -> frozenset[str]:
        """The codes that run. Without a `select` of its own, a file starts from what the extended one selects."""
        from oaimigrate import rulebook

        base = self.inherited.selected() if self.inherited is not None else None
        ignore = self.values.get("ignore", [])
        if "select" in self.values and "ignore" not in self.values:
            ignore = self.get("ignore")
        return resolve(
            rulebook.load(),
            select=self.values.get("select"),
            extend_select=self.values.get("extend-select", []),
            ignore=ignore,
            base=base,
        )

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
        return replace(
            base,
            select=self.selected(),
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
    extended: set[str] = field(default_factory=set)  # the files that `extend` named so far
    _settings: dict[str, Settings] = field(default_factory=dict)
    _configs: dict[tuple[int, int], Config] = field(default_factory=dict)
    _ignoring: dict[tuple[int, int, frozenset[str]], Config] = field(default_factory=dict)
    _targets: dict[str, int] = field(default_factory=dict)  # the newest SDK that the requirements around a folder allow
    _allowed_in: dict[str, int | None] = field(default_factory=dict)  # by those in a folder alone

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
        target = settings.get("target") or target_of_script(path) or self._allowed(os.path.dirname(path) or os.curdir)
        key = id(settings), target
        if key not in self._configs:
            config = settings.config(self.base)
            self._configs[key] = replace(config, select=self._selected(config.select), target=target)
        config = self._configs[key]
        if not settings.per_file or not (ignored := settings.ignored_in(path)):
            return config
        inner = (*key, ignored)
        if inner not in self._ignoring:
            self._ignoring[inner] = replace(config, select=(config.select or frozenset()) - ignored)
        return self._ignoring[inner]

    def _allowed(self, folder: str) -> int:
        """The newest SDK that the requirements around a folder allow."""
        if folder not in self._targets:
            self._targets[folder] = newest_target(folder, self._allowed_in)
        return self._targets[folder]

    def _selected(self, base: frozenset[str] | None) -> frozenset[str]:
        """The codes that run after the options `--select`, `--extend-select` and `--ignore`."""
        from oaimigrate import rulebook

        return resolve(
            rulebook.load(),
            select=self.select or None,
            extend_select=self.extend_select,
            ignore=self.ignore,
            base=base,
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
        base, where = values.get("extend"), root
        for name, (value, origin) in self.overrides.items():
            values[name], origins[name] = value, origin
        if "extend" in self.overrides:
            base, where = values["extend"], os.path.realpath(os.curdir)
        inherited = _extended(base, where, origins["extend"], (), self.extended) if base is not None else None
        for name, (value, origin) in self.additions.items():
            before = Settings(values, origins, root, inherited=None if name in _ADDED else inherited)
            start, from_where = before.get(name), before.origin(name)
            values[name] = _joined(start, value)
            origins[name] = origin if from_where == "default" else f"{from_where}, {origin}"
        return Settings(values, origins, root, found.path if found is not None else None, inherited)


def _extended(name: str, folder: str, origin: str, below: tuple[str, ...], seen: set[str]) -> Settings:
    """The settings of the file that `extend` names in a file of `folder`; `below` are those that lead to it."""
    path = os.path.realpath(os.path.join(folder, os.path.expanduser(name)))
    seen.add(path)
    if path in below:
        raise ConfigError(f"{origin}: `extend` leads back to a file that it comes from: `{name}`")
    try:
        found = files.read(path)
    except ConfigError as error:
        raise ConfigError(f"{origin}: `extend`: {error}") from error
    if found is None:
        raise ConfigError(f"{origin}: `extend`: {name}: there is no table `[tool.oaimigrate]`")
    root = os.path.dirname(path)
    origins = {key: f"{found.path}:{found.row((key,))}" for key in found.values}
    inherited = None
    if "extend" in found.values:
        inherited = _extended(found.values["extend"], root, origins["extend"], (*below, path), seen)
    made = Settings(found.values, origins, root, found.path, inherited)
    made.check()
    return made


def _joined(first: Any, second: Any) -> Any:
    return {**first, **second} if isinstance(second, dict) else [*first, *second]
