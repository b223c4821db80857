"""Places where Python takes a mapping without a name for it: `a | b`, `"%(k)s" % a`, `format_map(a)`, `d.update(a)`.

Whoever asks whether a response is used as a dict asks here which expression is taken, and what comes of it today.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.carriers import constant
from oaimigrate.analysis.kinds import DictOf, Plain, Record
from oaimigrate.analysis.steps import literal

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

Taken = Iterator[tuple[cst.BaseExpression, str]]
_SHALLOW = "copies only the outermost level of a response since openai 1.0"


def operands(file: FileContext, node: cst.BinaryOperation) -> Taken:
    """`response | {...}`, `{...} | response`, `"%(id)s" % response`."""
    match node.operator:
        case cst.BitOr():
            for side in (node.left, node.right):
                yield side, "`|` does not take a response since openai 1.0"
        case cst.Modulo():
            template = literal(node.left) or constant(file.inference, node.left) or ""
            if "%(" in template.replace("%%", ""):
                yield node.right, "`%` needs a mapping for its names, which a response is not since openai 1.0"


def added(file: FileContext, node: cst.AugAssign) -> Taken:
    """`record |= response`."""
    if isinstance(node.operator, cst.BitOrAssign):
        yield node.value, f"`|=` {_SHALLOW}"


def arguments(file: FileContext, node: cst.Call) -> Taken:
    """`record.update(response)`, `text.format_map(response)`, `"{0[id]}".format(response)`."""
    if not isinstance(node.func, cst.Attribute):
        return
    base = node.func.value
    plain = [a.value for a in node.args if a.keyword is None and not a.star]
    match node.func.attr.value:
        case "format_map" if plain:
            yield plain[-1], "`format_map` needs a mapping, which a response is not since openai 1.0"
        case "update" if plain and _is_dict(file, base):
            yield plain[0], f"`update` {_SHALLOW}"
        case "debug" | "info" | "warning" | "error" | "exception" | "critical" if len(plain) == 2:
            if "%(" in (literal(plain[0]) or ""):
                yield plain[1], "`%` needs a mapping for its names, which a response is not since openai 1.0"
        case "format" if "[" in (template := literal(base) or constant(file.inference, base) or ""):
            named = {a.keyword.value: a.value for a in node.args if a.keyword is not None}
            fields = named | {str(i): value for i, value in enumerate(plain)}
            for name in _subscripted(template):
                if name in fields:
                    yield fields[name], f"`{{{name}[…]}}` reads a key, which a response does not have since openai 1.0"


def _is_dict(file: FileContext, node: cst.BaseExpression) -> bool:
    kind = file.kind(node).kind
    return isinstance(kind, (Record, DictOf)) or kind == Plain("dict")


def _subscripted(template: str) -> Iterator[str]:
    """The arguments of which a format string reads a key: `0` of `{0[id]}` and of the first `{[id]}`."""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
    except ValueError:
        return
    automatic = 0
    for field in fields:
        name, bracket, _ = field.partition("[")
        if not name or name.startswith("."):
            name, automatic = str(automatic), automatic + 1
        if bracket:
            yield name
