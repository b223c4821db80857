"""Which calls make requests whose errors reach the place where they stand: themselves, or in functions of the project.

An error rises through a function unless a `try` or `suppress` there takes it; through a coroutine only where that is
awaited, and through a generator only where that is iterated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.calls import request_at
from oaimigrate.analysis.flow import ancestors, is_external, within
from oaimigrate.analysis.kinds import Symbol, TupleOf
from oaimigrate.analysis.reach import definition, is_transparent, request_of

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

EVERYTHING = frozenset({"Exception", "BaseException"})
ALL_OF_THE_SDK = frozenset({*EVERYTHING, "OpenAIError", "APIError"})
MAX_HOPS = 5  # functions that call one another before a request is made
MAX_FUNCTIONS = 40  # that one question looks into
_TIDYING = re.compile(r"(?:^|\.)(?:list|retrieve|content|delete|del_|cancel|close)$")
_LATER = ("asyncio.create_task", "asyncio.ensure_future")


def requests_in(file: FileContext, node: cst.CSTNode, *, helpers: bool = True) -> list[cst.Call]:
    """The calls in a piece of code that make requests, themselves or in functions of the project."""
    calls = (n for n in within(node, functions=False) if isinstance(n, cst.Call))
    return [c for c in calls if (helpers or request_of(file, c) is not None) and asks(file, c)]


def answers_in(file: FileContext, node: cst.CSTNode) -> list[cst.Call]:
    """The calls that ask for an answer whose errors rise to here: not those that look what there is, or tidy up."""
    found = []
    for call in requests_in(file, node):
        reached = request_of(file, call)
        if (reached is None or not _TIDYING.search(reached.call.path)) and not _is_held(file, call, node):
            found.append(call)
    return found


def rising_requests(file: FileContext, function: cst.FunctionDef) -> list[cst.Call]:
    """The calls of a function that make requests whose errors leave it, and so reach its decorators."""
    return [c for c in requests_in(file, function.body) if not _is_held(file, c, function)]


def asks(file: FileContext, node: cst.Call) -> bool:
    """Whether a call makes a request, or asks for an answer in functions of the project that let its errors rise."""
    return request_at(file, node) is not None or _asks(file, node, MAX_HOPS, set())


def _asks(file: FileContext, node: cst.Call, hops: int, seen: set[cst.CSTNode]) -> bool:
    call = request_at(file, node)
    if call is not None:
        return not _TIDYING.search(call.path)
    found = definition(file, node.func) if hops else None
    if found is None or found[1] in seen or len(seen) >= MAX_FUNCTIONS or not runs(file, node, *found):
        return False
    home, function = found
    known = home.rising.get(function)
    if known is not None:
        return known
    seen.add(function)
    calls = (n for n in within(function.body, functions=False) if isinstance(n, cst.Call))
    answer = any(_asks(home, c, hops - 1, seen) and not _is_held(home, c, function) for c in calls)
    if answer or hops == MAX_HOPS:  # what was cut short says nothing about the next time
        home.rising[function] = answer
    return answer


def runs(file: FileContext, node: cst.Call, home: FileContext, function: cst.FunctionDef) -> bool:
    """Whether the body of a function runs where it is called, and its errors come out there."""
    if not all(is_transparent(home, d) for d in function.decorators):
        return False
    parent = file.parent(node)
    if any(isinstance(n, cst.Yield) for n in within(function.body, functions=False)):
        return isinstance(parent, (cst.For, cst.CompFor)) and parent.iter is node
    if function.asynchronous is None or isinstance(parent, cst.Await):
        return True
    outer = file.parent(parent) if isinstance(parent, cst.Arg) else None
    return isinstance(outer, cst.Call) and not is_external(file, outer.func, *_LATER)


def _is_held(file: FileContext, call: cst.CSTNode, top: cst.CSTNode) -> bool:
    """Whether something between a call and a node around it takes every error of the SDK."""
    for child, parent in ancestors(file, call):
        if child is top or parent is top:
            return False
        match parent:
            case cst.Try(body=body, handlers=handlers) if child is body:
                for handler in handlers:
                    caught = ALL_OF_THE_SDK & set(classes_of(file, handler.type))
                    if caught and not any(isinstance(n, cst.Raise) for n in within(handler.body)):
                        return True
            case cst.With(body=body) if child is body and suppressed(file, parent) & ALL_OF_THE_SDK:
                return True
    return False


def suppressed(file: FileContext, node: cst.With) -> set[str]:
    """The classes of errors that `with suppress(Exception):` drops."""
    calls = [i.item for i in node.items if isinstance(i.item, cst.Call)]
    return {
        name
        for call in calls
        if is_external(file, call.func, "contextlib.suppress")
        for argument in call.args
        for name in classes_of(file, argument.value)
    }


def classes_of(file: FileContext, types: cst.BaseExpression | None) -> list[str]:
    """What a clause catches: paths of the SDK's classes, `Exception` and `BaseException`, "" for any other."""
    if types is None:
        return ["BaseException"]
    parts = [e.value for e in types.elements] if isinstance(types, cst.Tuple) else [types]
    found = []
    for part in parts:
        if isinstance(part, cst.Name) and part.value in EVERYTHING and file.scope(part).owner_of(part.value) is None:
            found.append(part.value)
            continue
        kind = file.kind(part).kind
        for item in kind.items if isinstance(kind, TupleOf) else (kind,):
            found.append(item.path if isinstance(item, Symbol) and file.inference.is_error(item.path) else "")
    return found


def catches(file: FileContext, types: cst.BaseExpression | None, name: str) -> bool:
    """Whether a clause takes errors of a class of the SDK."""
    return bool({*errors.ancestors(file, name), *EVERYTHING} & set(classes_of(file, types)))
