"""What a project says about fixes: which may be applied, and which count as safe."""

from __future__ import annotations

from dataclasses import replace

from oaimigrate.config import Config
from oaimigrate.diagnostics import Diagnostic, Safety


def ruled(diagnostic: Diagnostic, config: Config) -> Diagnostic:
    """The diagnostic with its fix as safe as the project says. Linked fixes go together, so one may stop the others."""
    fix, code = diagnostic.fix, diagnostic.code
    if fix is None:
        return diagnostic
    safety = fix.safety
    if code in config.made_safe and safety is Safety.UNSAFE:
        safety = Safety.SAFE
    if code in config.made_unsafe and safety is Safety.SAFE:
        safety = Safety.UNSAFE
    if code in config.unfixable:
        safety = Safety.DISPLAY
    return diagnostic if safety is fix.safety else replace(diagnostic, fix=replace(fix, safety=safety))
