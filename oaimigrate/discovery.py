"""Paths → Python files, and the question that spares most of them a parse: can this file use the OpenAI SDK?

Of thirteen thousand files of a large tree about two hundred are left, so what happens here happens to every file: it
works on bytes, and imports nothing that costs time.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from oaimigrate import gitignore
from oaimigrate.gitignore import Ignores

SUFFIXES = (".py", ".pyi", ".ipynb")
# How the names of requirement files end; `manifests.kind` knows the names.
MANIFESTS = (
    *(".txt", ".in", ".toml", ".cfg", ".ini", ".yml", ".yaml", ".lock", "Pipfile"),
    *(".sh", ".dockerfile", "Dockerfile", "Containerfile", "Makefile"),
)
EXCLUDED = frozenset(
    [
        ".bzr",
        ".direnv",
        ".eggs",
        ".git",
        ".git-rewrite",
        ".hg",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pants.d",
        ".pyenv",
        ".pytest_cache",
        ".pytype",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        ".vscode",
        "__pycache__",
        "__pypackages__",
        "buck-out",
        "node_modules",
        "site-packages",
        "venv",
    ]
)
# Output of builds, unless it is a package of that name.
BUILDS = frozenset({"build", "dist", "_build"})


@dataclass(frozen=True, slots=True)
class Excludes:
    """What is left out below a folder: names of folders, names of the output of builds, and patterns."""

    names: frozenset[str] = EXCLUDED
    builds: frozenset[str] = BUILDS
    patterns: Ignores | None = None


DEFAULT = Excludes()
CONFIGURATIONS = frozenset({"oaimigrate.toml", "pyproject.toml"})
ExcludesOf = Callable[[str], Excludes]  # what holds in a folder; it may have a configuration of its own

_MARKERS = frozenset({".git", ".gitignore", "pyvenv.cfg"})

WORD = b"openai"
TOKENS = b"tiktoken"  # OpenAI's tokenizer, which files that count tokens often import alone
_NAME_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
# What may stand before `openai` where it is imported: `langchain.llms.openai` and "openai" are no imports of it.
_BEFORE_IMPORTED = frozenset(b" \t,(;\\\n\r")
_QUOTES = frozenset(b"\"'")
_LOADERS = (b"mport", b"azy", b"modules", b"load")  # import_module, __import__, importorskip, LazyLoader, sys.modules
_QUOTED_PATH = re.compile(rb"[\"'][\w.]*\Z")
_OWN_CLASS = re.compile(rb"\.OpenAI(?!Error\b)\w")
_LOADED_KEY = b"modules"  # patch.dict("sys.modules", {"openai": fake})
_TOKENIZER = re.compile(rb"(?m)^[ \t]*(?:import|from)[ \t]+tiktoken\b")
_ENCODINGS = re.compile(rb"\b(?:get_encoding|encoding_for_model|Encoding)\b|import[ \t]+\*")
# An attribute of the SDK used on whatever is called `openai`, such as `self.openai.ChatCompletion` or an injected name.
_SDK_ATTRIBUTE = re.compile(rb"\.\s*(?:[A-Z]|error\b|api_|organization\b|proxy\b|chat\b|completions\b|embeddings\b)")


class DiscoveryError(Exception):
    """A path that was asked for and does not exist; the message is one line for the user."""


def discover(
    paths: Iterable[str],
    *,
    force_exclude: bool = False,
    excludes_of: ExcludesOf | None = None,
    more: tuple[str, ...] = (),
) -> list[str]:
    """The Python files and requirement files among and below `paths`, and those whose names end as `more` say, sorted.

    A file that is named is taken, whatever its suffix and whatever excludes say (pre-commit names files: it passes
    `--force-exclude`). Below a folder, excluded and git-ignored files and folders are left out. A link to a file that
    is there itself is not a second file.
    """
    found: dict[str, str] = {}
    links: list[str] = []
    for path in paths:
        path = os.path.normpath(path) if path else path
        if os.path.isdir(path):
            found.update((os.path.abspath(file), file) for file in _walk(path, excludes_of, SUFFIXES + more, links))
        elif not os.path.lexists(path):
            raise DiscoveryError(f"no such file or folder: `{path}`")
        elif not (force_exclude and excluded(path, excludes_of)):
            found[os.path.abspath(path)] = path
            if os.path.islink(path):
                links.append(path)
    if links:
        _drop_twins(found, {os.path.abspath(link) for link in links})
    return sorted(found.values())


def _drop_twins(found: dict[str, str], links: set[str]) -> None:
    """Take out links to files that are found themselves, and further links to one file."""
    folders = functools.cache(os.path.realpath)
    real = {os.path.join(folders(os.path.dirname(p)), os.path.basename(p)) for p in found if p not in links}
    for link in sorted(links & found.keys()):
        target = os.path.realpath(link)
        if target in real:
            del found[link]
        real.add(target)


def speaks(data: bytes) -> bool:
    """Whether a file may use the SDK, or count its tokens."""
    return (WORD in data and screen(data)) or (
        TOKENS in data and _TOKENIZER.search(data) is not None and _ENCODINGS.search(data) is not None
    )


def screen(data: bytes) -> bool:
    """Whether the file may bind or use the name `openai`; only the lines that hold the word are looked at.

    It may say yes for nothing, which costs a parse; it says no only where no rule could find anything.
    """
    at = data.find(WORD)
    while at >= 0:
        end = at + len(WORD)
        before, after = data[at - 1 : at] or b"\n", data[end : end + 1] or b"\n"
        if after[0] not in _NAME_BYTES and before[0] not in _NAME_BYTES and _binds(data, at, end, before[0], after[0]):
            return True
        at = data.find(WORD, end)
    return False


def _binds(data: bytes, at: int, end: int, before: int, after: int) -> bool:
    line = data[data.rfind(b"\n", 0, at) + 1 : _line_end(data, end)]
    if line.lstrip()[:1] == b"#" and b"\r" not in line.rstrip():
        return False
    if before in _QUOTES:
        if after == 0x2E:  # "openai.ChatCompletion.create", the target of a patch
            return True
        near = data[max(0, at - 60) : at]
        key = data[end + 1 : end + 2] == b":"  # `"openai": _import_openai` behind another such line is none
        return after in _QUOTES and any(word in near for word in ((_LOADED_KEY,) if key else _LOADERS))
    if b"import" in line and before in _BEFORE_IMPORTED:
        return True
    if after == 0x2E:
        if before == 0x2E and _OWN_CLASS.match(data, end) and _QUOTED_PATH.search(data, max(0, at - 80), at):
            return False  # "llms.openai.OpenAILlm", a class of somebody else's module
        return _SDK_ATTRIBUTE.match(data, end) is not None
    alone = line.partition(b"#")[0].strip(b" \t\r\n,()\\")
    return alone in (WORD, b"global openai", b"nonlocal openai") or b"openai as " in line or line.startswith(b"%pip")


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end


def parses(data: bytes, path: str) -> bool:
    """Whether a Python file or a notebook is one, as far as the compiler tells; other files are not asked."""
    if not path.endswith(SUFFIXES):
        return True
    if path.endswith(".ipynb"):
        from oaimigrate.source import Source, SourceError

        try:
            return not Source.from_bytes(data, path).unreadable
        except SourceError:
            return False
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def looks_like_manifest(name: str) -> bool:
    """Whether `is_manifest` is worth asking."""
    return name.endswith(MANIFESTS) or (".py" not in name and "Dockerfile." in name)


def is_manifest(path: str) -> bool:
    """Whether a file says, by its name, what a project requires."""
    from oaimigrate import manifests

    return manifests.kind(path) is not None


def _walk(top: str, excludes_of: ExcludesOf | None, suffixes: tuple[str, ...], links: list[str]) -> Iterator[str]:
    """The files below a folder that was named, which itself is never excluded; `links` gets those that are links."""
    absolute = os.path.realpath(top)
    rules, ignored = gitignore.around(absolute)
    excludes = excludes_of(absolute) if excludes_of else DEFAULT
    stack: list[tuple[str, str, Ignores | None, Excludes]] = [(top, absolute, None if ignored else rules, excludes)]
    while stack:
        folder, real, rules, excludes = stack.pop()
        files, folders, own = _list(folder, excludes, suffixes, links)
        if excludes_of and folder != top and not CONFIGURATIONS.isdisjoint(own):
            inner_excludes = excludes_of(real)
            if inner_excludes is not excludes:
                excludes = inner_excludes
                files, folders, own = _list(folder, excludes, suffixes, links)
        if "pyvenv.cfg" in own and folder != top:
            continue  # a virtual environment under any name
        if ".git" in own:
            rules, _ = gitignore.around(real)
        if ".gitignore" in own and rules is not None:
            rules = gitignore.read(os.path.join(real, ".gitignore"), real, rules)
        prefix = "" if folder == os.curdir else folder
        patterns = [p for p in (rules, excludes.patterns) if p is not None]
        for name in files:
            if not any(p.ignores(os.path.join(real, name), is_folder=False) for p in patterns):
                yield os.path.join(prefix, name)
        for name in folders:
            inner = os.path.join(real, name)
            if not any(p.ignores(inner, is_folder=True) for p in patterns):
                stack.append((os.path.join(prefix, name), inner, rules, excludes))


def _list(
    folder: str, excludes: Excludes, suffixes: tuple[str, ...], links: list[str]
) -> tuple[list[str], list[str], set[str]]:
    """The files to look at and the folders in one folder, and which of the files are there that change the walk."""
    files, folders, own = [], [], set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.endswith(suffixes) and entry.is_file():
                    files.append(name)
                    if entry.is_symlink():
                        links.append(os.path.join(folder, name))
                elif name in _MARKERS:
                    own.add(name)
                elif looks_like_manifest(name):
                    if name in CONFIGURATIONS:
                        own.add(name)
                    if is_manifest(os.path.join(folder, name)) and entry.is_file():
                        files.append(name)
                elif (
                    name not in excludes.names
                    and entry.is_dir(follow_symlinks=False)
                    and not _built(folder, name, excludes)
                ):
                    folders.append(name)
    except OSError:
        pass  # a folder that may not be read, or is gone by now
    return files, folders, own


def _built(folder: str, name: str, excludes: Excludes) -> bool:
    return name in excludes.builds and not os.path.exists(os.path.join(folder, name, "__init__.py"))


def excluded(path: str, excludes_of: ExcludesOf | None = None) -> bool:
    """Whether a walk from the repository's root (else from the working directory) would leave out this file."""
    folder = os.path.realpath(os.path.dirname(path) or os.curdir)
    rules, ignored = gitignore.around(folder)
    top = os.path.realpath(os.curdir)
    if rules is not None:
        rules = gitignore.read(os.path.join(folder, ".gitignore"), folder, rules)
        top = _root(rules)
    if ignored or (rules is not None and rules.ignores(os.path.join(folder, os.path.basename(path)), is_folder=False)):
        return True
    excludes = excludes_of(folder) if excludes_of else DEFAULT
    if excludes.patterns is not None and excludes.patterns.covers(os.path.join(folder, os.path.basename(path))):
        return True
    while folder != top and folder.startswith(top):
        excludes = excludes_of(folder) if excludes_of else DEFAULT
        folder, name = os.path.split(folder)
        if name in excludes.names or _built(folder, name, excludes):
            return True
    return False


def _root(rules: Ignores | None) -> str:
    folder = os.curdir
    while rules is not None:
        folder, rules = rules.folder, rules.above
    return folder
