"""Look-ups over a whole tree that inference asks for again and again: calls by name, exits by function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import libcst as cst

from oaimigrate.analysis.scopes import Scope
from oaimigrate.analysis.walk import Tree

# Functions that call the one they are given, and where it stands among their arguments: what follows goes to it.
TAKERS = {"submit": 0, "to_thread": 0, "partial": 0, "start_soon": 0, "run_in_executor": 1}

# Functions that call the one they are given first with an item of each iterable behind it.
MAPPERS = ("map", "filter", "imap", "imap_unordered")


class Index:
    """Built at the first question, once per file."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def calls(self, name: str) -> list[cst.Call]:
        """Calls of anything whose last name is `name`."""
        return self._calls.get(name, [])

    def handed(self, name: str) -> list[tuple[cst.BaseExpression, list[cst.Arg]]]:
        """Uses of `name` as a function that another one shall call, each with the arguments that go with it."""
        return self._handed.get(name, [])

    def mapped(self, name: str) -> list[tuple[cst.BaseExpression, list[cst.Arg]]]:
        """Uses of `name` as a function of `map(name, xs)` and the like, each with the iterables."""
        return self._mapped.get(name, [])

    @property
    def given(self) -> Iterator[tuple[cst.BaseExpression, Sequence[cst.Arg]]]:
        """Functions with the arguments of their calls, made here or by another function that takes them."""
        yield from ((call.func, call.args) for call in self._tree.nodes.get(cst.Call, ()) if call.args)
        for handed in self._handed.values():
            yield from handed

    def exits(self, scope: Scope) -> list[cst.Return | cst.Yield]:
        """The `return`s and `yield`s of a function, not those of functions inside it."""
        return self._exits.get(scope, [])

    def set_items(self, name: str) -> list[tuple[cst.Subscript, cst.BaseExpression]]:
        """The targets `name[index] = …` and `x.name[index] = …`, each with its index."""
        return self._set_items.get(name, [])

    def lists_under_keys(self, name: str) -> list[tuple[cst.Call, cst.BaseExpression, cst.BaseExpression]]:
        """`name[key].append(…)` and `x.name.setdefault(key, []).append(…)`, each with the dict and the key."""
        return self._lists_under_keys.get(name, [])

    @cached_property
    def _lists_under_keys(self) -> dict[str, list[tuple[cst.Call, cst.BaseExpression, cst.BaseExpression]]]:
        found: dict[str, list[tuple[cst.Call, cst.BaseExpression, cst.BaseExpression]]] = {}
        for call in (*self.calls("append"), *self.calls("appendleft")):
            match call.func:
                case cst.Attribute(
                    value=cst.Subscript(value=owner, slice=[cst.SubscriptElement(slice=cst.Index(value=key))])
                    | cst.Call(
                        func=cst.Attribute(value=owner, attr=cst.Name(value="setdefault")), args=[cst.Arg(value=key), _]
                    )
                ):
                    last = owner.attr.value if isinstance(owner, cst.Attribute) else getattr(owner, "value", None)
                    if isinstance(last, str):
                        found.setdefault(last, []).append((call, owner, key))
        return found

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
    def _handed(self) -> dict[str, list[tuple[cst.BaseExpression, list[cst.Arg]]]]:
        return self._taken(TAKERS)

    @cached_property
    def _mapped(self) -> dict[str, list[tuple[cst.BaseExpression, list[cst.Arg]]]]:
        return self._taken(dict.fromkeys(MAPPERS, 0))

    def _taken(self, takers: Mapping[str, int]) -> dict[str, list[tuple[cst.BaseExpression, list[cst.Arg]]]]:
        found: dict[str, list[tuple[cst.BaseExpression, list[cst.Arg]]]] = {}
        for taker, at in takers.items():
            for call in self.calls(taker):
                function = call.args[at].value if len(call.args) > at else None
                match function:
                    case cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name)):
                        found.setdefault(name, []).append((function, list(call.args[at + 1 :])))
        return found

    @cached_property
    def _exits(self) -> dict[Scope, list[cst.Return | cst.Yield]]:
        found: dict[Scope, list[cst.Return | cst.Yield]] = {}
        for node in (*self._tree.nodes.get(cst.Return, ()), *self._tree.nodes.get(cst.Yield, ())):
            owner = self._tree.scopes[node].function
            if owner is not None:
                found.setdefault(owner, []).append(node)
        return found
