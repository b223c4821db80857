"""The map of openai 0.28 to 1, 2 and 3 as Python values: `load()` reads `rules/api.toml` once.

The map is data and this is its only reader. Signatures stand once in the file, under [calls]; a 0.28 method takes its
parameters from the call it became. Every name here is below `openai` or below a client, without that prefix.

Rows are named tuples: ten frozen dataclasses take 22 ms to define, and a pre-commit run waits for each of them.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

MAJORS = (1, 2, 3)  # the SDKs that a row speaks about


class Method(NamedTuple):
    """A method of a 0.28 resource class. `new` is "" when it was removed; `advice` then says what to do.

    `headers` maps a keyword to the request header it became (it goes into `extra_headers`); `filename` is the keyword
    that named the uploaded file (`file=(filename, file)` now). All other renames are in `rename`.
    """

    old: str
    async_name: str
    new: str
    positional: tuple[str, ...]
    rename: Mapping[str, str]
    drop: frozenset[str]
    client: frozenset[str]
    headers: Mapping[str, str]
    filename: str
    params: Mapping[int, frozenset[str]]
    positional_ok: tuple[str, ...]
    required: tuple[str, ...]
    returns: str
    stream: str
    suffix: str
    advice: str


class Field(NamedTuple):
    """One key of an answer: `key` in JSON, `name` as attribute.

    `nullable`: declared as possibly None. `required`: False when 0.28's JSON often lacks it. `since`: first SDK major
    that declares it. `extra`: no SDK declares it, so the attribute exists only where the service sent it.
    """

    name: str
    key: str
    type: str
    nullable: bool
    required: bool
    since: int = 1
    extra: bool = False


class ModelType(NamedTuple):
    """A model of the new SDK under our short name; `fields` by JSON key."""

    name: str
    cls: str
    fields: Mapping[str, Field]


class ErrorClass(NamedTuple):
    """An exception of 0.28 and the classes that catch the same conditions ("exact", "superset", "lossy", "dead").

    `missed` and `extra` name what the new classes lack or add: HTTP statuses, or "timeout". `wide` holds classes that
    catch all of the old one and much more: right where no other clause of the SDK follows.
    """

    old: str
    new: tuple[str, ...]
    precision: str
    note: str
    wide: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


class ErrorAttribute(NamedTuple):
    """An attribute of a caught 0.28 error. `new` and `fallback` are templates: replace "{e}" (not `str.format`)."""

    old: str
    new: str
    on: str
    fallback: str
    note: str


class Setting(NamedTuple):
    """A setting of the 0.28 module: the client argument, the name on the new module, the environment variables."""

    old: str
    option: str
    module: str
    env: str
    new_env: str
    advice: str


class Removed(NamedTuple):
    """A name below `openai` that is gone; `new` is a drop-in name, "" when there is only advice."""

    path: str
    advice: str
    new: str


class Call(NamedTuple):
    """A method of the new client. Without a known signature `params` is empty; "" means an unknown type."""

    path: str
    returns: str
    stream: str
    params: Mapping[int, frozenset[str]]
    positional_ok: tuple[str, ...]
    required: tuple[str, ...]


class Api(NamedTuple):
    """The whole map.

    `methods` has the asynchronous names too, with True; `method_names` are those names without their class,
    `removed_names` the last names of what was removed, and `request_names` those of the requests of every version.
    `error_since` and `error_tree` speak of the new exceptions.
    `dict_methods` are templates for uses of an answer as a dict (replace "{r}"); "" means that `dict_advice` says more.
    """

    verified: tuple[str, ...]
    methods: Mapping[str, tuple[Method, bool]]
    method_names: frozenset[str]
    removed_names: frozenset[str]
    request_names: frozenset[str]
    resources: frozenset[str]
    models: Mapping[str, ModelType]
    errors: Mapping[str, ErrorClass]
    error_tree: Mapping[str, str]
    error_since: Mapping[str, int]
    error_attributes: Mapping[str, ErrorAttribute]
    error_attribute_names: frozenset[str]
    settings: Mapping[str, Setting]
    removed: Mapping[str, Removed]
    calls: Mapping[str, Call]
    dict_methods: Mapping[str, str]
    dict_advice: Mapping[str, str]


@cache
def rulebook_dir() -> Path:
    """Where the rule book is: `_rulebook` in an installed package, `rules/` beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "_rulebook"
    return shipped if shipped.is_dir() else package.parent / "rules"


@cache
def load() -> Api:
    """The map, read once per process."""
    return from_toml((rulebook_dir() / "api.toml").read_text(encoding="utf-8"))


def from_toml(text: str) -> Api:
    """The map in `text`. Tests falsify the text to see that the proof notices."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return _api(tomllib.loads(text))


def _api(data: Mapping[str, Any]) -> Api:
    calls = _calls(data["calls"])
    rows = [
        _method(f"{cls}.{name}", row, data["defaults"], calls)
        for cls, group in data["methods"].items()
        for name, row in group.items()
    ]
    methods = {m.old: (m, False) for m in rows}
    methods |= {f"{m.old.partition('.')[0]}.{m.async_name}": (m, True) for m in rows if m.async_name}
    tree = [(*key.partition("@")[::2], base) for key, base in data["error_tree"].items()]
    removed = {path: Removed(path, advice, "") for path, advice in _split_keys(data["removed"])}
    removed |= {path: Removed(path, "", new) for path, new in data["kept"].items()}
    return Api(
        verified=tuple(data["verified"].split()),
        methods=methods,
        method_names=frozenset(name.partition(".")[2] for name in methods),
        removed_names=frozenset(
            name.rpartition(".")[2] for name in (*removed, *(n for n, (m, _) in methods.items() if not m.new))
        ),
        request_names=frozenset(name.rpartition(".")[2] for name in (*methods, *calls)),
        resources=frozenset(data["methods"]),
        models={name: ModelType(name, row["cls"], _fields(row["fields"])) for name, row in data["models"].items()},
        errors={name: _error(name, row) for name, row in data["errors"].items()},
        error_tree={name: base for name, _, base in tree},
        error_since={name: int(major or 1) for name, major, _ in tree},
        error_attribute_names=frozenset(old.partition(".")[0] for old in data["error_attributes"]),
        error_attributes={old: ErrorAttribute(old, **row) for old, row in data["error_attributes"].items()},
        settings={old: Setting(old, **row) for old, row in data["settings"].items()},
        removed=removed,
        calls=calls,
        dict_methods=data["dict_methods"],
        dict_advice=dict(_split_keys(data["dict_advice"])),
    )


def _method(old: str, row: Mapping[str, str], defaults: Mapping[str, str], calls: Mapping[str, Call]) -> Method:
    new = row.get("new", "")
    call = calls[new] if new else Call("", "", "", {}, (), ())
    return Method(
        old=old,
        async_name=row.get("async", ""),
        new=new,
        positional=tuple(row.get("positional", "").split()),
        rename=_pairs(defaults["rename"]) | _pairs(row.get("rename", "")),
        drop=frozenset(row.get("drop", "").split()),
        client=frozenset(defaults["client"].split()),
        headers=_pairs(defaults["header"]),
        filename=row.get("filename", ""),
        params=call.params,
        positional_ok=call.positional_ok,
        required=call.required,
        returns=row.get("returns", ""),
        stream=row.get("stream", ""),
        suffix=row.get("suffix", ""),
        advice=row.get("advice", ""),
    )


def _error(name: str, row: Mapping[str, str]) -> ErrorClass:
    new, wide, missed, extra = (tuple(row.get(key, "").split()) for key in ("new", "wide", "missed", "extra"))
    return ErrorClass(name, new, row["precision"], row["note"], wide, missed, extra)


def _calls(data: Mapping[str, str]) -> dict[str, Call]:
    """Every call of the client: those with a signature, and the bare paths in `others` ("resource: method method")."""
    calls = {path: _signature(path, text) for path, text in data.items() if path != "others"}
    for line in data["others"].split("\n"):
        resource, _, names = line.partition(": ")
        for name in names.split():
            path = f"{resource}.{name}"
            calls[path] = Call(path, "", "", {}, (), ())
    return calls


def _signature(path: str, text: str) -> Call:
    """Read `file_id! * after @2 order -> Page[FileObject] ~ item of the stream`."""
    signature, _, answer = text.partition(" -> ")
    returns, _, stream = answer.partition(" ~ ")
    positional, _, keywords = f" {signature} ".partition(" * ")
    known = _names(positional)
    params: dict[int, frozenset[str]] = {}
    additions = dict(part.split(" ", 1) for part in f"1 {keywords}".split("@"))
    for major in MAJORS:
        known += _names(additions.get(str(major), ""))
        params[major] = frozenset(known)
    required = tuple(word[:-1] for word in signature.split() if word[-1] == "!")
    return Call(path, returns, stream, params, tuple(_names(positional)), required)


def _names(words: str) -> list[str]:
    return words.replace("!", "").split()


def _fields(lines: str) -> dict[str, Field]:
    """Read lines such as `self-harm*: bool?`; the marks are explained above [models]."""
    fields = {}
    for line in lines.splitlines():
        marked, _, declared = line.partition(": ")
        key, _, major = marked.rstrip("+*").partition("@")
        fields[key] = Field(
            name=key if key.isidentifier() else re.sub(r"\W", "_", key),
            key=key,
            type=declared.rstrip("?"),
            nullable=declared.endswith("?"),
            required="*" not in marked,
            since=int(major or 1),
            extra="+" in marked,
        )
    return fields


def _pairs(text: str) -> dict[str, str]:
    """Read `old:new old:new`."""
    return dict(_pair(word) for word in text.split())


def _pair(word: str) -> tuple[str, str]:
    old, _, new = word.partition(":")
    return old, new


def _split_keys(table: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """A key of such a table holds several names that share one value."""
    return ((name, value) for names, value in table.items() for name in names.split())
