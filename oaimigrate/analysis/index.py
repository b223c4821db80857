"""Look-ups over a whole tree that inference asks for again and again: calls by name, exits by function."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from oaimigrate.analysis.scopes import Scope
from oaimigrate.analysis.walk import Tree


class Index:
    """Built at the first question, once per file."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def calls(self, name: str) -> list[cst.Call]:
        """Calls of anything whose last name is `name`."""
        return self._calls.get(name, [])

    def exits(self, scope: Scope) -> list[cst.Return | cst.Yield]:
        """The `return`s and `yield`s of a function, not those of functions inside it."""
        return self._exits.get(scope, [])

    def set_items(self, name: str) -> list[tuple[cst.Subscript, cst.BaseExpression]]:
        """The targets `name[index] = …` and `x.name[index] = …`, each with its index."""
        return self._set_items.get(name, [])

    @cached_property
    def _set_items(self) -> dict[str, list[tuple[cst.Subscript, cst.BaseExpression]]]:
        found: dict[str, list[tuple[cst.Subscript, cst.BaseExpression]]] = {}
        for target in self._tree.nodes.get(cst.AssignTarget, ()):
            match target.target:
                case (
                    cst.Subscript(
                        value=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name)),
                        slice=[cst.SubscriptElement(slice=cst.Index(value=index))],
                    ) as item
                ):
                    found.setdefault(name, []).append((item, index))
        return found

    @cached_property
    def _calls(self) -> dict[str, list[cst.Call]]:
        found: dict[str, list[cst.Call]] = {}
        for call in self._tree.nodes.get(cst.Call, ()):
            func = call.func
            last = func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", None)
            if isinstance(last, str):
                found.setdefault(last, []).append(call)
        return found

    @cached_property
    def _exits(self) -> dict[Scope, list[cst.Return | cst.Yield]]:
        found: dict[Scope, list[cst.Return | cst.Yield]] = {}
        for node in (*self._tree.nodes.get(cst.Return, ()), *self._tree.nodes.get(cst.Yield, ())):
            owner = self._tree.scopes[node].function
            if owner is not None:
                found.setdefault(owner, []).append(node)
        return found
