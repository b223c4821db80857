"""Resource classes and methods of 0.28 that are kept as values, and the calls that are made through them.

The place that keeps one and the calls that hang on it are rewritten together or not at all: a resource of a client
takes no `api_key=` that a call brings, and a class of 0.28 no `timeout=` that was once `request_timeout=`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.clients import Use
from oaimigrate.analysis.kinds import External, Function, Symbol, one_by_one
from oaimigrate.analysis.requests import Reference, Request, find, module_of, request_at
from oaimigrate.fixing import arguments, twins
from oaimigrate.fixing.receiver import receiver

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def prefix(file: FileContext, resource: str) -> str:
    """`chat.completions` for ChatCompletion: where all the methods of a resource class went, "" if not to one place."""
    paths = {m.new for name, (m, _) in file.api.methods.items() if name.startswith(f"{resource}.") and m.new}
    heads = {p.rpartition(".")[0] for p in paths}
    return heads.pop() if len(heads) == 1 else ""


def resource_of(file: FileContext, node: Reference, resource: str, *, asynchronous: bool) -> Use:
    """What is written in place of a resource class: the client, and its resource."""
    row = next(m for name, (m, _) in file.api.methods.items() if name.startswith(f"{resource}.") and m.new)
    request = Request(node, row, asynchronous, None, module_of(file, node), False, file.scope(node))
    use = receiver(file, request, {})
    return replace(use, text=f"{use.text}.{prefix(file, resource)}")


def uses(file: FileContext, resource: str, variable: cst.BaseExpression | None) -> list[Request]:
    """The requests made through a variable that holds a resource class; through all of them if it is handed on."""
    found = [r for r in find(file) if r.indirect and _may(r, resource)]
    if variable is None or not twins.closed(file, variable):
        return found
    return [r for r in found if isinstance(r.node, cst.Attribute) and twins.same(file, r.node.value, variable)]


def _may(request: Request, resource: str) -> bool:
    return any(m.old.partition(".")[0] == resource for m in (request.method, *request.others))


def mixed(file: FileContext, resource: str, variable: cst.BaseExpression | None) -> bool:
    """Whether a variable holding a resource class serves sync and async methods."""
    return len({r.asynchronous for r in uses(file, resource, variable)}) > 1


def class_problem(file: FileContext, resource: str, variable: cst.BaseExpression | None) -> str:
    """Why a class that is kept, and the calls through it, stay: what the first of them cannot do."""
    for request in uses(file, resource, variable):
        if request.call is not None and (problem := _of_call(arguments.rewrite(file, request.call, request.method))):
            return problem
    if variable is not None and twins.closed(file, variable):
        for node, name in twins.held(file, variable):
            if problem := resource_of(file, node, name, asynchronous=False).problem:
                return f"the class that the variable holds cannot be rewritten: {problem}"
    return ""


def calls_problem(file: FileContext, path: str) -> str:
    """The same for a method that is kept: what the first call of it cannot do."""
    row = file.api.methods[path][0]
    found = (c for c in file.nodes(cst.Call) if path in called(file, c))
    return next((p for c in found if (p := _of_call(arguments.rewrite(file, c, row)))), "") or _shared(file, path)


def _shared(file: FileContext, path: str) -> str:
    """The same for calls that a function of the project may answer as well: this one keeps its arguments."""
    row = file.api.methods[path][0]
    for call in file.nodes(cst.Call):
        if isinstance(call.func, (cst.Name, cst.Attribute)) and call.args:
            paths, own = _held(file, call.func)
            if own and path in paths and arguments.rewrite(file, call, row).edits:
                return (
                    "a call through the variable gives arguments of 0.28, which a function of the project takes as well"
                )
    return ""


def places_problem(file: FileContext, path: str) -> str:
    """Why a place that keeps a method stays, and so the calls of it."""
    kept = (r for r in find(file) if r.call is None and not r.indirect and path_of(r) == path)
    problem = next((p for r in kept if (p := given(file, r).problem)), "")
    return problem and f"the place that keeps the method cannot be rewritten: {problem}"


def path_of(request: Request) -> str:
    """`ChatCompletion.acreate`: how 0.28 calls the method of a request."""
    assert isinstance(request.node, cst.Attribute)
    return f"{request.method.old.partition('.')[0]}.{request.node.attr.value}"


def called(file: FileContext, call: cst.Call) -> tuple[str, ...]:
    """The methods of 0.28 that a call may be of, if a variable holds them; none if any of them was not replaced."""
    func = call.func
    if not isinstance(func, (cst.Name, cst.Attribute, cst.Subscript)):
        return ()
    if isinstance(func, cst.Attribute) and request_at(file, func) is not None:
        return ()  # the method is spelled, or the variable holds its class
    paths, own = _held(file, func)
    return tuple(paths) if paths and not own and all(_is_replaced(file, p) for p in paths) else ()


def _held(file: FileContext, func: cst.BaseExpression) -> tuple[list[str], bool]:
    """What of the SDK an expression may hold, and whether it may be a function of the project, too."""
    kind = file.kind(func).kind
    kinds = one_by_one(kind)
    return [k.path for k in kinds if isinstance(k, Symbol)], any(isinstance(k, Function) for k in kinds)


def _is_replaced(file: FileContext, path: str) -> bool:
    return path in file.api.methods and bool(file.api.methods[path][0].new)


def _of_call(result: arguments.Arguments) -> str:
    if result.problem:
        return f"a call through the variable cannot be rewritten: {result.problem}"
    if not result.options:
        return ""
    names = " and ".join(f"`{name}=`" for name in sorted(result.options))
    which = "which chooses" if len(result.options) == 1 else "which choose"
    return f"a call through the variable gives {names}, {which} the client now: build one with it"


def given(file: FileContext, request: Request) -> arguments.Arguments:
    """The arguments of the call, or of the `partial(…)`, `to_thread(…)`, `submit(…)` that the method is handed to."""
    if request.call is not None:
        return arguments.rewrite(file, request.call, request.method)
    argument = file.parent(request.node)
    call = file.parent(argument) if isinstance(argument, cst.Arg) else None
    if not isinstance(call, cst.Call) or not isinstance(argument, cst.Arg) or argument.keyword is not None:
        return arguments.Arguments()
    passed = call.args[call.args.index(argument) + 1 :]
    if not _hands_on(file, call):
        passed = tuple(a for a in passed if a.keyword is not None and a.keyword.value in request.method.rename)
    result = arguments.rewrite(file, call, request.method._replace(required=()), passed)  # the rest is given later
    if result.options and not result.problem:
        result.problem = "credentials are given where the method is handed on"
    return result


def _hands_on(file: FileContext, call: cst.Call) -> bool:
    """Whether a call is known to pass its further arguments to the function it is given."""
    if file.kind(call.func).kind in (External("functools.partial"), External("asyncio.to_thread")):
        return True
    return isinstance(call.func, cst.Attribute) and call.func.attr.value == "submit"
