"""`choices[0]` of a whole response with nothing before it that says there is one, and the server that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import bindings_of, is_external, source_of
from oaimigrate.analysis.guards import Subject, end_index, guarded, path_of
from oaimigrate.analysis.kinds import ListOf, Model, Symbol
from oaimigrate.analysis.reach import call_of_part, constructor_of, part_of, request_of
from oaimigrate.analysis.steps import argument, literal

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

# Servers that answer 200 with an `error` and without choices where OpenAI answers with a status.
GATEWAYS = {"openrouter.ai": "OpenRouter", "generativelanguage.googleapis.com": "Gemini"}

CHOICES = tuple(ListOf(Model(name)) for name in ("ChatChoice", "CompletionChoice", "ParsedChoice"))


def unguarded_choice(file: FileContext, node: cst.Subscript) -> cst.BaseExpression | None:
    """The response that `response.choices[0]` takes a choice of without a look; None where it is none, or was seen."""
    if not end_index(node):
        return None
    value = file.kind(node.value)
    if value.kind not in CHOICES or not value.certain:
        return None
    choices = _list(file, node.value)
    if choices is None or not _is_answer(file, choices.value):
        return None
    if _seen_before(file, node, choices):
        return None
    keys = frozenset({path_of(choices), path_of(node.value)} - {""})
    return None if guarded(file, node, Subject(keys, path_of(choices.value))) else choices.value


def gateway_of(file: FileContext, response: cst.BaseExpression) -> str:
    """The server behind a request that is known for answers without choices, "" for any other."""
    reached = part_of(file, response)
    found = constructor_of(reached.file, reached.call.node.func) if reached is not None else None
    address = argument(found[1], "base_url") if found is not None else None
    text = _address(found[0], address) if found is not None and address is not None else ""
    return next((name for host, name in GATEWAYS.items() if text.startswith(f"https://{host}/")), "")


def _address(file: FileContext, node: cst.BaseExpression) -> str:
    """A base URL that is written out, or the one that holds where the environment names none."""
    node = source_of(file, node)
    match node:
        case cst.Call(func=func, args=[_, cst.Arg(value=default)]):
            if is_external(file, func, "os.getenv", "os.environ.get"):
                return _address(file, default)
        case cst.BooleanOperation(operator=cst.Or(), right=default):
            return _address(file, default)
    return literal(node) or ""


def _list(file: FileContext, node: cst.BaseExpression) -> cst.Attribute | None:
    """The `.choices` that is indexed, directly or through a name assigned from it."""
    if isinstance(node, cst.Name):
        bindings = bindings_of(file, node)
        value = bindings[0].value if len(bindings) == 1 and not bindings[0].path else None
        return value if isinstance(value, cst.Attribute) else None
    return node if isinstance(node, cst.Attribute) else None


def _seen_before(file: FileContext, node: cst.Subscript, choices: cst.Attribute) -> bool:
    """Whether an earlier line of the same suite takes a choice of the same response, and so fails first."""
    root = choices.value
    if not isinstance(root, cst.Name):
        return False
    for other in file.nodes(cst.Subscript):
        if other is node:
            return False
        match other.value:
            case cst.Attribute(value=cst.Name() as name) if path_of(other.value) == path_of(choices):
                if _suite(file, other) is _suite(file, node) and bindings_of(file, name) == bindings_of(file, root):
                    return True
    return False


def _suite(file: FileContext, node: cst.CSTNode) -> object:
    return file.tree.places[node].block


def _is_answer(file: FileContext, response: cst.BaseExpression) -> bool:
    """Whether a response comes straight from a request; one that was handed in or made up may have been looked at."""
    call = call_of_part(file, response)
    if call is None or request_of(file, call) is not None:
        return call is not None
    kind = file.kind(call.func).kind
    return isinstance(kind, Symbol) and kind.path in file.api.methods
