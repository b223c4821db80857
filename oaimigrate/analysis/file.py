"""One file as the rules see it: text, tree, spans and, above all, `kind(expression)`."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import libcst as cst

from oaimigrate.analysis import api as api_map
from oaimigrate.analysis.infer import Inference
from oaimigrate.analysis.kinds import SILENT, External, Symbol, Value
from oaimigrate.analysis.scopes import Binding, Scope
from oaimigrate.diagnostics import Need, Note, Span

if TYPE_CHECKING:
    from oaimigrate.analysis.clients import ClientPlan
    from oaimigrate.config import Config
    from oaimigrate.project import Project
    from oaimigrate.source import Source

# The answers of tests are recorded, and their settings are what is tested.
_TESTS = re.compile(r"(?:^|[\\/])(?:tests?[\\/]|test_[^\\/]*$|[^\\/]*_test\.py$|conftest\.py$)")

Node = TypeVar("Node", bound=cst.CSTNode)


class FileContext:
    """A parsed file. Rules ask it; they never change it."""

    def __init__(self, source: Source, config: Config, project: Project) -> None:
        self.source = source
        self.text = source.text
        self.config = config
        self.project = project
        self.api = api_map.load()
        self.tree, self.positions = project.trees.of(source)
        self.module = self.tree.module
        self.inference = Inference(self, self.api)
        self.rising: dict[cst.CSTNode, bool] = {}  # functions that `rising` knows to make requests, or not
        self.error_uses: dict[Binding, list[tuple[cst.Name | cst.Attribute, str]]] | None = None  # by their import

    # -- meaning -------------------------------------------------------------------------------------------------

    def kind(self, node: cst.CSTNode) -> Value:
        """What an expression is in the OpenAI world."""
        return self.inference.kind(node)

    def imported(self, module: str, member: str, level: int, whole: str = "") -> Value:
        """What `from module import member` binds; without a member `import module`, as `import whole` may say."""
        if level:
            return self.project.modules.exported(self.source.path, module, member, level)
        if module == "openai" or module.startswith("openai."):
            if self.shadowed_sdk:
                return SILENT
            path = f"{module}.{member}" if member else module
            return self.inference.attribute(Value(Symbol("")), path[7:]) if path != "openai" else Value(Symbol(""))
        modules = self.project.modules
        found = (
            modules.exported(self.source.path, module, member, 0)
            if member
            else modules.module(self.source.path, module, whole)
        )
        if found is not SILENT:
            return found
        return Value(External(f"{module}.{member}" if member else module))

    @cached_property
    def shadowed_sdk(self) -> bool:
        """Whether `import openai` finds a neighbour of this script instead of the SDK."""
        path = Path(self.source.path)
        if path.name in ("openai.py", "openai.pyi", "-", "<stdin>"):
            return False
        modules = self.project.modules
        if any(modules.exists(str(folder / "__init__.py")) for folder in list(path.parents)[:3]):
            return False  # inside of a package, though its own folder may lack the file
        return modules.exists(str(path.parent / "openai.py"))

    @cached_property
    def is_test(self) -> bool:
        """Whether the path says that this is a test, whose answers are recorded."""
        return _TESTS.search(self.source.path) is not None

    @cached_property
    def _legacy_branches(self) -> frozenset[cst.CSTNode]:
        from oaimigrate.analysis.branches import legacy_branches

        return frozenset(legacy_branches(self))

    def in_legacy_branch(self, node: cst.CSTNode) -> bool:
        """Whether a node runs only under openai < 1, in code that serves both generations on purpose."""
        branches = self._legacy_branches
        return bool(branches) and self.inside(node, branches)

    def legacy_spans(self) -> list[Span]:
        """The text of the branches that run only under openai < 1."""
        return [self.whole(b) for b in self._legacy_branches]

    @cached_property
    def named_like_requests(self) -> Mapping[cst.CSTNode, list[cst.Call]]:
        """The calls of anything that has the name of a request, `create` and the like, by the function around them."""
        from oaimigrate.analysis.flow import function_of

        found: dict[cst.CSTNode, list[cst.Call]] = {}
        for name in self.api.request_names:
            for call in self.inference.index.calls(name):
                if (function := function_of(self, call)) is not None:
                    found.setdefault(function, []).append(call)
        return found

    @cached_property
    def plan(self) -> ClientPlan:
        """Where this file's clients are built and what each call writes instead of `openai`."""
        from oaimigrate.analysis.placement import make_plan

        return make_plan(self)

    @cached_property
    def imported_names(self) -> frozenset[str]:
        """Every name that an import binds somewhere in this file: whether a name can be the SDK's, quickly."""
        scopes = self.tree.scope_of_node.values()
        return frozenset(n for s in scopes for n, bs in s.names.items() if any(b.how == "import" for b in bs))

    @cached_property
    def mentions_namespaces(self) -> bool:
        """Whether a subscript may be one of `vars(openai)` or `openai.__dict__`."""
        return "vars(" in self.text or "__dict__" in self.text

    @cached_property
    def module_name(self) -> str:
        """The name that module-level code has for the `openai` module, "" if it has none."""
        for name, bindings in self.tree.module_scope.names.items():
            if all(b.how == "import" and b.module == "openai" and not b.member and not b.level for b in bindings):
                if not self.shadowed_sdk and not any(b.remote for b in bindings):
                    return name
        return ""

    @cached_property
    def openai_is_foreign(self) -> bool:
        """Whether the name `openai` means something else than the SDK somewhere, so that no import may bring it."""
        bindings = (b for scope in self.tree.scope_of_node.values() for b in scope.names.get("openai", ()))
        return any(b.how != "import" or b.level or f"{b.module}.".partition(".")[0] != "openai" for b in bindings)

    def symbol(self, name: str) -> tuple[str, list[Need]]:
        """How to write a name of the SDK in this file, and the import it needs."""
        if self.module_name:
            return f"{self.module_name}.{name}", []
        return name, [Need("import", f"openai:{name}")]

    # -- syntax --------------------------------------------------------------------------------------------------

    def nodes(self, node_type: type[Node]) -> list[Node]:
        """Every node of a type, in source order."""
        found: list[Any] = self.tree.nodes.get(node_type, [])
        return found

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self.tree.parents.get(node)

    def scope(self, node: cst.CSTNode) -> Scope:
        return self.tree.scopes.get(node, self.tree.module_scope)

    def inside(self, node: cst.CSTNode, blocks: Container[cst.CSTNode]) -> bool:
        """Whether a node is one of some nodes, or stands in one."""
        current: cst.CSTNode | None = node
        while current is not None and current not in blocks:
            current = self.tree.parents.get(current)
        return current is not None

    def statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """The small or compound statement that a node belongs to."""
        return self.tree.places[node].statement

    def line_of(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """The whole logical line of a small statement, None for one in a one-line suite or a compound statement."""
        parent = self.parent(self.statement(node))
        return parent if isinstance(parent, cst.SimpleStatementLine) else None

    # -- text ----------------------------------------------------------------------------------------------------

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands, without its own parentheses."""
        return self.positions.span(node)

    def whole(self, node: cst.CSTNode) -> Span:
        """Where a node stands, parentheses included (for a statement: with its leading comments and newline)."""
        return self.positions.whole(node)

    @cached_property
    def values(self) -> list[tuple[int, int, cst.BaseExpression]]:
        """Start, end and node of every subscript, attribute and call, each before those inside it."""
        nodes = (n for kind in (cst.Subscript, cst.Attribute, cst.Call) for n in self.nodes(kind))
        found = [(span.start, span.end, node) for node in nodes for span in [self.span(node)]]
        return sorted(found, key=lambda item: (item[0], -item[1]))

    def code(self, node: cst.CSTNode) -> str:
        """The text of a node, parentheses included."""
        span = self.whole(node)
        return self.text[span.start : span.end]

    def doubts(self, value: Value) -> tuple[Note, ...]:
        """The note that says where certainty ended, if it did."""
        if value.doubt is None:
            return ()
        doubt = value.doubt
        own = doubt.node is not None and doubt.node in self.tree.parents
        return (
            Note(doubt.text, self.span(doubt.node) if own and doubt.node is not None else None, doubt.path or None),
        )
