"""OAI107: a response used as the dict it was in 0.28: converted, unpacked, iterated, changed, dumped or compared."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis import histories, mappings, views
from oaimigrate.analysis.answers import models
from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.kinds import DictOf, External, Kind, ListOf, Model, PageOf, Record, Symbol, Value
from oaimigrate.analysis.narrowing import dict_named, dumps_models, read_both_ways
from oaimigrate.analysis.reach import part_of
from oaimigrate.analysis.retries import values_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.fixing import conversions
from oaimigrate.registry import Rule

rule = Rule("OAI107")

READERS = (
    "json.dumps", "json.dump", "orjson.dumps", "ujson.dumps", "simplejson.dumps", "jsonify", "JSONResponse",
    "JsonResponse", "DataFrame", "DataFrame.from_records", "Series", "json_normalize",
    "Dataset.from_list", "from_dicts",
)  # fmt: skip
DUMPERS = 8  # the first of them write JSON and raise; the others read columns and give other ones
PACKAGES = frozenset({
    "json", "orjson", "ujson", "simplejson", "flask", "fastapi", "starlette", "django", "pandas", "polars", "datasets",
})  # fmt: skip


def is_model(value: Value) -> bool:
    return bool(models(value))


def _finding(
    file: FileContext, node: cst.CSTNode, message: str, value: Value, fix: Fix | None, *notes: str
) -> Diagnostic:
    confidence = "certain" if value.certain else "maybe"
    every = (*(Note(n) for n in notes), *file.doubts(value))
    return Diagnostic(rule.code, message, file.span(node), fix, every, confidence)


def _is_list(value: Value) -> bool:
    return isinstance(value.kind, (ListOf, PageOf)) and isinstance(value.kind.item, Model)


def _reader(file: FileContext, func: cst.BaseExpression) -> str:
    """The name of a function of another package that reads dicts and not objects, "" for any other."""
    kind = file.kind(func).kind
    if not isinstance(kind, External):
        return ""
    found = next((r for r in READERS if kind.path == r or kind.path.endswith(f".{r}")), "")
    return found if kind.path.partition(".")[0] in PACKAGES else ""


@rule.on(cst.Call)
def method(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`r.to_dict_recursive()`, `r.keys()`, `r.update(...)`."""
    func = node.func
    if not isinstance(func, cst.Attribute) or func.attr.value == "get":
        return
    value = file.kind(func.value)
    name = func.attr.value
    if not is_model(value) or name not in file.api.dict_methods:
        return
    template = file.api.dict_methods[name]
    old = f"{{r}}.{name}()"
    if template == old:
        return  # `to_dict()` is there in v1+ too
    if name == "copy" and part_of(file, func.value) is not None:
        return  # models of pydantic have it, and OAI303 speaks of it
    message = f"`.{name}()` is not a method of responses since openai 1.0"
    if not template:
        yield _finding(file, func.attr, message, value, None, file.api.dict_advice.get(name, ""))
        return
    start, end = file.whole(func.value).end, file.span(node).end
    text = template.removeprefix("{r}")
    safety = Safety.SAFE if value.certain and name == "to_dict_recursive" else Safety.UNSAFE
    fix = Fix(f"Write `{text}`", (Edit(start, end, text),), safety) if not node.args else None
    yield _finding(file, func.attr, message, value, fix)


@rule.on(cst.Attribute)
def attribute(node: cst.Attribute, file: FileContext) -> Iterator[Diagnostic]:
    """`r.response_ms`, `r.openai_id`."""
    parent = file.parent(node)
    if isinstance(parent, cst.Call) and parent.func is node:
        return
    value = file.kind(node.value)
    name = node.attr.value
    if not is_model(value) or name not in file.api.dict_methods:
        return
    if any(name in file.api.models[m.name].fields for m in models(value)):
        return
    message = f"`.{name}` is not an attribute of responses since openai 1.0"
    template = file.api.dict_methods[name]
    fix = None
    if template and not template.endswith(")"):
        start, end = file.whole(node.value).end, file.span(node).end
        fix = Fix(f"Read `{template[3:]}`", (Edit(start, end, template.removeprefix("{r}")),), Safety.UNSAFE)
    yield _finding(file, node.attr, message, value, fix, *([] if fix else [file.api.dict_advice.get(name, "")]))


@rule.on(cst.Call)
def converted(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`dict(r)`, `json.dumps(r)`, `isinstance(r, dict)`, `len(r)`, `list(r)`."""
    if not node.args:
        return
    argument = node.args[0]
    value = file.kind(argument.value)
    func = node.func
    reader = _reader(file, func)
    if reader and _is_list(value) and not argument.star:
        message = _unread(reader)
        yield _finding(file, argument.value, message, value, conversions.each_to_dict(file, argument.value))
        return
    if reader in READERS[:DUMPERS]:
        if isinstance(argument.value, cst.Dict):
            yield from _within(file, argument.value, reader)
        elif not is_model(value) and _holds_model(value.kind) and not _has_own_way(node):
            note = "convert what goes into it with `.to_dict()`"
            yield _finding(file, argument.value, _unread(reader), value, None, note)
    if (streams := conversions.asked_for_generator(file, node, value)) is not None:
        message = "streams are no generators since openai 1.0: this test is silently False"
        yield _finding(file, node, message, value, streams)
    if not is_model(value) or argument.star or argument.keyword is not None:
        return
    if isinstance(func, cst.Name) and file.scope(func).owner_of(func.value) is None:
        yield from _builtin(file, node, func.value, argument.value, value)
    elif reader:
        message = _unread(reader)
        yield _finding(file, argument.value, message, value, conversions.to_dict(file, argument.value))


def _within(file: FileContext, node: cst.Dict, reader: str) -> Iterator[Diagnostic]:
    """Responses among the values of a dict that is dumped: `jsonify({"reply": r.choices[0].message})`."""
    for element in node.elements:
        if isinstance(element, cst.DictElement):
            value = file.kind(element.value)
            if is_model(value):
                yield _finding(file, element.value, _unread(reader), value, conversions.to_dict(file, element.value))
            elif _is_list(value):
                yield _finding(
                    file, element.value, _unread(reader), value, conversions.each_to_dict(file, element.value)
                )


def _holds_model(kind: Kind) -> bool:
    match kind:
        case Model():
            return True
        case ListOf(item=inner) | DictOf(value=inner):
            return _holds_model(inner)
        case Record(items=pairs):
            return any(_holds_model(inner) for _, inner in pairs)
    return False


def _has_own_way(node: cst.Call) -> bool:
    """Whether a dump says itself what becomes of other objects."""
    return any(a.keyword is not None and a.keyword.value in ("default", "cls", "option") for a in node.args)


def _unread(reader: str) -> str:
    if reader in READERS[:DUMPERS]:
        return f"a response is not JSON serializable since openai 1.0: `{reader}` raises TypeError"
    return f"`{reader}` does not see the fields of responses since openai 1.0"


def _builtin(
    file: FileContext, node: cst.Call, name: str, inner: cst.BaseExpression, value: Value
) -> Iterator[Diagnostic]:
    match name:
        case "dict" if len(node.args) == 1:
            message = "`dict(response)` converts only the outermost level since openai 1.0"
            yield _finding(file, node, message, value, conversions.unwrapped(file, node, inner))
        case "isinstance" if len(node.args) == 2 and (named := dict_named(node.args[1].value)):
            if read_both_ways(file, node) or dumps_models(file, inner):
                return
            message = "a response is not a dict since openai 1.0: this test is silently False"
            if value.certain:
                yield _finding(file, node, message, value, _of_base_model(file, named))
            elif not _knows_models(file, inner):
                note = "what it guards is left as it is; `openai.BaseModel` is the base class of responses now"
                yield _finding(file, node, message, value, None, note)
        case "len" if isinstance(value.kind, Model) and value.certain:  # of what may be text as well it is the text's
            yield _finding(
                file, node, "a response has no length since openai 1.0", value, None, "count the keys of `.to_dict()`"
            )
        case "list" | "sorted" | "set" | "tuple" | "iter":
            message = "iterating a response gives (name, value) pairs and not keys since openai 1.0"
            yield _finding(file, node, message, value, conversions.to_dict(file, inner))


def _knows_models(file: FileContext, asked: cst.BaseExpression) -> bool:
    """Whether the code also asks whether the same name holds a response of today's SDK."""
    calls = [c for c in file.inference.index.calls("isinstance") if len(c.args) == 2]
    same = [c for c in calls if file.code(c.args[0].value) == file.code(asked)]
    return any(isinstance(file.kind(c.args[1].value).kind, Symbol) for c in same)


def _of_base_model(file: FileContext, name: cst.Name) -> Fix:
    text, needs = file.symbol("BaseModel")
    span = file.span(name)
    return Fix(f"Ask for `{text}`", (Edit(span.start, span.end, text),), Safety.UNSAFE, needs=tuple(needs))


@rule.on(cst.Call)
def parsed(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`json.loads(str(r))`: the text of a response was JSON in 0.28."""
    if file.kind(node.func).kind != External("json.loads") or len(node.args) != 1:
        return
    inner = node.args[0].value
    if (
        isinstance(inner, cst.Call)
        and isinstance(inner.func, cst.Name)
        and inner.func.value == "str"
        and len(inner.args) == 1
    ):
        value = file.kind(inner.args[0].value)
        if is_model(value):
            message = "the text of a response is not JSON since openai 1.0"
            yield _finding(file, node, message, value, conversions.unwrapped(file, node, inner.args[0].value))


@rule.on(cst.Call)
def appended(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`history.append(r["choices"][0]["message"])` where the history is a list of dicts."""
    func = node.func
    if not isinstance(func, cst.Attribute) or func.attr.value not in ("append", "insert") or not node.args:
        return
    item = node.args[-1].value
    value = file.kind(item)
    if (
        value.kind != Model("ChatMessage")
        or not histories.holds_dicts(file, func.value)
        or histories.is_only_sent(file, func.value)
    ):
        return
    message = "a message object goes into a list of dicts; what reads the list as dicts fails since openai 1.0"
    yield _finding(file, item, message, value, conversions.to_dict(file, item))


@rule.on(cst.Arg, cst.StarredDictElement)
def unpacked(node: cst.Arg | cst.StarredDictElement, file: FileContext) -> Iterator[Diagnostic]:
    """`f(**r)`, `{**r}`."""
    if isinstance(node, cst.Arg) and node.star != "**":
        return
    value = file.kind(node.value)
    if is_model(value):
        message = "a response cannot be unpacked with `**` since openai 1.0"
        yield _finding(file, node.value, message, value, conversions.to_dict(file, node.value))


@rule.on(cst.BinaryOperation, cst.AugAssign, cst.Call)
def taken(node: cst.BinaryOperation | cst.AugAssign | cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`{...} | r`, `"%(id)s" % r`, `d |= r`, `d.update(r)`, `text.format_map(r)`."""
    match node:
        case cst.BinaryOperation():
            found = mappings.operands(file, node)
        case cst.AugAssign():
            found = mappings.added(file, node)
            held = file.kind(node.target)
            if isinstance(node.operator, cst.BitOrAssign) and is_model(held):
                message = "`|=` does not add to a response since openai 1.0"
                yield _finding(file, node.target, message, held, None, "work on `.to_dict()`")
        case _:
            found = mappings.arguments(file, node)
    for expression, message in found:
        value = file.kind(expression)
        if is_model(value):
            yield _finding(file, expression, message, value, conversions.to_dict(file, expression))


@rule.on(cst.Return)
def sent(node: cst.Return, file: FileContext) -> Iterator[Diagnostic]:
    """`return r` in a view of Flask."""
    body = views.sent(file, node)
    if body is not None and (is_model(value := file.kind(body)) or _is_list(value)):
        message = "a view of Flask cannot return a response since openai 1.0: it is no dict"
        fix = conversions.to_dict(file, body) if is_model(value) else conversions.each_to_dict(file, body)
        yield _finding(file, body, message, value, fix)


@rule.on(cst.For, cst.CompFor)
def iterated(node: cst.For | cst.CompFor, file: FileContext) -> Iterator[Diagnostic]:
    """`for key in r`."""
    value = file.kind(node.iter)
    if isinstance(value.kind, Model) and value.certain and not _may_be_a_stream(file, node.iter):
        message = "iterating a response gives (name, value) pairs and not keys since openai 1.0"
        yield _finding(file, node.iter, message, value, conversions.to_dict(file, node.iter))


def _may_be_a_stream(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether a request behind a value says `stream=…`, or may: `client.responses.create(**options)`."""
    for value in values_of(file, node):
        source = source_of(file, value)
        request = request_at(file, source) if isinstance(source, cst.Call) else None
        if request is not None and (request.open_ended or request.argument("stream") is not None):
            return True
    return False


@rule.on(cst.AssignTarget, cst.AugAssign, cst.Del)
def changed(node: cst.AssignTarget | cst.AugAssign | cst.Del, file: FileContext) -> Iterator[Diagnostic]:
    """`choice["text"] = …`, `del r["id"]`."""
    target = node.target
    if not isinstance(target, cst.Subscript) or len(target.slice) != 1:
        return
    value = file.kind(target.value)
    index = target.slice[0].slice
    if not is_model(value) or not isinstance(index, cst.Index):
        return
    key = literal(index.value)
    fields = {file.api.models[m.name].fields.get(key or "") for m in models(value)}
    field = fields.pop() if len({f and f.name for f in fields}) == 1 else None
    verb = "deleted from" if isinstance(node, cst.Del) else "assigned to"
    message = f"items cannot be {verb} a response since openai 1.0"
    if field is None or isinstance(node, cst.Del):
        yield _finding(
            file, target, message, value, None, "work on `.to_dict()`, or keep the value in a variable of its own"
        )
        return
    start, end = file.whole(target.value).end, file.span(target).end
    fix = Fix(
        f"Set `.{field.name}`", (Edit(start, end, f".{field.name}"),), Safety.SAFE if value.certain else Safety.UNSAFE
    )
    yield _finding(file, target, message, value, fix)


@rule.on(cst.Comparison)
def compared(node: cst.Comparison, file: FileContext) -> Iterator[Diagnostic]:
    """`r == {...}`."""
    if len(node.comparisons) != 1 or not isinstance(node.comparisons[0].operator, (cst.Equal, cst.NotEqual)):
        return
    left, right = node.left, node.comparisons[0].comparator
    for model, other in ((left, right), (right, left)):
        value = file.kind(model)
        if is_model(value) and isinstance(other, cst.Dict):
            message = "a response never equals a dict since openai 1.0"
            yield _finding(file, node, message, value, conversions.to_dict(file, model))
