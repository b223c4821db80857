"""The settings a file makes on the 0.28 module (`openai.api_key = …`) and how they become client arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.kinds import External, Symbol
from oaimigrate.analysis.scopes import Place, Scope, statements_of
from oaimigrate.analysis.steps import literal

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

WITHOUT_EFFECT = frozenset({"verify_ssl_certs", "ca_bundle_path", "enable_telemetry"})  # 0.28 only warned about them
AZURE_TYPES = frozenset({"azure", "azure_ad", "azuread"})
TOKEN_TYPES = frozenset({"azure_ad", "azuread"})
LOADERS = ("load_dotenv", "read_env")
ENVIRONMENT_WRITERS = ("os.environ.setdefault", "os.environ.update", "os.putenv")
OPENAI_TYPES = frozenset({"open_ai", "openai"})
# What only openai 1.0 and later know on the module, each under the name that a client takes it by.
MODERN = frozenset(
    {
        *("base_url", "azure_endpoint", "azure_ad_token", "azure_ad_token_provider", "http_client", "project"),
        *("webhook_secret", "timeout", "max_retries", "default_headers", "default_query"),
    }
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One assignment to a 0.28 setting."""

    name: str
    target: cst.Attribute
    value: cst.BaseExpression
    statement: cst.Assign | cst.AnnAssign
    line: cst.SimpleStatementLine | None  # None when it shares its line with other statements
    scope: Scope

    @property
    def plain(self) -> bool:
        """Whether the statement does nothing but make this one setting, on a line of its own."""
        alone = not isinstance(self.statement, cst.Assign) or len(self.statement.targets) == 1
        return alone and self.line is not None


def find(file: FileContext) -> list[Setting]:
    """Every assignment to a 0.28 setting of the module, in source order."""
    return [s for node in file.nodes(cst.Attribute) if (s := _made(file, node)) is not None]


def modern(file: FileContext) -> frozenset[str]:
    """The settings of today's module-level client that a file makes, as half-migrated files do."""
    targets = (t.target for t in file.nodes(cst.AssignTarget))
    return frozenset(
        target.attr.value
        for target in targets
        if isinstance(target, cst.Attribute) and target.attr.value in MODERN
        if file.kind(target.value).kind == Symbol("") and not file.in_legacy_branch(target)
    )


def by_name(file: FileContext) -> frozenset[str]:
    """The settings that a file makes with `setattr(openai, name, value)`; "" for a name that is not written out."""
    calls = (c for c in file.inference.index.calls("setattr") if isinstance(c.func, cst.Name) and len(c.args) == 3)
    names = {literal(c.args[1].value) or "" for c in calls if file.kind(c.args[0].value).kind == Symbol("")}
    return frozenset(name for name in names if not name or name in file.api.settings)


def _made(file: FileContext, node: cst.Attribute) -> Setting | None:
    """The setting that an attribute is the target of, alone or as one of several in a tuple."""
    if node.attr.value not in file.api.settings:
        return None
    parent = file.parent(node)
    direct = True
    while isinstance(parent, (cst.Element, cst.Tuple, cst.List)):
        parent, direct = file.parent(parent), False
    if isinstance(parent, cst.AssignTarget):
        parent = file.parent(parent)
        if isinstance(parent, cst.Assign) and not direct and not _within_targets(file, node, parent):
            return None
    elif not (isinstance(parent, cst.AnnAssign) and parent.target is node):
        return None
    if not isinstance(parent, (cst.Assign, cst.AnnAssign)) or parent.value is None:
        return None
    if file.kind(node.value).kind != Symbol("") or file.in_legacy_branch(node):
        return None
    line = file.parent(parent)
    alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 and direct
    assert alone is False or isinstance(line, cst.SimpleStatementLine)
    own_line = line if alone and isinstance(line, cst.SimpleStatementLine) else None
    return Setting(node.attr.value, node, parent.value, parent, own_line, file.scope(parent))


def read(file: FileContext, settings: list[Setting]) -> frozenset[str]:
    """The 0.28 settings that the file reads from the module, where only the module keeps them."""
    targets = {id(s.target) for s in settings}
    nodes = (n for n in file.nodes(cst.Attribute) if n.attr.value in file.api.settings and id(n) not in targets)
    return frozenset(n.attr.value for n in nodes if file.kind(n.value).kind == Symbol(""))


def _within_targets(file: FileContext, node: cst.CSTNode, statement: cst.Assign) -> bool:
    current: cst.CSTNode | None = node
    while current is not None and current is not statement:
        if isinstance(current, cst.AssignTarget):
            return True
        current = file.parent(current)
    return False


def api_type(file: FileContext, settings: list[Setting]) -> str | None:
    """ "openai", "azure" or "azure_ad" as the file's `api_type` settings say; None when they do not say one thing."""
    found = {type_name((literal(s.value) or "?").lower()) for s in settings if s.name == "api_type"}
    if not found:
        return None if any(s.name == "api_version" for s in settings) else "openai"
    return found.pop() if len(found) == 1 else None


def is_azure(settings: list[Setting]) -> bool:
    """Whether every `api_type` of a file is one of Azure's, so that it is certain what `api_base` is the address of."""
    types = [type_name((literal(s.value) or "?").lower()) for s in settings if s.name == "api_type"]
    return bool(types) and all(t in AZURE_TYPES for t in types)


def type_holds(file: FileContext, settings: list[Setting], found: Setting) -> bool:
    """Whether what is said of `api_type` is said where a setting is made, and not in a branch or function beside it."""
    own = [s for s in settings if s.name == "api_type"]
    if not own:
        return file.project.api_type_holds(file.source.path) or not file.project.api_types_elsewhere(file.source.path)
    first = [(s.scope, file.tree.places[s.statement]) for s in own]
    return any(_around(file, scope, place, found) for scope, place in [*first, *_in_both(file, own)])


def type_in_branch(file: FileContext, settings: list[Setting]) -> bool:
    """Whether every `api_type`, of the file or else of others, is set under a condition, and so another at times."""
    own = [s for s in settings if s.name == "api_type"]
    if not own:
        return file.project.api_type_in_branch(file.source.path)
    places = [*(file.tree.places[s.statement] for s in own), *(place for _, place in _in_both(file, own))]
    return all(_in_branch(place) for place in places)


def _in_both(file: FileContext, own: list[Setting]) -> list[tuple[Scope, Place]]:
    """The `if … else …` statements that make a setting in both branches, and so make it in any case."""
    blocks = [(s.scope, file.tree.places[s.statement].block) for s in own]
    branches = [(scope, b.owner, b.place) for scope, b in blocks if b.role == "body" and b.place is not None]
    others = [file.parent(b.owner) for _, b in blocks if isinstance(b.owner, cst.Else)]
    return [(s, p) for s, o, p in branches if isinstance(o, cst.If) and any(o is other for other in others)]


def _in_branch(place: Place | None) -> bool:
    while place is not None:
        if isinstance(place.block.owner, (cst.If, cst.Else, cst.Try, cst.ExceptHandler, cst.Match)):
            return True
        place = place.block.place
    return False


def _around(file: FileContext, outer: Scope, first: Place, second: Setting) -> bool:
    """Whether the block of a place holds a setting too, or is the body of its class's `__init__`."""
    block = first.block
    if outer is second.scope:
        place: Place | None = file.tree.places[second.statement]
        while place is not None and place.block is not block:
            place = place.block.place
        return place is not None
    if block.place is not None:
        return False
    made = outer.node
    if isinstance(made, cst.FunctionDef) and made.name.value == "__init__":
        return outer.parent is second.scope.parent
    scope: Scope | None = second.scope
    while scope is not None and scope is not outer:
        scope = scope.parent
    return scope is not None


def type_name(text: str) -> str | None:
    """ "openai", "azure" or "azure_ad" for a value of `api_type`; None for any other."""
    if text in OPENAI_TYPES:
        return "openai"
    return "azure_ad" if text in TOKEN_TYPES else "azure" if text in AZURE_TYPES else None


def option(setting: Setting, kind: str) -> str | None:
    """The client argument that carries a setting; "" when it needs none, None when no argument does."""
    if setting.name in WITHOUT_EFFECT:
        return ""
    azure = kind in AZURE_TYPES
    match setting.name:
        case "api_key":
            return "azure_ad_token" if kind == "azure_ad" else "api_key"
        case "api_base":
            return "azure_endpoint" if azure else "base_url"
        case "organization":
            return "organization"
        case "api_version" if azure:
            return "api_version"
        case "api_type" if kind:
            return ""
        case "proxy" if not isinstance(setting.value, (cst.Dict, cst.DictComp)):
            return "http_client"
    return None


def adjacent(settings: list[Setting], body: cst.CSTNode) -> bool:
    """Whether the settings are consecutive statements of one block."""
    statements = statements_of(body)
    places = [i for i, s in enumerate(statements) if any(s is setting.statement for setting in settings)]
    return len(places) == len(settings) and places == list(range(places[0], places[0] + len(places)))


def fills_environment(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether a small statement, or an expression, sets what a client reads when it is built: `load_dotenv()`,
    `found = load_dotenv()`, `os.environ["OPENAI_API_KEY"] = …`."""
    match node:
        case cst.Expr(value=inner) | cst.UnaryOperation(expression=inner) | cst.Assert(test=inner):
            return fills_environment(file, inner)
        case cst.Call(func=func):
            kind = file.kind(func).kind
            return loads_environment(file, node) or (isinstance(kind, External) and kind.path in ENVIRONMENT_WRITERS)
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Subscript(value=base))]):
            return file.kind(base).kind == External("os.environ")
        case cst.Assign(value=value):
            return isinstance(value, cst.Call) and fills_environment(file, value)
    return False


def loads_environment(file: FileContext, call: cst.Call) -> bool:
    """Whether a call is `load_dotenv()` or the like: it sets variables that cannot be seen here."""
    kind = file.kind(call.func).kind
    return isinstance(kind, External) and kind.path.rpartition(".")[2] in LOADERS
