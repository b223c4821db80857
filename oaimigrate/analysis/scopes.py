"""Names: which scope they live in, what binds them, and which of those bindings reach a use.

A `Place` says where a statement stands in the tree of blocks; comparing two places answers whether one statement
always, sometimes or never runs before another, which is all the control flow that reading real code needs.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

import libcst as cst

LOOP_BODIES = frozenset({"for", "while"})
NOT_A_VALUE = frozenset({"augmented", "delete", "declare"})  # these leave earlier bindings of the name alive


@dataclass(slots=True, eq=False)
class Block:
    """A list of statements. `role` is its part in `owner`: body, orelse, handler, finally, for, while, with, case."""

    owner: cst.CSTNode | None
    role: str
    place: Place | None  # of the owner, None for the body of a scope


@dataclass(slots=True, eq=False)
class Place:
    """A statement's position: the block it stands in and a number that grows in source order."""

    block: Block
    order: int
    statement: cst.CSTNode


@dataclass(slots=True, eq=False)
class Binding:
    """One thing that gives a name a value.

    `how` is one of: import, assign, declare, for, with, param, function, class, except, augmented,
    delete, opaque.
    `value` is the expression bound (or iterated, or entered), `path` the steps of unpacking from it to the name.
    """

    name: str
    how: str
    node: cst.CSTNode
    value: cst.BaseExpression | None
    path: tuple[int | str, ...]
    scope: Scope
    place: Place | None
    order: int
    asynchronous: bool = False
    remote: bool = False  # bound from another scope by `global` or `nonlocal`
    module: str = ""  # for imports: the dotted module …
    member: str = ""  # … and the name taken from it, "" for the module itself
    level: int = 0  # dots of a relative import


@dataclass(slots=True, eq=False)
class Scope:
    """A namespace: module, function, lambda, class or comprehension."""

    kind: str
    node: cst.CSTNode
    parent: Scope | None
    place: Place | None = None  # of the expression or statement that makes this scope, in the parent
    names: dict[str, list[Binding]] = field(default_factory=dict)
    elsewhere: dict[str, Scope] = field(default_factory=dict)  # names declared global or nonlocal
    stars: list[Binding] = field(default_factory=list)  # `from m import *`

    def owner_of(self, name: str) -> Scope | None:
        """The scope in which a use of `name` here is looked up, as Python does it; None if nothing binds it."""
        if name in self.elsewhere:
            return self.elsewhere[name]
        if name in self.names:
            return self
        scope = self.parent
        while scope is not None:
            if scope.kind != "class":
                if name in scope.elsewhere:
                    return scope.elsewhere[name]
                if name in scope.names:
                    return scope
            scope = scope.parent
        return None

    @property
    def function(self) -> Scope | None:
        """The nearest enclosing `def` (lambdas and comprehensions belong to it), or None at module or class level."""
        scope: Scope | None = self
        while scope is not None and scope.kind in ("comprehension", "lambda"):
            scope = scope.parent
        return scope if scope is not None and scope.kind == "function" else None


def reaching(bindings: list[Binding], place: Place, order: int) -> list[Binding]:
    """The bindings (of the scope of `place`, in source order) that may supply a name used at (`place`, `order`).

    Structured reaching definitions: walk back from the use; a binding in a block that encloses the use ends the
    search, one in a nested block joins it unless the two can never run in one pass.
    """
    if len(bindings) == 1:
        return bindings
    enclosing = _enclosing(place)
    before = bisect_left(bindings, order, key=lambda b: b.order)  # bindings are in source order
    found = [b for b in reversed(bindings) if b.remote or b.place is None]
    killed_in: Block | None = None
    killer: cst.CSTNode | None = None  # a compound statement that always binds the name: all its bindings count
    skipped: set[cst.CSTNode] = set()
    for binding in reversed(bindings[:before]):
        if killed_in is not None and killer is None:
            break
        if binding.remote or binding.place is None:
            continue
        block, at = _meeting(binding.place, enclosing)
        if killer is not None and (at is None or at.statement is not killer):
            continue
        if block is None or at is None or binding.how in NOT_A_VALUE:
            found.append(binding)
        elif at is binding.place or _transparent(binding.place, block):
            found.append(binding)
            killed_in = block
        elif at.statement is enclosing[block].statement:
            if not _exclusive(binding.place, place, at.statement):
                found.append(binding)
        else:
            found.append(binding)
            if at.statement not in skipped:
                skipped.add(at.statement)
                if _always_binds(at.statement, {b.place.statement for b in bindings if b.place}):
                    killed_in, killer = block, at.statement
    if any(block.role in LOOP_BODIES for block in enclosing):
        found.extend(_carried(bindings[before:], enclosing, order, killed_in))
    return found[::-1]


def _enclosing(place: Place) -> dict[Block, Place]:
    """Each block around a place, with the place of the statement in it that contains the place."""
    blocks: dict[Block, Place] = {}
    current: Place | None = place
    while current is not None:
        blocks[current.block] = current
        current = current.block.place
    return blocks


def _meeting(place: Place, enclosing: dict[Block, Place]) -> tuple[Block | None, Place | None]:
    """The innermost block around both a place and the use, and the place's ancestor standing directly in it."""
    current: Place | None = place
    while current is not None:
        if current.block in enclosing:
            return current.block, current
        current = current.block.place
    return None, None


def _transparent(place: Place, block: Block) -> bool:
    """Whether only `with` bodies (which always run) stand between a place and a block around it."""
    current = place
    while current.block is not block:
        if current.block.role != "with" or current.block.place is None:
            return False
        current = current.block.place
    return True


def _branch(place: Place, statement: cst.CSTNode) -> Block:
    """The block of `statement` that a place inside it belongs to."""
    current: Place | None = place
    block = place.block
    while current is not None and current.statement is not statement:
        block = current.block
        current = current.block.place
    return block


def _exclusive(binding: Place, use: Place, statement: cst.CSTNode) -> bool:
    """Whether two places inside one compound statement can never run one after the other in a single pass."""
    first, second = _branch(binding, statement), _branch(use, statement)
    if first is second:
        return False
    if isinstance(statement, (cst.If, cst.Match)):
        return True
    if isinstance(statement, (cst.Try, cst.TryStar)):
        return first.role == "handler" and second.role in ("handler", "orelse")
    return False


def _carried(
    bindings: list[Binding], enclosing: dict[Block, Place], order: int, killed_in: Block | None
) -> list[Binding]:
    """Bindings later in an enclosing loop body, which reach the use in the loop's next round."""
    loops: list[Block] = []
    for block in enclosing:
        if block is killed_in and block.role not in LOOP_BODIES:
            break
        if block.role in LOOP_BODIES:
            if block is killed_in:
                break
            loops.append(block)
    late = [b for b in bindings if b.order >= order and b.place is not None and not b.remote]
    return [b for b in late if any(_inside(b.place, loop) for loop in loops)]


def _inside(place: Place | None, block: Block) -> bool:
    while place is not None:
        if place.block is block:
            return True
        place = place.block.place
    return False


def _always_binds(statement: cst.CSTNode, binders: set[cst.CSTNode]) -> bool:
    """Whether a statement that finishes normally has run one of the binding statements."""
    if statement in binders:
        return True
    match statement:
        case cst.If(body=body, orelse=orelse):
            other = orelse.body if isinstance(orelse, cst.Else) else orelse
            return other is not None and _ends_bound(body, binders) and _ends_bound(other, binders)
        case cst.With(body=body):
            return _ends_bound(body, binders)
        case cst.Try(body=body, handlers=handlers, finalbody=final):
            if final is not None and _ends_bound(final.body, binders):
                return True
            return _ends_bound(body, binders) and all(_ends_bound(h.body, binders) for h in handlers)
    return False


def _ends_bound(part: cst.CSTNode, binders: set[cst.CSTNode]) -> bool:
    if isinstance(part, cst.If):
        return _always_binds(part, binders)
    for statement in statements_of(part):
        if isinstance(statement, (cst.Return, cst.Raise, cst.Continue, cst.Break)) or _always_binds(statement, binders):
            return True
    return False


def statements_of(body: cst.CSTNode) -> list[cst.CSTNode]:
    """The statements of a suite, simple ones one by one."""
    found: list[cst.CSTNode] = []
    if not isinstance(body, (cst.IndentedBlock, cst.SimpleStatementSuite, cst.Module)):
        return found
    for line in body.body:
        if isinstance(line, cst.SimpleStatementLine):
            found.extend(line.body)
        else:
            found.append(line)
    return found
