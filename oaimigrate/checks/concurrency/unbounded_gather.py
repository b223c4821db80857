"""OAI606: as many requests at once as there are items."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import SdkCall, request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, is_external, within
from oaimigrate.analysis.guards import path_of
from oaimigrate.analysis.reach import definition
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.diagnostics import Diagnostic, Note
from oaimigrate.registry import Rule

rule = Rule("OAI606")

FEW = 16  # so many at once are no flood
BOUNDED = re.compile(r"batch|chunk|page|sem|limit|throttle|pool|slot|bucket", re.IGNORECASE)
CHOSEN = re.compile(  # of these a program has as many as somebody wrote down
    r"model|agent|provider|config|role|persona|expert|tool_?call|function_?call|choice|judge|metric|rubric|aspect|lang",
    re.IGNORECASE,
)
ANSWERS = ("chat.", "completions.", "responses.", "embeddings.", "images.", "audio.", "moderations.", "beta.chat.")
HOPS = 3  # coroutines that await one another before a request is made
_TQDM = ("tqdm.asyncio.tqdm_asyncio", "tqdm.asyncio.tqdm")
GATHERS = ("asyncio.gather", *(f"{name}.gather" for name in _TQDM))
TAKING_A_LIST = ("asyncio.as_completed", "asyncio.wait", *(f"{name}.as_completed" for name in _TQDM))
Comprehension = cst.ListComp | cst.GeneratorExp | cst.SetComp


@rule.on(cst.Call)
def gather(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`await asyncio.gather(*[ask(p) for p in prompts])`."""
    if not node.args or file.is_test:
        return
    if is_external(file, node.func, *GATHERS):
        many = node.args[0].star == "*"
    else:  # these take the list itself
        many = is_external(file, node.func, *TAKING_A_LIST)
    for made, iterable in _made(file, node.args[0].value) if many else ():
        request = _request(file, made)
        if request is not None and not _is_short(file, iterable) and not _is_bounded(file, node):
            yield _finding(file, node, *request)
            return


@rule.on(cst.With)
def group(node: cst.With, file: FileContext) -> Iterator[Diagnostic]:
    """`async with asyncio.TaskGroup() as group: … for p in prompts: group.create_task(ask(p))`."""
    names = [path_of(i.asname.name) for i in node.items if i.asname is not None and _is_group(file, i.item)]
    for call in within(node.body, functions=False) if names else ():
        match call:
            case cst.Call(func=cst.Attribute(value=owner, attr=cst.Name(value="create_task")), args=[made, *_]):
                loop = next((p for _, p in ancestors(file, call) if isinstance(p, (cst.For, cst.With))), None)
                if path_of(owner) not in names or not isinstance(loop, cst.For):
                    continue
                request = _request(file, made.value)
                if request is not None and not _is_short(file, loop.iter) and not _is_bounded(file, loop):
                    yield _finding(file, call, *request)
                    return


def _is_group(file: FileContext, node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and is_external(file, node.func, "asyncio.TaskGroup")


def _finding(file: FileContext, node: cst.Call, home: FileContext, request: cst.Call) -> Diagnostic:
    message = "sends as many requests at once as there are items, and meets the rate limit; hold them with a semaphore"
    notes = (Note("the request", home.span(request), None if home is file else home.source.path),)
    return Diagnostic(rule.code, message, file.span(node), None, notes)


def _made(file: FileContext, node: cst.BaseExpression) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """What each item becomes, and what the items are: of a comprehension, or of a list that a loop fills."""
    if isinstance(node, (cst.ListComp, cst.GeneratorExp, cst.SetComp)):
        yield node.elt, node.for_in.iter
        return
    match node:
        case cst.Call(func=cst.Name(value="map"), args=[function, items]):  # `gather(*map(ask, prompts))`
            yield cst.Call(function.value), items.value
            return
    if not isinstance(node, cst.Name) or node not in file.tree.places:
        return
    for binding in bindings_of(file, node):
        if isinstance(binding.value, (cst.ListComp, cst.GeneratorExp)):
            yield binding.value.elt, binding.value.for_in.iter
        elif isinstance(binding.value, cst.List) and not binding.value.elements:
            yield from _appended(file, node)


def _appended(file: FileContext, name: cst.Name) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    for call in file.nodes(cst.Call):
        match call:
            case cst.Call(func=cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value="append")), args=[item]):
                if owner != name.value or file.scope(call) is not file.scope(name):
                    continue
                loop = next((p for _, p in ancestors(file, call) if isinstance(p, (cst.For, cst.FunctionDef))), None)
                if isinstance(loop, cst.For):
                    yield item.value, loop.iter


def _request(file: FileContext, node: cst.BaseExpression) -> tuple[FileContext, cst.Call] | None:
    """The request that a coroutine makes, if nothing on the way holds it back, and the file it stands in."""
    if not isinstance(node, cst.Call):
        return None
    if node.args and is_external(file, node.func, "asyncio.create_task", "asyncio.ensure_future", "asyncio.wait_for"):
        return _request(file, node.args[0].value)
    call = request_at(file, node)
    if call is not None:
        return (file, node) if _asks(call) and file.parent(node) is not None else None
    found = definition(file, node.func)
    if found is None or found[1].asynchronous is None:
        return None
    if any(BOUNDED.search(path_of(a.value)) for a in node.args):
        return None  # it is handed a semaphore
    return _unheld(*found, HOPS)


def _asks(call: SdkCall) -> bool:
    """Whether a request asks a model: files that are attached to a conversation, and what is looked up, are few."""
    return call.asynchronous and call.path.startswith(ANSWERS)


def _unheld(file: FileContext, function: cst.FunctionDef, hops: int) -> tuple[FileContext, cst.Call] | None:
    """The first request in a coroutine, or in those that it awaits, if nothing holds it back."""
    if any(BOUNDED.search(file.code(d.decorator)) for d in function.decorators):
        return None
    found: tuple[FileContext, cst.Call] | None = None
    for node in within(function.body, functions=False):
        if isinstance(node, cst.With) and node.asynchronous is not None:
            return None  # a semaphore, a limiter, or something of the kind
        if isinstance(node, cst.Call):
            if BOUNDED.search(path_of(node.func)) or path_of(node.func).endswith("acquire"):
                return None
            call = request_at(file, node)
            if call is not None and _asks(call) and found is None:
                found = file, node
            inner = definition(file, node.func) if call is None and found is None and hops else None
            if inner is not None and inner[1].asynchronous is not None and isinstance(file.parent(node), cst.Await):
                found = _unheld(*inner, hops - 1)
    return found


def _is_short(file: FileContext, iterable: cst.BaseExpression) -> bool:
    """Whether there are few items, or they are a part of all that was cut out for this."""
    source = iterable
    if isinstance(iterable, cst.Name):
        if BOUNDED.search(iterable.value):
            return True
        values = [b.value for b in bindings_of(file, iterable)] if iterable in file.tree.places else []
        source = values[0] if len(values) == 1 and values[0] is not None else iterable
    match source:
        case cst.List(elements=elements) | cst.Tuple(elements=elements):
            return len(elements) <= FEW and not any(isinstance(e, cst.StarredElement) for e in elements)
        case cst.Call(func=cst.Name(value="range"), args=[cst.Arg(value=cst.Integer(value=number))]):
            return int(number, 0) <= FEW
        case cst.Call(func=cst.Name(value="range"), args=[*_, cst.Arg(value=cst.Name() | cst.Attribute())]):
            return True  # a number that somebody chose
        case cst.Call(func=cst.Name(value="enumerate" | "zip" | "list"), args=[first, *_]):
            return _is_short(file, first.value)
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Slice())]):
            return True
    named = f"{path_of(iterable)} {path_of(source)}"
    return bool(BOUNDED.search(named) or CHOSEN.search(named))


def _is_bounded(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether the call stands in a loop over parts: `for i in range(0, len(items), 10)`, `for batch in batches`."""
    for _, parent in ancestors(file, node):
        if isinstance(parent, (cst.For, cst.While)) and statements_of(parent.body):
            return True
        if isinstance(parent, cst.FunctionDef):
            return any(BOUNDED.search(p.name.value) for p in parent.params.params)
    return False
