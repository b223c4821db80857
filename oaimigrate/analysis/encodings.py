"""tiktoken in a file: which expressions are encodings, and which encoding a model has.

Source: tiktoken/model.py 0.14; names are matched as there, exactly and then by prefix.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import bindings_of, is_external, within
from oaimigrate.analysis.kinds import ClassOf, Function, InstanceOf
from oaimigrate.analysis.steps import literal
from oaimigrate.analysis.walk import dotted

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

NAMES = frozenset({"o200k_harmony", "o200k_base", "cl100k_base", "p50k_base", "p50k_edit", "r50k_base", "gpt2"})
NEWEST = "o200k_base"
_O200K = re.compile(r"(?:ft:)?(?:gpt-4o|gpt-4\.[15]|gpt-5|chatgpt-4o|o[134])(?:-|$|\.|:)")
_CL100K = re.compile(
    r"(?:ft:)?(?:gpt-4|gpt-3\.5-turbo|gpt-35-turbo|text-embedding-(?:3|ada)|davinci-002|babbage-002)(?:-|$|:)"
)
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
    """The models of a file that are written out where a model is asked for: `model="gpt-4o"`, `MODEL = "gpt-4o"`."""
    found = set()
    for argument in file.nodes(cst.Arg):
        if argument.keyword is not None and argument.keyword.value == "model":
            value: cst.CSTNode = argument.value
            if isinstance(value, cst.Name) and value in file.tree.places:
                values = [b.value for b in bindings_of(file, value) if b.value is not None]
            else:
                values = [value] if isinstance(value, cst.BaseExpression) else []
            found |= {literal(v) or "" for v in values} or {""}
    return found
