"""OAI701: tokens counted with an encoding that the model does not use, or a name that is no encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.encodings import NAMES, encoding_name, maker, models_of
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, source_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI701")

_CUTS = re.compile(r"chunk|split|cut", re.IGNORECASE)

OTHER = {"get_encoding": "encoding_for_model", "encoding_for_model": "get_encoding"}


@rule.on(cst.Call)
def encoding(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`tiktoken.get_encoding("cl100k_base")` beside requests to gpt-4o."""
    given = source_of(file, node.args[0].value) if len(node.args) == 1 else None
    name = literal(given)
    if given is None or name is None or not (function := maker(file, node)):
        return
    if name == "gpt2":
        return  # both a model and its encoding
    if (function == "get_encoding") != (name in NAMES):
        if function == "encoding_for_model" or encoding_name(name):
            yield _swapped(file, node, name, function)
        return
    chosen = name if function == "get_encoding" else encoding_name(name)
    models = models_of(file)
    if function == "encoding_for_model" and "embedding" not in name:
        models = {m for m in models if "embedding" not in m}  # these are asked for something else
    wanted = {encoding_name(model) for model in models}
    if len(wanted) != 1 or not chosen or chosen in wanted or "" in wanted or _is_fallback(file, node):
        return
    if _serves_others(file, given, chosen) or _only_cuts(file, node):
        return
    right, model = next(iter(wanted)), sorted(models)[0]
    message = f"`{chosen}` is not the encoding of `{model}`, which counts with `{right}`"
    new = right if function == "get_encoding" else model
    fix: Fix | None = None
    notes: tuple[Note, ...] = (Note("not rewritten: the name may be used for something else"),)
    if given is node.args[0].value:
        fix, notes = Fix(f"Count with `{new}`", (build.replace_whole(file, given, f'"{new}"'),), Safety.UNSAFE), ()
    yield Diagnostic(rule.code, message, file.span(node.args[0].value), fix, notes)


def _serves_others(file: FileContext, given: cst.CSTNode, chosen: str) -> bool:
    """Whether the file names a model of the chosen encoding anywhere else, or embeds, which counts with that of old."""
    if chosen == "cl100k_base" and "embed" in file.text.lower():
        return True
    return any(n is not given and encoding_name(literal(n) or "") == chosen for n in file.nodes(cst.SimpleString))


def _only_cuts(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether the count cuts texts into pieces of about the same size."""
    around = (p.name.value for _, p in ancestors(file, node) if isinstance(p, (cst.FunctionDef, cst.ClassDef)))
    return any(_CUTS.search(name) for name in around)


def _swapped(file: FileContext, node: cst.Call, name: str, function: str) -> Diagnostic:
    what = "an encoding, not a model" if name in NAMES else "a model, not an encoding"
    error = "KeyError" if function == "encoding_for_model" else "ValueError"
    message = f'`{function}("{name}")` raises {error}: that is {what}; call `{OTHER[function]}`'
    if not isinstance(node.func, cst.Attribute):
        note = Note("not rewritten: the function is imported by name")
        return Diagnostic(rule.code, message, file.span(node), None, (note,))
    edit = build.replace(file, node.func.attr, OTHER[function])
    return Diagnostic(rule.code, message, file.span(node), Fix(f"Call `{OTHER[function]}`", (edit,), Safety.UNSAFE))


def _is_fallback(file: FileContext, node: cst.Call) -> bool:
    """Whether the encoding is for models that tiktoken does not know: that has a rule of its own."""
    return any(isinstance(parent, (cst.ExceptHandler, cst.Else)) for _, parent in ancestors(file, node))
