"""How a check says which syntax it wants to see. One module in `checks/` makes one `Rule`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext
    from oaimigrate.diagnostics import Diagnostic

Check = Callable[[Any, "FileContext"], "Iterator[Diagnostic]"]


class Rule:
    """A code and the checks behind it. Everything else about a rule stands on its page in `rules/`."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.checks: dict[type, list[Check]] = {}

    def on(self, *types: type) -> Callable[[Check], Check]:
        """Register a check for the given LibCST node types; it is called once for each such node of a file."""

        def register(check: Check) -> Check:
            for node_type in types:
                self.checks.setdefault(node_type, []).append(check)
            return check

        return register


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule found in `oaimigrate.checks`, by code. Imports the check modules, and so LibCST."""
    import oaimigrate.checks as package

    rules = []
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.ispkg:
            found = getattr(importlib.import_module(module.name), "rule", None)
            if isinstance(found, Rule):
                rules.append(found)
    return tuple(sorted(rules, key=lambda r: r.code))
