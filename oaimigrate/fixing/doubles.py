"""What a test double answers: dictionaries of the shape that 0.28 returned become objects of `openai.types`.

`model_construct` of the SDK's own base class builds nested models and asks for no field, so a test's half-empty answer
stays as it is and only gets attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.api import Method
from oaimigrate.analysis.flow import bindings_of, within
from oaimigrate.analysis.kinds import External, Function, Symbol
from oaimigrate.diagnostics import Edit, Need
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

ANSWERS = ("return_value", "side_effect")
NOTHING = ("None", "True", "False", "DEFAULT")


@dataclass(slots=True)
class Double:
    """What becomes of the double that one patch puts in place; `unseen` says that some answer of it is not known."""

    edits: list[Edit] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    unseen: bool = False
    seen: set[cst.CSTNode] = field(default_factory=set)


def rewritten(file: FileContext, call: cst.Call, new: cst.Arg | None, method: Method) -> Double:
    """The edits for the double of a patch: `new` is the argument that holds it, None where the patch makes a mock."""
    double = Double()
    if new is not None:
        _replacement(file, new.value, method, double)
    for value in (*_given(call), *_assigned(file, call)):
        _answer(file, value, method, double)
    double.edits = _joined(double.edits)
    return double


def _joined(edits: list[Edit]) -> list[Edit]:
    """Insertions at one place as one, in their order: two closing parentheses are not one twice."""
    found: dict[int, Edit] = {}
    for edit in edits:
        earlier = found.get(edit.start)
        found[edit.start] = Edit(edit.start, edit.end, earlier.text + edit.text) if earlier else edit
    return list(found.values())


def _replacement(file: FileContext, node: cst.BaseExpression, method: Method, double: Double) -> None:
    """A function in place of the method: it must not receive the resource as its first argument."""
    kind = file.kind(node).kind
    if isinstance(kind, Function) and not kind.bound:
        double.edits += _static(file, node)
        _returns(file, kind.node, method, double)
    elif isinstance(node, cst.Call) and _is_mock(file, node):
        for value in _given(node):
            _answer(file, value, method, double)
    else:
        double.edits += _static(file, node)
        double.unseen = True


def _static(file: FileContext, node: cst.BaseExpression) -> list[Edit]:
    span = file.whole(node)
    return [build.insert(span.start, "staticmethod("), build.insert(span.end, ")")]


def _is_mock(file: FileContext, call: cst.Call) -> bool:
    kind = file.kind(call.func).kind
    return isinstance(kind, External) and kind.path.rpartition(".")[2] in ("Mock", "MagicMock", "AsyncMock")


def _returns(file: FileContext, function: cst.FunctionDef | cst.Lambda, method: Method, double: Double) -> None:
    if isinstance(function, cst.Lambda):
        _answer(file, function.body, method, double)
        return
    for node in within(function.body, functions=False):
        if isinstance(node, cst.Return) and node.value is not None:
            _answer(file, node.value, method, double)


def _given(call: cst.Call) -> Iterator[cst.BaseExpression]:
    """`return_value=` and `side_effect=` of a patch or a mock."""
    for item in call.args:
        if item.keyword is not None and item.keyword.value in ANSWERS:
            yield item.value


def _answer(file: FileContext, node: cst.BaseExpression, method: Method, double: Double) -> None:
    """One answer: a dict is rebuilt, a list of them (`side_effect=[…]`, a stream) one by one."""
    if node in double.seen:
        return
    double.seen.add(node)
    if isinstance(node, (cst.List, cst.Tuple)):
        for element in node.elements:
            _answer(file, element.value, method, double)
    elif isinstance(node, cst.Call) and _is_mock(file, node):
        for value in _given(node):
            _answer(file, value, method, double)
    elif isinstance(node, cst.Dict) or _names_dict(file, node):
        model = _model(file, node, method)
        name = file.module_name
        if not model or (not name and file.openai_is_foreign):
            double.unseen = True
            return
        double.needs += [] if name else [Need("import", "openai")]
        span = file.whole(node)
        text = f"{name or 'openai'}.{model}.model_construct(**"
        double.edits += [build.insert(span.start, text), build.insert(span.end, ")")]
    elif isinstance(file.kind(node).kind, Function):
        kind = file.kind(node).kind
        assert isinstance(kind, Function)
        _returns(file, kind.node, method, double)
    elif not _is_harmless(file, node):
        double.unseen = True


def _is_harmless(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether an answer is nothing, or an error that is raised instead."""
    if isinstance(node, cst.Call):
        node = node.func
    kind = file.kind(node).kind
    if isinstance(kind, Symbol) and file.inference.is_error(kind.path):
        return True
    return isinstance(node, cst.Name) and (node.value in NOTHING or node.value.endswith(("Error", "Exception")))


def _names_dict(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether a name was given a dict display, once."""
    if not isinstance(node, cst.Name):
        return False
    bindings = bindings_of(file, node)
    return len(bindings) == 1 and isinstance(bindings[0].value, cst.Dict) and not bindings[0].path


def _model(file: FileContext, node: cst.BaseExpression, method: Method) -> str:
    """`types.chat.ChatCompletion`, or the chunk where the dict is a part of a stream; "" for lists and bytes."""
    streamed = isinstance(node, cst.Dict) and '"delta"' in file.code(node).replace("'", '"')
    name = method.stream if streamed else method.returns.partition("|")[0]
    row = file.api.models.get(name)
    if row is None:
        return ""
    package, _, cls = row.cls.removeprefix("openai.").rpartition(".")
    return f"{package.rpartition('.')[0]}.{cls}"


def _assigned(file: FileContext, call: cst.Call) -> Iterator[cst.BaseExpression]:
    """What a function assigns to `return_value` and `side_effect` of the mock that a patch gives it."""
    name, scope = _mock_name(file, call)
    for node in file.nodes(cst.Assign) if name else ():
        for target in node.targets:
            match target.target:
                case cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value=attr)) if (
                    owner == name and attr in ANSWERS and file.scope(node).function is scope
                ):
                    yield node.value


def _mock_name(file: FileContext, call: cst.Call) -> tuple[str, object]:
    """The local name of the mock, and the function scope that has it."""
    parent = file.parent(call)
    match parent:
        case cst.WithItem(asname=cst.AsName(name=cst.Name(value=name))):
            return name, file.scope(call).function
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))]):
            return name, file.scope(call).function
        case cst.Decorator():
            function = file.parent(parent)
            if isinstance(function, cst.FunctionDef):
                return _parameter(file, function, parent), file.tree.scope_of_node[function]
    return "", None


def _parameter(file: FileContext, function: cst.FunctionDef, decorator: cst.Decorator) -> str:
    """The parameter through which a patching decorator hands over its mock: the lowest decorator fills the first."""
    injecting = [d for d in reversed(function.decorators) if _injects(d)]
    if decorator not in injecting:
        return ""
    names = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
    names = names[1:] if names[:1] == ["self"] else names
    at = injecting.index(decorator)
    return names[at] if at < len(names) else ""


def _injects(decorator: cst.Decorator) -> bool:
    call = decorator.decorator
    if not isinstance(call, cst.Call):
        return False
    name = call.func.attr.value if isinstance(call.func, cst.Attribute) else getattr(call.func, "value", "")
    count = {"patch": 1, "object": 2}.get(name, 0)
    given = [a for a in call.args if a.keyword is None]
    return bool(count) and len(given) <= count and not any(a.keyword and a.keyword.value == "new" for a in call.args)
