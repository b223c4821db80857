"""OAI701: tokens counted with an encoding that the model does not use, or a name that is no encoding."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.encodings import NAMES, encoding_name, maker, models_of
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI701")

OTHER = {"get_encoding": "encoding_for_model", "encoding_for_model": "get_encoding"}


@rule.on(cst.Call)
def encoding(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`tiktoken.get_encoding("cl100k_base")` beside requests to gpt-4o."""
    name = literal(node.args[0].value) if len(node.args) == 1 else None
    if name is None or not (function := maker(file, node)):
        return
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
    right, model = next(iter(wanted)), sorted(models)[0]
    message = f"`{chosen}` is not the encoding of `{model}`, which counts with `{right}`"
    new = right if function == "get_encoding" else model
    fix = Fix(f"Count with `{new}`", (build.replace_whole(file, node.args[0].value, f'"{new}"'),), Safety.UNSAFE)
    yield Diagnostic(rule.code, message, file.span(node.args[0].value), fix)


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
