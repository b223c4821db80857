"""The expression a rewritten request is made on, with the options that 0.28 took per call carried over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oaimigrate.analysis.clients import CONSTRUCTORS, Use
from oaimigrate.analysis.settings import AZURE_TYPES, MODERN, TOKEN_TYPES
from oaimigrate.diagnostics import Note, Safety

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.analysis.requests import Request

ORDER = ("api_key", "organization", "api_base", "api_version")


def receiver(file: FileContext, request: Request, options: dict[str, str]) -> Use:
    """The client of a request; `options` are per-call settings (`api_key=…`) by their 0.28 names."""
    use = file.plan.use(request)
    if not options:
        return use
    kind = _kind(file, options)
    if kind is None:
        return Use(
            "", problem="`api_type=` is given per call and not as a plain string, so the client class is not known"
        )
    own = kind if "api_type" in options or "api_version" in options else None
    if own is None and not use.problem and file.plan.strategy in ("instance", "class", "existing"):
        return _with_options(file, use, options)
    return _inline(file, request, options, kind)


def _kind(file: FileContext, options: dict[str, str]) -> str | None:
    if "api_type" not in options:
        return "azure" if "api_version" in options and file.plan.kind != "azure_ad" else file.plan.kind
    text = options["api_type"].strip("\"'").lower()
    if not options["api_type"].startswith(('"', "'")):
        return None
    return "azure_ad" if text in TOKEN_TYPES else "azure" if text in AZURE_TYPES else "openai"


def _with_options(file: FileContext, use: Use, options: dict[str, str]) -> Use:
    if file.plan.kind in AZURE_TYPES and "api_base" in options:
        return Use("", problem="the endpoint of an Azure client cannot be changed per call")
    names = {"api_key": "azure_ad_token"} if file.plan.kind == "azure_ad" else {}
    given = [f"{names.get(n) or file.api.settings[n].option}={options[n]}" for n in ORDER if n in options]
    text = f"{use.text}.with_options({', '.join(given)})" if given else use.text
    return replace(use, text=text)


def _inline(file: FileContext, request: Request, options: dict[str, str], kind: str) -> Use:
    """A client of the call's own, where the file has none to vary."""
    azure = kind in AZURE_TYPES
    if "api_version" in options and not azure:
        return Use("", problem="`api_version=` is given per call, and only clients of Azure take it")
    made = file.plan.made
    constructor, needs = file.symbol(CONSTRUCTORS[request.asynchronous, azure])
    module = file.code(request.module) if request.module is not None else file.module_name
    if module:
        constructor, needs = f"{module}.{CONSTRUCTORS[request.asynchronous, azure]}", []
    owner = file.plan.use(request).text if file.plan.consumed else module
    given = []
    for name in ORDER:
        row = file.api.settings[name]
        option = (
            {"api_base": "azure_endpoint", "api_version": "api_version"}.get(name, row.option) if azure else row.option
        )
        if kind == "azure_ad" and name == "api_key":
            option = "azure_ad_token"
        if name in options and option:
            given.append(f"{option}={options[name]}")
        elif name in made and (azure or name != "api_version"):
            attribute = "azure_endpoint" if azure and name == "api_base" else row.module
            if not owner or (file.plan.consumed and name in ("api_base", "api_version")):
                return Use("", problem=f"the call relies on `openai.{name}`, which its own client would not see")
            given.append(f"{option}={owner}.{attribute}")
    if made & {"proxy", "requestssession", "aiosession"}:
        return Use("", problem="the call relies on a proxy or session that its own client would not see")
    if modern := made & MODERN:
        return Use("", problem=f"the call relies on `openai.{min(modern)}`, which its own client would not see")
    note = Note("this builds a client for every call; build it once where the credentials are known")
    group = file.plan.group if file.plan.consumed else None
    needs = [*needs, *file.plan.use(request).needs] if file.plan.consumed else needs
    return Use(f"{constructor}({', '.join(given)})", tuple(needs), Safety.UNSAFE, group, (note,))
