"""Where text is used so that None in its place fails: what the rules on `content` of messages and deltas share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import bindings_of, is_external
from oaimigrate.analysis.guards import path_of

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

METHODS = frozenset(name for name in dir(str) if not name.startswith("_"))
BUILTINS = frozenset({"len", "int", "float", "eval", "exec", "list", "sorted"})
LIBRARY = (
    *(f"re.{name}" for name in ("search", "match", "fullmatch", "findall", "finditer", "split", "sub", "subn")),
    *(f"{module}.loads" for module in ("json", "orjson", "ujson", "json5")),
    "ast.literal_eval", "yaml.safe_load", "base64.b64decode", "textwrap.dedent", "html.unescape",
)  # fmt: skip


def failure(file: FileContext, use: cst.BaseExpression) -> str:
    """What happens to None where an expression stands, in words; "" where it does no harm, or only shows as "None"."""
    parent = file.parent(use)
    match parent:
        case cst.Attribute(value=value, attr=cst.Name(value=name)) if value is use and name in METHODS:
            return f"None has no `{name}`"
        case cst.BinaryOperation(operator=cst.Add()):
            return "None cannot be added to text"
        case cst.AugAssign(operator=cst.AddAssign(), value=value) if value is use:
            return "None cannot be added to text"
        case cst.ComparisonTarget(operator=cst.In() | cst.NotIn()):
            return "`in` fails on None"
        case cst.Subscript(value=value) if value is use:
            return "None has no items"
        case cst.For(iter=value) | cst.CompFor(iter=value) if value is use:
            return "None has no items"
        case cst.Arg(star="") if isinstance(call := file.parent(parent), cst.Call):
            return _taken(file, call)
        case cst.GeneratorExp(elt=elt) | cst.ListComp(elt=elt) if elt is use:
            taker = file.parent(parent)
            return "`join` does not take None" if isinstance(taker, cst.Arg) and is_join(file.parent(taker)) else ""
    return ""


def _taken(file: FileContext, call: cst.Call) -> str:
    path = path_of(call.func)
    if path in BUILTINS and file.scope(call).owner_of(path) is None:
        return f"`{path}` fails on None"
    if is_external(file, call.func, *LIBRARY):
        return f"`{path}` fails on None"
    if is_join(call) or joined_later(file, call):
        return "`join` does not take None"
    match call.func:
        case cst.Attribute(attr=cst.Name(value="write_text")):
            return "`write_text` fails on None"
        case cst.Attribute(value=cst.Name() as holder, attr=cst.Name(value="write")) if _is_file(file, holder):
            return "`write` fails on None"
    return ""


def _is_file(file: FileContext, name: cst.Name) -> bool:
    """Whether a name is bound by `with open(…) as name` or `name = open(…)`."""
    values = [b.value for b in bindings_of(file, name)] if name in file.tree.places else []
    opened = [isinstance(v, cst.Call) and path_of(v.func).rpartition(".")[2] == "open" for v in values]
    return bool(opened) and all(opened)


def is_join(node: cst.CSTNode | None) -> bool:
    """`"".join(…)`."""
    match node:
        case cst.Call(func=cst.Attribute(value=cst.SimpleString(), attr=cst.Name(value="join"))):
            return True
    return False


def joined_later(file: FileContext, call: cst.Call) -> bool:
    """`parts.append(…)`, where the same function joins `parts` as they are."""
    match call.func:
        case cst.Attribute(value=cst.Name() as parts, attr=cst.Name(value="append")):
            scope = file.scope(call)
            joins = (c for c in file.inference.index.calls("join") if is_join(c) and file.scope(c) is scope)
            return any(len(c.args) == 1 and _is_same(file, c.args[0].value, parts) for c in joins)
    return False


def _is_same(file: FileContext, joined: cst.BaseExpression, parts: cst.Name) -> bool:
    """Whether two names mean the same list: `parts = [p for p in parts if p]` in between makes another one."""
    if not isinstance(joined, cst.Name) or joined.value != parts.value:
        return False
    return bindings_of(file, joined) == bindings_of(file, parts)
