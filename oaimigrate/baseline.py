"""The findings that were there before: counts by file and rule, so that a team can stop new ones today.

A file and a rule with no more findings than the baseline allows are quiet; with one more, all of them are reported, for
nothing tells the new one from the others. Counts only go down: `--prune-baseline` takes out what is gone. What a file
that is gone was allowed goes to a new one with the same name in another folder, or with the same counts: it was moved.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from oaimigrate.config import ALWAYS, ConfigError
from oaimigrate.notebooks.json_places import plain_reason

if TYPE_CHECKING:
    from oaimigrate.diagnostics import FileResult

VERSION = 1
Judged = Callable[[str, str], bool]  # whether a run looked at a file with a rule
Counts = dict[str, Counter[str]]  # by file, relative to the folder of the baseline, and code


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a baseline file allows."""

    path: str
    counts: Counts = field(default_factory=dict)

    def key(self, path: str) -> str:
        """A file as the baseline names it."""
        folder = os.path.realpath(os.path.dirname(self.path) or os.curdir)
        return os.path.relpath(os.path.realpath(path), folder).replace(os.sep, "/")

    def counted(self, results: Iterable[FileResult]) -> Counts:
        """The findings of a run. A file that could not be looked at is never one of the old ones."""
        found: Counts = {}
        for result in results:
            codes = Counter(d.code for d in result.diagnostics if d.code not in ALWAYS)
            if codes:
                found[self.key(result.path)] = codes
        return found

    def moved(self, results: Iterable[FileResult]) -> Baseline:
        """The baseline with files under the names that they seem to have now; it allows as much as before."""
        found = self.counted(results)
        new = sorted(found.keys() - self.counts)
        gone = [key for key in self.counts if new and not os.path.exists(self.path_of(key))]
        names: dict[str, str] = {}  # of those that are gone
        for alike in (_same_name, lambda old, file: self.counts[old] == found[file]):
            for file in new:
                old = next((key for key in gone if key not in names and alike(key, file)), None)
                if old is not None and file not in names.values():
                    names[old] = file
        return replace(self, counts={names.get(key, key): codes for key, codes in self.counts.items()})

    def compared(self, results: Iterable[FileResult]) -> tuple[FileResult, ...]:
        """The results without what the baseline allows."""
        left = []
        for result in results:
            allowed = self.counts.get(self.key(result.path), Counter())
            found = Counter(d.code for d in result.diagnostics)
            kept = tuple(d for d in result.diagnostics if found[d.code] > allowed[d.code] or d.code in ALWAYS)
            left.append(replace(result, diagnostics=kept) if len(kept) < len(result.diagnostics) else result)
        return tuple(r for r in left if r.diagnostics or r.changed)

    def updated(self, results: Iterable[FileResult], judged: Judged, *, raising: bool = False) -> Baseline:
        """The baseline with no more than what was found, or, `raising`, with just what was found.

        What the run did not judge keeps its count: other files, files that do not parse, rules that did not run.
        """
        results = list(results)
        broken = {self.key(r.path) for r in results if any(d.code in ALWAYS for d in r.diagnostics)}
        found = self.counted(results)
        counts: Counts = {}
        for key in {*self.counts, *(found if raising else ())}:
            old, new = self.counts.get(key, Counter()), found.get(key, Counter())
            kept = Counter({c: n for c, n in old.items() if key in broken or not judged(self.path_of(key), c)})
            counts[key] = kept + (new if raising else old & new) if key not in broken else old | kept
        return replace(self, counts={key: codes for key, codes in counts.items() if codes})

    def total(self) -> int:
        return sum(codes.total() for codes in self.counts.values())

    def path_of(self, key: str) -> str:
        return os.path.join(os.path.dirname(self.path), key)

    def text(self) -> str:
        files = {key: dict(sorted(codes.items())) for key, codes in sorted(self.counts.items()) if codes}
        return json.dumps({"version": VERSION, "files": files}, indent=2, ensure_ascii=False) + "\n"


def read(path: str) -> Baseline:
    """The baseline in a file; whatever is wrong with it is a `ConfigError`."""
    try:
        with open(path, encoding="utf-8-sig") as stream:
            text = stream.read()
    except FileNotFoundError as error:
        raise ConfigError(f"there is no baseline `{path}`; `--write-baseline` makes it") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{path}: cannot be read: {(reason or str(error)).lower()}") from error
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}:{error.colno}: not JSON: {plain_reason(error)}") from error
    return Baseline(path, _counts(data, path, text))


def _counts(data: Any, path: str, text: str) -> Counts:
    if not isinstance(data, dict) or set(data) != {"version", "files"} or not isinstance(data["files"], dict):
        raise ConfigError(f"{path}:1: not a baseline: it holds `version` and `files`")
    if data["version"] != VERSION:
        raise ConfigError(f"{_place(path, text, 'version')}: version {data['version']} is not known; this is {VERSION}")
    counts: Counts = {}
    for name, codes in data["files"].items():
        if not isinstance(codes, dict) or not all(_is_count(number) for number in codes.values()):
            raise ConfigError(f"{_place(path, text, name)}: `{name}` takes rules and how often each is allowed")
        counts[name] = Counter(codes)
    return counts


def _same_name(old: str, new: str) -> bool:
    return os.path.basename(old) == os.path.basename(new)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _place(path: str, text: str, key: str) -> str:
    at = text.find(json.dumps(key, ensure_ascii=False))
    return f"{path}:{text.count(chr(10), 0, max(at, 0)) + 1}"
