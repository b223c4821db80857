"""OAI109: a test that patches a 0.28 path: since 1.0 that patches something nobody calls, or raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from oaimigrate.analysis import errors
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import Symbol
from oaimigrate.analysis.requests import module_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.fixing import doubles
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI109")

PATCHERS = frozenset({"patch", "object", "setattr", "delattr", "multiple", "spy", "stub", "wrap_function_wrapper"})
PATH = re.compile(r"(?:^|\.)openai\.(?P<path>[A-Z]\w+(?:\.\w+)?|error(?:\.\w+)?|api_base|proxy)$")
KEPT = frozenset({"api_key", "organization", "api_type", "api_version", "log", "debug"})  # these can still be set
WHOLE = "patch the method that is called, `{}`"
EXPECTED = "every client calls this method"


@dataclass(frozen=True, slots=True)
class Target:
    """What a call patches: a path below `openai`, the expressions that spell it, and the argument with the double."""

    path: str
    text: str
    spelled: tuple[cst.BaseExpression, ...]
    new: cst.Arg | None
    module: str = ""  # how the code calls the `openai` module, where the target is an object


@rule.on(cst.Call)
def target(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`patch("openai.ChatCompletion.create")`, `monkeypatch.setattr(openai.Embedding, "create", …)`."""
    found = _by_text(node) or _by_object(file, node)
    if found is None:
        return
    span = file.span(found.spelled[0])
    path = found.path
    resource = path.partition(".")[0]
    if resource in file.api.settings:
        message = f"`{found.text}` was removed in openai 1.0; patch what the client is built from"
        yield Diagnostic(rule.code, message, span)
        return
    if resource not in file.api.resources and resource != "error":
        return
    row = file.api.methods.get(path)
    if row is None and resource == "error":
        names = errors.successors(file, path)
        fix = _renamed(file, found, f"openai.{names[0]}") if len(names) == 1 else None
        yield Diagnostic(rule.code, f"`{found.text}` does not exist since openai 1.0", span, fix)
        return
    message = f"`{found.text}` is not what the code under test calls since openai 1.0"
    if row is None or not row[0].new:
        new = next((m.new for n, (m, _) in file.api.methods.items() if n.startswith(f"{path}.") and m.new), "")
        advice = WHOLE.format(_shared_method(new, False)) if new else "patch what the migrated code really uses"
        yield Diagnostic(rule.code, message, span, None, (Note(advice),))
        return
    yield _retargeted(file, node, found, message)


def _retargeted(file: FileContext, node: cst.Call, found: Target, message: str) -> Diagnostic:
    """The method that all clients share takes the place of the old one, and what the double answers is rebuilt."""
    method, asynchronous = file.api.methods[found.path]
    span = file.span(found.spelled[0])
    if any(a.keyword is not None and a.keyword.value in ("autospec", "spec", "wraps", "spec_set") for a in node.args):
        note = Note("not rewritten: the double is made after the old method")
        return Diagnostic(rule.code, message, span, None, (note,))
    if isinstance(node.func, cst.Attribute) and node.func.attr.value in ("spy", "stub", "delattr"):
        new = None
    else:
        new = found.new
    double = doubles.rewritten(file, node, new, method)
    fix = _renamed(file, found, _shared_method(method.new, asynchronous))
    notes = [Note(EXPECTED)]
    if double.unseen:
        notes.append(
            Note("what the double answers is not seen here: it must be an object of `openai.types`, not a dict")
        )
    edits = tuple(sorted([*fix.edits, *double.edits])) if fix is not None else ()
    whole = Fix(fix.title, edits, Safety.UNSAFE, tuple(double.needs)) if fix is not None else None
    return Diagnostic(rule.code, message, span, whole, tuple(notes))


def _by_text(node: cst.Call) -> Target | None:
    """`patch("openai.ChatCompletion.create", double)`."""
    if _patcher(node) is None or not node.args:
        return None
    text = literal(node.args[0].value)
    found = PATH.search(text) if text else None
    if found is None or not isinstance(node.args[0].value, cst.SimpleString):
        return None
    return Target(found["path"], text or "", (node.args[0].value,), _double(node, 1))


def _by_object(file: FileContext, node: cst.Call) -> Target | None:
    """`patch.object(openai.ChatCompletion, "create", double)`, `monkeypatch.setattr(openai, "api_base", …)`."""
    if _patcher(node) not in ("object", "setattr", "delattr", "spy") or len(node.args) < 2:
        return None
    if isinstance(node.func, cst.Name):
        return None  # the built-in `setattr`
    owner, name = node.args[0].value, literal(node.args[1].value)
    kind = file.kind(owner).kind
    if not isinstance(kind, Symbol) or not name:
        return None
    path = f"{kind.path}.{name}" if kind.path else name
    if not kind.path and (name in KEPT or name not in (*file.api.resources, *file.api.settings)):
        return None
    if kind.path and path not in file.api.methods:
        return None
    module = module_of(file, owner)
    text = file.code(module) if module is not None else ""
    return Target(path, f"openai.{path}", (owner, node.args[1].value), _double(node, 2), text)


def _patcher(node: cst.Call) -> str | None:
    func = node.func
    name = func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", None)
    return name if name in PATCHERS else None


def _double(node: cst.Call, position: int) -> cst.Arg | None:
    """The argument that takes the place of the target: the next positional one, or `new=`."""
    named = next((a for a in node.args if a.keyword is not None and a.keyword.value in ("new", "value")), None)
    given = [a for a in node.args if a.keyword is None and not a.star]
    return given[position] if len(given) > position else named


def _shared_method(path: str, asynchronous: bool) -> str:
    """The method that all clients share: `openai.resources.chat.completions.Completions.create`."""
    resource, _, method = path.rpartition(".")
    name = "".join(part.capitalize() for part in resource.rpartition(".")[2].split("_"))
    return f"openai.resources.{resource}.{'Async' if asynchronous else ''}{name}.{method}"


def _renamed(file: FileContext, found: Target, new: str) -> Fix | None:
    title = f"Patch `{new}`"
    first = found.spelled[0]
    if len(found.spelled) == 1:
        assert isinstance(first, cst.SimpleString)
        edit = build.replace(file, first, f"{first.quote}{new}{first.quote}")
        return Fix(title, (edit,), Safety.UNSAFE)
    owner, _, name = new.rpartition(".")
    attribute = found.spelled[1]
    if not found.module or not isinstance(attribute, cst.SimpleString):
        return None
    edits: list[Edit] = [build.replace(file, first, found.module + owner.removeprefix("openai"))]
    edits.append(build.replace(file, attribute, f"{attribute.quote}{name}{attribute.quote}"))
    return Fix(title, tuple(edits), Safety.UNSAFE)


def is_patched(file: FileContext, node: cst.CSTNode | None) -> bool:
    """Whether a node is a call that patches an attribute of a part of the SDK, which this rule speaks about."""
    return isinstance(node, cst.Call) and _by_object(file, node) is not None
