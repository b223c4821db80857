"""OAI803: a level for the logger of httpx, where openai 3 writes its requests to that of httpx2."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import is_external, source_of
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.diagnostics import Diagnostic, Fix
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI803")


@rule.on(cst.Call)
def level(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`logging.getLogger("httpx").setLevel(logging.WARNING)`."""
    if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "setLevel" or file.config.target < 3:
        return
    logger = source_of(file, node.func.value)
    if not isinstance(logger, cst.Call) or len(logger.args) != 1 or literal(logger.args[0].value) != "httpx":
        return
    if not is_external(file, logger.func, "logging.getLogger") or "httpx2" in file.text or not _asks_by_httpx2(file):
        return
    message = 'openai 3 writes its requests to the logger "httpx2", which this does not reach; set its level, too'
    yield Diagnostic(rule.code, message, file.span(node), _fix(file, node, logger))


def _asks_by_httpx2(file: FileContext) -> bool:
    """Whether a file uses the SDK, and gives it no client of httpx, whose logger stays the same."""
    bindings = (b for names in file.tree.scope_of_node.values() for bs in names.names.values() for b in bs)
    if not any(b.how == "import" and b.module.partition(".")[0] == "openai" and not b.level for b in bindings):
        return False
    clients = (c for c in file.nodes(cst.Call) if argument(c, "http_client") is not None)
    return not file.shadowed_sdk and not any(constructed(file, c) is not None for c in clients)


def _fix(file: FileContext, node: cst.Call, logger: cst.Call) -> Fix | None:
    """The same line again, for the other logger."""
    line = file.line_of(node)
    if line is None or len(line.body) != 1 or file.parent(node) is not line.body[0] or logger is not _owner(node):
        return None
    text, name = file.code(node), file.code(logger.args[0].value)
    span = file.span(line)
    start = max(file.text.rfind("\n", 0, span.start), file.text.rfind("\r", 0, span.start)) + 1
    indent = file.text[start : span.start]
    if indent.strip() or text.count(name) != 1:
        return None
    again = indent + text.replace(name, name.replace("httpx", "httpx2"))
    end = min(file.whole(line).end, len(file.text))  # the last line may have no newline
    newline = file.source.newline
    new = f"{again}{newline}" if file.text[end - 1] in "\r\n" else f"{newline}{again}"
    return Fix('Set the level of "httpx2", too', (build.insert(end, new),))


def _owner(node: cst.Call) -> cst.BaseExpression | None:
    return node.func.value if isinstance(node.func, cst.Attribute) else None
