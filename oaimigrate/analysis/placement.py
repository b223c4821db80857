"""How the client plan of a file is decided: what its settings and requests allow, and why not something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import held
from oaimigrate.analysis import requests as request_finder
from oaimigrate.analysis import settings as setting_finder
from oaimigrate.analysis.clients import ClientPlan
from oaimigrate.analysis.flow import ancestors
from oaimigrate.analysis.requests import Request
from oaimigrate.analysis.scopes import Scope, statements_of
from oaimigrate.analysis.settings import AZURE_TYPES, Setting
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Note, Safety

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def make_plan(file: FileContext) -> ClientPlan:
    """Decide where the clients of a file are built."""
    found = [r for r in request_finder.find(file) if r.convertible]
    settings = setting_finder.find(file)
    plan = ClientPlan(file, "module", found, settings)
    plan.kind = _kind(file, found, settings)
    if plan.kind is None:
        plan.kind = _guess(file, found, settings)
        if plan.kind is not None:
            plan.safety = Safety.UNSAFE
            plan.notes = (
                Note("`openai.api_type` is not a plain string here; `engine=` and `api_version` point to Azure"),
            )
    style = file.config.client_style
    crowded = any(_on_line_of_import(file, r.node) for r in found)
    if style == "lazy" and not crowded:
        plan.strategy = "lazy"
        return plan
    if crowded:
        plan.reason = "a request stands on the line that imports `openai`, so there is no place for a client above it"
    elif style == "module":
        plan.reason = "`--client-style module` was asked for"
    else:
        plan.strategy, plan.reason = _strategy(plan)
    if plan.strategy == "module" and (plan.kind in AZURE_TYPES or setting_finder.is_azure(settings)):
        _keep_endpoints(plan)
    return plan


def _on_line_of_import(file: FileContext, node: cst.CSTNode) -> bool:
    """`import openai; openai.Model.list()`."""
    from oaimigrate.fixing import construction

    line: cst.CSTNode | None = node
    while line is not None and not isinstance(line, cst.SimpleStatementLine):
        line = file.parent(line)
    return line is not None and construction.imports_sdk(file, line)


def _keep_endpoints(plan: ClientPlan) -> None:
    """The module-level Azure client keeps the endpoint of its first request: an endpoint that a function sets again and
    again needs a client of that function's own."""
    groups: dict[Scope, list[Setting]] = {}
    for setting in plan.settings:
        if setting.scope.kind == "function":
            groups.setdefault(setting.scope, []).append(setting)
        elif setting.name == "api_base" and _turns_in_loop(plan.file, setting):
            plan.varying = True
    for scope, group in groups.items():
        bases = [s for s in group if s.name == "api_base"]
        if any(_turns(plan.file, s) for s in bases):
            plan.varying = True
            continue
        if not any(_varies(plan.file, s) for s in bases):
            continue
        if all(r.scope.function in groups for r in plan.requests) and _local(plan, scope, group):
            plan.locals[scope] = group
        elif isinstance(scope.node, cst.FunctionDef) and scope.node.name.value == "__init__":
            plan.safety = max(plan.safety, Safety.UNSAFE)
            plan.notes = (*plan.notes, Note("the module-level Azure client keeps the endpoint of its first request"))
        elif any(r.scope.function is scope for r in plan.requests):
            plan.varying = True
        else:
            note = Note(
                "the module-level Azure client keeps the endpoint of its first request: call this function once"
            )
            plan.safety, plan.notes = max(plan.safety, Safety.UNSAFE), (*plan.notes, note)


def _varies(file: FileContext, setting: Setting) -> bool:
    """Whether a setting made in a function can have another value at the next call."""
    return any(file.scope(n).owner_of(n.value) is setting.scope for n in _names(setting.value))


def _turns(file: FileContext, setting: Setting) -> bool:
    """Whether a setting is made of a name that a function gives another value (`global at`): the next endpoint."""
    owners = ((n, file.scope(n).owner_of(n.value)) for n in _names(setting.value))
    return any(b.remote for n, owner in owners if owner is not None for b in owner.names.get(n.value, ()))


def _turns_in_loop(file: FileContext, setting: Setting) -> bool:
    """Whether a setting of the module stands in a loop and is made of a name that the loop gives another value."""
    loops = [a for a, _ in ancestors(file, setting.statement) if isinstance(a, (cst.For, cst.While))]
    bindings = (b for n in _names(setting.value) for b in setting.scope.names.get(n.value, ()))
    return any(a in loops for b in bindings for a, _ in ancestors(file, b.node))


def _names(value: cst.CSTNode) -> Iterator[cst.Name]:
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Name):
            yield node
        stack.extend(node.children)


def _local(plan: ClientPlan, scope: Scope, group: list[Setting]) -> bool:
    """Whether the settings of one function can become a client of that function."""
    file = plan.file
    body = statements_of(scope.node.body) if isinstance(scope.node, cst.FunctionDef) else []
    requests = [r for r in plan.requests if r.scope.function is scope]
    last = file.tree.orders[group[-1].statement]
    return (
        bool(requests)
        and plan.kind is not None
        and all(s.plain and any(s.statement is b for b in body) for s in group)
        and all(setting_finder.option(s, plan.kind or "") is not None for s in group)
        and setting_finder.adjacent(group, scope.node.body)  # type: ignore[attr-defined]
        and all(file.tree.orders[r.node] > last and r.module is not None for r in requests)
        and len({s.name for s in group}) == len(group)
    )


def _kind(file: FileContext, found: list[Request], settings: list[Setting]) -> str | None:
    kind = setting_finder.api_type(file, settings)
    elsewhere = file.project.api_types_elsewhere(file.source.path)
    if kind != "openai" or any(s.name == "api_type" for s in settings) or not elsewhere:
        return kind
    names = {setting_finder.type_name(text) for text in elsewhere}
    return names.pop() if len(names) == 1 else None


def _guess(file: FileContext, found: list[Request], settings: list[Setting]) -> str | None:
    """Azure, when deployments are named in calls or an api_version is set; otherwise unknown."""
    if (
        any(s.name == "api_type" for s in settings)
        and len({file.code(s.value) for s in settings if s.name == "api_type"}) > 1
    ):
        return None
    names = {a.keyword.value for r in found if r.call is not None for a in r.call.args if a.keyword is not None}
    if names & {"engine", "deployment_id"} or any(s.name == "api_version" for s in settings):
        return "azure"
    return None


def _strategy(plan: ClientPlan) -> tuple[str, str]:
    from oaimigrate.fixing import handover

    file = plan.file
    plan.existing = _in_time(plan, held.own(file))
    elsewhere = file.project.settings_elsewhere(file.source.path)
    if plan.requests and not plan.settings and not elsewhere and not _served(plan):
        plan.existing = held.imported(file) | plan.existing
    if plan.requests and plan.modern:
        return "module", f"the module-level client is set up here, by `openai.{min(plan.modern)}`"
    if plan.existing and _served(plan):
        plan.strategy = "existing"
        if plan.requests and (missed := handover.missed(plan)):
            reason = f"the file's own client does not get `openai.{missed}`"
            plan.safety, plan.notes = Safety.UNSAFE, (Note(f"requests stay on the module: {reason}"),)
            return "module", reason
        plan.safety = max(plan.safety, Safety.UNSAFE)
        names = " and ".join(f"`{h.text}`" for h in plan.existing.values())
        homes = sorted({h.module for h in plan.existing.values() if h.module})
        whose = f"the client {names} of `{'`, `'.join(homes)}`" if homes else f"the file's own client {names}"
        plan.notes = (*plan.notes, Note(f"{whose} is used; check that it has the right settings"))
        return "existing", ""
    if not plan.requests:
        return "module", ""
    if setting_finder.by_name(file):
        return "module", "a setting is made by name"
    if any(r.indirect and r.call is None for r in plan.requests):
        return "module", "a resource class is kept in a variable"
    own = {s.name for s in plan.settings}
    if not plan.settings:
        return _without_settings(plan, elsewhere)
    if elsewhere - own:
        return "module", "other files of the project make settings on the `openai` module too"
    if file.project.dependents(file.source.path):
        return "module", "other files of the project rely on the settings made here"
    problem = _unfit(plan)
    if problem:
        return "module", problem
    if all(s.scope is file.tree.module_scope for s in plan.settings):
        return _at_module_level(plan)
    return _in_class(plan)


def _in_time(plan: ClientPlan, clients: dict[bool, held.Held]) -> dict[bool, held.Held]:
    """The clients of the file that are built before a request at module level needs them."""
    orders = plan.file.tree.orders
    first = {a: min((orders[r.node] for r in plan.requests if r.at_import and r.asynchronous is a), default=None)
             for a in clients}  # fmt: skip
    built = {a: plan.file.tree.module_scope.names[h.text][0].order for a, h in clients.items()}
    return {a: h for a, h in clients.items() if (at := first[a]) is None or built[a] < at}


def _served(plan: ClientPlan) -> bool:
    return all(r.asynchronous in plan.existing for r in plan.requests)


def _without_settings(plan: ClientPlan, elsewhere: frozenset[str]) -> tuple[str, str]:
    if elsewhere:
        return "module", "the settings are made in another file, on the `openai` module"
    if not plan.module_name and not plan.from_imports:
        return "module", "`openai` is imported inside functions"
    if _loads_environment_late(plan.file):
        where = "inside a function or below `if __name__`"
        return "module", f"the environment is filled {where}, so a client at module level would come too early"
    if all(r.call is not None and argument(r.call, "api_key") is not None for r in plan.requests):
        return "module", "every call brings its own key"
    for other in held.imported(plan.file).values():
        text = f"this client gets none of the settings that `{other.text}` of `{other.module}` has"
        plan.safety, plan.notes = max(plan.safety, Safety.UNSAFE), (*plan.notes, Note(text))
    if not any(r.at_import for r in plan.requests):
        plan.safety = max(plan.safety, Safety.UNSAFE)
        text = "the client is built when this module is imported, and raises there if OPENAI_API_KEY is not set"
        plan.notes = (*plan.notes, Note(text))
    return "instance", ""


def _loads_environment_late(file: FileContext) -> bool:
    """Whether what a client needs comes from a function, or from below `if __name__ == "__main__"`."""
    for node in (*file.nodes(cst.Call), *file.nodes(cst.Assign)):
        if setting_finder.fills_environment(file, node) and _is_late(file, node):
            whole = isinstance(node, cst.Call) and setting_finder.loads_environment(file, node)
            if whole or "OPENAI_API_KEY" in file.code(node):
                return True
    return False


def _is_late(file: FileContext, node: cst.CSTNode) -> bool:
    current = file.parent(node)
    while current is not None:
        if isinstance(current, (cst.FunctionDef, cst.Lambda)):
            return True
        if isinstance(current, cst.If) and "__name__" in file.code(current.test):
            return True
        current = file.parent(current)
    return False


def _unfit(plan: ClientPlan) -> str:
    """Why the settings of this file cannot become client arguments; "" if they can."""
    from oaimigrate.fixing.arguments import rewrite

    if plan.kind is None:
        return "`openai.api_type` is not known here"
    if plan.replaced:
        return "a method of the SDK is replaced here, and the calls of it that stay need the settings"
    for setting in plan.settings:
        if not setting.plain:
            return "a setting shares its statement or line with something else"
        if setting_finder.option(setting, plan.kind) is None:
            return f"no client argument carries `openai.{setting.name}` as it is set here"
    if plan.kind in AZURE_TYPES and not {"api_key", "api_base"} <= {s.name for s in plan.settings}:
        return "an Azure client needs `api_base` and `api_key`, and this file does not set both"
    names = [s.name for s in plan.settings]
    if len(set(names)) < len(names):
        return "a setting is made more than once"
    if setting_finder.read(plan.file, plan.settings):
        return "a setting is read again from the `openai` module"
    for request in plan.requests:
        if request.call is not None and rewrite(plan.file, request.call, request.method).problem:
            return "one of the requests cannot be rewritten"
    if not plan.module_name and not plan.from_imports:
        return "`openai` is imported inside functions"
    return ""


def _at_module_level(plan: ClientPlan) -> tuple[str, str]:
    file = plan.file
    body = statements_of(file.module)
    if not all(any(s.statement is b for b in body) for s in plan.settings):
        return "module", "a setting is made only under a condition"
    last = plan.settings[-1]
    if any(r.at_import and file.tree.orders[r.node] < file.tree.orders[last.statement] for r in plan.requests):
        return "module", "a request runs before all settings are made"
    if not setting_finder.adjacent(plan.settings, file.module):
        if not all(_movable(plan, s) for s in plan.settings[:-1]):
            return "module", "the settings are scattered and cannot be brought together without changing their values"
    return "instance", ""


def _movable(plan: ClientPlan, setting: Setting) -> bool:
    """Whether a setting's value is the same when it is worked out at the last setting."""
    start, end = (plan.file.tree.orders[s.statement] for s in (setting, plan.settings[-1]))
    stack: list[cst.CSTNode] = [setting.value]
    while stack:
        node = stack.pop()
        match node:
            case cst.Name(value=name):
                for bindings in (s.names.get(name, []) for s in (setting.scope,)):
                    if any(start < b.order < end for b in bindings):
                        return False
            case cst.Await() | cst.Yield() | cst.NamedExpr() | cst.Lambda():
                return False
        stack.extend(c for c in node.children if isinstance(c, cst.CSTNode))
    return True


def _in_class(plan: ClientPlan) -> tuple[str, str]:
    """All settings in one `__init__` and all requests in methods of that class: the class owns the client."""
    file = plan.file
    scopes = {id(s.scope) for s in plan.settings}
    scope = plan.settings[0].scope
    node = scope.node
    owner = scope.parent
    if len(scopes) > 1 or not isinstance(node, cst.FunctionDef) or owner is None or owner.kind != "class":
        return "module", "the settings are made inside functions"
    if node.name.value != "__init__" or not isinstance(owner.node, cst.ClassDef):
        return "module", "the settings are made inside a method that can run more than once"
    body = statements_of(node.body)
    if not all(any(s.statement is b for b in body) for s in plan.settings):
        return "module", "a setting is made only under a condition"
    if not setting_finder.adjacent(plan.settings, node.body) and not all(_movable(plan, s) for s in plan.settings[:-1]):
        return "module", "the settings are scattered and cannot be brought together without changing their values"
    if not all(_in_method(r, owner) for r in plan.requests):
        return "module", "requests are made outside the class that makes the settings"
    if any(r.scope.function is scope and file.tree.orders[r.node] < file.tree.orders[plan.settings[-1].statement]
           for r in plan.requests):  # fmt: skip
        return "module", "a request runs before all settings are made"
    if _subclassed(file, owner.node):
        return "module", "the class has subclasses that may not run its `__init__`"
    if owner.node.bases and not all(
        isinstance(b.value, cst.Name) and b.value.value in ("object", "ABC") for b in owner.node.bases
    ):
        plan.safety = max(plan.safety, Safety.UNSAFE)
        plan.notes = (
            *plan.notes,
            Note("the class has bases that are not seen here; check that they allow the new attribute"),
        )
    plan.owner = owner.node
    return "class", ""


def _in_method(request: Request, owner: Scope) -> bool:
    """Whether a request stands in an instance method of the class (or in code nested in one)."""
    scope: Scope | None = request.scope
    while scope is not None and scope.parent is not owner:
        scope = scope.parent
    if scope is None or scope.kind != "function" or not isinstance(scope.node, cst.FunctionDef):
        return False
    plain = not any(
        isinstance(d.decorator, cst.Name) and d.decorator.value in ("staticmethod", "classmethod")
        for d in scope.node.decorators
    )
    return plain and bool([*scope.node.params.posonly_params, *scope.node.params.params])


def _subclassed(file: FileContext, node: cst.ClassDef) -> bool:
    for other in file.nodes(cst.ClassDef):
        if any(isinstance(b.value, cst.Name) and b.value.value == node.name.value for b in other.bases):
            scope = file.tree.scope_of_node[other]
            if "__init__" in scope.names:
                return True
    return False
