"""Reference code for talking to the OpenAI API from software that has to keep working.

The rules of oaimigrate say what is fragile; this package is the right way, as code to import or to copy
(`oaimigrate runtime copy NAME DEST`). It needs nothing from the rest of oaimigrate. The one idea: each module
solves one problem and can be read, copied and used alone; `resilient` puts them together.

Modules are imported on first use, so `import oaimigrate.runtime` costs nothing and a missing optional
dependency (tenacity, tiktoken, json-repair, …: the extra `oaimigrate[runtime]`) hurts only the module that needs it.

>>> from oaimigrate import runtime
>>> runtime.breaker.CircuitBreaker().state.value
'closed'
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import (
        breaker,
        catalog,
        client,
        context,
        errors,
        limit,
        models,
        observe,
        outcome,
        resilient,
        retry,
        stream,
        structured,
        telemetry,
        tokens,
    )

__all__ = [
    "breaker",
    "catalog",
    "client",
    "context",
    "errors",
    "limit",
    "models",
    "observe",
    "outcome",
    "resilient",
    "retry",
    "stream",
    "structured",
    "telemetry",
    "tokens",
]


def __getattr__(name: str) -> ModuleType:
    """Import a module of this package on first use (PEP 562)."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
