"""`choices[0]` of a whole response with nothing before it that says there is one, and the server that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.addresses import address_of
from oaimigrate.analysis.calls import is_legacy_request
from oaimigrate.analysis.flow import bindings_of
from oaimigrate.analysis.guards import INDEX_ERRORS, Subject, caught_by_callers, end_index, guarded, path_of
from oaimigrate.analysis.kinds import ListOf, Model
from oaimigrate.analysis.reach import call_of_part, constructions, part_of, request_of
from oaimigrate.analysis.retries import is_repeated
from oaimigrate.analysis.steps import argument

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

# Servers that answer 200 with an `error` and without choices where OpenAI answers with a status.
GATEWAYS = {"openrouter.ai": "OpenRouter", "generativelanguage.googleapis.com": "Gemini"}

ERRORS = INDEX_ERRORS | {"TypeError"}  # of no element, and of None in place of the list
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
    holder = path_of(choices.value)
    extra = {f"{holder}.error", f"{holder}.model_extra"} if holder else set()
    keys = frozenset({path_of(choices), path_of(node.value), *extra} - {""})
    if guarded(file, node, Subject(keys, holder, errors=ERRORS)) or caught_by_callers(file, node, ERRORS):
        return None
    return None if is_repeated(file, node) else choices.value


def gateway_of(file: FileContext, response: cst.BaseExpression) -> str:
    """A server that a request may go to and that is known for answers without choices, "" if there is none."""
    reached = part_of(file, response)
    built = constructions(reached.file, reached.call.node.func) if reached is not None else []
    for home, construction in [c for c in built if c is not None]:
        address = argument(construction, "base_url")
        text = address_of(home, address) if address is not None else ""
        name = next((name for host, name in GATEWAYS.items() if text.startswith(f"https://{host}/")), "")
        if name:
            return name
    return ""


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
    return call is not None and (request_of(file, call) is not None or is_legacy_request(file, call))
