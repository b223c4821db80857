"""`kind()`: what an expression is. One `match` over syntax, memoised and guarded against cycles.

A name joins over the bindings that reach it, an attribute over what its class stores, a call over the method table,
the clients and this file's own functions. `carriers` knows the library functions that pass a kind through.
"""

from __future__ import annotations

import builtins
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import answers, attributes, carriers, containers, functions, special, typehints
from oaimigrate.analysis.index import Index
from oaimigrate.analysis.kinds import (
    NEUTRAL,
    NOTHING,
    SILENT,
    UNKNOWN,
    ClassOf,
    Doubt,
    ErrorOf,
    External,
    Function,
    InstanceOf,
    ListOf,
    Member,
    OneOf,
    Plain,
    Symbol,
    TupleOf,
    Unknown,
    Value,
    join,
)  # fmt: skip
from oaimigrate.analysis.narrowing import narrowed
from oaimigrate.analysis.scopes import Binding, reaching
from oaimigrate.analysis.steps import agreed, awaited, known, unpacked
from oaimigrate.analysis.symbols import CLIENTS
from oaimigrate.analysis.walk import dotted
from oaimigrate.diagnostics import FILLED

if TYPE_CHECKING:
    from oaimigrate.analysis.api import Api
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.diagnostics import Passed

MAX_DEPTH = 120  # frames of kind() inside kind(); a longer chain of names is left unknown rather than overflow
STRING = Value(Plain("str"))
NUMBER = Value(Plain("number"))
BUILTINS = frozenset(dir(builtins))
CONSTANTS = {"None": NEUTRAL, "True": NUMBER, "False": NUMBER}


class Inference:
    """The memo and the rules of inference for one file."""

    def __init__(self, file: FileContext, api: Api, *, alone: bool = False, fills: bool = True) -> None:
        self.file = file
        self._alone = alone
        self.fills = fills  # whether abstract methods give what those give that fill them in
        self.tree = file.tree
        self.api = api
        self.roots = frozenset(path.split(".")[0] for path in api.calls)
        self._memo: dict[cst.CSTNode, Value] = {}
        self._bindings: dict[Binding, Value] = {}
        self._active: set[object] = set()
        self._returns: dict[cst.CSTNode, Value] = {}
        self.parts: dict[cst.ClassDef, list[tuple[str, Value]]] = {}  # the members of classes, as `exports` wants them
        self.abstract: dict[cst.ClassDef, list[cst.FunctionDef]] = {}  # the methods of classes that others fill in
        self.gives: dict[cst.CSTNode, bool] = {}  # whether one gets something of the SDK from a function or class
        self.fields: dict[cst.ClassDef, list[str]] = {}  # of dataclasses and their like; none of other classes
        self.index = Index(self.tree)
        self.depth = 0

    @cached_property
    def alone(self) -> Inference:
        """The inference of the same file that heeds no arguments that other files pass to its functions."""
        return self if self._alone else Inference(self.file, self.api, alone=True)

    @cached_property
    def unfilled(self) -> Inference:
        """As `alone`, where abstract methods give nothing."""
        return self if not self.fills else Inference(self.file, self.api, alone=True, fills=False)

    @cached_property
    def arrived(self) -> dict[str, list[Passed]]:
        """What other files pass to the functions of this one, by the names they call them."""
        found: dict[str, list[Passed]] = {}
        for passed in self.file.project.passed.get(self.file.source.path, ()):
            if not self._alone or passed.argument == FILLED:
                found.setdefault(passed.function, []).append(passed)
        return found

    @cached_property
    def below(self) -> dict[cst.ClassDef, list[cst.ClassDef]]:
        """The classes of this file that inherit from each of its classes."""
        found: dict[cst.ClassDef, list[cst.ClassDef]] = {}
        for node in self.tree.nodes.get(cst.ClassDef, ()):
            for _, above in attributes.ancestors(self, node) if node.bases else ():
                found.setdefault(above, []).append(node)
        return found

    def is_error(self, path: str) -> bool:
        """Whether a path below `openai` names an exception, of 0.28 or of v1+."""
        name = path.removeprefix("error.")
        if name != path:
            return name in self.api.errors
        return name != "Timeout" and (name in self.api.errors or name in self.api.error_tree)  # that is a setting now

    def exports(self, path: str) -> bool:
        """Whether `from openai import *` (or from one of its modules) would bring this name."""
        name = path.rpartition(".")[2]
        return name in self.api.resources or name in CLIENTS or self.is_error(path)

    def home(self, node: cst.CSTNode) -> Inference:
        """The inference of the file that a function or class belongs to."""
        if node in self.tree.scope_of_node:
            return self
        return self.file.project.modules.home(node) or self

    # -- expressions ---------------------------------------------------------------------------------------------

    def kind(self, node: cst.CSTNode) -> Value:
        found = self._memo.get(node)
        if found is not None:
            return found
        if node in self._active:
            return NEUTRAL
        if self.depth >= MAX_DEPTH:
            return SILENT
        self._active.add(node)
        self.depth += 1
        try:
            value = self._expression(node)
        finally:
            self.depth -= 1
            self._active.discard(node)
        self._memo[node] = value
        return value

    def _expression(self, node: cst.CSTNode) -> Value:
        match node:
            case cst.Name():
                return self.name(node)
            case cst.Attribute(value=base, attr=attr):
                return self.attribute(self.kind(base), attr.value)
            case cst.Call():
                return self.call(node)
            case cst.Subscript():
                return containers.subscript(self, node)
            case cst.Await(expression=inner):
                return awaited(self.kind(inner))
            case cst.IfExp(body=body, orelse=orelse):
                return self.together((body, orelse), node)
            case cst.BooleanOperation(left=left, operator=cst.Or(), right=right):
                return self.together((left, right), node)
            case cst.BooleanOperation(right=right):
                return self.kind(right)
            case cst.NamedExpr(value=value):
                return self.kind(value)
            case cst.SimpleString() | cst.FormattedString() | cst.ConcatenatedString():
                return STRING
            case cst.Integer() | cst.Float() | cst.Comparison() | cst.UnaryOperation():
                return NUMBER
            case cst.BinaryOperation(left=left, right=right):
                return self.sum(self.kind(left), self.kind(right))
            case _:
                return containers.container(self, node)

    def together(self, parts: tuple[cst.CSTNode, ...], node: cst.CSTNode) -> Value:
        return join([self.kind(p) for p in parts], Doubt("one branch of this expression is not from the SDK", node))

    def sum(self, left: Value, right: Value) -> Value:
        if isinstance(left.kind, ListOf) and isinstance(right.kind, ListOf):
            return join([left, right])
        return STRING if STRING in (left, right) else SILENT

    # -- names ---------------------------------------------------------------------------------------------------

    def name(self, node: cst.Name) -> Value:
        scope = self.tree.scopes.get(node)
        if scope is None:
            return SILENT
        owner = scope.owner_of(node.value)
        if owner is None:
            return self.unbound(node)
        bindings = owner.names[node.value]
        place = self.tree.places[node]
        inner = scope
        while inner is not owner and inner.kind == "comprehension" and inner.parent is not None:
            inner = inner.parent
        if inner is owner:
            bindings = reaching(bindings, place, self.tree.orders[node])
        return narrowed(self.file, node, self.bound(bindings, node))

    def unbound(self, node: cst.Name) -> Value:
        for star in self.tree.module_scope.stars if node.value not in CONSTANTS else ():
            found = self.file.imported(star.module, node.value, star.level)
            sdk = not star.level and star.module.partition(".")[0] == "openai"
            if sdk and isinstance(found.kind, Symbol) and found.kind.path and not self.exports(found.kind.path):
                continue
            if known(found.kind):
                return found
        if node.value in BUILTINS or not self.tree.module_scope.stars:
            return CONSTANTS.get(node.value, SILENT)
        stars = [(s.module, s.level) for s in self.tree.module_scope.stars]
        return self.file.project.modules.starred(self.file.source.path, stars, node.value)

    def bound(self, bindings: list[Binding], use: cst.CSTNode) -> Value:
        if len(bindings) == 1:
            return self.binding(bindings[0])
        values = [self.binding(b) for b in bindings]
        unknown = next(
            (b for b, v in zip(bindings, values, strict=True) if isinstance(v.kind, (Unknown, External))), None
        )
        text = f"`{bindings[0].name}` may also hold this value" if bindings else ""
        return join(values, Doubt(text, unknown.node) if unknown is not None else None)

    def binding(self, binding: Binding) -> Value:
        found = self._bindings.get(binding)
        if found is not None:
            return found
        if binding in self._active or self.depth >= MAX_DEPTH:
            return NEUTRAL
        self._active.add(binding)
        self.depth += 1
        try:
            value = self._binding(binding)
        finally:
            self.depth -= 1
            self._active.discard(binding)
        self._bindings[binding] = value
        return value

    def _binding(self, binding: Binding) -> Value:
        match binding.how:
            case "import":
                whole = isinstance(binding.node, cst.ImportAlias) and dotted(binding.node.name)
                return self.file.imported(binding.module, binding.member, binding.level, whole or "")
            case "assign" if binding.value is not None:
                value = unpacked(self.kind(binding.value), binding.path)
                if value.kind == ListOf(NOTHING) and not binding.path:
                    value = containers.grown(self, binding)
                elif not binding.path and containers.begins_empty(self, binding.value):
                    value = containers.filled(self, binding, value)
                said = known(value.kind) and value is not NEUTRAL  # `x: T = None` says what it will be
                return value if said else self.declared(binding) or value
            case "declare":
                return self.declared(binding) or NEUTRAL
            case "for" if binding.value is not None:
                return unpacked(self.iterated(self.kind(binding.value), binding.asynchronous), binding.path)
            case "with" if binding.value is not None:
                return unpacked(special.entered(self, self.kind(binding.value), binding.asynchronous), binding.path)
            case "except" if binding.value is not None:
                return self.caught(binding.value)
            case "param":
                return functions.parameter(self, binding)
            case "function":
                assert isinstance(binding.node, cst.FunctionDef)
                return Value(Function(binding.node))
            case "class":
                assert isinstance(binding.node, cst.ClassDef)
                return Value(ClassOf(binding.node))
            case "augmented" | "delete":
                return NEUTRAL
        return SILENT

    def declared(self, binding: Binding) -> Value | None:
        """The kind an annotation promises for `x: T` or `x: T = …`."""
        parent = self.tree.parents.get(binding.node)
        if isinstance(parent, cst.AnnAssign) and not binding.path:
            value = typehints.annotated(self, parent.annotation.annotation)
            return value if known(value.kind) else None
        return None

    def caught(self, types: cst.BaseExpression) -> Value:
        """The error that `except types as e` binds."""
        parts = [e.value for e in types.elements] if isinstance(types, cst.Tuple) else [types]
        kinds = [self.kind(p).kind for p in parts]
        flat = [k for kind in kinds for k in (kind.items if isinstance(kind, TupleOf) else (kind,))]
        classes = tuple(k.path for k in flat if isinstance(k, Symbol) and self.is_error(k.path))
        if not classes:
            return SILENT
        doubt = None if len(classes) == len(flat) else Doubt("the clause also catches other errors", types)
        return Value(ErrorOf(classes), doubt)

    # -- parameters and annotations --------------------------------------------------------------------------------

    def decorator_path(self, decorator: cst.Decorator) -> str:
        node = decorator.decorator
        while isinstance(node, cst.Call):
            node = node.func
        kind = self.kind(node).kind
        if isinstance(kind, External) and not kind.file:
            return kind.path
        return node.value if isinstance(node, cst.Name) else ""

    # -- attributes and subscripts ---------------------------------------------------------------------------------

    def attribute(self, base: Value, name: str) -> Value:
        return attributes.attribute(self, base, name)

    def iterated(self, value: Value, asynchronous: bool = False) -> Value:
        """What a loop over a value binds."""
        return special.iterated(self, value, asynchronous)

    # -- calls ---------------------------------------------------------------------------------------------------

    def call(self, node: cst.Call) -> Value:
        function = self.kind(node.func)
        value = self.called(function, node)
        if value is not None and not (isinstance(value.kind, External) and value.kind.file):
            return value
        if isinstance(node.func, cst.Attribute):
            given = carriers.method_result(self, node, self.kind(node.func.value), node.func.attr.value)
            return given if given is not SILENT or value is None else value
        if value is not None:
            return value
        if isinstance(node.func, cst.Name) and function.kind == UNKNOWN:
            scope = self.tree.scopes.get(node.func)
            if scope is not None and scope.owner_of(node.func.value) is None:
                return carriers.builtin_result(self, node, node.func.value)
        return SILENT

    def called(self, function: Value, node: cst.Call | None) -> Value | None:
        """What calling a value gives; None when the value is not callable as far as we know."""
        match function.kind:
            case OneOf(kinds=kinds):
                return agreed([self.called(function.of(k), node) or SILENT for k in kinds], function.kind)
            case Symbol(path=path):
                return answers.symbol_result(self, function, path, node)
            case Member(path=path, asynchronous=asynchronous):
                return answers.member_result(self, function, path, asynchronous, node)
            case Function(node=definition):
                home = self.home(definition)
                if isinstance(definition, cst.Lambda):
                    value = home.kind(definition.body)
                else:
                    value = functions.answer(self, home, definition, node)
                return value.doubted(function.doubt)
            case ClassOf(node=definition):
                return function.of(InstanceOf(definition))
            case InstanceOf():
                method = special.method(self, function, "__call__")
                return self.called(method, node) if method is not None else None
            case External(path=path, file=file, name=name):
                found = carriers.external_result(self, node, path) if node is not None else SILENT
                return found if found is not SILENT or not file else Value(External(f"{path}()", file, f"{name}()"))
        return None

    # -- functions -------------------------------------------------------------------------------------------------

    def returned(self, function: cst.FunctionDef) -> Value:
        """What a call of one of this file's functions gives."""
        found = self._returns.get(function)
        if found is not None:
            return found
        if function in self._active:
            return NEUTRAL
        self._active.add(function)
        try:
            value = functions.returned(self, function)
        finally:
            self._active.discard(function)
        self._returns[function] = value
        return value
