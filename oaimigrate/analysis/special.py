"""Special methods: what an object of a class of the project gives to `x(…)`, `x[…]`, `for … in x` and `with x`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oaimigrate.analysis import attributes, steps
from oaimigrate.analysis.kinds import SILENT, Function, InstanceOf, Value

if TYPE_CHECKING:
    from oaimigrate.analysis.infer import Inference

METHODS = frozenset(f"__{name}__" for name in ("call", "getitem", "iter", "aiter", "enter", "aenter"))  # see below


def method(inference: Inference, owner: Value, name: str) -> Value | None:
    """A method of the class of an object, None for anything else."""
    if not isinstance(owner.kind, InstanceOf):
        return None
    found = attributes.member(inference.home(owner.kind.node), owner.kind.node, name)
    return found.doubted(owner.doubt) if isinstance(found.kind, Function) else None


def given(inference: Inference, owner: Value, name: str) -> Value | None:
    """What a method gives, None if there is none."""
    found = method(inference, owner, name)
    return (inference.called(found, None) or SILENT) if found is not None else None


def iterated(inference: Inference, value: Value, asynchronous: bool) -> Value:
    """What a loop over a value binds."""
    iterator = given(inference, value, "__aiter__" if asynchronous else "__iter__")
    if iterator is None:
        return steps.iterated(value, asynchronous)
    item = given(inference, iterator, "__anext__" if asynchronous else "__next__")
    if item is None:
        return steps.iterated(iterator, asynchronous)
    return steps.awaited(item) if asynchronous else item


def entered(inference: Inference, value: Value, asynchronous: bool) -> Value:
    """What `with value as x` binds."""
    own = given(inference, value, "__aenter__" if asynchronous else "__enter__")
    if own is not None and asynchronous:
        own = steps.awaited(own)
    return own if own is not None and steps.known(own.kind) else steps.entered(value)
