"""OAI306: an argument that a request does not take: misspelt, or one of other servers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import SdkCall, request_at, shown
from oaimigrate.analysis.file import FileContext
from oaimigrate.checks.legacy.removed_call_argument import CLIENT_OPTIONS, RENAMED
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI306")

OF_EVERY_CALL = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "idempotency_key"})
# Wrappers that change the methods of a client in place and give them arguments of their own.
PATCHED = re.compile(r"^\s*(?:import|from)\s+(?:instructor|langfuse|promptlayer|marvin|helicone|portkey)\b", re.M)
_SERVERS = (
    "top_k min_p top_a typical_p repetition_penalty length_penalty early_stopping ignore_eos min_tokens best_of"
    " guided_json guided_regex guided_choice guided_grammar enable_thinking thinking reasoning think include_reasoning"
    " chat_template chat_template_kwargs add_generation_prompt mirostat num_ctx keep_alive skip_special_tokens"
    " stop_token_ids use_beam_search provider transforms route search_domain_filter do_sample safe_prompt"
)
OF_OTHER_SERVERS = frozenset(_SERVERS.split())


# What the other of the two interfaces for answers calls the same thing.
_FOR_RESPONSES = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens", "messages": "input"}
_FOR_CHAT = {"max_output_tokens": "max_completion_tokens", "input": "messages"}
COUNTERPARTS = {"responses": _FOR_RESPONSES, "chat.completions": _FOR_CHAT}


@rule.on(cst.Call)
def arguments(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`client.chat.completions.create(mesages=…)`."""
    call = request_at(file, node)
    if file.is_test or call is None or not call.signature.params or call.doubt is not None or PATCHED.search(file.text):
        return
    known = frozenset().union(*call.signature.params.values()) | OF_EVERY_CALL
    unknown = [a for a in node.args if a.keyword is not None and a.keyword.value not in known]
    for item in unknown:
        assert item.keyword is not None
        name = item.keyword.value
        if name not in RENAMED and name not in CLIENT_OPTIONS:
            message = f"`{shown(file, node.func, call.path)}` takes no `{name}=`: it raises TypeError"
            fix, advice = _fix(file, call, item, known, alone=len(unknown) == 1)
            yield Diagnostic(rule.code, message + advice, build.item_span(file, item), fix)


def _fix(
    file: FileContext, call: SdkCall, item: cst.Arg, known: frozenset[str], *, alone: bool
) -> tuple[Fix | None, str]:
    assert item.keyword is not None
    name = item.keyword.value
    given = {a.keyword.value for a in call.node.args if a.keyword is not None}
    other = COUNTERPARTS.get(call.path.rpartition(".")[0], {}).get(name)
    near = [] if name in OF_OTHER_SERVERS else difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    near = [other] if other in known else near
    if near:
        fix = Fix(f"Rename to `{near[0]}`", (build.replace(file, item.keyword, near[0]),), Safety.UNSAFE)
        return (fix if near[0] not in given else None), f"; did you mean `{near[0]}=`?"
    advice = f'; pass what only the server knows in `extra_body={{"{name}": …}}`'
    if not alone or "extra_body" in given or name not in OF_OTHER_SERVERS:
        return None, advice
    span, value = build.item_span(file, item), file.code(item.value)
    text = f'extra_body={{"{name}": {value}}}'
    return Fix("Put it into `extra_body`", (Edit(span.start, span.end, text),), Safety.UNSAFE), advice
