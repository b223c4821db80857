"""OAI309: messages, written out in the source, that the API refuses."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import SdkCall, request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import written_out
from oaimigrate.analysis.reach import at_openai
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI309")

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
MEANT = {"human": "user", "bot": "assistant", "ai": "assistant", "model": "assistant", "assistent": "assistant"}
RESPONSES = ("responses.create", "responses.parse", "responses.stream")
PATHS = ("chat.completions.create", "chat.completions.parse", "chat.completions.stream")


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(messages=[{"role": "bot", "content": "Hi"}])`."""
    call = request_at(file, node) if not file.is_test else None
    if call is None or call.doubt is not None:
        return
    if call.path in RESPONSES:
        yield from _inputs(file, call)
    if call.path.removeprefix("beta.") not in PATHS:
        return
    messages = call.argument("messages")
    messages = written_out(file, messages) if messages is not None else None
    match messages:
        case cst.List(elements=elements):
            before: list[cst.BaseExpression] = []
            for element in elements:
                if isinstance(element.value, cst.Dict) and isinstance(element, cst.Element):
                    yield from _message(file, node, element.value, before)
                before.append(element.value)
        case cst.SimpleString() | cst.FormattedString() | cst.ConcatenatedString() | cst.Dict():
            what = "one message" if isinstance(messages, cst.Dict) else "text"
            message = f"`messages` is a list of messages, not {what}: this request is refused with status 400"
            yield Diagnostic(rule.code, message, file.span(messages))


def _inputs(file: FileContext, call: SdkCall) -> Iterator[Diagnostic]:
    """The roles of what a response is asked with; items of another type have none."""
    given = call.argument("input")
    items = written_out(file, given) if given is not None else None
    for element in items.elements if isinstance(items, cst.List) else ():
        if not isinstance(element.value, cst.Dict):
            continue
        for field in element.value.elements:
            if isinstance(field, cst.DictElement) and literal(field.key) == "role":
                role = literal(field.value)
                if role is not None and role not in ROLES[:4] and at_openai(file, call.node.func):
                    yield _no_role(file, field.value, role, ROLES[:4])


def _message(
    file: FileContext, node: cst.Call, message: cst.Dict, before: list[cst.BaseExpression]
) -> Iterator[Diagnostic]:
    fields: dict[str, cst.BaseExpression] = {}
    for element in message.elements:
        key = literal(element.key) if isinstance(element, cst.DictElement) else None
        if key is None:
            return  # `**more`, or a key that is computed
        fields[key] = element.value
    role = literal(fields["role"]) if "role" in fields else None
    if "role" not in fields:
        yield _found(file, message, "a message needs a `role`")
    elif role is not None and role not in ROLES and at_openai(file, node.func):
        yield _no_role(file, fields["role"], role, ROLES)
    elif role in ("system", "developer", "user") and "content" not in fields:
        yield _found(file, message, f"a message of the role {role} needs `content`")
    elif role == "assistant" and not {"content", "tool_calls", "function_call", "audio", "refusal"} & set(fields):
        yield _found(file, message, "a message of the role assistant needs `content` or `tool_calls`")
    elif role == "tool" and "tool_call_id" not in fields:
        yield _found(file, message, "the result of a tool needs the `tool_call_id` of its call")
    elif role == "tool" and not any(_may_call(m) for m in before):
        yield _found(file, message, "the result of a tool needs a message with the call before it")


def _no_role(file: FileContext, node: cst.BaseExpression, role: str, known: tuple[str, ...]) -> Diagnostic:
    meant = MEANT.get(role.lower()) or next(iter(difflib.get_close_matches(role.lower(), known, 1, 0.8)), "")
    fix = None
    if meant:
        edit = build.replace_whole(file, node, f'"{meant}"')
        fix = Fix(f'Write "{meant}"', (edit,), Safety.UNSAFE)
    text = f'there is no role "{role}"' + (f'; it is "{meant}"' if meant else "")
    return Diagnostic(rule.code, f"{text}: this request is refused with status 400", file.span(node), fix)


def _may_call(message: cst.BaseExpression) -> bool:
    """Whether an earlier element may hold the call: anything but a dict without `tool_calls`."""
    if not isinstance(message, cst.Dict):
        return True
    keys = [literal(e.key) if isinstance(e, cst.DictElement) else None for e in message.elements]
    return (
        None in keys
        or "tool_calls" in keys
        or "tool" in [literal(e.value) for e in message.elements if isinstance(e, cst.DictElement)]
    )


def _found(file: FileContext, message: cst.Dict, what: str) -> Diagnostic:
    return Diagnostic(rule.code, f"{what}: this request is refused with status 400", file.span(message))
