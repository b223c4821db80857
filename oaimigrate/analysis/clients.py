"""The client plan of a file: what every 0.28 request is made on after the migration, and who builds it.

Strategies, in the order they are tried (reasons are reported):
  existing   the file already has a client at module level
  instance   settings stand at module level, or there are none anywhere: one client beside them
  class      one class makes the settings in `__init__` and all the requests: `self.client`
  module     anything else: the SDK's own module-level client, which 1.x, 2.x and 3.x support, settings stay in place
  lazy       on demand (`--client-style lazy`), and for async requests where the strategy is "module"
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import requests as request_finder
from oaimigrate.analysis import settings as setting_finder
from oaimigrate.analysis.kinds import Client, External, Symbol
from oaimigrate.analysis.requests import Request
from oaimigrate.analysis.scopes import Scope, statements_of
from oaimigrate.analysis.settings import AZURE_TYPES, Setting
from oaimigrate.analysis.steps import argument
from oaimigrate.diagnostics import Need, Note, Safety

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

GROUP = "client"  # settings and requests that change together
CONSTRUCTORS = {
    (False, False): "OpenAI", (True, False): "AsyncOpenAI", (False, True): "AzureOpenAI", (True, True): "AsyncAzureOpenAI",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Use:
    """How one request reaches its client: `text` is the expression to put before `.chat.completions…`."""

    text: str
    needs: tuple[Need, ...] = ()
    safety: Safety = Safety.SAFE
    group: str | None = None
    notes: tuple[Note, ...] = ()
    problem: str = ""


@dataclass
class ClientPlan:
    """The decision for one file; see the module's docstring."""

    file: FileContext
    strategy: str
    requests: list[Request]
    settings: list[Setting]
    reason: str = ""  # why the module-level client is kept
    owner: cst.ClassDef | None = None  # strategy "class"
    safety: Safety = Safety.SAFE
    notes: tuple[Note, ...] = ()
    kind: str | None = "openai"  # of the API: openai, azure, azure_ad; None when it cannot be told
    existing: dict[bool, str] = field(default_factory=dict)  # names of clients the file has, by asynchronous

    @property
    def consumed(self) -> bool:
        """Whether the file's settings turn into the client."""
        return self.strategy in ("instance", "class") and bool(self.settings)

    @property
    def group(self) -> str | None:
        return GROUP if self.consumed or self.from_imports else None

    @cached_property
    def from_imports(self) -> bool:
        """Whether requests are made on names imported from the SDK, so that imports and requests change together."""
        return any(r.module is None and not r.indirect for r in self.requests)

    @cached_property
    def needs_sync(self) -> bool:
        return any(not r.asynchronous and r.convertible for r in self.requests)

    @cached_property
    def needs_async(self) -> bool:
        return any(r.asynchronous and r.convertible for r in self.requests)

    # -- names ---------------------------------------------------------------------------------------------------

    @property
    def module_name(self) -> str:
        return self.file.module_name

    @cached_property
    def taken(self) -> frozenset[str]:
        scopes = [*self.file.tree.scope_of_node.values()]
        return frozenset(name for scope in scopes for name in scope.names)

    def fresh(self, *candidates: str) -> str:
        for name in candidates:
            if name not in self.taken:
                return name
        return candidates[-1] + "_"

    @cached_property
    def sync_name(self) -> str:
        if self.strategy == "class":
            return self._attribute("client", "openai_client")
        return self.fresh("client", "openai_client", "sync_openai_client")

    @cached_property
    def async_name(self) -> str:
        if self.strategy == "class":
            return self._attribute("async_client", "openai_async_client")
        return self.fresh("async_client", "async_openai_client", "openai_async_client")

    def _attribute(self, *candidates: str) -> str:
        assert self.owner is not None
        scope = self.file.tree.scope_of_node[self.owner]
        used = {*scope.names, *self.file.tree.attributes.get(scope, {})}
        return next((c for c in candidates if c not in used), candidates[-1] + "_")

    def getter(self, asynchronous: bool) -> str:
        return self.fresh("get_async_client", "get_async_openai_client") if asynchronous else self.fresh(
            "get_client", "get_openai_client"
        )

    # -- requests ------------------------------------------------------------------------------------------------

    def use(self, request: Request) -> Use:
        """What a request is made on."""
        asynchronous = request.asynchronous
        if request.method.old in self.replaced or request.method.old.partition(".")[0] in self.replaced:
            return Use("", problem="this file replaces the method with its own, which a client would not call")
        if self.lost:
            return Use("", problem=f"nothing on a client carries `openai.{self.lost}` as it is set in this file")
        if self.kind is None:
            return Use("", problem="`openai.api_type` is not known here, so neither is the client: OpenAI or AzureOpenAI")
        match self.strategy:
            case "existing" if asynchronous in self.existing:
                return Use(self.existing[asynchronous], (), self.safety, self.group, self.notes)
            case "instance":
                name = self.async_name if asynchronous else self.sync_name
                return Use(name, (*self.client_needs(asynchronous), *self.import_needs), self.safety, self.group, self.notes)
            case "class":
                receiver = self._receiver(request)
                name = self.async_name if asynchronous else self.sync_name
                return Use(f"{receiver}.{name}", self.client_needs(asynchronous), self.safety, self.group, self.notes)
        if asynchronous or self.strategy == "lazy":
            return self._lazy(asynchronous)
        return self._module(request)

    @cached_property
    def replaced(self) -> frozenset[str]:
        """Resource classes and methods that the file assigns to: `openai.ChatCompletion.create = wrapper`."""
        found = set()
        for target in self.file.nodes(cst.AssignTarget):
            if isinstance(target.target, cst.Attribute):
                kind = self.file.kind(target.target).kind
                if isinstance(kind, Symbol) and kind.path.partition(".")[0] in self.file.api.resources:
                    found.add(kind.path)
        return frozenset(found)

    @cached_property
    def lost(self) -> str:
        """A setting of this file that decides where requests go and that no client can carry; "" if there is none."""
        for setting in self.settings:
            if setting.name in ("api_key_path", "requestssession"):
                return setting.name
            if setting.name == "proxy" and isinstance(setting.value, (cst.Dict, cst.DictComp)):
                return setting.name
        return ""

    def client_needs(self, asynchronous: bool) -> tuple[Need, ...]:
        if self.consumed:
            return (Need("client", "settings"), *self._constructor_imports())
        return (Need("client", "async" if asynchronous else "sync"), *self._constructor_imports(asynchronous))

    def _constructor_imports(self, asynchronous: bool | None = None) -> tuple[Need, ...]:
        if self.module_name:
            return ()
        azure = self.kind in AZURE_TYPES
        wanted = [asynchronous] if asynchronous is not None else self.flavours
        return tuple(Need("import", f"openai:{CONSTRUCTORS[a, azure]}") for a in wanted)

    @property
    def flavours(self) -> list[bool]:
        """The clients to build, as `asynchronous`."""
        found = [False] if self.needs_sync or not self.needs_async else []
        return [*found, True] if self.needs_async else found

    @cached_property
    def import_needs(self) -> tuple[Need, ...]:
        """Resource classes imported by name go away together with the requests that use them."""
        return tuple(Need("drop-import", name) for name in self.droppable) if self.from_imports else ()

    @cached_property
    def droppable(self) -> list[str]:
        """Local names of resource classes imported from the SDK whose every use is a request."""
        found = []
        request_roots = {id(r.node.value) for r in self.requests if isinstance(r.node, cst.Attribute) and r.convertible}
        for name, bindings in self.file.tree.module_scope.names.items():
            if not all(b.how == "import" and b.member in self.file.api.resources for b in bindings):
                continue
            if not all(b.module == "openai" or b.module.startswith("openai.api_resources") for b in bindings):
                continue
            uses = [n for n in self.file.nodes(cst.Name) if n.value == name and self._is_use(n)]
            if all(id(u) in request_roots for u in uses):
                found.append(name)
        return found

    def _is_use(self, name: cst.Name) -> bool:
        parent = self.file.parent(name)
        if isinstance(parent, cst.Attribute) and parent.attr is name:
            return False
        if isinstance(parent, cst.Arg) and parent.keyword is name:
            return False
        return not isinstance(parent, (cst.ImportAlias, cst.AsName)) and name in self.file.tree.scopes

    def _receiver(self, request: Request) -> str:
        scope: Scope | None = request.scope
        while scope is not None and not (scope.kind == "function" and scope.parent and scope.parent.kind == "class"):
            scope = scope.parent
        assert scope is not None and isinstance(scope.node, cst.FunctionDef)
        parameters = [*scope.node.params.posonly_params, *scope.node.params.params]
        return parameters[0].name.value

    def _lazy(self, asynchronous: bool) -> Use:
        if self.kind in AZURE_TYPES and self.strategy != "lazy":
            note = Note("the async client is built at the first call from the settings of the `openai` module")
        else:
            note = Note("the client is built at the first call and then shared: keep it on one event loop") if (
                asynchronous
            ) else Note("the client is built at the first call and then shared")
        need = Need("client", "lazy-async" if asynchronous else "lazy-sync")
        needs = (need,) if self.module_name else (need, Need("import", "openai"))
        return Use(f"{self.getter(asynchronous)}()", needs, Safety.UNSAFE, self.group, (note,))

    def _module(self, request: Request) -> Use:
        if request.module is not None:
            return Use(self.file.code(request.module), (), self.safety, self.group, self.notes)
        name = self.module_name or "openai"
        needs = () if self.module_name else (Need("import", "openai"),)
        return Use(name, (*needs, *self.import_needs), self.safety, self.group, self.notes)


# -- making the plan --------------------------------------------------------------------------------------------------


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
            plan.notes = (Note("`openai.api_type` is not a plain string here; `engine=` and `api_version` point to Azure"),)
    style = file.config.client_style
    if style == "lazy":
        plan.strategy = "lazy"
        return plan
    if style == "module":
        plan.reason = "`--client-style module` was asked for"
        return plan
    plan.strategy, plan.reason = _strategy(plan)
    return plan


def _kind(file: FileContext, found: list[Request], settings: list[Setting]) -> str | None:
    kind = setting_finder.api_type(file, settings)
    if kind == "openai" and not any(s.name == "api_type" for s in settings):
        if "api_type" in file.project.settings_elsewhere(file.source.path):
            return None if any(s.name in ("api_base", "api_version") for s in settings) else kind
    return kind


def _guess(file: FileContext, found: list[Request], settings: list[Setting]) -> str | None:
    """Azure, when deployments are named in calls or an api_version is set; otherwise unknown."""
    if any(s.name == "api_type" for s in settings) and len({file.code(s.value) for s in settings if s.name == "api_type"}) > 1:
        return None
    names = {a.keyword.value for r in found if r.call is not None for a in r.call.args if a.keyword is not None}
    if names & {"engine", "deployment_id"} or any(s.name == "api_version" for s in settings):
        return "azure"
    return None


def _strategy(plan: ClientPlan) -> tuple[str, str]:
    file = plan.file
    existing = _existing(plan)
    if existing:
        plan.existing = existing
        if all(r.asynchronous in existing for r in plan.requests):
            plan.safety = max(plan.safety, Safety.UNSAFE)
            names = " and ".join(f"`{n}`" for n in existing.values())
            plan.notes = (*plan.notes, Note(f"the file's own client {names} is used; check that it has the right settings"))
            return "existing", ""
    if not plan.requests:
        return "module", ""
    if any(r.indirect and r.call is None for r in plan.requests):
        return "module", "a resource class is kept in a variable"
    elsewhere = file.project.settings_elsewhere(file.source.path)
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


def _existing(plan: ClientPlan) -> dict[bool, str]:
    """Clients that the file already builds at module level, by asynchronous."""
    found: dict[bool, str] = {}
    for name, bindings in plan.file.tree.module_scope.names.items():
        if len(bindings) == 1 and bindings[0].how == "assign":
            match plan.file.inference.binding(bindings[0]).kind:
                case Client(asynchronous=asynchronous):
                    found.setdefault(asynchronous, name)
    return found


def _without_settings(plan: ClientPlan, elsewhere: frozenset[str]) -> tuple[str, str]:
    if elsewhere:
        return "module", "the settings are made in another file, on the `openai` module"
    if not plan.module_name and not plan.from_imports:
        return "module", "`openai` is imported inside functions"
    if _loads_environment_in_function(plan.file):
        return "module", "the environment is filled inside a function, so a client at module level would come too early"
    if all(r.call is not None and argument(r.call, "api_key") is not None for r in plan.requests):
        return "module", "every call brings its own key"
    if not any(r.at_import for r in plan.requests):
        plan.safety = max(plan.safety, Safety.UNSAFE)
        text = "the client is built when this module is imported, and raises there if OPENAI_API_KEY is not set"
        plan.notes = (*plan.notes, Note(text))
    return "instance", ""


def _loads_environment_in_function(file: FileContext) -> bool:
    for call in file.nodes(cst.Call):
        kind = file.kind(call.func).kind
        if isinstance(kind, External) and kind.path.endswith("load_dotenv") and file.scope(call).function is not None:
            return True
    for node in file.nodes(cst.Assign):
        if file.scope(node).function is not None and "OPENAI_API_KEY" in file.code(node.targets[0].target):
            return True
    return False


def _unfit(plan: ClientPlan) -> str:
    """Why the settings of this file cannot become client arguments; "" if they can."""
    from oaimigrate.fixing.arguments import rewrite

    if plan.kind is None:
        return "`openai.api_type` is not known here"
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
    if _reads(plan):
        return "a setting is read again from the `openai` module"
    for request in plan.requests:
        if request.call is not None and rewrite(plan.file, request.call, request.method).problem:
            return "one of the requests cannot be rewritten"
    if not plan.module_name and not plan.from_imports:
        return "`openai` is imported inside functions"
    return ""


def _reads(plan: ClientPlan) -> bool:
    """Whether the file reads `openai.api_key` and the like, which only the module keeps."""
    targets = {id(s.target) for s in plan.settings}
    for node in plan.file.nodes(cst.Attribute):
        if node.attr.value in plan.file.api.settings and id(node) not in targets:
            if plan.file.kind(node.value).kind == Symbol(""):
                return True
    return False


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
    if owner.node.bases and not all(isinstance(b.value, cst.Name) and b.value.value in ("object", "ABC") for b in owner.node.bases):
        plan.safety = max(plan.safety, Safety.UNSAFE)
        plan.notes = (*plan.notes, Note("the class has bases that are not seen here; check that they allow the new attribute"))
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
