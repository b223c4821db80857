"""What an expression can be in the OpenAI world: a small closed union of values.

`Value` is what `FileContext.kind` answers: a kind, and, where certainty ended on the way, the reason why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """Where and why certainty ended."""

    text: str
    node: cst.CSTNode | None = None
    path: str = ""  # of another file, where the doubt began there


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known: rules stay silent."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """`None`, or a name that is still being worked out: says nothing against any other kind."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A value that is certainly not the SDK's: `what` is str, number, dict, list, bytes or other."""

    what: str = "other"


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something that stands in the `openai` package, by its dotted path below it; "" is the module itself."""

    path: str


@dataclass(frozen=True, slots=True)
class Client:
    """An instance of OpenAI, AsyncOpenAI or their Azure twins; `azure` is None where it may be either."""

    asynchronous: bool
    azure: bool | None = False


@dataclass(frozen=True, slots=True)
class Member:
    """A resource or method of a v1+ client, by its path: "chat.completions", "chat.completions.create"."""

    path: str
    asynchronous: bool


@dataclass(frozen=True, slots=True)
class Model:
    """A response, or a part of one; `name` is a model of rules/api.toml."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Kind


@dataclass(frozen=True, slots=True)
class PageOf:
    """What a `list` method returns: `.data` is one page, iterating it (v1+) yields every item."""

    item: Kind


@dataclass(frozen=True, slots=True)
class TupleOf:
    items: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class DictOf:
    """A plain dict whose values (and perhaps keys) share a kind."""

    value: Kind
    key: Kind = Unknown()


@dataclass(frozen=True, slots=True)
class Record:
    """A plain dict with these keys, each with a kind of its own: what a literal says and what is set by name later."""

    items: tuple[tuple[str, Kind], ...]

    def get(self, key: str) -> Kind:
        return next((kind for name, kind in self.items if name == key), UNKNOWN)


@dataclass(frozen=True, slots=True)
class StreamOf:
    """What `stream=True` gives, or any generator: iterating it yields `item`."""

    item: Kind
    asynchronous: bool


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several resources, methods or models of the SDK, as a flag decides: what they share can be rewritten.

    With a record among them, it is a response or the dict that stands in for one: neither way of reading suits both.
    """

    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """The result of a call whose `stream` argument is not known: a response or a stream, as its use tells."""

    whole: Kind
    stream: StreamOf


@dataclass(frozen=True, slots=True)
class Awaitable:
    result: Kind


@dataclass(frozen=True, slots=True)
class Managed:
    """A context manager that is not the SDK's: `with` binds `item`."""

    item: Kind


@dataclass(frozen=True, slots=True)
class ErrorOf:
    """A caught error; `classes` are paths below `openai`, such as "error.RateLimitError" or "RateLimitError"."""

    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of this file; `bound` when its first parameter is already given."""

    node: cst.FunctionDef | cst.Lambda
    bound: bool = False


@dataclass(frozen=True, slots=True)
class ClassOf:
    node: cst.ClassDef


@dataclass(frozen=True, slots=True)
class InstanceOf:
    node: cst.ClassDef


@dataclass(frozen=True, slots=True)
class SuperOf:
    """What `super()` gives inside a method of a class."""

    node: cst.ClassDef


@dataclass(frozen=True, slots=True)
class External:
    """Something imported from another package, by its dotted path: `asyncio.gather`.

    What a file of the project defines that was not looked into is such a thing, too: `file` and its `name` there, where
    `Printer().show` is a method of an object that `Printer` makes.
    """

    path: str
    file: str = ""
    name: str = ""

    @property
    def of_project(self) -> bool:
        """Whether it is a file of the project, or something in one."""
        return bool(self.file) or self.path.startswith("file:")


Kind = (
    Unknown | Nothing | Plain | Symbol | Client | Member | Model | ListOf | PageOf | TupleOf | DictOf | Record
    | StreamOf | Either | OneOf | Awaitable | Managed | ErrorOf | Function | ClassOf | InstanceOf | SuperOf
    | External
)  # fmt: skip

MAX_NESTING = 2  # of lists of responses beside single ones; functions that wrap what they are given nest without end
MAX_OWN = 8  # functions or classes of the project that a flag or a table chooses from
MAX_MIXED = 4  # kinds of answers that flags decide between; what may hold more of them holds anything
UNKNOWN = Unknown()
NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Value:
    """A kind, and the place where certainty ended (None: the kind is certain)."""

    kind: Kind
    doubt: Doubt | None = None

    def of(self, kind: Kind) -> Value:
        """Another kind reached from this value: the doubt goes along."""
        return Value(kind, self.doubt)

    def doubted(self, doubt: Doubt | None) -> Value:
        return self if self.doubt is not None or doubt is None else replace(self, doubt=doubt)

    @property
    def certain(self) -> bool:
        return self.doubt is None


SILENT = Value(UNKNOWN)
NEUTRAL = Value(NOTHING)


def join(values: Iterable[Value], doubt: Doubt | None = None) -> Value:
    """One value for a name that may hold any of several.

    All the same → that kind. Partly unknown → the kind, with `doubt`. Contradictory → unknown. `None` and plain
    scalars are neutral: code that goes on to use the name as a response cannot mean them.
    """
    kinds: dict[Kind, Doubt | None] = {}
    unknown = plain = False
    elsewhere: dict[Kind, Value] = {}  # what other files of the project define
    neutral: Value | None = None
    for value in values:
        match value.kind:
            case Unknown() | External():
                unknown = True
                elsewhere[value.kind] = value
            case Nothing():
                neutral = neutral or value
            case Plain(what="dict" | "other"):
                plain = True
            case Plain():
                neutral = value
            case kind:
                kinds[kind] = kinds.get(kind) or value.doubt
    if not kinds:
        if unknown:
            (kind, only), *others = elsewhere.items()
            return only if not others and isinstance(kind, External) and kind.of_project else SILENT
        return Value(Plain("other")) if plain else neutral or SILENT
    merged = _merge(kinds)
    if merged is None or plain:
        return SILENT
    return merged.doubted(doubt) if unknown else merged


def of_project(kind: Kind) -> bool:
    """Whether a kind is a function or class of the project, or an object of one."""
    return isinstance(kind, (Function, ClassOf, InstanceOf))


def one_by_one(kind: Kind) -> tuple[Kind, ...]:
    """The kinds that a value may have."""
    return kind.kinds if isinstance(kind, OneOf) else (kind,)


def _of_the_sdk(kind: Kind) -> bool:
    """Whether a kind is made of the SDK's names alone, and so cheap to compare and to put in order."""
    match kind:
        case Symbol() | Member() | Model():
            return True
        case Awaitable(result=inner) | StreamOf(item=inner) | ListOf(item=inner) | PageOf(item=inner):
            return _of_the_sdk(inner)
        case Either(whole=whole, stream=stream):
            return _of_the_sdk(whole) and _of_the_sdk(stream)
        case OneOf(kinds=kinds):
            return all(_of_the_sdk(k) for k in kinds)
    return False


def _merge(kinds: dict[Kind, Doubt | None]) -> Value | None:
    doubts = [d for d in kinds.values() if d is not None]
    doubt = doubts[0] if len(doubts) == len(kinds) else None
    if len(kinds) == 1:
        (kind,) = kinds
        return Value(kind, doubt)
    errors = [k for k in kinds if isinstance(k, ErrorOf)]
    if len(errors) == len(kinds):
        return Value(ErrorOf(tuple(dict.fromkeys(c for e in errors for c in e.classes))), doubt)
    clients = [k for k in kinds if isinstance(k, Client)]
    if len(clients) == len(kinds) and len({c.asynchronous for c in clients}) == 1:
        return Value(Client(clients[0].asynchronous, None), doubt)
    flat = {i for k in kinds for i in one_by_one(k)}
    texts = {k for k in flat if k in (ListOf(NOTHING), ListOf(Plain("str")), ListOf(Plain("number")))}
    others = flat - texts
    if (
        texts
        and all(isinstance(k, TupleOf) or _of_the_sdk(k) for k in others)
        and not all(isinstance(k, ListOf) for k in others)
    ):
        rest = _merge({k: found for k, found in kinds.items() if k not in texts})
        return rest and rest.doubted(Doubt("in other cases it is a list of something else, or an empty one"))
    if all(_of_the_sdk(k) for k in flat) and (found := _of_several(flat)) is not None:
        return found.doubted(doubt)
    functions = [k for k in flat if isinstance(k, Function)]
    methods = [k for k in flat if isinstance(k, (Symbol, Member)) and k.path]
    if functions and methods and len(functions) + len(methods) == len(flat):
        return Value(OneOf((*sorted(methods, key=repr), *functions)), doubt)
    if all(map(of_project, flat)):  # a flag or a table decides which of them does the work
        own = dict.fromkeys(i for k in kinds for i in one_by_one(k))
        return Value(OneOf(tuple(own)), doubt) if len(own) <= MAX_OWN else None
    records = [k for k in kinds if isinstance(k, Record)]
    if len(records) == len(kinds):
        keys = dict.fromkeys(name for r in records for name, _ in r.items)
        values = [_part([kind for r in records for name, kind in r.items if name == key]) for key in keys]
        return _made(Record(tuple(zip(keys, (v.kind for v in values), strict=True))), values, doubt)
    models = {k for k in flat if isinstance(k, Model)}
    stand_ins = [k for k in flat if isinstance(k, Record)]
    if models and stand_ins and len(models) + len(stand_ins) == len(flat):
        dicts = join(Value(r) for r in stand_ins)
        return Value(OneOf((*sorted(models, key=repr), dicts.kind)), dicts.doubt)
    tuples = [k for k in kinds if isinstance(k, TupleOf)]
    if len(tuples) == len(kinds) and len({len(k.items) for k in tuples}) == 1:
        values = [_part(column) for column in zip(*(k.items for k in tuples), strict=True)]
        return _made(TupleOf(tuple(v.kind for v in values)), values, doubt)
    lists = [k for k in kinds if isinstance(k, ListOf)]
    if len(lists) == len(kinds):
        inner = join(Value(k.item) for k in lists)
        return Value(ListOf(inner.kind), doubt) if inner.kind != UNKNOWN else None
    return None


def _of_several(kinds: set[Kind]) -> Value | None:
    """One of several things of the SDK alone, None for what has no reading in common."""
    wholes = {k.whole if isinstance(k, Either) else k for k in kinds if isinstance(k, (Model, Either))}
    streams = {k.stream if isinstance(k, Either) else k for k in kinds if isinstance(k, (StreamOf, Either))}
    in_order = OneOf(tuple(sorted(kinds, key=repr)))  # whatever the order of bindings
    for alike in ((Symbol, Member), (Awaitable,), (StreamOf,), (Model,)):
        if all(isinstance(k, alike) for k in kinds):
            return Value(in_order) if all(not isinstance(k, Symbol) or k.path for k in kinds) else None
    if len(wholes) == len(streams) == 1 and all(isinstance(k, (Model, Either, StreamOf)) for k in kinds):
        return Value(Either(wholes.pop(), streams.pop()))  # a flag decides which of them is made
    mixed = all(isinstance(k, (Model, Either, StreamOf, ListOf)) and _nesting(k) <= MAX_NESTING for k in kinds)
    if wholes and mixed and len(kinds) <= MAX_MIXED:
        several = any(isinstance(k, (StreamOf, ListOf)) for k in kinds)
        return Value(in_order, Doubt("in other cases it is a list or a stream of such") if several else None)
    return None


def _nesting(kind: Kind) -> int:
    """How many lists stand in one another."""
    match kind:
        case ListOf(item=inner):
            return 1 + _nesting(inner)
        case OneOf(kinds=kinds):
            return max(map(_nesting, kinds))
    return 0


def _part(kinds: Iterable[Kind]) -> Value:
    """One place in several tuples or records."""
    return join([Value(k) for k in kinds], Doubt("elsewhere something else stands in this place"))


def _made(kind: Kind, parts: list[Value], doubt: Doubt | None) -> Value:
    return Value(kind, doubt or next((p.doubt for p in parts if p.doubt is not None), None))


def matters(kind: Kind) -> bool:
    """Whether a kind has something of the SDK in it."""
    match kind:
        case Model() | PageOf() | Client() | Member() | Either():
            return True
        case (
            ListOf(item=inner)
            | DictOf(value=inner)
            | StreamOf(item=inner)
            | Managed(item=inner)
            | Awaitable(result=inner)
        ):
            return matters(inner)
        case TupleOf(items=items) | OneOf(kinds=items):
            return any(matters(i) for i in items)
        case Record(items=pairs):
            return any(matters(i) for _, i in pairs)
        case Function() | ClassOf() | InstanceOf() | SuperOf():
            return True
    return False
