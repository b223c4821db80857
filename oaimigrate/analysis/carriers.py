"""Library functions that pass a kind through: gather, to_thread, partial, executors, retry decorators, builtins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import containers
from oaimigrate.analysis.kinds import (
    NEUTRAL,
    NOTHING,
    SILENT,
    Awaitable,
    ClassOf,
    DictOf,
    Doubt,
    Either,
    External,
    Function,
    Kind,
    ListOf,
    Managed,
    Model,
    PageOf,
    Plain,
    Record,
    StreamOf,
    SuperOf,
    Symbol,
    TupleOf,
    Value,
    join,
)  # fmt: skip
from oaimigrate.analysis.steps import awaited, iterated, known, literal

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference

# Decorators that leave the value of the function alone (matched by prefix of their dotted path).
TRANSPARENT_DECORATORS = (
    "tenacity.", "backoff.", "stamina.", "retry.", "retrying.", "functools.", "ratelimit.", "cachetools.",
    "staticmethod", "classmethod", "property", "abc.", "typing.", "joblib.", "opik.", "langsmith.", "weave.", "mlflow.",
    "diskcache.", "aiocache.", "cached_property", "overload", "override", "streamlit.", "retry_async.", "async_lru.",
    "ray.",
)  # fmt: skip
TEXT_METHODS = (
    "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "replace", "format", "join", "encode",
    "decode",
)  # fmt: skip
BY_NAME = "?"  # the path of a part of the SDK that is chosen by a name not known here
RETRIES = {"tenacity.retry", "tenacity.Retrying", "tenacity.AsyncRetrying", "backoff.on_exception", "stamina.retry"}
SAME_AS_FIRST = {
    "asyncio.wait_for", "asyncio.shield", "asyncio.create_task", "asyncio.ensure_future", "functools.partial",
    "copy.copy", "copy.deepcopy", "tqdm.tqdm", "tqdm.auto.tqdm", "asyncio.timeout", "tqdm.trange",
    "tqdm.notebook.tqdm",
}  # fmt: skip


def external_result(inference: Inference, node: cst.Call, path: str) -> Value:
    """What a call of a library function gives."""
    values = [a.value for a in node.args if a.keyword is None]
    if path == "typing.cast":
        return _cast(inference, values)
    if path in SAME_AS_FIRST:
        return inference.kind(values[0]) if values else SILENT
    match path:
        case "asyncio.run" | "anyio.run":
            return awaited(inference.kind(values[0])) if values else SILENT
        case "asyncio.gather":
            return _gathered(inference, node)
        case "asyncio.as_completed" if values:
            items = _items(inference.kind(values[0]))
            return items.of(ListOf(items.kind)) if isinstance(items.kind, Awaitable) else SILENT
        case "asyncio.to_thread" | "anyio.to_thread.run_sync" if values:
            return _later(_call(inference, values[0]))
        case "concurrent.futures.as_completed" if values:
            return inference.kind(values[0])
        case "collections.deque":
            return inference.kind(values[0]) if values else Value(ListOf(NOTHING))
        case "itertools.chain" if values:
            return inference.kind(values[0])
        case "itertools.chain.from_iterable" if values:
            return _items(inference.kind(values[0]))
        case "asyncio.run_coroutine_threadsafe" if values:
            return inference.kind(values[0])
        case "contextlib.closing" | "contextlib.aclosing" | "contextlib.nullcontext" if values:
            held = inference.kind(values[0])
            return held.of(Managed(held.kind)) if known(held.kind) else SILENT
        case "ray.get" if values:
            given = inference.kind(values[0])
            result = awaited(_items(given))
            return result.of(ListOf(result.kind)) if known(result.kind) else awaited(given)
        case "asyncio.wait" | "concurrent.futures.wait" | "ray.wait" if values:
            items = _items(inference.kind(values[0]))
            pair = TupleOf((ListOf(items.kind), ListOf(items.kind)))
            if not isinstance(items.kind, Awaitable):
                return SILENT
            return items.of(Awaitable(pair) if path == "asyncio.wait" else pair)
        case "tenacity.retry" | "tenacity.retry()" | "backoff.on_exception()" | "stamina.retry()" if values:
            return inference.kind(values[0])
        case "tenacity.Retrying()" | "tenacity.AsyncRetrying()" if values:
            return _call(inference, values[0])
        case (
            "tenacity.retry" | "tenacity.Retrying" | "tenacity.AsyncRetrying" | "backoff.on_exception" | "stamina.retry"
        ):
            return Value(External(f"{path}()"))  # called once more, with the function
        case "importlib.import_module" if values and literal(values[0]) == "openai":
            return inference.file.imported("openai", "", 0)
    return SILENT


def method_result(inference: Inference, node: cst.Call, base: Value, name: str) -> Value:
    """What a method call gives that depends on what the method belongs to, or on the method's well-known name."""
    values = [a.value for a in node.args if a.keyword is None]
    match base.kind, name:
        case (Model() | PageOf() | Either(), "get") if values:
            return containers.item(inference, base, values[0])
        case Model() | PageOf(), "to_dict" | "to_dict_recursive" | "model_dump" | "dict" | "copy":
            return Value(Plain("dict"))
        case Model(), "model_copy":
            return base
        case Model(), "to_json" | "model_dump_json" | "json":
            return Value(Plain("str"))
        case Record(), "get" | "pop" | "setdefault" if values:
            return containers.item(inference, base, values[0])
        case Record(), "values":
            return base.of(ListOf(containers.any_of(base.kind).kind))
        case Record(), "items":
            return base.of(ListOf(TupleOf((Plain("str"), containers.any_of(base.kind).kind))))
        case DictOf() | Record(), "copy":
            return base
        case DictOf(value=value), "get" | "pop":
            return base.of(value)
        case DictOf(value=value), "values":
            return base.of(ListOf(value))
        case DictOf(value=value), "items":
            return base.of(ListOf(TupleOf((Plain("str"), value))))
        case ListOf(item=item), "pop" | "popleft":
            return base.of(item)
        case ListOf(), "copy":
            return base
        case Awaitable(result=result), "result" | "get":
            return base.of(result)
        case StreamOf(item=item), "__next__":
            return base.of(item)
        case StreamOf(item=item, asynchronous=True), "__anext__":
            return base.of(Awaitable(item))
        case Function() | ClassOf(), "remote" | "options" if _is_remote(inference, base.kind.node):
            if name == "options":
                return base
            called = inference.called(base, node) or SILENT
            return called if isinstance(base.kind, ClassOf) else _later(called)
        case Plain(what="str"), name if name in TEXT_METHODS:
            return Value(Plain("str"))
        case Plain(), _:
            return Value(Plain("other"))
        case _, "run_in_executor" if len(values) > 1:
            return _later(_call(inference, values[1]))
        case _, "submit" | "apply_async" if values:
            return _later(_call(inference, values[0]))
        case _, "map" | "imap" | "imap_unordered" | "starmap" if len(values) > 1:
            mapped = _call(inference, values[0])
            matters = isinstance(mapped.kind, (Model, PageOf, Either, ListOf))
            return mapped.of(ListOf(mapped.kind)) if matters else SILENT
        case _, "create_task" | "run_until_complete" if values:
            task = inference.kind(values[0])
            return awaited(task) if name == "run_until_complete" else task
    return SILENT


def builtin_result(inference: Inference, node: cst.Call, name: str) -> Value:
    values = [a.value for a in node.args if a.keyword is None and not a.star]
    if not values and name == "super":
        scope = inference.tree.scopes[node]
        function = scope.function
        owner = function.parent if function is not None else None
        return Value(SuperOf(owner.node)) if owner is not None and isinstance(owner.node, cst.ClassDef) else SILENT
    if not values:
        return Value(Plain(name)) if name in ("dict", "str") else NEUTRAL if name == "list" else SILENT
    first = inference.kind(values[0])
    match name:
        case "str" | "repr" | "format":
            return Value(Plain("str"))
        case "len" | "int" | "float" | "bool" | "isinstance" | "hasattr" | "sum":
            return Value(Plain("number"))
        case "dict":
            return Value(Plain("dict")) if isinstance(first.kind, Model) else SILENT
        case "iter" | "aiter":
            return first
        case "next":
            return _items(first)
        case "list" | "tuple" | "set" | "sorted" | "reversed":
            items = _items(first)
            return items.of(ListOf(items.kind)) if items is not SILENT else SILENT
        case "enumerate":
            items = _items(first)
            return items.of(ListOf(TupleOf((Plain("number"), items.kind)))) if items is not SILENT else SILENT
        case "zip":
            items_of = [_items(inference.kind(v)) for v in values]
            doubts = [i.doubt for i in items_of if i.doubt is not None]
            return Value(ListOf(TupleOf(tuple(i.kind for i in items_of))), doubts[0] if doubts else None)
        case "map" if len(values) > 1:
            result = _call(inference, values[0])
            return result.of(ListOf(result.kind)) if result is not SILENT else SILENT
        case "filter" if len(values) > 1:
            items = _items(inference.kind(values[1]))
            return items.of(ListOf(items.kind)) if items is not SILENT else SILENT
        case "min" | "max":
            return _items(first) if len(values) == 1 else SILENT
        case "getattr" if len(values) > 1:
            attribute = literal(values[1]) or constant(inference, values[1])
            if attribute is None and first.kind == Symbol(""):
                return first.of(Symbol(BY_NAME))
            return inference.attribute(first, attribute) if attribute is not None else SILENT
        case "vars" if first.kind == Symbol(""):
            return first.of(Symbol("__dict__"))
        case "__import__" if literal(values[0]) == "openai":
            return inference.file.imported("openai", "", 0)
    return SILENT


def constant(inference: Inference, node: cst.BaseExpression) -> str | None:
    """The text of a name that is given one string literal and nothing else."""
    owner = inference.tree.scopes[node].owner_of(node.value) if isinstance(node, cst.Name) else None
    bindings = owner.names[node.value] if owner is not None and isinstance(node, cst.Name) else []
    once = len(bindings) == 1 and bindings[0].how == "assign" and not bindings[0].path
    return literal(bindings[0].value) if once else None


def lambda_parameter(inference: Inference, function: cst.Lambda, parameter: cst.Param) -> Value:
    """What the caller of a lambda passes: `sorted(xs, key=lambda x: …)`, `map(lambda x: …, xs)`, `filter(…)`."""
    argument = inference.tree.parents.get(function)
    if isinstance(argument, cst.Assign) and len(argument.targets) == 1:
        return _called_with(inference, function, argument.targets[0].target, parameter)
    call = inference.tree.parents.get(argument) if isinstance(argument, cst.Arg) else None
    if (
        not isinstance(call, cst.Call)
        or not isinstance(argument, cst.Arg)
        or parameter is not next(iter(function.params.params), None)
    ):
        return SILENT
    name = call.func.attr.value if isinstance(call.func, cst.Attribute) else getattr(call.func, "value", "")
    keyword = argument.keyword.value if argument.keyword is not None else ""
    if keyword == "key" and name == "sort" and isinstance(call.func, cst.Attribute):
        return inference.iterated(inference.kind(call.func.value))
    if keyword == "key" and name in ("sorted", "min", "max", "nlargest", "nsmallest", "groupby") and call.args:
        return inference.iterated(inference.kind(call.args[0].value))
    if name in ("map", "filter") and len(call.args) == 2 and call.args[0] is argument:
        return inference.iterated(inference.kind(call.args[1].value))
    return SILENT


def _called_with(inference: Inference, function: cst.Lambda, target: cst.BaseExpression, parameter: cst.Param) -> Value:
    """What the calls of `name = lambda x: …` pass for a parameter."""
    name = target.attr.value if isinstance(target, cst.Attribute) else getattr(target, "value", "")
    position = next((i for i, p in enumerate(function.params.params) if p is parameter), None)
    values = []
    for call in inference.index.calls(name) if isinstance(name, str) and position is not None else ():
        kind = inference.kind(call.func).kind
        given = [a for a in call.args if a.keyword is None and not a.star]
        if isinstance(kind, Function) and kind.node is function and position is not None and position < len(given):
            values.append(inference.kind(given[position].value))
    return join(values, Doubt("a caller passes something else", parameter))


def decorated(inference: Inference, decorator: cst.Decorator, value: Value) -> Value:
    """The result of a function as its decorator leaves it."""
    if value.kind == SILENT.kind:
        return value
    path = inference.decorator_path(decorator)
    if path in ("contextlib.contextmanager", "contextlib.asynccontextmanager"):
        return value.of(Managed(value.kind.item)) if isinstance(value.kind, StreamOf) else SILENT
    if path.startswith(TRANSPARENT_DECORATORS) or path in ("retry", "cache", "lru_cache"):
        return value
    node: cst.BaseExpression = decorator.decorator
    while isinstance(node, cst.Call):
        node = node.func
    kind = inference.kind(node).kind
    if isinstance(kind, Function) and isinstance(kind.node, cst.FunctionDef):
        if _passes_on(inference.home(kind.node), kind.node):  # it may stand in another module
            return value
    return value.doubted(Doubt(f"the decorator `{path or 'here'}` may change what the function returns", decorator))


def _passes_on(inference: Inference, decorator: cst.FunctionDef) -> bool:
    """Whether a decorator's inner function returns what the decorated function returns."""
    home = inference.tree.scope_of_node[decorator]
    for node in inference.tree.nodes.get(cst.Return, ()):
        value = node.value
        if isinstance(value, cst.Await):
            value = value.expression
        if not (isinstance(value, cst.Call) and isinstance(value.func, cst.Name)):
            continue
        scope = inference.tree.scopes[node]
        owner = scope.owner_of(value.func.value)
        inside = scope
        while inside is not home and inside.parent is not None:
            inside = inside.parent
        if inside is home and scope is not owner and owner is not None:
            if any(b.how == "param" for b in owner.names[value.func.value]):
                return True
    return False


def _is_remote(inference: Inference, node: cst.CSTNode) -> bool:
    """Whether Ray runs a function, or the methods of a class, elsewhere: `@ray.remote`."""
    home = inference.home(node)
    scope = home.tree.scope_of_node[node]
    owners = [s.node for s in (scope, scope.parent) if s is not None]
    decorators = (d for n in owners if isinstance(n, (cst.FunctionDef, cst.ClassDef)) for d in n.decorators)
    return any(home.decorator_path(d) == "ray.remote" for d in decorators)


def _cast(inference: Inference, values: list[cst.BaseExpression]) -> Value:
    """`cast(str, x)` says that `x` is text, whatever it may be elsewhere; other casts pass on what they are given."""
    match values:
        case [cst.Name(value="str" | "bytes"), _]:
            return Value(Plain("str"))
        case [_, value]:
            return inference.kind(value)
    return SILENT


def _call(inference: Inference, function: cst.BaseExpression) -> Value:
    return inference.called(inference.kind(function), None) or SILENT


def _later(value: Value) -> Value:
    return value.of(Awaitable(value.kind)) if value is not SILENT else SILENT


def _items(value: Value) -> Value:
    return iterated(value, False)


def _gathered(inference: Inference, node: cst.Call) -> Value:
    results: list[Kind] = []
    for argument in node.args:
        if argument.keyword is not None:
            continue
        value = inference.kind(argument.value)
        if argument.star:
            item = awaited(_items(value))
            return item.of(Awaitable(ListOf(item.kind))) if item is not SILENT else SILENT
        results.append(awaited(value).kind)
    return Value(Awaitable(TupleOf(tuple(results))))
