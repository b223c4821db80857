"""The text that builds clients and where it goes: in place of settings, after the imports, in a cached function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import settings as setting_finder
from oaimigrate.analysis.clients import CONSTRUCTORS
from oaimigrate.analysis.kinds import External
from oaimigrate.analysis.settings import AZURE_TYPES, Setting, fills_environment
from oaimigrate.analysis.startup import first_request
from oaimigrate.diagnostics import Edit
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.clients import ClientPlan
    from oaimigrate.analysis.file import FileContext

# What a client takes over from the module, in the order in which it is written.
CARRIED = (
    *("organization", "project", "webhook_secret", "base_url", "timeout", "max_retries", "default_headers"),
    *("default_query", "http_client"),
)
AZURE_ONLY = ("azure_endpoint", "api_version", "azure_ad_token_provider")
LAZY = '''{decorator}
def {name}() -> {constructor}:
    """Build the client at the first call, from the settings of the `openai` module, and keep it."""
    return {constructor}({arguments})'''


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


def argument_for(plan: ClientPlan, setting: Setting, asynchronous: bool) -> str:
    """`api_key=…` for a setting, "" if the client needs none for it."""
    option = setting_finder.option(setting, plan.kind or "openai")
    if not option:
        return ""
    value = plan.file.code(setting.value)
    if option == "http_client":
        client = plan.file.symbol("DefaultAsyncHttpxClient" if asynchronous else "DefaultHttpxClient")[0]
        value = f"{client}(proxy={value})"
    return f"{option}={value}"


def assignment(
    plan: ClientPlan, asynchronous: bool, settings: list[Setting], inherited: list[str] | None = None
) -> str:
    arguments = [*(a for s in settings if (a := argument_for(plan, s, asynchronous))), *(inherited or [])]
    return f"{_target(plan, asynchronous)} = {_constructor(plan, asynchronous)}({', '.join(arguments)})"


def construction(plan: ClientPlan, settings: list[Setting], *, local: bool | None = None) -> list[Edit]:
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
        text = assignment(plan, first, settings, inherited)
        edits = [build.replace(file, last.statement, text)]
    elif setting_finder.adjacent(settings, _body(file, last)) and (len(carried) > 1 or _has_comments(settings)):
        edits = _in_place(plan, settings, first, indent, newline, inherited)
    else:
        edits = _gathered(plan, settings, first, indent, newline, carried, inherited)
    if others:
        line = file.whole(last.line or last.statement)
        text = f"{indent}{assignment(plan, others[0], settings)}{newline}"
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
        argument = argument_for(plan, setting, asynchronous)
        head = f"{opening}{newline}{indent}{step}" if index == 0 else step
        if argument:
            edits.append(Edit(statement.start, statement.end, f"{head}{argument},"))
        elif index == 0:
            edits.append(Edit(statement.start, statement.end, opening))
        else:
            edits.append(without_line(file, setting))
    line = file.whole(settings[-1].line or settings[-1].statement)
    more = "".join(f"{indent}{step}{a},{newline}" for a in inherited)
    ended = _ends_line(file, line.end)
    edits.append(build.insert(line.end, f"{more}{indent}){newline}" if ended else f"{newline}{more}{indent})"))
    return edits


def without_line(file: FileContext, setting: Setting) -> Edit:
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
    edits = [without_line(file, s) for s in settings[:-1]]
    if len(carried) + len(inherited) > 1:
        step = file.module.default_indent
        arguments = [*(argument_for(plan, s, asynchronous) for s in carried), *inherited]
        lines = [f"{indent}{step}{a},{newline}" for a in arguments]
        text = f"{_target(plan, asynchronous)} = {_constructor(plan, asynchronous)}({newline}{''.join(lines)}{indent})"
    else:
        text = assignment(plan, asynchronous, carried, inherited)
    return [*edits, build.replace(file, last.statement, text)]


def lazy(plan: ClientPlan, asynchronous: bool) -> str:
    file = plan.file
    module = file.module_name or "openai"
    azure = plan.kind in AZURE_TYPES
    key = "azure_ad_token" if plan.kind == "azure_ad" else "api_key"
    arguments = [
        f"{name}={module}.{name}" for name in (key, *_carried(plan)) if name != "http_client" or not asynchronous
    ]
    constructor = f"{module}.{CONSTRUCTORS[asynchronous, azure]}"
    text = LAZY.format(
        decorator="@functools.cache",
        name=plan.getter(asynchronous),
        constructor=constructor,
        arguments=", ".join(arguments),
    )
    return text.replace("    ", file.module.default_indent).replace("\n", file.source.newline)


def _carried(plan: ClientPlan) -> list[str]:
    """The settings besides the key that a client takes over from the module, by today's names."""
    azure = plan.kind in AZURE_TYPES
    today = {"api_base": "azure_endpoint" if azure else "base_url", "proxy": "http_client"}
    made = plan.made | ({"organization", "api_base", "api_version"} if "*" in plan.made else set())
    names = {today.get(name, name) for name in made}
    return [name for name in (*CARRIED, *(AZURE_ONLY if azure else ())) if name in names]


def after_setup(file: FileContext, parts: list[str]) -> Edit:
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
        text += newline * max(
            0, 2 - rest[:blank].count("\n") - (0 if "\n" in rest[:blank] else rest[:blank].count("\r"))
        )
    elif rest and not rest.startswith(("\n", "\r")):
        text += newline
    return build.insert(end, text)


def _last_setup(file: FileContext) -> cst.CSTNode | None:
    """The last top-level statement that imports something or fills the environment, before the first request."""
    first = first_request(file)
    anchor: cst.CSTNode | None = None
    for statement, following in zip(file.module.body, [*file.module.body[1:], None], strict=True):
        if first is not None and (following is None or file.tree.places[following].order > first):
            return statement if imports_sdk(file, statement) else anchor  # `import openai; openai.Model.list()`
        if _is_setup(file, statement):
            anchor = statement
    return anchor


def imports_sdk(file: FileContext, statement: cst.CSTNode) -> bool:
    """Whether a line imports the SDK, whatever else it does."""
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(small, (cst.Import, cst.ImportFrom)) and "openai" in file.code(small) for small in statement.body
    )


def _is_setup(file: FileContext, statement: cst.CSTNode) -> bool:
    """Whether a client must come after this statement."""
    match statement:
        case cst.SimpleStatementLine(body=body):
            return any(_is_setup(file, small) for small in body)
        case cst.Import() | cst.ImportFrom():
            return True
        case cst.Expr(value=cst.Call(func=func)) if file.kind(func).kind == External("sys.path.insert"):
            return True
        case cst.If(test=test, body=block) if not fills_environment(file, test):
            return any(_is_setup(file, inner) for inner in block.body)
        case cst.Try(body=block) | cst.With(body=block):
            return any(_is_setup(file, inner) for inner in block.body)
        case cst.If():
            return True
    return fills_environment(file, statement)
