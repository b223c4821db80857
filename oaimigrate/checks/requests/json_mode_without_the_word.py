"""OAI307: JSON mode in a request whose messages do not say "JSON"."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import SdkCall, request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of, written_out
from oaimigrate.analysis.reach import at_openai
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI307")

PATHS = {"chat.completions.create": "messages", "responses.create": "input"}


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(messages=[…], response_format={"type": "json_object"})`."""
    call = request_at(file, node)
    option = _json_mode(call) if call is not None else None
    if call is None or option is None or not at_openai(file, node.func):
        return
    name = PATHS[call.path.removeprefix("beta.")]
    texts = _texts(file, call.argument(name))
    if texts and not any("json" in text.lower() for text in texts):
        message = f'JSON mode needs the word "JSON" in `{name}`: this request is refused with status 400'
        yield Diagnostic(rule.code, message, file.span(option))


def _json_mode(call: SdkCall) -> cst.BaseExpression | None:
    """`response_format={"type": "json_object"}`, or `text={"format": {"type": "json_object"}}` of a response."""
    path = call.path.removeprefix("beta.")
    if path not in PATHS or call.open_ended:
        return None
    option = call.argument("response_format" if path.startswith("chat") else "text")
    if path.startswith("responses") and call.argument("instructions") is not None:
        return None  # these may say it
    inner = [e.value for e in option.elements if isinstance(e, cst.DictElement)] if isinstance(option, cst.Dict) else []
    for value in [v for v in inner if isinstance(v, cst.Dict)]:
        inner += [e.value for e in value.elements if isinstance(e, cst.DictElement)]
    return option if any(literal(v) == "json_object" for v in inner) else None


def _texts(file: FileContext, messages: cst.BaseExpression | None) -> list[str] | None:
    """The texts of messages that are written out in full; None where one cannot be read."""
    messages = written_out(file, messages) if messages is not None else None
    if (text := literal(messages)) is not None:
        return [text]
    if not isinstance(messages, cst.List):
        return None
    found = []
    for element in messages.elements:
        if not isinstance(element.value, cst.Dict):
            return None
        content = next((e.value for e in element.value.elements if _is_content(e)), None)
        text = literal(source_of(file, content)) if content is not None else None
        if text is None or "%" in text or "{" in text:
            return None
        found.append(text)
    return found


def _is_content(element: cst.BaseDictElement) -> bool:
    return isinstance(element, cst.DictElement) and literal(element.key) == "content"
