"""OAI503: a retry decorator around requests that the client retries itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import shown
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.reach import constructor_of, request_of
from oaimigrate.analysis.retries import retries_sdk_errors
from oaimigrate.analysis.rising import rising_requests
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI503")

SET_LATER = re.compile(r"\.max_retries\s*=[^=]")


@rule.on(cst.FunctionDef)
def function(node: cst.FunctionDef, file: FileContext) -> Iterator[Diagnostic]:
    """`@retry(…)` over a function whose client retries as well."""
    decorator = next((d for d in node.decorators if retries_sdk_errors(file, d)), None)
    if decorator is None:
        return
    for inner in rising_requests(file, node):
        reached = request_of(file, inner)
        if reached is None or reached.call.doubt is not None:
            continue
        found = constructor_of(reached.file, reached.call.node.func)
        if found is None or not _default_retries(found[1]) or _is_told(reached.file, reached.call.node.func):
            continue
        if SET_LATER.search(found[0].text):
            continue
        home, built = found
        name = shown(file, inner.func, reached.call.path)
        message = f"the client of `{name}` retries too: each attempt here is up to three requests; set `max_retries=0`"
        fix = _fix(file, built) if home is file else None
        notes: tuple[Note, ...] = (Note("the client", home.span(built), None if home is file else home.source.path),)
        if fix is None:
            notes = (*notes, Note("not rewritten: the client is built in another file"))
        yield Diagnostic(rule.code, message, file.span(decorator.decorator), fix, notes)
        return


def _default_retries(built: cst.Call) -> bool:
    return argument(built, "max_retries") is None and not any(a.star for a in built.args)


def _is_told(file: FileContext, node: cst.BaseExpression) -> bool:
    """`client.with_options(max_retries=0).chat.completions.create`, also through a name."""
    for _ in range(16):
        match node:
            case cst.Attribute(value=value):
                node = value
            case cst.Call(func=func) if argument(node, "max_retries") is not None or any(a.star for a in node.args):
                return isinstance(func, cst.Attribute)
            case cst.Call(func=func):
                node = func
            case cst.Name():
                source = source_of(file, node)
                if source is node:
                    return False
                node = source
            case _:
                return False
    return False


def _fix(file: FileContext, built: cst.Call) -> Fix:
    if built.args:
        last = built.args[-1]
        edit = build.insert(build.item_span(file, last).end, ", max_retries=0")
    else:
        edit = build.insert(file.span(built).end - 1, "max_retries=0")
    return Fix("Leave retries to the decorator", (edit,), Safety.UNSAFE)
