"""Abstract methods: what the classes that fill them in give and are given, in the same file and in others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import arrivals, attributes
from oaimigrate.analysis.kinds import SILENT, Doubt, Function, InstanceOf, Value, join, matters
from oaimigrate.analysis.steps import known

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference
    from oaimigrate.analysis.scopes import Binding

_ANYTHING = re.compile(r"\b(?:Any|object|[dD]ict|(?:Mutable)?Mapping|OpenAIObject)\b")


def is_open(inference: Inference, function: cst.FunctionDef) -> bool:
    """Whether a method is abstract and says nothing of what it returns but that it may be anything, or a dictionary."""
    if not is_abstract(inference, function):
        return False
    if function.returns is None:
        return True
    return _ANYTHING.search(inference.tree.module.code_for_node(function.returns.annotation)) is not None


def is_abstract(inference: Inference, function: cst.FunctionDef) -> bool:
    """Whether a method is there to be filled in: it is declared so, says nothing, or raises `NotImplementedError`."""
    owner = inference.tree.scopes[function].node
    if not isinstance(owner, cst.ClassDef):
        return False
    if any(inference.decorator_path(d).rpartition(".")[2].startswith("abstract") for d in function.decorators):
        return True
    lines = function.body.body
    if all(_says_nothing(line) for line in lines):
        return True
    match lines[-1]:
        case cst.SimpleStatementLine(body=[cst.Raise(exc=error)]) | cst.Raise(exc=error):
            raised = error.func if isinstance(error, cst.Call) else error
            named = isinstance(raised, cst.Name) and raised.value == "NotImplementedError"
            return named and all(_says_nothing(line) for line in lines[:-1])
    return any(isinstance(b.value, (cst.Name, cst.Attribute)) and _last(b.value) == "Protocol" for b in owner.bases)


def apply(inference: Inference, home: Inference, function: cst.FunctionDef, call: cst.Call) -> bool:
    """Whether what is known to fill in abstract methods counts where a call runs a method: not for an object of a class
    below that fills them in otherwise.
    """
    owner = home.tree.scopes[function].node
    receiver = inference.kind(call.func.value).kind if isinstance(call.func, cst.Attribute) else None
    if not isinstance(receiver, InstanceOf) or receiver.node is owner or not isinstance(owner, cst.ClassDef):
        return True
    own = inference.home(receiver.node)
    methods = (node for node in abstract_methods(home, owner) if is_open(home, node))
    abstract = [node for node in methods if known(filled(home, node).kind)]
    given = [attributes.member(own, receiver.node, node.name.value) for node in abstract]
    return not given or any(matters((inference.called(g, None) or SILENT).kind) for g in given)


def abstract_methods(inference: Inference, owner: cst.ClassDef) -> list[cst.FunctionDef]:
    """The methods of a class that are there to be filled in."""
    found = inference.abstract.get(owner)
    if found is None:
        bindings = inference.tree.scope_of_node[owner].names.values()
        methods = (b[-1].node for b in bindings if isinstance(b[-1].node, cst.FunctionDef))
        found = inference.abstract[owner] = [method for method in methods if is_abstract(inference, method)]
    return found


def parameters(inference: Inference, function: cst.FunctionDef) -> list[Binding]:
    """The parameters of a method, the receiver left out."""
    scope = inference.tree.scope_of_node[function]
    return [scope.names[p.name.value][0] for p in _parameters(function)]


def _parameters(function: cst.FunctionDef) -> list[cst.Param]:
    return [*function.params.posonly_params, *function.params.params][1:]


def filled_parameters(
    inference: Inference, function: cst.FunctionDef, parameter: cst.Param
) -> Iterator[tuple[Inference, Binding]]:
    """The parameters of abstract methods for which a parameter of a method stands that fills them in."""
    owner = inference.tree.scopes[function].node
    places = [i for i, p in enumerate(_parameters(function)) if p is parameter]
    if not places or not isinstance(owner, cst.ClassDef) or not owner.bases:
        return
    for home, above in attributes.ancestors(inference, owner):
        bindings = home.tree.scope_of_node[above].names.get(function.name.value)
        method = bindings[-1].node if bindings else None
        if isinstance(method, cst.FunctionDef) and is_abstract(home, method):
            yield from ((home, found) for found in parameters(home, method)[places[0] : places[0] + 1])


def filled(inference: Inference, function: cst.FunctionDef) -> Value:
    """What a call of an abstract method gives, as far as the classes below are known."""
    if not inference.fills:
        return SILENT
    name = function.name.value
    values = [inference.returned(method) for method in _here(inference, function)]
    values += arrivals.filled(inference, function)
    value = join(values, Doubt(f"a class gives something else for `{name}`", function.name))
    if not known(value.kind):
        return SILENT
    return value.doubted(Doubt(f"classes elsewhere may give something else for `{name}`", function.name))


def methods(inference: Inference, function: cst.FunctionDef) -> Iterator[tuple[Inference, cst.FunctionDef]]:
    """The methods that fill in an abstract one, of this file and of others, each with the inference of its file."""
    for method in _here(inference, function):
        yield inference, method
    for passed in arrivals.fillings(inference, function):
        file = inference.file.project.modules.file(passed.caller)
        if file is not None:
            same = (node for node in file.nodes(cst.FunctionDef) if node.name.value == function.name.value)
            rows = ((node, file.source.position(file.span(node).start)[0]) for node in same)
            yield from ((file.inference, node) for node, row in rows if row == passed.row)


def _here(inference: Inference, function: cst.FunctionDef) -> Iterator[cst.FunctionDef]:
    owner = inference.tree.scopes[function].node
    for below in inference.below.get(owner, ()) if isinstance(owner, cst.ClassDef) else ():
        kind = attributes.member(inference, below, function.name.value).kind
        if isinstance(kind, Function) and isinstance(kind.node, cst.FunctionDef) and kind.node is not function:
            yield kind.node


def _says_nothing(line: cst.BaseStatement | cst.BaseSmallStatement) -> bool:
    """Whether a statement is a docstring, `pass` or `...`."""
    if isinstance(line, cst.SimpleStatementLine):
        return all(_says_nothing(small) for small in line.body)
    return isinstance(line, cst.Pass) or (
        isinstance(line, cst.Expr) and isinstance(line.value, (cst.BaseString, cst.Ellipsis))
    )


def _last(node: cst.Name | cst.Attribute) -> str:
    return node.attr.value if isinstance(node, cst.Attribute) else node.value
