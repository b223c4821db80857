"""Settings of the module that stand beside a client which never sees them: `openai.api_base = …; client = OpenAI()`.

A client reads its arguments and the environment, not the module. Where a file builds one client and makes no request on
the module, its settings were meant for that client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import settings as setting_finder
from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.kinds import External, Member, Symbol
from oaimigrate.analysis.scopes import statements_of
from oaimigrate.analysis.settings import Setting
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Edit, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.fixing.construction import argument_for, without_line

if TYPE_CHECKING:
    from oaimigrate.analysis.clients import ClientPlan
    from oaimigrate.analysis.file import FileContext

GROUP = "handover"


def meant_for(plan: ClientPlan) -> cst.Call | None:
    """The construction of the one client that the settings of a file were meant for."""
    file = plan.file
    clients = [c for c in file.nodes(cst.Call) if constructed(file, c) is not None]
    if len(clients) != 1 or any(a.star for a in clients[0].args) or plan.consumed or plan.locals:
        return None
    if plan.requests and plan.strategy != "existing":
        return None
    if _module_asks(file) or file.project.dependents(file.source.path):
        return None
    azure = "Azure" in (constructed(file, clients[0]) or "")
    return clients[0] if (plan.kind in setting_finder.AZURE_TYPES) == azure else None


def _module_asks(file: FileContext) -> bool:
    """Whether a request is made on the module itself, whose client does read the settings."""
    return any(
        file.kind(n.value).kind == Symbol("") and isinstance(file.kind(n).kind, Member)
        for n in file.nodes(cst.Attribute)
    )


def missed(plan: ClientPlan) -> str:
    """A setting that a client of the file goes without and that cannot be handed to it; "" if there is none."""
    client = meant_for(plan)
    if client is not None and fix(plan, client) is not None:
        return ""
    clients = [c for c in plan.file.nodes(cst.Call) if constructed(plan.file, c) is not None]
    return next((s.name for s in plan.settings if any(unseen(plan, c, s) for c in clients)), "")


def unseen(plan: ClientPlan, client: cst.Call, setting: Setting) -> bool:
    """Whether the client goes without this setting: it is not given, and is not what the environment gives anyway."""
    file = plan.file
    option = setting_finder.option(setting, plan.kind or "openai")
    given = {option, setting.name, *(("base_url", "azure_endpoint") if setting.name == "api_base" else ())}
    if not option or any(argument(client, name) is not None for name in given if name):
        return False
    row = file.api.settings[setting.name]
    return not row.new_env or not (
        _reads(file, setting.value) == row.new_env or _is_written(file, row.new_env, setting.value)
    )


def _is_written(file: FileContext, variable: str, value: cst.BaseExpression) -> bool:
    """Whether the same value also goes into the environment: `os.environ["OPENAI_API_KEY"] = key`."""
    return any(
        _reads(file, target.target) == variable and file.code(statement.value) == file.code(value)
        for statement in file.nodes(cst.Assign)
        for target in statement.targets
    )


def _reads(file: FileContext, node: cst.BaseExpression) -> str:
    """The variable of the environment that an expression is, "" for any other."""
    match node:
        case cst.Call(func=func, args=[cst.Arg(value=key)]) if file.kind(func).kind in (
            External("os.getenv"),
            External("os.environ.get"),
        ):
            return literal(key) or ""
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            return literal(key) or "" if file.kind(base).kind == External("os.environ") else ""
    return ""


def fix(plan: ClientPlan, client: cst.Call) -> Fix | None:
    """Every setting of the file as an argument of the client, in place of its statement; None where one cannot go.

    What is read from the module again stays there, too.
    """
    file, settings = plan.file, plan.settings
    names = [s.name for s in settings]
    if len(set(names)) < len(names) or not all(_fits(plan, s, client) for s in settings):
        return None
    wanted = [s for s in settings if unseen(plan, client, s)]
    asynchronous = "Async" in (constructed(file, client) or "")
    arguments = [argument_for(plan, s, asynchronous) for s in wanted]
    read = setting_finder.read(file, settings)
    gone: list[Edit] = [without_line(file, s) for s in settings if s.name not in read]
    edits = (*gone, build.add_arguments(file, client, [a for a in arguments if a]))
    return Fix("Pass the settings to the client", tuple(sorted(edits)), Safety.UNSAFE, (), GROUP)


def _fits(plan: ClientPlan, setting: Setting, client: cst.Call) -> bool:
    """Whether a setting can move into the construction: it always runs before, and its value means the same there."""
    file = plan.file
    scope = file.scope(client)
    node = setting.scope.node
    body = statements_of(node.body if isinstance(node, cst.FunctionDef) else node)
    return (
        setting.plain
        and setting.scope in (scope, file.tree.module_scope)
        and any(setting.statement is s for s in body)
        and file.tree.orders[setting.statement] < file.tree.orders[client]
        and setting_finder.option(setting, plan.kind or "openai") is not None
        and not _rebound(file, setting, client)
    )


def _rebound(file: FileContext, setting: Setting, client: cst.Call) -> bool:
    """Whether a name of the value is bound anew before the client is built."""
    start, end = file.tree.orders[setting.statement], file.tree.orders[client]
    stack: list[cst.CSTNode] = [setting.value]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Name):
            owner = file.scope(node).owner_of(node.value)
            if owner is not None and any(start < b.order < end for b in owner.names[node.value]):
                return True
        stack.extend(node.children)
    return False
