"""Fields of dataclasses and their like: a class that says what its objects hold, and gets it where they are made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import functions
from oaimigrate.analysis.arrivals import received_by
from oaimigrate.analysis.kinds import SILENT, ClassOf, Doubt, External, Nothing, Plain, Value, join
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.analysis.steps import known
from oaimigrate.analysis.walk import dotted

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference

DECORATORS = ("dataclass", "attr.s", "attr.define", "attrs.define", "attrs.frozen", "attrs.mutable")
BASES = ("NamedTuple", "pydantic.BaseModel")
MAX_BASES = 4


def field(inference: Inference, owner: cst.ClassDef, name: str) -> Value:
    """What the calls that make objects of a class put into a field of it; nothing known where it is no such class."""
    names = inference.fields.get(owner)
    if names is None:
        record = _is_record(inference, owner) and "__init__" not in inference.tree.scope_of_node[owner].names
        names = inference.fields[owner] = _fields(inference, owner, 0) if record else []
    if name not in names:
        return SILENT
    given = [
        *_given(inference, owner, name, names.index(name)),
        *received_by(inference, owner, name, names.index(name)),
    ]
    value = join(given, Doubt(f"`{owner.name.value}` is also made with something else for `{name}`", owner.name))
    if not known(value.kind) or isinstance(value.kind, (Plain, Nothing)):
        return SILENT
    if functions.private(inference.tree.scope_of_node[owner]):
        return value
    return value.doubted(
        Doubt(f"code outside this file may make a `{owner.name.value}` with something else for `{name}`", owner.name)
    )


def _given(inference: Inference, owner: cst.ClassDef, name: str, position: int) -> Iterator[Value]:
    """What the calls of this file give for a field."""
    for call in inference.index.calls(owner.name.value):
        kind = inference.kind(call.func).kind
        if not isinstance(kind, ClassOf) or kind.node is not owner:
            continue
        plain = [a for a in call.args if a.keyword is None]
        if any(a.star for a in call.args):
            yield SILENT
        elif position < len(plain):
            yield inference.kind(plain[position].value)
        else:
            named = (a.value for a in call.args if a.keyword is not None and a.keyword.value == name)
            yield from (inference.kind(value) for value in named)


def _is_record(inference: Inference, owner: cst.ClassDef) -> bool:
    paths = [inference.decorator_path(d) for d in owner.decorators]
    if any(path in DECORATORS or path.endswith(".dataclass") for path in paths):
        return True
    bases = [inference.kind(b.value).kind for b in owner.bases]
    if any(isinstance(b, External) and (b.path in BASES or b.path.endswith(".NamedTuple")) for b in bases):
        return True
    return any(isinstance(b, ClassOf) and b.node is not owner and _is_record_above(inference, b, 0) for b in bases)


def _is_record_above(inference: Inference, base: ClassOf, depth: int) -> bool:
    """Whether a class inherits from pydantic's: a subclass of a dataclass has to say that it is one."""
    kinds = [inference.home(base.node).kind(b.value).kind for b in base.node.bases]
    if any(isinstance(k, External) and k.path in BASES for k in kinds):
        return True
    above = [k for k in kinds if isinstance(k, ClassOf) and k.node is not base.node]
    return depth < MAX_BASES and any(_is_record_above(inference, k, depth + 1) for k in above)


def _fields(inference: Inference, owner: cst.ClassDef, depth: int) -> list[str]:
    """The fields of a class in the order of its arguments, those of its bases first."""
    names: dict[str, None] = {}
    for base in owner.bases if depth < MAX_BASES else ():
        kind = inference.kind(base.value).kind
        if isinstance(kind, ClassOf) and kind.node is not owner:
            names |= dict.fromkeys(_fields(inference.home(kind.node), kind.node, depth + 1))
    for statement in statements_of(owner.body):
        match statement:
            case cst.AnnAssign(target=cst.Name(value=name), annotation=cst.Annotation(annotation=said)):
                if not _is_class_variable(said):
                    names[name] = None
    return list(names)


def _is_class_variable(annotation: cst.BaseExpression) -> bool:
    """Whether an annotation is `ClassVar`, `typing.ClassVar[…]` or one of these in quotes."""
    outer = annotation.value if isinstance(annotation, cst.Subscript) else annotation
    if isinstance(outer, cst.SimpleString):
        return "ClassVar" in outer.value
    return (dotted(outer) or "").rpartition(".")[2] == "ClassVar"
