"""`kind()`: what an expression is. One `match` over syntax, memoised and guarded against cycles.

A name joins over the bindings that reach it, an attribute over what its class stores, a call over the method table,
the clients and this file's own functions. `carriers` knows the library functions that pass a kind through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import carriers
from oaimigrate.analysis.kinds import (
    NEUTRAL, NOTHING, SILENT, UNKNOWN, Awaitable, ClassOf, Client, DictOf, Doubt, Either, ErrorOf, External, Function,
    InstanceOf, Kind, ListOf, Member, Model, Nothing, OneOf, PageOf, Plain, StreamOf, SuperOf, Symbol, TupleOf, Unknown, Value, join,
)  # fmt: skip
from oaimigrate.analysis.scopes import Binding, Scope, reaching
from oaimigrate.analysis.steps import agreed, argument, awaited, entered, iterated, known, literal, unpacked

if TYPE_CHECKING:
    from oaimigrate.analysis.api import Api, Method
    from oaimigrate.analysis.file import FileContext

MAX_DEPTH = 120  # frames of kind() inside kind(); a longer chain of names is left unknown rather than overflow
CLIENTS = {
    "OpenAI": Client(False), "Client": Client(False), "AsyncOpenAI": Client(True), "AsyncClient": Client(True),
    "AzureOpenAI": Client(False, True), "AsyncAzureOpenAI": Client(True, True),
}  # fmt: skip
STRING = Value(Plain("str"))
NUMBER = Value(Plain("number"))


class Inference:
    """The memo and the rules of inference for one file."""

    def __init__(self, file: FileContext, api: Api) -> None:
        self.file = file
        self.tree = file.tree
        self.api = api
        self.roots = frozenset(path.split(".")[0] for path in api.calls)
        self._memo: dict[cst.CSTNode, Value] = {}
        self._bindings: dict[Binding, Value] = {}
        self._active: set[object] = set()
        self._returns: dict[cst.CSTNode, Value] = {}
        self._exits: dict[Scope, list[cst.Return | cst.Yield]] | None = None
        self._calls: dict[str, list[cst.Call]] | None = None
        self.depth = 0

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
                return self.subscript(node)
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
                return self.container(node)

    def container(self, node: cst.CSTNode) -> Value:
        match node:
            case cst.List(elements=elements) | cst.Set(elements=elements):
                return self.list_of([self.element_value(e) for e in elements], node)
            case cst.Tuple(elements=elements):
                values = [self.element_value(e) for e in elements]
                return Value(TupleOf(tuple(v.kind for v in values)))
            case cst.Dict(elements=elements):
                values = [self.kind(e.value) for e in elements if isinstance(e, cst.DictElement)]
                inner = join(values) if values else NEUTRAL
                return inner.of(DictOf(inner.kind)) if known(inner.kind) else Value(Plain("dict"))
            case cst.ListComp(elt=elt) | cst.SetComp(elt=elt):
                inner = self.kind(elt)
                return inner.of(ListOf(inner.kind))
            case cst.GeneratorExp(elt=elt):
                inner = self.kind(elt)
                return inner.of(StreamOf(inner.kind, False))
            case cst.DictComp(key=key, value=value):
                inner, outer = self.kind(value), self.kind(key)
                if known(inner.kind) or isinstance(outer.kind, Awaitable):
                    return inner.of(DictOf(inner.kind, outer.kind))
                return Value(Plain("dict"))
            case cst.Lambda():
                return Value(Function(node))
        return SILENT

    def element_value(self, element: cst.BaseElement) -> Value:
        value = self.kind(element.value)
        return iterated(value, False) if isinstance(element, cst.StarredElement) else value

    def list_of(self, values: list[Value], node: cst.CSTNode) -> Value:
        inner = join(values, Doubt("the list also holds something else", node))
        return inner.of(ListOf(inner.kind if known(inner.kind) else UNKNOWN if values else NOTHING))

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
        return self.bound(bindings, node)

    def unbound(self, node: cst.Name) -> Value:
        if node.value in ("None",):
            return NEUTRAL
        if node.value in ("True", "False"):
            return NUMBER
        for star in self.tree.module_scope.stars:
            found = self.file.imported(star.module, node.value, star.level)
            if isinstance(found.kind, Symbol) and self.exports(found.kind.path):
                return found
        return SILENT

    def bound(self, bindings: list[Binding], use: cst.CSTNode) -> Value:
        if len(bindings) == 1:
            return self.binding(bindings[0])
        values = [self.binding(b) for b in bindings]
        unknown = next((b for b, v in zip(bindings, values, strict=True) if isinstance(v.kind, (Unknown, External))), None)
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
                return self.file.imported(binding.module, binding.member, binding.level)
            case "assign" if binding.value is not None:
                value = unpacked(self.kind(binding.value), binding.path)
                if value.kind == ListOf(NOTHING) and not binding.path:
                    value = self.grown(binding)
                elif value.kind == DictOf(NOTHING) and not binding.path:
                    value = self.filled(binding)
                return value if known(value.kind) else self.declared(binding) or value
            case "declare":
                return self.declared(binding) or NEUTRAL
            case "for" if binding.value is not None:
                return unpacked(iterated(self.kind(binding.value), binding.asynchronous), binding.path)
            case "with" if binding.value is not None:
                return unpacked(entered(self.kind(binding.value), binding.asynchronous), binding.path)
            case "except" if binding.value is not None:
                return self.caught(binding.value)
            case "param":
                return self.parameter(binding)
            case "function":
                assert isinstance(binding.node, cst.FunctionDef)
                return Value(Function(binding.node))
            case "class":
                assert isinstance(binding.node, cst.ClassDef)
                return Value(ClassOf(binding.node))
            case "augmented" | "delete":
                return NEUTRAL
        return SILENT

    def grown(self, binding: Binding) -> Value:
        """The kind of a list that begins empty: what `.append` and `.extend` put into it."""
        values: list[Value] = []
        for method in ("append", "appendleft", "extend", "insert"):
            for call in self.calls_named(method):
                if isinstance(call.func, cst.Attribute) and self._same_target(binding, call.func.value) and call.args:
                    value = self.kind(call.args[-1].value)
                    values.append(iterated(value, False) if method == "extend" else value)
        inner = join(values, Doubt("the list also gets something else", binding.node))
        return inner.of(ListOf(inner.kind)) if values and known(inner.kind) else SILENT

    def filled(self, binding: Binding) -> Value:
        """The kind of a dict that begins empty: what `d[key] = value` puts into it."""
        values: list[Value] = []
        for target in self.tree.nodes.get(cst.AssignTarget, ()):
            if isinstance(target.target, cst.Subscript) and self._same_target(binding, target.target.value):
                statement = self.tree.parents[target]
                assert isinstance(statement, cst.Assign)
                values.append(self.kind(statement.value))
        inner = join(values, Doubt("the dict also gets something else", binding.node))
        return inner.of(DictOf(inner.kind)) if values and known(inner.kind) else Value(Plain("dict"))

    def _same_target(self, binding: Binding, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.Name) and isinstance(binding.node, cst.Name):
            scope = self.tree.scopes.get(node)
            owner = scope.owner_of(node.value) if scope is not None else None
            return node.value == binding.name and owner is not None and binding in owner.names.get(node.value, ())
        if isinstance(node, cst.Attribute) and isinstance(binding.node, cst.Attribute):
            same = node.attr.value == binding.name and isinstance(node.value, cst.Name)
            return same and self.kind(node.value) == self.kind(binding.node.value)
        return False

    def declared(self, binding: Binding) -> Value | None:
        """The kind an annotation promises for `x: T` or `x: T = …`."""
        parent = self.tree.parents.get(binding.node)
        if isinstance(parent, cst.AnnAssign) and not binding.path:
            value = self.annotated(parent.annotation.annotation)
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

    def parameter(self, binding: Binding) -> Value:
        node, scope = binding.node, binding.scope
        assert isinstance(node, cst.Param)
        owner = scope.parent
        if scope.kind == "function" and owner is not None and owner.kind == "class":
            assert isinstance(scope.node, cst.FunctionDef) and isinstance(owner.node, cst.ClassDef)
            parameters = [*scope.node.params.posonly_params, *scope.node.params.params]
            if parameters and parameters[0] is node:
                return self.receiver(scope.node, owner.node)
        if node.annotation is not None:
            value = self.annotated(node.annotation.annotation)
            if known(value.kind):
                return value
        if isinstance(scope.node, cst.Lambda):
            return carriers.lambda_parameter(self, scope.node, node)
        values = list(self.arguments(scope.node, node)) if isinstance(scope.node, cst.FunctionDef) else []
        if isinstance(node.default, cst.BaseExpression):
            values.append(self.kind(node.default))
        value = join(values, Doubt(f"a caller passes something else for `{node.name.value}`", node))
        if not known(value.kind) or isinstance(value.kind, (Plain, Nothing)):
            return SILENT if isinstance(value.kind, Plain) else value
        private = scope.node.name.value.startswith("_") if isinstance(scope.node, cst.FunctionDef) else True
        if private or (owner is not None and owner.kind == "function"):
            return value
        return value.doubted(Doubt(f"callers outside this file may pass something else for `{node.name.value}`", node))

    def receiver(self, function: cst.FunctionDef, owner: cst.ClassDef) -> Value:
        decorators = {self.decorator_path(d) for d in function.decorators}
        if "staticmethod" in decorators:
            return SILENT
        return Value(ClassOf(owner) if "classmethod" in decorators else InstanceOf(owner))

    def decorator_path(self, decorator: cst.Decorator) -> str:
        node = decorator.decorator
        while isinstance(node, cst.Call):
            node = node.func
        kind = self.kind(node).kind
        if isinstance(kind, External):
            return kind.path
        return node.value if isinstance(node, cst.Name) else ""

    def arguments(self, function: cst.FunctionDef, parameter: cst.Param) -> Iterator[Value]:
        """What the calls that this file shows pass for a parameter."""
        name = function.name.value
        owner = self.tree.scopes[function]
        if name == "__init__" and isinstance(owner.node, cst.ClassDef):
            name = owner.node.name.value
        for call in self.calls_named(name):
            match self.kind(call.func).kind:
                case Function(node=target, bound=bound) if target is function:
                    yield from self.argument(call, function, parameter, 1 if bound else 0)
                case ClassOf(node=target) if target is owner.node:
                    yield from self.argument(call, function, parameter, 1)

    def argument(self, call: cst.Call, function: cst.FunctionDef, parameter: cst.Param, skip: int) -> Iterator[Value]:
        position = 0
        parameters = [*function.params.posonly_params, *function.params.params][skip:]
        for argument in call.args:
            if argument.star:
                yield SILENT
                return
            if argument.keyword is not None:
                if argument.keyword.value == parameter.name.value:
                    yield self.kind(argument.value)
            else:
                if position < len(parameters) and parameters[position] is parameter:
                    yield self.kind(argument.value)
                position += 1

    def calls_named(self, name: str) -> list[cst.Call]:
        if self._calls is None:
            self._calls = {}
            for call in self.tree.nodes.get(cst.Call, ()):
                func = call.func
                last = func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", None)
                if isinstance(last, str):
                    self._calls.setdefault(last, []).append(call)
        return self._calls.get(name, [])

    def annotated(self, annotation: cst.BaseExpression) -> Value:
        """The kind of an instance of the annotated type."""
        match annotation:
            case cst.Subscript(value=outer, slice=[cst.SubscriptElement(slice=cst.Index(value=inner)), *_]):
                name = outer.attr.value if isinstance(outer, cst.Attribute) else getattr(outer, "value", "")
                value = self.annotated(inner)
                if name in ("Optional", "Annotated", "Final", "ClassVar"):
                    return value
                if not known(value.kind):
                    return SILENT
                match name:
                    case "List" | "list" | "Sequence" | "Iterable" | "Collection" | "Set" | "set":
                        return value.of(ListOf(value.kind))
                    case "Iterator" | "Generator" | "Stream":
                        return value.of(StreamOf(value.kind, False))
                    case "AsyncIterator" | "AsyncGenerator" | "AsyncStream" | "AsyncIterable":
                        return value.of(StreamOf(value.kind, True))
                    case "Awaitable" | "Future" | "Task":
                        return value.of(Awaitable(value.kind))
                return SILENT
            case cst.BinaryOperation(left=left, operator=cst.BitOr(), right=right):
                sides = [self.annotated(left), self.annotated(right)]
                return join(sides) if all(known(s.kind) for s in sides) else SILENT
            case cst.Name(value="None"):
                return NEUTRAL
            case cst.Name() | cst.Attribute():
                return self.instance(self.kind(annotation))
        return SILENT

    def instance(self, value: Value) -> Value:
        match value.kind:
            case Symbol(path=path) if path in CLIENTS:
                return value.of(CLIENTS[path])
            case Symbol(path=path):
                name = path.rpartition(".")[2]
                if name in self.api.models and (path.startswith("types.") or path in self.api.resources):
                    return value.of(Model(name))
                if self.is_error(path):
                    return value.of(ErrorOf((path,)))
            case ClassOf(node=node):
                return value.of(InstanceOf(node))
        return SILENT

    # -- attributes and subscripts ---------------------------------------------------------------------------------

    def attribute(self, base: Value, name: str) -> Value:
        match base.kind:
            case OneOf(kinds=kinds):
                return agreed([self.attribute(base.of(k), name) for k in kinds])
            case Symbol(path=path):
                return base.of(self.symbol(path, name))
            case Client(asynchronous=asynchronous):
                return base.of(Member(name, asynchronous))
            case Member(path=path, asynchronous=asynchronous):
                return base.of(Member(f"{path}.{name}", asynchronous))
            case Either(whole=whole):
                return self.attribute(base.of(whole), name)
            case Model() | PageOf():
                return self.field(base, name)
            case InstanceOf(node=node):
                return self.home(node).member(node, name)
            case ClassOf(node=node):
                return self.home(node).member(node, name, instance=False)
            case SuperOf(node=node):
                return self.home(node).inherited(node, name, instance=True, depth=0)
            case External(path=path) if path.startswith("file:"):
                return self.file.project.modules.attribute(path[5:], name)
            case External(path=path):
                return Value(External(f"{path}.{name}"))
        return SILENT

    def symbol(self, path: str, name: str) -> Kind:
        if not path and name in self.roots:
            return Member(name, False)
        full = f"{path}.{name}" if path else name
        last = full.rpartition(".")[2]
        if full.startswith("api_resources.") and last in self.api.resources:
            return Symbol(last)  # openai.api_resources.ChatCompletion, openai.api_resources.chat_completion.…
        return Symbol(full)

    def field(self, base: Value, key: str) -> Value:
        """The kind of one field of a response model, by JSON key or attribute name."""
        if isinstance(base.kind, PageOf):
            return base.of(ListOf(base.kind.item)) if key == "data" else base.of(Plain("other"))
        if not isinstance(base.kind, Model):
            return SILENT
        fields = self.api.models[base.kind.name].fields
        found = fields.get(key) or next((f for f in fields.values() if f.name == key), None)
        return base.of(self.typed(found.type)) if found is not None else SILENT

    def typed(self, text: str) -> Kind:
        """The kind a type expression of rules/api.toml names."""
        text = text.strip()
        if text.startswith("list[") and text.endswith("]"):
            return ListOf(self.typed(text[5:-1]))
        if text.startswith("Page[") and text.endswith("]"):
            return PageOf(self.typed(text[5:-1]))
        if text in self.api.models:
            return Model(text)
        if "|" in text:
            return self.typed(text.split("|")[0])
        return Plain(text if text in ("str", "dict", "bytes") else "number" if text in ("int", "float", "bool") else "other")

    def member(self, node: cst.ClassDef, name: str, *, instance: bool = True, depth: int = 0) -> Value:
        """What `self.name` holds, joined over the class and then its bases."""
        scope = self.tree.scope_of_node[node]
        bindings = [*self.tree.attributes.get(scope, {}).get(name, ()), *scope.names.get(name, ())]
        if not bindings:
            return self.inherited(node, name, instance=instance, depth=depth)
        value = self.bound(bindings, node)
        if isinstance(value.kind, Function) and isinstance(value.kind.node, cst.FunctionDef):
            decorators = {self.decorator_path(d).rpartition(".")[2] for d in value.kind.node.decorators}
            if decorators & {"property", "cached_property"}:
                return self.returned(value.kind.node)
            bound = "classmethod" in decorators or (instance and "staticmethod" not in decorators)
            return value.of(Function(value.kind.node, bound))
        return value

    def inherited(self, node: cst.ClassDef, name: str, *, instance: bool, depth: int) -> Value:
        for base in node.bases:
            match self.kind(base.value).kind:
                case ClassOf(node=parent) if depth < 8 and parent is not node:
                    value = self.home(parent).member(parent, name, instance=instance, depth=depth + 1)
                    if value.kind != UNKNOWN:
                        return value
        return SILENT

    def subscript(self, node: cst.Subscript) -> Value:
        base = self.kind(node.value)
        if len(node.slice) != 1:
            return SILENT
        index = node.slice[0].slice
        if isinstance(index, cst.Slice):
            return base if isinstance(base.kind, ListOf) else SILENT
        assert isinstance(index, cst.Index)
        return self.item(base, index.value)

    def item(self, base: Value, index: cst.BaseExpression) -> Value:
        match base.kind:
            case OneOf(kinds=kinds):
                return agreed([self.item(base.of(k), index) for k in kinds])
            case Either(whole=whole):
                return self.item(base.of(whole), index)
            case Model() | PageOf():
                key = literal(index)
                return self.field(base, key) if key is not None else SILENT
            case ListOf(item=item) | DictOf(value=item):
                return base.of(item)
            case TupleOf(items=items) if isinstance(index, cst.Integer):
                at = int(index.evaluated_value)
                return base.of(items[at]) if at < len(items) else SILENT
        return SILENT

    # -- calls ---------------------------------------------------------------------------------------------------

    def call(self, node: cst.Call) -> Value:
        function = self.kind(node.func)
        value = self.called(function, node)
        if value is not None:
            return value
        if isinstance(node.func, cst.Attribute):
            return carriers.method_result(self, node, self.kind(node.func.value), node.func.attr.value)
        if isinstance(node.func, cst.Name) and function.kind == UNKNOWN:
            scope = self.tree.scopes.get(node.func)
            if scope is not None and scope.owner_of(node.func.value) is None:
                return carriers.builtin_result(self, node, node.func.value)
        return SILENT

    def called(self, function: Value, node: cst.Call | None) -> Value | None:
        """What calling a value gives; None when the value is not callable as far as we know."""
        match function.kind:
            case OneOf(kinds=kinds):
                return agreed([self.called(function.of(k), node) or SILENT for k in kinds])
            case Symbol(path=path):
                return self.symbol_result(function, path, node)
            case Member(path=path, asynchronous=asynchronous):
                return self.member_result(function, path, asynchronous, node)
            case Function(node=definition):
                home = self.home(definition)
                if isinstance(definition, cst.Lambda):
                    value = home.kind(definition.body)
                else:
                    value = home.returned(definition)
                return value.doubted(function.doubt)
            case ClassOf(node=definition):
                return function.of(InstanceOf(definition))
            case External(path=path) if node is not None:
                return carriers.external_result(self, node, path)
        return None

    def symbol_result(self, function: Value, path: str, node: cst.Call | None) -> Value:
        if path in CLIENTS:
            return function.of(CLIENTS[path])
        found = self.api.methods.get(path)
        if found is not None:
            method, asynchronous = found
            return function.of(self.response(method.returns, method.stream, node, asynchronous))
        if self.is_error(path):
            return function.of(ErrorOf((path,)))
        return SILENT

    def member_result(self, function: Value, path: str, asynchronous: bool, node: cst.Call | None) -> Value:
        head, _, last = path.rpartition(".")
        if not head and last in ("with_options", "copy"):
            return function.of(Client(asynchronous))
        call = self.api.calls.get(path)
        if call is None:
            return SILENT
        kind = self.response(call.returns, call.stream, node, asynchronous)
        if asynchronous and isinstance(kind, Awaitable) and isinstance(kind.result, PageOf):
            return function.of(kind)
        return function.of(kind)

    def response(self, returns: str, stream: str, node: cst.Call | None, asynchronous: bool) -> Kind:
        """The kind of one request's result, as its `stream` and `response_format` arguments decide."""
        if not returns:
            return UNKNOWN
        whole: Kind = self.typed(returns)
        if "|" in returns:
            whole = self.transcription(node, whole)
        kind: Kind = whole
        if stream:
            streamed = StreamOf(self.typed(stream), asynchronous)
            match self.streams(node):
                case True:
                    kind = streamed
                case None:
                    kind = Either(whole, streamed)
        return Awaitable(kind) if asynchronous else kind

    def transcription(self, node: cst.Call | None, whole: Kind) -> Kind:
        value = argument(node, "response_format") if node is not None else None
        if value is None:
            return whole
        match literal(value):
            case "text" | "srt" | "vtt":
                return Plain("str")
            case "verbose_json" if "TranscriptionVerbose" in self.api.models:
                return Model("TranscriptionVerbose")
            case None:
                return UNKNOWN
        return whole

    def streams(self, node: cst.Call | None) -> bool | None:
        """Whether a request is made with `stream=True`; None when that cannot be known."""
        if node is None:
            return False
        value = argument(node, "stream")
        if isinstance(value, cst.Name) and value.value in ("True", "False", "None"):
            return value.value == "True"
        if value is not None:
            return None
        return None if any(a.star == "**" for a in node.args) else False

    # -- functions -------------------------------------------------------------------------------------------------

    def exits(self, scope: Scope) -> list[cst.Return | cst.Yield]:
        if self._exits is None:
            self._exits = {}
            for node in (*self.tree.nodes.get(cst.Return, ()), *self.tree.nodes.get(cst.Yield, ())):
                owner = self.tree.scopes[node].function
                if owner is not None:
                    self._exits.setdefault(owner, []).append(node)
        return self._exits.get(scope, [])

    def returned(self, function: cst.FunctionDef) -> Value:
        """What a call of one of this file's functions gives."""
        found = self._returns.get(function)
        if found is not None:
            return found
        if function in self._active:
            return NEUTRAL
        self._active.add(function)
        try:
            value = self._returned(function)
        finally:
            self._active.discard(function)
        self._returns[function] = value
        return value

    def _returned(self, function: cst.FunctionDef) -> Value:
        exits = self.exits(self.tree.scope_of_node[function])
        yields = [e for e in exits if isinstance(e, cst.Yield)]
        asynchronous = function.asynchronous is not None
        if yields:
            value = join(self.yielded(y) for y in yields)
            value = value.of(StreamOf(value.kind, asynchronous)) if known(value.kind) else SILENT
        else:
            doubt = Doubt(f"`{function.name.value}` also returns something else", function.name)
            value = join((self.kind(e.value) if isinstance(e.value, cst.BaseExpression) else NEUTRAL for e in exits), doubt)
            if not known(value.kind) and function.returns is not None:
                annotated = self.annotated(function.returns.annotation)
                value = annotated if known(annotated.kind) else value
            if asynchronous:
                value = value.of(Awaitable(value.kind)) if known(value.kind) else value
        for decorator in function.decorators:
            value = carriers.decorated(self, decorator, value)
        return value

    def yielded(self, node: cst.Yield) -> Value:
        if isinstance(node.value, cst.From):
            return iterated(self.kind(node.value.item), False)
        return self.kind(node.value) if node.value is not None else NEUTRAL
