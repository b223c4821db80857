"""What fixes need once per file: clients and imports. The one place that knows where they go.

A rule only says `Need("client", "settings")`; `provide` turns the needs of all chosen fixes into edits.

Needs:
  client settings      the file's settings become the construction of its client(s), in place
  client sync|async    a client after the imports (and after load_dotenv())
  client lazy-sync|lazy-async   a cached function that builds the client at the first call
  import openai        the module
  import openai:NAME   a name of it, added to an existing `from openai import …` where there is one
  drop-import NAME     a from-imported name whose uses are all gone
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import settings as setting_finder
from oaimigrate.analysis.clients import CONSTRUCTORS
from oaimigrate.analysis.kinds import External
from oaimigrate.analysis.settings import AZURE_TYPES, Setting
from oaimigrate.analysis.walk import dotted
from oaimigrate.diagnostics import Edit, Need
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.clients import ClientPlan
    from oaimigrate.analysis.file import FileContext

LAZY = '''{decorator}
def {name}() -> {constructor}:
    """Build the client at the first call, from the settings of the `openai` module, and keep it."""
    return {constructor}({arguments})'''


def provide(file: FileContext, needs: Iterable[Need]) -> list[Edit]:
    """The edits that give a file everything in `needs`."""
    wanted = set(needs)
    clients = {n.name for n in wanted if n.kind == "client"}
    edits: list[Edit] = []
    inserted: list[str] = []
    imports = {n.name for n in wanted if n.kind == "import"}
    if "settings" in clients:
        edits += _construction(file.plan, file.plan.settings)
    for scope, settings in file.plan.locals.items():
        for asynchronous in (False, True):
            if file.plan.local_need(scope, asynchronous)[1].name in clients:
                edits += _construction(file.plan, settings, local=asynchronous)
    for name, asynchronous in (("sync", False), ("async", True)):
        if name in clients:
            inserted.append(_assignment(file.plan, asynchronous, []))
    for name, asynchronous in (("lazy-sync", False), ("lazy-async", True)):
        if name in clients:
            inserted.append(_lazy(file.plan, asynchronous))
            if not _has_module(file, "functools"):
                imports.add("functools")
    edits += _imports(file, imports, {n.name for n in wanted if n.kind == "drop-import"})
    if inserted:
        edits.append(_after_setup(file, inserted))
    return _joined(edits)


def _joined(edits: list[Edit]) -> list[Edit]:
    """Insertions at one place become one, in the order they were asked for."""
    found: dict[tuple[int, int], Edit] = {}
    for edit in edits:
        key = (edit.start, edit.end) if edit.start == edit.end else (edit.start, -edit.end - 1)
        earlier = found.get(key)
        found[key] = Edit(edit.start, edit.end, earlier.text + edit.text) if earlier and edit.start == edit.end else edit
    return list(found.values())


# -- clients -----------------------------------------------------------------------------------------------------------


def _constructor(plan: ClientPlan, asynchronous: bool) -> str:
    return plan.file.symbol(CONSTRUCTORS[asynchronous, plan.kind in AZURE_TYPES])[0]


def _target(plan: ClientPlan, asynchronous: bool) -> str:
    name = plan.async_name if asynchronous else plan.sync_name
    if plan.strategy != "class":
        return name
    function = plan.settings[0].scope.node
    assert isinstance(function, cst.FunctionDef)
    receiver = [*function.params.posonly_params, *function.params.params][0].name.value
    return f"{receiver}.{name}"


def _argument(plan: ClientPlan, setting: Setting, asynchronous: bool) -> str:
    """`api_key=…` for a setting, "" if the client needs none for it."""
    option = setting_finder.option(setting, plan.kind or "openai")
    if not option:
        return ""
    value = plan.file.code(setting.value)
    if option == "http_client":
        client = plan.file.symbol("DefaultAsyncHttpxClient" if asynchronous else "DefaultHttpxClient")[0]
        value = f"{client}(proxy={value})"
    return f"{option}={value}"


def _assignment(
    plan: ClientPlan, asynchronous: bool, settings: list[Setting], inherited: list[str] | None = None
) -> str:
    arguments = [*(a for s in settings if (a := _argument(plan, s, asynchronous))), *(inherited or [])]
    return f"{_target(plan, asynchronous)} = {_constructor(plan, asynchronous)}({', '.join(arguments)})"


def _construction(plan: ClientPlan, settings: list[Setting], *, local: bool | None = None) -> list[Edit]:
    """Turn settings into the construction of the client, in place of the last of them; `local` is the flavour of a
    client that one function builds for itself."""
    file = plan.file
    first, *others = plan.flavours if local is None else [local]
    inherited = [] if local is None else _inherited(plan, settings)
    last = settings[-1]
    carried = [s for s in settings if setting_finder.option(s, plan.kind or "openai")]
    indent = _indent(file, last)
    newline = file.source.newline
    if len(settings) == 1 and carried:
        text = _assignment(plan, first, settings, inherited)
        edits = [build.replace(file, last.statement, text)]
    elif setting_finder.adjacent(settings, _body(file, last)) and (len(carried) > 1 or _has_comments(settings)):
        edits = _in_place(plan, settings, first, indent, newline, inherited)
    else:
        edits = _gathered(plan, settings, first, indent, newline, carried, inherited)
    if others:
        line = file.whole(last.line or last.statement)
        text = f"{indent}{_assignment(plan, others[0], settings)}{newline}"
        edits.append(build.insert(line.end, text if _ends_line(file, line.end) else newline + text.rstrip("\r\n")))
    return edits


def _inherited(plan: ClientPlan, settings: list[Setting]) -> list[str]:
    """Arguments for what an Azure client needs and other code sets on the module."""
    made = {s.name for s in settings}
    module = plan.file.module_name or "openai"
    token = plan.kind == "azure_ad"
    wanted = [("api_key", "azure_ad_token" if token else "api_key"), ("api_version", "api_version")]
    return [f"{option}={module}.{option}" for name, option in wanted if name not in made]


def _has_comments(settings: list[Setting]) -> bool:
    lines = [s.line for s in settings if s.line is not None]
    return any(line.trailing_whitespace.comment is not None for line in lines)


def _ends_line(file: FileContext, offset: int) -> bool:
    return file.text[:offset].endswith(("\n", "\r"))


def _body(file: FileContext, setting: Setting) -> cst.CSTNode:
    line = setting.line
    assert line is not None
    parent = file.parent(line)
    assert parent is not None
    return parent


def _indent(file: FileContext, setting: Setting) -> str:
    start = file.span(setting.statement).start
    line = max(file.text.rfind("\n", 0, start), file.text.rfind("\r", 0, start)) + 1
    return file.text[line:start]


def _in_place(
    plan: ClientPlan, settings: list[Setting], asynchronous: bool, indent: str, newline: str, inherited: list[str]
) -> list[Edit]:
    """Settings on adjacent lines become the lines of one construction; every comment stays on its line."""
    file = plan.file
    step = file.module.default_indent
    opening = f"{_target(plan, asynchronous)} = {_constructor(plan, asynchronous)}("
    edits = []
    for index, setting in enumerate(settings):
        statement = file.span(setting.statement)
        argument = _argument(plan, setting, asynchronous)
        head = f"{opening}{newline}{indent}{step}" if index == 0 else step
        if argument:
            edits.append(Edit(statement.start, statement.end, f"{head}{argument},"))
        elif index == 0:
            edits.append(Edit(statement.start, statement.end, opening))
        else:
            edits.append(_without_line(file, setting))
    line = file.whole(settings[-1].line or settings[-1].statement)
    more = "".join(f"{indent}{step}{a},{newline}" for a in inherited)
    ended = _ends_line(file, line.end)
    edits.append(build.insert(line.end, f"{more}{indent}){newline}" if ended else f"{newline}{more}{indent})"))
    return edits


def _without_line(file: FileContext, setting: Setting) -> Edit:
    """Delete a statement and its line; a comment at its end stays as a line of its own."""
    line = setting.line
    assert line is not None
    statement, whole = file.span(setting.statement), file.whole(line)
    if line.trailing_whitespace.comment is not None:
        comment = file.text.index("#", statement.end)
        return Edit(statement.start, comment, "")
    start = line_start(file, statement.start)
    end = whole.end
    if _blank_before(file, start) and file.text[end : end + 1] in ("\n", "\r"):
        end += len(file.source.newline)  # it stood alone between blank lines: one of them is enough
    return Edit(start, end, "")


def line_start(file: FileContext, offset: int) -> int:
    """Where the line of an offset begins."""
    return max(file.text.rfind("\n", 0, offset), file.text.rfind("\r", 0, offset)) + 1


def _blank_before(file: FileContext, start: int) -> bool:
    newline = file.source.newline
    return file.text[:start].endswith(newline * 2) or start == len(newline)


def _gathered(
    plan: ClientPlan, settings: list[Setting], asynchronous: bool, indent: str, newline: str, carried: list[Setting],
    inherited: list[str],
) -> list[Edit]:  # fmt: skip
    """Scattered settings: the values move to the last one."""
    file = plan.file
    last = settings[-1]
    edits = [_without_line(file, s) for s in settings[:-1]]
    if len(carried) + len(inherited) > 1:
        step = file.module.default_indent
        arguments = [*(_argument(plan, s, asynchronous) for s in carried), *inherited]
        lines = [f"{indent}{step}{a},{newline}" for a in arguments]
        text = f"{_target(plan, asynchronous)} = {_constructor(plan, asynchronous)}({newline}{''.join(lines)}{indent})"
    else:
        text = _assignment(plan, asynchronous, carried, inherited)
    return [*edits, build.replace(file, last.statement, text)]


def _lazy(plan: ClientPlan, asynchronous: bool) -> str:
    file = plan.file
    module = file.module_name or "openai"
    made = {s.name for s in plan.settings} | file.project.settings_elsewhere(file.source.path)
    azure = plan.kind in AZURE_TYPES
    arguments = [f"api_key={module}.api_key"] if plan.kind != "azure_ad" else [f"azure_ad_token={module}.azure_ad_token"]
    for name in ("organization", "api_base", "api_version"):
        if name in made or "*" in made:
            row = file.api.settings[name]
            if name == "api_base" and azure:
                arguments.append(f"azure_endpoint={module}.azure_endpoint")
            elif name == "api_version" and azure:
                arguments.append(f"api_version={module}.api_version")
            elif name != "api_version":
                arguments.append(f"{row.option}={module}.{row.module}")
    constructor = f"{module}.{CONSTRUCTORS[asynchronous, azure]}"
    text = LAZY.format(
        decorator="@functools.cache", name=plan.getter(asynchronous), constructor=constructor, arguments=", ".join(arguments)
    )
    return text.replace("    ", file.module.default_indent).replace("\n", file.source.newline)


def _after_setup(file: FileContext, parts: list[str]) -> Edit:
    """Insert definitions after the imports, and after whatever fills the environment."""
    newline = file.source.newline
    anchor = _last_setup(file)
    functions = any(p.startswith("@") for p in parts)
    gap = newline * 2 if functions else newline
    if anchor is None:
        start = file.span(file.module.body[0]).start if file.module.body else 0
        return build.insert(start, newline.join(parts) + newline * 2)
    end = file.whole(anchor).end
    text = gap + (gap + newline if functions else newline).join(parts) + newline
    if not _ends_line(file, end):
        return build.insert(end, newline + text.rstrip("\r\n"))
    rest = file.text[end:]
    if functions:
        blank = len(rest) - len(rest.lstrip("\r\n"))
        text += newline * max(0, 2 - rest[:blank].count("\n") - (0 if "\n" in rest[:blank] else rest[:blank].count("\r")))
    elif rest and not rest.startswith(("\n", "\r")):
        text += newline
    return build.insert(end, text)


def _last_setup(file: FileContext) -> cst.CSTNode | None:
    """The last top-level statement that imports something or fills the environment, before the first request."""
    first = min((file.tree.orders[r.node] for r in file.plan.requests if r.at_import), default=None)
    anchor: cst.CSTNode | None = None
    for statement in file.module.body:
        if first is not None and file.tree.places[statement].order > first:
            break
        if _is_setup(file, statement):
            anchor = statement
    if anchor is not None and first is not None and isinstance(anchor, cst.BaseCompoundStatement):
        return anchor
    return anchor


def _is_setup(file: FileContext, statement: cst.CSTNode) -> bool:
    if isinstance(statement, cst.SimpleStatementLine):
        return any(_fills(file, small) for small in statement.body)
    if isinstance(statement, (cst.Try, cst.If)):
        inner = statement.body.body
        return any(isinstance(s, cst.SimpleStatementLine) and any(_fills(file, x) for x in s.body) for s in inner)
    return False


def _fills(file: FileContext, small: cst.CSTNode) -> bool:
    match small:
        case cst.Import() | cst.ImportFrom():
            return True
        case cst.Expr(value=cst.Call(func=func)):
            kind = file.kind(func).kind
            return isinstance(kind, External) and kind.path.rpartition(".")[2] in ("load_dotenv", "read_env", "insert")
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Subscript(value=base))]):
            kind = file.kind(base).kind
            return isinstance(kind, External) and kind.path == "os.environ"
    return False


# -- imports -----------------------------------------------------------------------------------------------------------


def _has_module(file: FileContext, module: str) -> bool:
    bindings = file.tree.module_scope.names.get(module, [])
    return any(b.how == "import" and b.module == module and not b.member for b in bindings)


def _imports(file: FileContext, wanted: set[str], dropped: set[str]) -> list[Edit]:
    """Add and remove imports, touching existing statements where that is possible."""
    names = sorted(n.partition(":")[2] for n in wanted if n.startswith("openai:"))
    names = [n for n in names if not _imported(file, n)]
    modules = sorted(n for n in wanted if ":" not in n and not _has_module(file, n))
    edits: list[Edit] = []
    for statement in _sdk_imports(file):
        assert not isinstance(statement.names, cst.ImportStar)
        aliases = list(statement.names)
        gone = [a for a in aliases if _local_name(a) in dropped]
        own = isinstance(statement.module, cst.Name)
        if gone and len(gone) == len(aliases):
            text, names, modules = _successor(names, modules)
            edits.append(_replace_statement(file, statement, text))
        elif not own:
            edits += build.remove_items(file, aliases, gone)
        elif gone or names:
            edits += _change_names(file, aliases, gone, names)
            names = []
    lines = [f"import {m}" for m in modules]
    if names:
        lines.append(f"from openai import {', '.join(names)}")
    if lines:
        edits.append(_new_imports(file, lines))
    return edits


def _imported(file: FileContext, name: str) -> bool:
    bindings = file.tree.module_scope.names.get(name, [])
    return any(b.how == "import" and b.module == "openai" and b.member == name for b in bindings)


def _sdk_imports(file: FileContext) -> list[cst.ImportFrom]:
    found = []
    for statement in file.nodes(cst.ImportFrom):
        module = dotted(statement.module) or ""
        if file.scope(statement) is not file.tree.module_scope or statement.relative:
            continue
        if module == "openai" or module.startswith("openai.api_resources"):
            if not isinstance(statement.names, cst.ImportStar):
                found.append(statement)
    return found


def _local_name(alias: cst.ImportAlias) -> str:
    name = alias.asname.name if alias.asname is not None else alias.name
    return name.value if isinstance(name, cst.Name) else ""


def _successor(names: list[str], modules: list[str]) -> tuple[str, list[str], list[str]]:
    """What stands in place of an import that lost all its names, and what is still to be imported."""
    if names:
        return f"from openai import {', '.join(names)}", [], modules
    if "openai" in modules:
        return "import openai", names, [m for m in modules if m != "openai"]
    return "", names, modules


def _replace_statement(file: FileContext, statement: cst.ImportFrom, text: str) -> Edit:
    if text:
        return build.replace(file, statement, text)
    line = file.line_of(statement)
    if line is None or len(line.body) > 1:
        return build.replace(file, statement, "pass")
    span = file.span(statement)
    start = max(file.text.rfind("\n", 0, span.start), file.text.rfind("\r", 0, span.start)) + 1
    return Edit(start, file.whole(line).end, "")


def _change_names(
    file: FileContext, aliases: list[cst.ImportAlias], gone: list[cst.ImportAlias], names: list[str]
) -> list[Edit]:
    """Replace the first names that go by the ones that come, remove the rest, append what is left."""
    edits = [build.replace(file, alias, name) for alias, name in zip(gone, names, strict=False)]
    if len(gone) > len(names):
        edits += build.remove_items(file, aliases, gone[len(names) :])
    elif len(names) > len(gone):
        last = next(a for a in reversed(aliases) if all(a is not g for g in gone)) if len(gone) < len(aliases) else aliases[-1]
        edits.append(build.insert(file.span(last).end, "".join(f", {n}" for n in names[len(gone) :])))
    return edits


def _new_imports(file: FileContext, lines: list[str]) -> Edit:
    """Put new imports after the first import of the SDK, else before the first import, else after the docstring."""
    newline = file.source.newline
    text = newline.join(lines)
    anchor: cst.CSTNode | None = None
    for statement in file.module.body:
        if isinstance(statement, cst.SimpleStatementLine):
            if any(isinstance(s, cst.ImportFrom) and _is_future(s) for s in statement.body):
                anchor = statement
                continue
            if any(isinstance(s, (cst.Import, cst.ImportFrom)) for s in statement.body):
                start = file.span(statement).start
                return build.insert(start, text + newline)
            if anchor is None and statement is file.module.body[0] and _is_docstring(statement):
                anchor = statement
    if anchor is not None:
        return build.insert(file.whole(anchor).end, newline + text + newline)
    start = file.span(file.module.body[0]).start
    return build.insert(start, text + newline)


def _is_future(statement: cst.ImportFrom) -> bool:
    return isinstance(statement.module, cst.Name) and statement.module.value == "__future__"


def _is_docstring(statement: cst.SimpleStatementLine) -> bool:
    return isinstance(statement.body[0], cst.Expr) and isinstance(
        statement.body[0].value, (cst.SimpleString, cst.ConcatenatedString)
    )
