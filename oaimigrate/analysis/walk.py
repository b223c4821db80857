"""The one walk over a file's tree: parents, scopes, places, bindings and the nodes of each type.

It dispatches on the exact type of a node and visits only fields that can hold meaning, which costs a few hundredths
of a parse where LibCST's own visitors and metadata cost several parses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import partial
from typing import Any

import libcst as cst

from oaimigrate.analysis.compound import HANDLERS
from oaimigrate.analysis.scopes import Binding, Block, Place, Scope
from oaimigrate.syntax import Parsed

_IGNORED = (
    "whitespace", "lpar", "rpar", "leading_lines", "header", "footer", "comma", "lbrac", "rbrac", "lbrace", "rbrace",
    "semicolon", "equal", "trailing_whitespace", "lines_after", "indent", "encoding", "default_indent",
    "default_newline", "has_trailing", "dot", "operator", "colon", "newline", "asynchronous", "lpar_token",
)  # fmt: skip
NO_NODES: set[type] = {str, bool, type(None), cst.MaybeSentinel}  # what a field may hold instead of one
_LEAVES: set[type] = NO_NODES | {
    cst.SimpleString, cst.Integer, cst.Float, cst.Imaginary, cst.Ellipsis,
    cst.Pass, cst.Break, cst.Continue, cst.FormattedStringText,
}  # fmt: skip
_SLOTS: dict[type, tuple[str, ...]] = {}


def slots(node_type: type) -> tuple[str, ...]:
    """The fields of a node type that hold nodes with meaning."""
    found = _SLOTS.get(node_type)
    if found is None:
        names = [f.name for f in fields(node_type)] if issubclass(node_type, cst.CSTNode) else []
        found = _SLOTS[node_type] = tuple(n for n in names if not n.startswith(_IGNORED))
    return found


class Tree:
    """What one walk learned: `parents`, `scopes`, `places` and `orders` by node, `nodes` by type."""

    def __init__(self, parsed: Parsed) -> None:
        self.module = module = parsed.module
        self.rows = parsed.rows
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self.scopes: dict[cst.CSTNode, Scope] = {}
        self.places: dict[cst.CSTNode, Place] = {}
        self.orders: dict[cst.CSTNode, int] = {}
        self.nodes: dict[type, list[Any]] = {cst.Module: [module]}
        self.scope_of_node: dict[cst.CSTNode, Scope] = {}  # the scope that a def, class, lambda … makes
        self.attributes: dict[Scope, dict[str, list[Binding]]] = {}  # `self.x = …` by class scope
        self.module_scope = Scope("module", module, None)
        self.scope_of_node[module] = self.module_scope
        Walker(self).run()
        self.nodes[cst.Module] = [module]


class Walker:
    """The state of the walk. Work is a stack of thunks, so that deep code cannot exhaust Python's own stack."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.order = 0
        self.stack: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.special: dict[type, Callable[[Any, Scope, Place], None]] = {
            cst.Assign: self.assign,
            cst.AnnAssign: self.annotated,
            cst.AugAssign: self.augmented,
            cst.NamedExpr: self.walrus,
            cst.Import: self.import_,
            cst.ImportFrom: self.import_from,
            cst.Global: self.global_,
            cst.Nonlocal: self.nonlocal_,
            cst.Del: self.delete,
        }
        self.special |= {kind: partial(handler, self) for kind, handler in HANDLERS.items()}

    # -- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        module = self.tree.module
        block = Block(None, "body", None)
        self.statements(module.body, module, self.tree.module_scope, block)
        while self.stack:
            step, arguments = self.stack.pop()
            step(*arguments)

    def later(self, *steps: tuple[Callable[..., None], tuple[Any, ...]]) -> None:
        """Queue steps so that they run in the order given, before everything queued earlier."""
        self.stack.extend(reversed(steps))

    def visit(self, node: Any, parent: cst.CSTNode, scope: Scope, place: Place) -> None:
        tree = self.tree
        kind = type(node)
        self.order += 1
        tree.parents[node] = parent
        tree.scopes[node] = scope
        tree.places[node] = place
        tree.orders[node] = self.order
        same = tree.nodes.get(kind)
        if same is None:
            tree.nodes[kind] = [node]
        else:
            same.append(node)
        special = self.special.get(kind)
        if special is not None:
            special(node, scope, place)
        else:
            self.children(node, scope, place)

    def children(self, node: Any, scope: Scope, place: Place) -> None:
        found: list[Any] = []
        for name in _SLOTS.get(type(node)) or slots(type(node)):
            value = getattr(node, name)
            if type(value) is tuple or type(value) is list:
                found.extend((self.visit, (v, node, scope, place)) for v in value if type(v) not in _LEAVES)
            elif type(value) not in _LEAVES:
                found.append((self.visit, (value, node, scope, place)))
            elif type(value) not in NO_NODES:
                self.leaf(value, node, scope, place)
        self.stack.extend(reversed(found))

    def leaf(self, node: cst.CSTNode, parent: cst.CSTNode, scope: Scope, place: Place) -> None:
        self.order += 1
        tree = self.tree
        tree.parents[node] = parent
        tree.scopes[node] = scope
        tree.places[node] = place
        tree.orders[node] = self.order
        tree.nodes.setdefault(type(node), []).append(node)

    def node(self, node: cst.CSTNode | None, parent: cst.CSTNode, scope: Scope, place: Place) -> Any:
        if node is None or isinstance(node, (str, cst.MaybeSentinel)):
            return (lambda: None, ())
        if type(node) in _LEAVES:
            return (self.leaf, (node, parent, scope, place))
        return (self.visit, (node, parent, scope, place))

    # -- blocks --------------------------------------------------------------------------------------------------

    def statements(self, body: Iterable[Any], parent: cst.CSTNode, scope: Scope, block: Block) -> None:
        """Queue the statements of a block; every small statement gets a place of its own."""
        steps = []
        for line in body:
            steps.append((self.statement, (line, parent, scope, block)))
        self.later(*steps)

    def statement(self, line: Any, parent: cst.CSTNode, scope: Scope, block: Block) -> None:
        self.order += 1
        place = Place(block, self.order, line)
        if isinstance(line, cst.SimpleStatementLine):
            self.tree.parents[line] = parent
            self.tree.scopes[line] = scope
            self.tree.places[line] = place
            self.tree.nodes.setdefault(cst.SimpleStatementLine, []).append(line)
            self.later(*((self.small, (small, line, scope, block)) for small in line.body))
        else:
            self.visit(line, parent, scope, place)

    def small(self, small: Any, parent: cst.CSTNode, scope: Scope, block: Block) -> None:
        self.order += 1
        place = Place(block, self.order, small)
        self.later(self.node(small, parent, scope, place))

    def suite(self, body: Any, owner: cst.CSTNode, role: str, scope: Scope, place: Place | None) -> None:
        self.tree.parents[body] = owner
        self.tree.scopes[body] = scope
        block = Block(owner, role, place)
        if isinstance(body, cst.SimpleStatementSuite):
            self.later(*((self.small, (small, body, scope, block)) for small in body.body))
        else:
            self.statements(body.body, body, scope, block)

    # -- bindings ------------------------------------------------------------------------------------------------

    def bind(self, name: str, how: str, node: cst.CSTNode, scope: Scope, place: Place | None, **more: Any) -> None:
        while scope.kind == "comprehension" and how == "walrus" and scope.parent is not None:
            scope = scope.parent
        remote = name in scope.elsewhere
        owner = scope.elsewhere.get(name, scope)
        self.order += 1
        how = "assign" if how == "walrus" else how
        binding = Binding(
            name, how, node, more.pop("value", None), more.pop("path", ()), scope, place, self.order,
            remote=remote, **more,
        )  # fmt: skip
        owner.names.setdefault(name, []).append(binding)

    def target(
        self, target: Any, parent: cst.CSTNode, how: str, value: Any, path: tuple[int | str, ...], scope: Scope,
        place: Place, asynchronous: bool = False,
    ) -> None:  # fmt: skip
        """Bind the names in an assignment target, and visit what else it holds (`a[i]`, `b.c`)."""
        match target:
            case cst.Name(value=name):
                self.leaf(target, parent, scope, place)
                self.bind(name, how, target, scope, place, value=value, path=path, asynchronous=asynchronous)
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                self.leaf(target, parent, scope, place)
                seen_star = False
                for index, element in enumerate(elements):
                    self.tree.parents[element] = target
                    starred = isinstance(element, cst.StarredElement)
                    step: int | str = "*" if starred else index - len(elements) if seen_star else index
                    seen_star = seen_star or starred
                    self.target(element.value, element, how, value, (*path, step), scope, place, asynchronous)
            case cst.StarredElement(value=inner):
                self.tree.parents[target] = parent
                self.target(inner, target, how, value, (*path, "*"), scope, place, asynchronous)
            case cst.Attribute(value=cst.Name(value=owner), attr=attr):
                self.attribute(owner, attr.value, target, how, value, path, scope, place, asynchronous)
                self.visit(target, parent, scope, place)
            case _:
                self.visit(target, parent, scope, place)

    def attribute(
        self, owner: str, name: str, node: cst.CSTNode, how: str, value: Any, path: tuple[int | str, ...],
        scope: Scope, place: Place, asynchronous: bool,
    ) -> None:  # fmt: skip
        """Remember `self.x = value` in a method (or `cls.x`) with the class."""
        function = scope.function
        if function is None or function.parent is None or function.parent.kind != "class":
            return
        definition = function.node
        assert isinstance(definition, cst.FunctionDef)
        parameters = [*definition.params.posonly_params, *definition.params.params]
        if parameters and parameters[0].name.value == owner:
            self.order += 1
            binding = Binding(name, how, node, value, path, scope, place, self.order, asynchronous=asynchronous)
            self.tree.attributes.setdefault(function.parent, {}).setdefault(name, []).append(binding)

    def assign(self, node: cst.Assign, scope: Scope, place: Place) -> None:
        steps = [self.node(node.value, node, scope, place)]
        for target in node.targets:
            self.tree.parents[target] = node
            self.tree.nodes.setdefault(cst.AssignTarget, []).append(target)
            steps.append((self.target, (target.target, target, "assign", node.value, (), scope, place)))
        self.later(*steps)

    def annotated(self, node: cst.AnnAssign, scope: Scope, place: Place) -> None:
        steps = [self.node(node.annotation, node, scope, place), self.node(node.value, node, scope, place)]
        how = "assign" if node.value is not None else "declare"
        steps.append((self.target, (node.target, node, how, node.value, (), scope, place)))
        self.later(*steps)

    def augmented(self, node: cst.AugAssign, scope: Scope, place: Place) -> None:
        self.later(
            self.node(node.value, node, scope, place),
            (self.target, (node.target, node, "augmented", node.value, (), scope, place)),
        )

    def walrus(self, node: cst.NamedExpr, scope: Scope, place: Place) -> None:
        self.later(
            self.node(node.value, node, scope, place),
            (self.target, (node.target, node, "walrus", node.value, (), scope, place)),
        )

    def delete(self, node: cst.Del, scope: Scope, place: Place) -> None:
        self.later(self.node(node.target, node, scope, place))
        target = node.target
        if isinstance(target, cst.Name):
            self.later((lambda: self.bind(target.value, "delete", node, scope, place), ()))

    # -- imports and declarations ----------------------------------------------------------------------------------

    def import_(self, node: cst.Import, scope: Scope, place: Place) -> None:
        for alias in node.names:
            module = dotted(alias.name) or ""
            self.tree.parents[alias] = node
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                self.bind(alias.asname.name.value, "import", alias, scope, place, module=module)
            else:
                top = module.split(".")[0]
                self.bind(top, "import", alias, scope, place, module=top)

    def import_from(self, node: cst.ImportFrom, scope: Scope, place: Place) -> None:
        module = dotted(node.module) or "" if node.module is not None else ""
        level = len(node.relative)
        if isinstance(node.names, cst.ImportStar):
            star = Binding("*", "import", node, None, (), scope, place, self.order, module=module, level=level)
            scope.stars.append(star)
            return
        for alias in node.names:
            self.tree.parents[alias] = node
            member = dotted(alias.name) or ""
            local = alias.asname.name if alias.asname is not None else alias.name
            if isinstance(local, cst.Name):
                self.bind(local.value, "import", alias, scope, place, module=module, member=member, level=level)

    def global_(self, node: cst.Global, scope: Scope, place: Place) -> None:
        for item in node.names:
            if scope is not self.tree.module_scope:
                scope.elsewhere[item.name.value] = self.tree.module_scope

    def nonlocal_(self, node: cst.Nonlocal, scope: Scope, place: Place) -> None:
        for item in node.names:
            name = item.name.value
            owner = scope.parent
            while owner is not None and (owner.kind == "class" or name not in owner.names):
                owner = owner.parent
            if owner is not None:
                scope.elsewhere[name] = owner


def dotted(node: cst.CSTNode | None) -> str | None:
    """`a.b.c` of a chain of names and attributes, None for anything else."""
    parts: list[str] = []
    while type(node) is cst.Attribute:
        parts.append(node.attr.value)
        node = node.value
    if type(node) is not cst.Name:
        return None
    return ".".join([node.value, *reversed(parts)])
