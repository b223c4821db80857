"""Code that serves both SDK generations on purpose: its 0.28 branches are right as they are.

Recognised: `if openai.__version__ < "1"`, `if version == "0.28"`, `hasattr(openai, "OpenAI")`, flags that hold such a
test, and `try/except` around imports or attributes where one side speaks 0.28 and the other v1+.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import within
from oaimigrate.analysis.kinds import Symbol
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.analysis.steps import literal
from oaimigrate.analysis.walk import dotted

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.scopes import Binding

CLIENTS = frozenset({"OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI", "Client", "chat", "completions"})
LEGACY_MODULES = ("openai.error", "openai.api_resources", "openai.openai_object", "openai.embeddings_utils")
FALLBACKS = frozenset({"ImportError", "ModuleNotFoundError", "AttributeError"})
MAX_ROUNDS = 4  # functions of 0.28 that call each other in a longer chain are no longer taken for such
V0_RELEASE = re.compile(r"0\.2[5-8](\.\d+)?$")
V0_NUMBER = re.compile(r"^\(?[\"']?0\b|^[\"']?0\.")


def legacy_branches(file: FileContext) -> list[cst.CSTNode]:
    """The suites and expressions of a file that run only under openai < 1."""
    if not _mentions_version(file.text):
        return []
    found: list[cst.CSTNode] = []
    for node in file.nodes(cst.If):
        match old_when(file, node.test):
            case True:
                found.append(node.body)
            case False if node.orelse is not None:
                found.append(node.orelse)
            case False:
                found += _after(file, node)
    for choice in file.nodes(cst.IfExp):
        match old_when(file, choice.test):
            case True:
                found.append(choice.body)
            case False:
                found.append(choice.orelse)
    found += _tried(file, file.nodes(cst.Try))
    return found + _called_there_only(file, found) if found else []


def _called_there_only(file: FileContext, branches: list[cst.CSTNode]) -> list[cst.CSTNode]:
    """The bodies of functions that nothing but these branches, or other such functions, names."""
    uses: dict[str, list[cst.Name]] = {}
    for name in file.nodes(cst.Name):
        uses.setdefault(name.value, []).append(name)
    module = file.tree.module_scope
    candidates = [d for d in file.nodes(cst.FunctionDef) if file.scope(d) is module and d.name.value in uses]
    old: set[cst.CSTNode] = set(branches)
    found: list[cst.CSTNode] = []
    for _ in range(MAX_ROUNDS):
        fresh = [d for d in candidates if d.body not in old and _all_within(file, uses[d.name.value], d, old)]
        if not fresh:
            break
        old.update(d.body for d in fresh)
        found += [d.body for d in fresh]
    return found


def _all_within(file: FileContext, names: list[cst.Name], function: cst.FunctionDef, old: set[cst.CSTNode]) -> bool:
    """Whether a function is bound once, is named at all, and nowhere outside of branches for openai < 1."""
    name = function.name.value
    bindings = file.tree.module_scope.names.get(name, [])
    uses = [n for n in names if n is not function.name and n in file.tree.scopes]
    return len(bindings) == 1 and bool(uses) and all(file.inside(n, old) for n in uses)


def _mentions_version(text: str) -> bool:
    return any(
        word in text
        for word in ("version", "VERSION", "hasattr", "ImportError", "ModuleNotFoundError", "AttributeError")
    )


def old_when(file: FileContext, test: cst.CSTNode, depth: int = 0) -> bool | None:
    """True if a test holds under openai < 1 only, False if under openai >= 1 only, None if it says neither."""
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            inverse = old_when(file, inner, depth)
            return None if inverse is None else not inverse
        case cst.BooleanOperation(left=left, right=right):
            sides = {old_when(file, left, depth), old_when(file, right, depth)} - {None}
            return sides.pop() if len(sides) == 1 else None
        case cst.Call(func=cst.Name(value="hasattr"), args=[first, second]):
            name = literal(second.value)
            if name is None or file.kind(first.value).kind != Symbol(""):
                return None
            if name in CLIENTS or name in file.inference.roots:
                return False
            return True if name in file.api.resources or name == "error" else None
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name(value="startswith")), args=[only]):
            text = literal(only.value) or ""
            return text.startswith("0") if _is_version(file, base) and text else None
        case cst.Comparison(left=left, comparisons=[target]):
            return _compared(file, left, target)
        case cst.Name(value=name) if depth < 4:
            owner = file.scope(test).owner_of(name)
            bindings = owner.names[name] if owner is not None else []
            if len(bindings) == 1 and bindings[0].value is not None and not bindings[0].path:
                return old_when(file, bindings[0].value, depth + 1)
            if len(bindings) == 2:
                return _tried_flag(file, bindings)
    return None


def _tried_flag(file: FileContext, bindings: list[Binding]) -> bool | None:
    """A flag that is set to True and False on the two sides of `try: from openai import OpenAI`."""
    said = {b.value.value: b for b in bindings if isinstance(b.value, cst.Name)}
    if said.keys() != {"True", "False"}:
        return None
    for attempt in file.nodes(cst.Try):
        sides = [attempt.body, *(h.body for h in attempt.handlers)]
        held = {flag: next((s for s in sides if _inside(file, b.node, s)), None) for flag, b in said.items()}
        if held["True"] is None or held["False"] is None or held["True"] is held["False"]:
            continue
        if not any(h.type is not None and _names_class(h.type, n) for h in attempt.handlers for n in FALLBACKS):
            continue
        inside = list(within(attempt.body))
        spoken = {g for n in inside if isinstance(n, cst.ImportFrom) for g in _imports(file, n)}
        spoken |= {g for n in inside if isinstance(n, cst.Attribute) for g in _names(file, n)}
        if len(spoken) == 1:
            return (held["True"] is attempt.body) == (spoken == {"old"})
    return None


def _inside(file: FileContext, node: cst.CSTNode, suite: cst.CSTNode) -> bool:
    current: cst.CSTNode | None = node
    while current is not None and current is not suite:
        current = file.parent(current)
    return current is suite


def _after(file: FileContext, node: cst.If) -> list[cst.CSTNode]:
    """The statements behind `if <openai 1 or later>: return …`: they run under openai < 1 only."""
    parent = file.parent(node)
    if node.orelse is not None or not isinstance(parent, (cst.IndentedBlock, cst.Module)):
        return []
    statements = list(parent.body)
    at = next((i for i, s in enumerate(statements) if s is node), len(statements))
    last = statements_of(node.body)[-1:]  # `raise` says that the file is for 0.28 only, not for both
    return [*statements[at + 1 :]] if last and isinstance(last[0], (cst.Return, cst.Continue, cst.Break)) else []


def _compared(file: FileContext, left: cst.BaseExpression, target: cst.ComparisonTarget) -> bool | None:
    right = target.comparator
    if _is_version(file, left):
        bound, flipped = right, False
    elif _is_version(file, right):
        bound, flipped = left, True
    else:
        return _told(file, left, target)
    zero = bool(V0_NUMBER.match(_literal_text(file, bound)))
    match target.operator:
        case cst.LessThan() | cst.LessThanEqual():
            return not flipped
        case cst.GreaterThan() | cst.GreaterThanEqual():
            return flipped
        case cst.Equal():
            return zero
        case cst.NotEqual():
            return not zero
    return None


def _told(file: FileContext, left: cst.BaseExpression, target: cst.ComparisonTarget) -> bool | None:
    """`version == "0.28"`, where a caller says which SDK there is and the file knows the clients of the other, too."""
    name = left.attr.value if isinstance(left, cst.Attribute) else getattr(left, "value", "")
    told = isinstance(left, (cst.Name, cst.Attribute)) and "version" in str(name).lower()
    if not told or V0_RELEASE.match(literal(target.comparator) or "") is None or not CLIENTS & file.imported_names:
        return None
    match target.operator:
        case cst.Equal():
            return True
        case cst.NotEqual():
            return False
    return None


def _literal_text(file: FileContext, node: cst.CSTNode) -> str:
    if isinstance(node, cst.Call) and node.args:
        node = node.args[0].value
    return file.code(node)


def _is_version(file: FileContext, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether an expression is made of the SDK's version: `openai.__version__`, `version("openai")`, parsed, split."""
    kind = file.kind(node).kind
    if isinstance(kind, Symbol) and kind.path in ("__version__", "VERSION", "version.VERSION"):
        return True
    match node:
        case cst.Name(value=name) if depth < 4:
            owner = file.scope(node).owner_of(name)
            bindings = owner.names[name] if owner is not None else []
            return (
                len(bindings) == 1 and bindings[0].value is not None and _is_version(file, bindings[0].value, depth + 1)
            )
        case cst.Call(func=func, args=args):
            if isinstance(func, cst.Attribute) and _is_version(file, func.value, depth):
                return True
            if args and literal(args[0].value) == "openai":
                return file.code(func).endswith("version")
            return bool(args) and _is_version(file, args[0].value, depth)
        case cst.Subscript(value=base) | cst.Attribute(value=base):
            return _is_version(file, base, depth)
    return False


def _tried(file: FileContext, attempts: list[cst.Try]) -> list[cst.CSTNode]:
    """The 0.28 sides of every `try: <one generation> except ImportError: <the other>`."""
    found: list[cst.CSTNode] = []
    speaks: dict[cst.CSTNode, set[str]] | None = None
    for attempt in attempts:
        handlers = [
            h for h in attempt.handlers if h.type is None or any(_names_class(h.type, name) for name in FALLBACKS)
        ]
        if not handlers:
            continue
        if speaks is None:
            speaks = _speaks(file)
        body = speaks.get(attempt.body, set())
        others = [(h.body, speaks.get(h.body, set())) for h in handlers]
        if body == {"old"} and any("new" in s for _, s in others):
            found.append(attempt.body)
        elif "new" in body:
            found += [suite for suite, spoken in others if spoken == {"old"}]
    return found


def _names_class(node: cst.BaseExpression, name: str) -> bool:
    match node:
        case cst.Tuple(elements=elements):
            return any(_names_class(e.value, name) for e in elements)
        case cst.Attribute(attr=cst.Name(value=found)) | cst.Name(value=found):
            return found == name
    return False


def _speaks(file: FileContext) -> dict[cst.CSTNode, set[str]]:
    """Which generations of the SDK every suite uses, itself or in the suites inside it."""
    said: list[tuple[cst.CSTNode, set[str]]] = []
    said += [(node, _imports(file, node)) for node in file.nodes(cst.ImportFrom)]
    for plain in file.nodes(cst.Import):
        if any(dotted(a.name) in LEGACY_MODULES for a in plain.names):
            said.append((plain, {"old"}))
    said += [(node, _names(file, node)) for node in file.nodes(cst.Attribute)]
    found: dict[cst.CSTNode, set[str]] = {}
    for node, spoken in said:
        current = file.parent(node) if spoken else None
        while current is not None:
            if isinstance(current, cst.BaseSuite):
                found.setdefault(current, set()).update(spoken)
            current = file.parent(current)
    return found


def _imports(file: FileContext, node: cst.ImportFrom) -> set[str]:
    module = dotted(node.module) or ""
    if (
        node.relative
        or not (module == "openai" or module.startswith("openai."))
        or isinstance(node.names, cst.ImportStar)
    ):
        return set()
    if module.startswith(LEGACY_MODULES):
        return {"old"}
    names = {dotted(a.name) for a in node.names}
    if names & (file.api.resources | {"error", "InvalidRequestError"}):
        return {"old"}
    modern = module.startswith("openai.types") or names & (CLIENTS | set(file.api.error_tree))
    return {"new"} if modern else set()


def _names(file: FileContext, node: cst.Attribute) -> set[str]:
    name = node.attr.value
    old = name in file.api.resources or name == "error"
    new = name in CLIENTS or name in file.inference.roots or name in file.api.error_tree
    if not (old or new) or file.kind(node.value).kind != Symbol(""):
        return set()
    return {"old"} if old else {"new"}
