"""Lists of messages: whether they hold dicts beside messages of answers, and are only added to and sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis import containers
from oaimigrate.analysis.calls import is_legacy_request, request_at

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def holds_dicts(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether a list is also filled with dict literals, or read with string keys, in this file."""
    text = file.code(node)
    for binding_value in _assigned(file, text):
        if isinstance(binding_value, cst.List) and any(isinstance(e.value, cst.Dict) for e in binding_value.elements):
            return True
    for call in file.nodes(cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in ("append", "insert") and call.args:
            if isinstance(call.args[-1].value, cst.Dict) and file.code(call.func.value) == text:
                return True
    return False


def is_only_sent(file: FileContext, node: cst.BaseExpression) -> bool:
    """Whether a list, or each list of a dict, is only added to and sent: requests take messages as they came."""
    name = node.value if isinstance(node, cst.Subscript) else node
    owner = file.scope(name).owner_of(name.value) if isinstance(name, cst.Name) else None
    if not isinstance(name, cst.Name) or owner is None or owner.kind not in ("function", "module"):
        return False
    for binding in owner.names[name.value]:
        begins = containers.begins_empty(file.inference, binding.value) if binding.value is not None else False
        if binding.how != "assign" or not (begins if name is not node else is_new_list(binding.value)):
            return False
    names = (n for n in file.nodes(cst.Name) if n.value == name.value and n in file.tree.places)
    uses = [n for n in names if file.scope(n).owner_of(n.value) is owner and not _is_target(file, n)]
    return all(_under_key(file, n) if name is not node else _is_added_to_or_sent(file, n) for n in uses)


def is_new_list(value: cst.CSTNode | None) -> bool:
    """`[…]`, `[…] + history`, `self.history[:]`: a list that nothing else holds."""
    match value:
        case cst.List():
            return True
        case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
            return is_new_list(left) or is_new_list(right)
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Slice())]):
            return True
    return False


def _under_key(file: FileContext, name: cst.Name) -> bool:
    """`history[user].append(…)`, `create(messages=history[user])`, `history[user] = [system]`, `user in history`."""
    match parent := file.parent(name):
        case cst.Subscript(value=value) if value is name:
            target = file.parent(parent)
            if isinstance(target, cst.AssignTarget):
                statement = file.parent(target)
                return isinstance(statement, cst.Assign) and is_new_list(statement.value)
            return _is_added_to_or_sent(file, parent)
        case cst.ComparisonTarget(operator=cst.In() | cst.NotIn()):
            return True
    return False


def _is_target(file: FileContext, name: cst.Name) -> bool:
    return isinstance(file.parent(name), (cst.AssignTarget, cst.AnnAssign))


def _is_added_to_or_sent(file: FileContext, node: cst.BaseExpression) -> bool:
    return _is_added_to(file, node) or _is_sent(file, node)


def _is_added_to(file: FileContext, node: cst.BaseExpression) -> bool:
    """`messages.append(…)`."""
    match parent := file.parent(node):
        case cst.Attribute(value=value, attr=cst.Name(value="append" | "insert" | "extend")) if value is node:
            return isinstance(file.parent(parent), cst.Call)
    return False


def _is_sent(file: FileContext, node: cst.BaseExpression) -> bool:
    """`client.chat.completions.create(messages=messages)`."""
    parent = file.parent(node)
    call = file.parent(parent) if isinstance(parent, cst.Arg) and parent.keyword is not None else None
    if not isinstance(call, cst.Call) or not isinstance(parent, cst.Arg) or parent.star:
        return False
    return request_at(file, call) is not None or is_legacy_request(file, call)


def _assigned(file: FileContext, text: str) -> Iterator[cst.BaseExpression]:
    for statement in file.nodes(cst.Assign):
        if any(file.code(t.target) == text for t in statement.targets):
            yield statement.value
