"""oaimigrate: find, explain and rewrite fragile or outdated uses of the OpenAI SDK.

The package is a short pipeline: `discovery` finds files, `source` reads them, `analysis` says what every
expression is in the OpenAI world, `checks` look, `fixing` edits text, `reporters` print. `engine` joins them.

For other programs: `check_source` and `fix_source`, and the types of what they return. They are imported when they are
asked for, so that the command line starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oaimigrate.config import ConfigError
    from oaimigrate.diagnostics import Diagnostic, Edit, FileResult, Fix, Note, Safety, Span
    from oaimigrate.library import check_source, fix_source

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "Diagnostic",
    "Edit",
    "FileResult",
    "Fix",
    "Note",
    "Safety",
    "Span",
    "__version__",
    "check_source",
    "fix_source",
]

_HOMES = {"ConfigError": "config", "check_source": "library", "fix_source": "library"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'diagnostics')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
