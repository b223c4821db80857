"""What the other files of a run say that one file must know: which settings are made where.

The scan is a regular expression over bytes, so that every worker can have the whole picture for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from oaimigrate.imports import imports as imports_of
from oaimigrate.imports import parts

if TYPE_CHECKING:
    from oaimigrate.analysis.modules import Modules
    from oaimigrate.analysis.trees import Trees
    from oaimigrate.diagnostics import Passed
    from oaimigrate.imports import Imports

_OPENAI_SETTING = re.compile(
    rb"\bopenai\.(api_key|api_key_path|api_base|api_type|api_version|organization|proxy|base_url|azure_endpoint"
    rb"|http_client|default_headers|default_query|timeout|max_retries|project|azure_ad_token|azure_ad_token_provider"
    rb"|webhook_secret)[ \t]*(?:,[^=\n]*|:[ \t]*(?:str|Optional\[str\])[ \t]*(?:\|[ \t]*None[ \t]*)?)?=[^=]"
    rb"|setattr\([ \t]*openai\b"
)
_API_TYPE = re.compile(rb"""\bopenai\.api_type[ \t]*(?::[ \t]*str[ \t]*)?=[ \t]*(?:["'](\w+)["'])?""")
_JSON_LINE = re.compile(rb"""^[ \t]*"|(?:\\n)?",?[ \t]*$""", re.MULTILINE)  # around a line of code in a notebook
_CONDITION = re.compile(rb"\s*(?:if|elif|else|try|except|case|match)\b(?!\s+__name__)")
_RESOURCES = (
    rb"(?:ChatCompletion|Completion|Embedding|Edit|Image|Audio|Moderation|FineTuningJob|FineTune|Engine|Model|File)"
)
_REQUEST = re.compile(
    rb"\b(?:openai\.)?" + _RESOURCES + rb"\.a?(?:create|list|retrieve|delete|transcribe|translate|download|cancel)\w*\b"
    rb"|\bopenai\." + _RESOURCES + rb"\b"
)


_MARKS = " ~"


def _trees() -> Trees:
    from oaimigrate.analysis.trees import Trees

    return Trees()


def _type_at(data: bytes, found: re.Match[bytes]) -> str:
    """The value of an `api_type`, with a mark before it where it is not set whenever the file is imported."""
    lines = data[: found.start()].splitlines() or [b""]
    depth, mark = _depth(lines[-1] + b"x"), ""
    for line in reversed(lines[:-1]):
        if depth and line.strip() and not line.lstrip().startswith(b"#") and _depth(line) < depth:
            depth, mark = _depth(line), "~" if _CONDITION.match(line) else mark or " "
    return mark + (found[1] or b"?").decode().lower()


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip())


@dataclass(frozen=True)
class Project:
    """Facts about the files of one run, by path. An empty project knows nothing and constrains nothing."""

    settings: dict[str, frozenset[str]] = field(default_factory=dict)  # settings that each file makes on the module
    requests: frozenset[str] = frozenset()  # files that make 0.28 requests
    # The values of `openai.api_type` in each file, "?" if dynamic; after " " if set in a function, "~" if in a branch.
    api_types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sources: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # the files of the run that use the SDK
    imports: Mapping[str, Imports] = field(default_factory=dict)  # of notebooks with settings
    passed: Mapping[str, tuple[Passed, ...]] = field(default_factory=dict)  # to functions of a file, by other files
    trees: Trees = field(default_factory=_trees, compare=False, repr=False)

    @classmethod
    def scan(cls, files: Iterable[tuple[str, bytes]]) -> Project:
        return cls().joined(files)

    def joined(self, files: Iterable[tuple[str, bytes]]) -> Project:
        """This project with more files, or with another text of some."""
        found = dict(files)
        settings = {path: names for path, names in self.settings.items() if path not in found}
        requests = {path for path in self.requests if path not in found}
        api_types = {path: kinds for path, kinds in self.api_types.items() if path not in found}
        imports = {path: those for path, those in self.imports.items() if path not in found}
        for path, data in found.items():
            if b"openai" not in data:
                continue
            if path.endswith(".ipynb"):
                if _OPENAI_SETTING.search(data) is None:
                    continue
                imports[path] = imports_of(path, data)
                data = _JSON_LINE.sub(b"", data).replace(rb"\"", b'"')
            made = frozenset(m.group(1).decode() if m.group(1) else "*" for m in _OPENAI_SETTING.finditer(data))
            if made:
                settings[path] = made
            if _REQUEST.search(data) and path not in imports:  # nothing imports a notebook
                requests.add(path)
            types = frozenset(_type_at(data, m) for m in _API_TYPE.finditer(data))
            if types:
                api_types[path] = types
        sources = {**self.sources, **found}
        return replace(
            self, settings=settings, requests=frozenset(requests), api_types=api_types, imports=imports, sources=sources
        )

    @cached_property
    def modules(self) -> Modules:
        """The files of the project as modules, opened when an import asks for them."""
        from oaimigrate.analysis.modules import Modules

        return Modules(self, self.sources)

    def make_room(self) -> bool:
        """Between two files of a run: close the modules that were opened, if they are many."""
        return "modules" in self.__dict__ and self.modules.make_room()

    def settings_elsewhere(self, path: str) -> frozenset[str]:
        """Settings that files other than `path` make on the `openai` module."""
        return frozenset(name for names in self._of_others(self.settings, path) for name in names)

    def api_types_elsewhere(self, path: str) -> frozenset[str]:
        """Values that other files give `openai.api_type`; "?" stands for one that is not a plain string."""
        return frozenset(kind.lstrip(_MARKS) for kinds in self._of_others(self.api_types, path) for kind in kinds)

    def api_type_holds(self, path: str) -> bool:
        """Whether another file sets `openai.api_type` when it is imported, and not in a function or a branch only."""
        return any(kind[0] not in _MARKS for kinds in self._of_others(self.api_types, path) for kind in kinds)

    def api_type_in_branch(self, path: str) -> bool:
        """Whether other files set `openai.api_type`, and all under a condition."""
        kinds = [kind for kinds in self._of_others(self.api_types, path) for kind in kinds]
        return bool(kinds) and all(kind.startswith("~") for kind in kinds)

    def dependents(self, path: str) -> bool:
        """Whether another file makes requests and no settings of its own: it may rely on those made in `path`."""
        return any(
            other != path and other not in self.settings and self._reaches(path, other) for other in self.requests
        )

    def _of_others(self, facts: Mapping[str, frozenset[str]], path: str) -> list[frozenset[str]]:
        """What is known of other files than `path`, as far as they run in one program with it."""
        return [names for other, names in facts.items() if other != path and self._reaches(other, path)]

    def _reaches(self, path: str, other: str) -> bool:
        """Whether settings made in `path` may hold in another file. Those of a notebook hold in modules it imports."""
        return path not in self.imports or self.imports[path].name(parts(other))
