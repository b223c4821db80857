"""tiktoken in a file: which expressions are encodings, and which encoding a model has.

Source: tiktoken/model.py 0.14; names are matched as there, exactly and then by prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import bindings_of, is_external, within
from oaimigrate.analysis.kinds import ClassOf, Function, InstanceOf
from oaimigrate.analysis.steps import literal
from oaimigrate.analysis.walk import dotted

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.scopes import Binding

NAMES = frozenset({"o200k_harmony", "o200k_base", "cl100k_base", "p50k_base", "p50k_edit", "r50k_base", "gpt2"})
NEWEST = "o200k_base"
_O200K = re.compile(r"(?:ft:)?(?:gpt-4o|gpt-4\.[15]|gpt-5|chatgpt-4o|o[134])(?:-|$|\.|:)")
_CL100K = re.compile(
    r"(?:ft:)?(?:gpt-4|gpt-3\.5-turbo|gpt-35-turbo|text-embedding-(?:3|ada)|davinci-002|babbage-002)(?:-|$|:)"
)
_SETTINGS = ("os.getenv", "os.environ.get")
MAKERS = ("tiktoken.get_encoding", "tiktoken.encoding_for_model")


def encoding_name(model: str) -> str:
    """The encoding of a model, "" for one that is not known."""
    if _O200K.match(model):
        return NEWEST
    return "cl100k_base" if _CL100K.match(model) else ""


def maker(file: FileContext, node: cst.CSTNode | None) -> str:
    """`get_encoding` or `encoding_for_model` for a call of that function of tiktoken, else ""."""
    if isinstance(node, cst.Call) and node.args and is_external(file, node.func, *MAKERS):
        return (
            (dotted(node.func) or "").rpartition(".")[2]
            if isinstance(node.func, cst.Attribute)
            else _imported(file, node.func)
        )
    return ""


def _imported(file: FileContext, func: cst.BaseExpression) -> str:
    return "get_encoding" if is_external(file, func, MAKERS[0]) else "encoding_for_model"


def is_encoding(file: FileContext, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether an expression is an encoding of tiktoken, whichever way was taken to it."""
    if depth > 4:
        return False
    match node:
        case cst.Call():
            if maker(file, node):
                return True
            kind = file.kind(node.func).kind
            return isinstance(kind, Function) and _returns_encoding(file, kind.node, depth)
        case cst.Name() if node in file.tree.places:
            bindings = bindings_of(file, node)
            if any(b.how == "param" and isinstance(b.node, cst.Param) and _annotated(file, b.node) for b in bindings):
                return True
            return all(b.how == "assign" and not b.path for b in bindings) and _all(
                file, [b.value for b in bindings], depth
            )
        case cst.Attribute(value=cst.Name() as owner, attr=attr):
            instance = file.kind(owner).kind
            scope = file.tree.scope_of_node.get(instance.node) if isinstance(instance, (InstanceOf, ClassOf)) else None
            bindings = (
                [*file.tree.attributes.get(scope, {}).get(attr.value, ()), *scope.names.get(attr.value, ())]
                if scope is not None
                else []
            )
            return _all(file, [b.value for b in bindings], depth)
        case cst.BooleanOperation(left=left, right=right):
            return _all(file, [left, right], depth)
    return False


def _all(file: FileContext, values: list[cst.BaseExpression | None], depth: int) -> bool:
    """Whether all of these are encodings; `x = None` and a bare `x: Encoding` say nothing."""
    asked = [v for v in values if v is not None and not (isinstance(v, cst.Name) and v.value == "None")]
    return bool(asked) and all(is_encoding(file, v, depth + 1) for v in asked)


def _annotated(file: FileContext, parameter: cst.Param) -> bool:
    annotation = parameter.annotation.annotation if parameter.annotation is not None else None
    return annotation is not None and is_external(file, annotation, "tiktoken.Encoding", "tiktoken.core.Encoding")


def _returns_encoding(file: FileContext, function: cst.CSTNode, depth: int) -> bool:
    if not isinstance(function, cst.FunctionDef) or function not in file.tree.scope_of_node:
        return False
    returned = [n.value for n in within(function.body, functions=False) if isinstance(n, cst.Return) and n.value]
    return _all(file, list(returned), depth)


def encode_call(file: FileContext, node: cst.CSTNode) -> cst.Call | None:
    """A call `encoding.encode(text)` with one positional text."""
    match node:
        case cst.Call(func=cst.Attribute(value=encoding, attr=cst.Name(value="encode")), args=[first, *_]):
            if first.keyword is None and not first.star and is_encoding(file, encoding):
                return node
    return None


def models_of(file: FileContext) -> set[str]:
    """The models that a file names where one is asked for: `model="gpt-4o"`, a constant, a default; "" for others."""
    found = set()
    for argument in file.nodes(cst.Arg):
        if argument.keyword is not None and argument.keyword.value == "model":
            found |= set(_texts(file, argument.value, 0))
    return found


def _texts(file: FileContext, node: cst.BaseExpression | None, depth: int) -> Iterator[str]:
    """What an expression says: a literal, the default of a parameter or of a setting; "" where it is not written."""
    text = literal(node)
    match node:
        case _ if text is not None or depth > 4:
            yield text or ""
        case cst.Name() if node in file.tree.places:
            yield from _bound(file, bindings_of(file, node), depth)
        case cst.Attribute(value=owner, attr=attr):
            instance = file.kind(owner).kind
            scope = file.tree.scope_of_node.get(instance.node) if isinstance(instance, InstanceOf) else None
            if scope is None:
                yield ""
            else:
                held = [*file.tree.attributes.get(scope, {}).get(attr.value, ()), *scope.names.get(attr.value, ())]
                yield from _bound(file, held, depth)
        case cst.BooleanOperation(left=left, operator=cst.Or(), right=right):
            yield from _texts(file, right, depth + 1)
            yield from (t for t in _texts(file, left, depth + 1) if t)
        case cst.Call(args=[_, cst.Arg(keyword=None, star="") as default]) if is_external(file, node.func, *_SETTINGS):
            yield from _texts(file, default.value, depth + 1)
        case _:
            yield ""


def _bound(file: FileContext, bindings: list[Binding], depth: int) -> Iterator[str]:
    """What the bindings of a name say; "" for a parameter without a default."""
    if not bindings:
        yield ""
    for binding in bindings:
        if binding.how == "param" and isinstance(binding.node, cst.Param):
            yield from _texts(file, binding.node.default, depth + 1)
        elif binding.how == "assign" and not binding.path:
            yield from _texts(file, binding.value, depth + 1)
        else:
            yield ""
