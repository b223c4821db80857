"""Code that serves openai 2 and 3 on purpose: it knows httpx2, or asks for the version, and means what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.flow import ancestors, function_of

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def serves_both(file: FileContext, node: cst.CSTNode) -> bool:
    """Whether the function around a node names httpx2, or a condition around it asks for a version."""
    function = function_of(file, node)
    if "httpx2" in file.text and function is not None and "httpx2" in file.code(function):
        return True
    for child, parent in ancestors(file, node):
        if isinstance(parent, (cst.If, cst.IfExp)) and child is not parent.test:
            test = file.code(parent.test).lower()
            if "version" in test or "httpx2" in test:
                return True
    return False
