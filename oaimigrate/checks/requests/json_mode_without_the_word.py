"""OAI307: JSON mode in a request whose messages do not say "JSON"."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import SdkCall, request_at
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import source_of
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic
from oaimigrate.registry import Rule

rule = Rule("OAI307")


@rule.on(cst.Call)
def request(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`create(messages=[…], response_format={"type": "json_object"})`."""
    call = request_at(file, node)
    if call is None or call.path.removeprefix("beta.") != "chat.completions.create" or not _json_mode(call):
        return
    texts = _texts(file, call.argument("messages"))
    if texts and not any("json" in text.lower() for text in texts):
        option = call.argument("response_format")
        assert option is not None
        message = 'JSON mode needs the word "JSON" in the messages: this request is refused with status 400'
        yield Diagnostic(rule.code, message, file.span(option))


def _json_mode(call: SdkCall) -> bool:
    option = call.argument("response_format")
    if not isinstance(option, cst.Dict) or call.open_ended:
        return False
    return any(isinstance(e, cst.DictElement) and literal(e.value) == "json_object" for e in option.elements)


def _texts(file: FileContext, messages: cst.BaseExpression | None) -> list[str] | None:
    """The texts of messages that are written out in full; None where one cannot be read."""
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
