"""What takes the place of `hasattr(message, "function_call")`, which is always true of a model.

Where a value is surely the model, its field is compared with None; else the field is asked for with `getattr`, as
`hasattr` did: of None, or of what a gateway sends, it may not be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.narrowing import from_caller
from oaimigrate.diagnostics import Edit, Fix, Safety

if TYPE_CHECKING:
    from oaimigrate.analysis.api import Field
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.kinds import Value


def fix(file: FileContext, node: cst.Call, base: Value, model: str, field: Field) -> Fix:
    """The rewrite of a `hasattr(value, "field")`; `model` is what the value is."""
    value = node.args[0].value
    inner, whole, word = file.whole(value), file.span(node), "is not None"
    parent = file.parent(node)
    if isinstance(parent, cst.UnaryOperation) and isinstance(parent.operator, cst.Not) and not node.lpar:
        whole, word, parent = file.span(parent), "is None", file.parent(parent)
    sure = base.certain and not from_caller(file, value) and not _may_be_none(file, model)
    opening, test = ("", f".{field.name} {word}") if sure else ("getattr(", f', "{field.name}", None) {word}')
    if isinstance(parent, (cst.Comparison, cst.ComparisonTarget, cst.BinaryOperation, cst.Attribute, cst.Subscript)):
        opening, test = f"({opening}", f"{test})"
    edits = Edit(whole.start, inner.start, opening), Edit(inner.end, whole.end, test)
    safety = Safety.SAFE if sure and not field.required else Safety.UNSAFE
    return Fix("Test that the field is not None", edits, safety)


def _may_be_none(file: FileContext, model: str) -> bool:
    """Whether some model has this one in a field that may be None, such as `usage`."""
    return any(f.nullable and f.type == model for m in file.api.models.values() for f in m.fields.values())
