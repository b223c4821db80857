"""The client plan of a file: what every 0.28 request is made on after the migration, and who builds it.

Strategies, in the order they are tried (reasons are reported):
  existing   the file, or a module that it imports, already has a client at module level
  instance   settings stand at module level, or there are none anywhere: one client beside them
  class      one class makes the settings in `__init__` and all the requests: `self.client`
  module     anything else: the SDK's own module-level client, which 1.x, 2.x and 3.x support, settings stay in place
  lazy       on demand (`--client-style lazy`), and for async requests where the strategy is "module"
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import logins
from oaimigrate.analysis import settings as setting_finder
from oaimigrate.analysis.held import Held
from oaimigrate.analysis.kinds import External, Symbol
from oaimigrate.analysis.requests import Request, spelled
from oaimigrate.analysis.scopes import Scope
from oaimigrate.analysis.settings import AZURE_TYPES, Setting
from oaimigrate.diagnostics import Need, Note, Safety

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

GROUP = "client"  # settings and requests that change together
CONSTRUCTORS = {
    (False, False): "OpenAI",
    (True, False): "AsyncOpenAI",
    (False, True): "AzureOpenAI",
    (True, True): "AsyncAzureOpenAI",
}


PROXY = (
    "the proxy, or HTTP client, that is set on the module serves sync requests; build the async client where it is"
    " known, with `http_client=openai.DefaultAsyncHttpxClient(…)`"
)

FOREIGN = "the name `openai` means something else in this file, where the module of the SDK is needed"

STILL_READ = frozenset({"api_key", "organization"})  # by the module-level client, from where 0.28 read them


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
    existing: dict[bool, Held] = field(default_factory=dict)  # clients that stand ready, by asynchronous
    locals: dict[Scope, list[Setting]] = field(
        default_factory=dict
    )  # functions that build an Azure client of their own
    varying: bool = False  # an Azure endpoint changes between calls, and no client can be shown that follows it

    @property
    def consumed(self) -> bool:
        """Whether the file's settings turn into the client."""
        return self.strategy in ("instance", "class") and bool(self.settings)

    @property
    def group(self) -> str | None:
        return GROUP if self.consumed or self.from_imports else None

    @cached_property
    def made(self) -> frozenset[str]:
        """The settings, of 0.28 or of today, that this file or another makes on the module; "*" stands for any."""
        own = frozenset(s.name for s in self.settings) | self.modern
        return own | self.file.project.settings_elsewhere(self.file.source.path)

    @cached_property
    def modern(self) -> frozenset[str]:
        """The settings of today's module-level client that this file makes."""
        return setting_finder.modern(self.file)

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
            return self._attribute(self.file.config.client_names[0], "openai_client")
        return self.fresh(self.file.config.client_names[0], "openai_client", "sync_openai_client")

    @cached_property
    def async_name(self) -> str:
        if self.strategy == "class":
            return self._attribute(self.file.config.client_names[1], "openai_async_client")
        return self.fresh(self.file.config.client_names[1], "async_openai_client", "openai_async_client")

    def _attribute(self, *candidates: str) -> str:
        assert self.owner is not None
        scope = self.file.tree.scope_of_node[self.owner]
        used = {*scope.names, *self.file.tree.attributes.get(scope, {})}
        return next((c for c in candidates if c not in used), candidates[-1] + "_")

    def getter(self, asynchronous: bool) -> str:
        return (
            self.fresh("get_async_client", "get_async_openai_client")
            if asynchronous
            else self.fresh("get_client", "get_openai_client")
        )

    # -- requests ------------------------------------------------------------------------------------------------

    def use(self, request: Request) -> Use:
        """What a request is made on."""
        use = self._use(request)
        if request.asynchronous and not use.problem and self.many_loops:
            note = Note("`asyncio.run` is called more than once here, and one async client belongs to one event loop")
            return replace(use, safety=max(use.safety, Safety.UNSAFE), notes=(*use.notes, note))
        return use

    @cached_property
    def many_loops(self) -> bool:
        """Whether the file starts more than one event loop, as far as it shows."""
        calls = [c for c in self.file.nodes(cst.Call) if self.file.kind(c.func).kind == External("asyncio.run")]
        return len(calls) > 1

    def _use(self, request: Request) -> Use:
        asynchronous = request.asynchronous
        resource = request.method.old.partition(".")[0]
        called = f"{resource}.{request.method.async_name}" if asynchronous else request.method.old
        if self.replaced & {resource, called}:
            return Use("", problem="this file replaces the method with its own, which a client would not call")
        function = request.scope.function
        if function is not None and function in self.locals:
            return self._own(function, asynchronous)
        if self.varying:
            return Use("", problem="the Azure endpoint changes from call to call, and no one client follows it")
        if setting_finder.by_name(self.file) - STILL_READ:
            return Use("", problem="a setting of the module is made by name in this file, and which one is not known")
        if self.lost:
            return Use("", problem=f"nothing on a client carries `openai.{self.lost}` as it is set in this file")
        of_azure = self.kind in AZURE_TYPES or setting_finder.is_azure(self.settings)
        if self.kind is None and (asynchronous or (not of_azure and any(s.name == "api_base" for s in self.settings))):
            return Use(
                "", problem="`openai.api_type` is not known here, so neither is the client: OpenAI or AzureOpenAI"
            )
        if of_azure and (problem := self._uncertain(asynchronous)):
            return Use("", problem=problem)
        match self.strategy:
            case "existing" if asynchronous in self.existing:
                held = self.existing[asynchronous]
                return Use(held.text, (*held.needs, *self.import_needs), self.safety, self.group, self.notes)
            case "instance":
                name = self.async_name if asynchronous else self.sync_name
                return Use(
                    name, (*self.client_needs(asynchronous), *self.import_needs), self.safety, self.group, self.notes
                )
            case "class":
                receiver = self._receiver(request)
                name = self.async_name if asynchronous else self.sync_name
                return Use(f"{receiver}.{name}", self.client_needs(asynchronous), self.safety, self.group, self.notes)
        if asynchronous or self.strategy == "lazy":
            return self.lazy(asynchronous)
        return self._module(request)

    @cached_property
    def homeless(self) -> bool:
        """Whether some `api_base` is set where the `api_type` of other branches or functions does not hold."""
        bases = (s for s in self.settings if s.name == "api_base")
        return any(not setting_finder.type_holds(self.file, self.settings, s) for s in bases)

    def _uncertain(self, asynchronous: bool) -> str:
        """Why a request stays though `api_type` is known: it is known of some branches only."""
        if self.homeless:
            return (
                "`openai.api_base` is set where `openai.api_type` is not, so it is not known what it is the address of"
            )
        built = self.strategy == "lazy" or (asynchronous and self.strategy == "module")
        if built and setting_finder.type_in_branch(self.file, self.settings):
            return "`openai.api_type` is set in a branch only, so the client is OpenAI or AzureOpenAI"
        return ""

    @cached_property
    def replaced(self) -> frozenset[str]:
        """Resource classes and methods that the file assigns to: `openai.ChatCompletion.create = wrapper`."""
        found = set()
        for target in self.file.nodes(cst.AssignTarget):
            if isinstance(target.target, cst.Attribute) and spelled(self.file, target.target):
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

    def local_need(self, function: Scope, asynchronous: bool) -> tuple[str, Need]:
        """The group and the need of a client that one function builds for itself."""
        at = self.file.tree.orders[function.node]
        return f"local:{at}", Need("client", f"local:{at}:{'async' if asynchronous else 'sync'}")

    def _own(self, function: Scope, asynchronous: bool) -> Use:
        group, need = self.local_need(function, asynchronous)
        if len({r.asynchronous for r in self.requests if r.scope.function is function}) > 1:
            return Use("", problem="sync and async requests share a client that one function would build")
        note = Note("this builds a client for every call; build one per endpoint and keep it")
        name = self.async_name if asynchronous else self.sync_name
        return Use(name, (need,), Safety.UNSAFE, group, (*self.notes, note))

    def _receiver(self, request: Request) -> str:
        scope: Scope | None = request.scope
        while scope is not None and not (scope.kind == "function" and scope.parent and scope.parent.kind == "class"):
            scope = scope.parent
        assert scope is not None
        assert isinstance(scope.node, cst.FunctionDef)
        parameters = [*scope.node.params.posonly_params, *scope.node.params.params]
        return parameters[0].name.value

    def lazy(self, asynchronous: bool) -> Use:
        """A client that a cached function builds at its first call."""
        if asynchronous and self.made & {"proxy", "http_client"}:
            return Use("", problem=PROXY)
        if not self.module_name and self.file.openai_is_foreign:
            return Use("", problem=FOREIGN)
        if self.kind == "azure_ad" and logins.problem(self):
            return Use("", problem="the Azure AD token is set again, and a client that is kept would have the first")
        names = [s.name for s in self.settings]
        if len(set(names)) < len(names):
            return Use("", problem="a setting is made more than once, and a client keeps what it was built with")
        if self.kind in AZURE_TYPES and self.strategy != "lazy":
            text = "the async client is built at the first call from the settings of the `openai` module"
        else:
            text = "the client is built at the first call and then shared"
            text += ": keep it on one event loop" if asynchronous else ""
        notes = [Note(text)]
        if any(s.scope.kind == "function" for s in self.settings):
            notes.append(Note("settings that a function makes after that do not reach it"))
        need = Need("client", "lazy-async" if asynchronous else "lazy-sync")
        needs = (need,) if self.module_name else (need, Need("import", "openai"))
        return Use(f"{self.getter(asynchronous)}()", needs, Safety.UNSAFE, self.group, tuple(notes))

    def _module(self, request: Request) -> Use:
        if request.module is not None:
            return Use(self.file.code(request.module), (), self.safety, self.group, self.notes)
        if not self.module_name and self.file.openai_is_foreign:
            return Use("", problem=FOREIGN)
        name = self.module_name or "openai"
        needs = () if self.module_name else (Need("import", "openai"),)
        return Use(name, (*needs, *self.import_needs), self.safety, self.group, self.notes)
