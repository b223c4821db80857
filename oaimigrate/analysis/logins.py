"""Tokens of an Azure AD login, which 0.28 took as `api_key` where `api_type` was "azure_ad".

The module-level client takes such a token under another name, `azure_ad_token`, and only when it is built: one that is
set again later, because the first has run out, would never be sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oaimigrate.analysis.settings import TOKEN_TYPES, Setting
from oaimigrate.analysis.steps import literal

if TYPE_CHECKING:
    from oaimigrate.analysis.clients import ClientPlan

PROVIDER = (
    "set `openai.azure_ad_token_provider` once, to a function that gives a token (`get_bearer_token_provider` of"
    " azure.identity): it is asked before every request"
)


def says_login(setting: Setting) -> bool:
    """Whether an `api_type` is that of an Azure AD login."""
    return (literal(setting.value) or "").lower() in TOKEN_TYPES


def is_token(plan: ClientPlan, key: Setting) -> bool:
    """Whether an `api_key` is, or may be, a token: by the `api_type` of its block, else by all there are."""
    types = [s for s in plan.settings if s.name == "api_type"]
    places = plan.file.tree.places
    beside = [s for s in types if places[s.statement].block is places[key.statement].block]
    if not types:
        return plan.kind == "azure_ad"
    return any(says_login(s) for s in beside[-1:] or types)


def problem(plan: ClientPlan) -> str:
    """Why the tokens of a file cannot be handed to the module-level client; "" if they can."""
    tokens = [s for s in plan.settings if s.name == "api_key" and is_token(plan, s)]
    types = [s for s in plan.settings if s.name == "api_type"]
    blocks = {id(plan.file.tree.places[s.statement].block) for s in types}
    in_requests = {id(r.scope.function) for r in plan.requests if r.scope.function is not None}
    if len(tokens) > 1 or any(id(s.scope) in in_requests for s in tokens):
        return "the module-level Azure client keeps the token of its first request"
    mixed = types and not all(says_login(s) for s in types)
    if mixed and any(id(plan.file.tree.places[s.statement].block) not in blocks for s in tokens):
        return "`openai.api_type` is set in branches, so this is a token in one and a key in another"
    return ""
