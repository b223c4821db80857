"""OAI002 and OAI003: comments that silence nothing, and comments that cannot be understood.

Whether a comment is of use is known only where its rules ran and the file was seen with the modules it imports: a hook
is handed single files, and what another module returns is then not known. In doubt nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.config import ALWAYS, Config
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Safety, Span
from oaimigrate.source import SourceError, read_bytes
from oaimigrate.suppress import Directive, Suppressions

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

UNUSED, MALFORMED = "OAI002", "OAI003"
_OURS = re.compile(r"OAI\d*\Z")


def silence(file: FileContext, found: list[Diagnostic], given: Suppressions, config: Config) -> list[Diagnostic]:
    """What is left of the findings, with what there is to say about the comments."""
    left: list[Diagnostic] = []
    used: set[tuple[Span, str]] = set()
    for diagnostic in found:
        covering = given.covering(diagnostic, file.source)
        used.update((d.span, diagnostic.code) for d in covering)
        if not covering:
            left.append(diagnostic)
    said = [*_malformed(given, config), *_unused(file, given, used, config)]
    kept = [d for d in said if not given.covers(d, file.source)]
    return sorted([*left, *kept], key=lambda d: (d.span, d.code, d.message)) if kept else left


def _malformed(given: Suppressions, config: Config) -> Iterator[Diagnostic]:
    if config.enables(MALFORMED):
        for mistake in given.mistakes:
            yield Diagnostic(MALFORMED, mistake.message, mistake.span)


def _unused(
    file: FileContext, given: Suppressions, used: set[tuple[Span, str]], config: Config
) -> Iterator[Diagnostic]:
    if not config.enables(UNUSED):
        return
    idle = [(d, codes) for d in given.directives if (codes := _idle(d, used, config))]
    if not idle or _sees_only_a_part(file):
        return
    for directive, codes in idle:
        yield _finding(file, directive, codes)


def _idle(directive: Directive, used: set[tuple[Span, str]], config: Config) -> list[tuple[str, Span]]:
    """The codes of a directive that silence nothing although their rules ran. What names no code serves others, too."""
    from oaimigrate import rulebook

    idle = []
    for prefix, span in directive.codes or ():
        meant = [code for code in rulebook.load() if code.startswith(prefix)]
        ran = any(config.enables(code) for code in meant if code not in ALWAYS)
        silenced = any(code.startswith(prefix) for where, code in used if where == directive.span)
        if _OURS.match(prefix) and not silenced and (ran or not meant):
            idle.append((prefix, span))
    return idle


def _finding(file: FileContext, directive: Directive, codes: list[tuple[str, Span]]) -> Diagnostic:
    names = ", ".join(f"`{code}`" for code, _ in codes)
    message = f"this comment silences nothing for {names}; remove it"
    if directive.codes is not None and len(codes) < len(directive.codes):
        edits = tuple(_without(file.text, span) for _, span in codes)
        return Diagnostic(UNUSED, message, codes[0][1], Fix("Remove the codes", edits, Safety.SAFE))
    edit, reason = _removal(file, directive)
    safety = Safety.UNSAFE if reason else Safety.SAFE
    return Diagnostic(UNUSED, message, directive.span, Fix("Remove the comment", (edit,), safety))


def _without(text: str, span: Span) -> Edit:
    """Take one word out of a list, with the comma after it, or before it where it is the last."""
    start, end = span.start, span.end
    if after := re.compile(r"[ \t]*,[ \t]*|[ \t]+(?=[A-Za-z]+[0-9])").match(text, end):
        return Edit(start, after.end(), "")
    while start and text[start - 1] in ", \t":
        start -= 1
    return Edit(start, end, "")


def _removal(file: FileContext, directive: Directive) -> tuple[Edit, str]:
    """The edit that removes a directive with its reason, and the reason."""
    text, comment = file.text, directive.comment
    following = text.find("#", directive.span.end, comment.end)
    end = following if following >= 0 else comment.end
    reason = text[directive.span.end : end].strip()
    start = directive.span.start
    row = file.source.position(start)[0]
    line, last = file.source.line_bounds(row)
    if following >= 0:
        return Edit(start, following, ""), reason
    while start > line and text[start - 1] in " \t":
        start -= 1
    if start == line and end == last and row < len(file.source.line_starts):
        end = file.source.line_starts[row]
    return Edit(start, end, ""), reason


def _sees_only_a_part(file: FileContext) -> bool:
    """Whether the file imports a module of the project that uses the SDK and is no part of this run."""
    modules, path = file.project.modules, file.source.path
    imports: list[cst.ImportFrom | cst.Import] = [*file.nodes(cst.ImportFrom), *file.nodes(cst.Import)]
    for node in imports:
        for name, level in _imported(node):
            found = modules.resolve(path, name, level)
            if found is not None and found not in file.project.sources and b"openai" in _read(found):
                return True
    return False


def _imported(node: cst.ImportFrom | cst.Import) -> Iterator[tuple[str, int]]:
    names = [] if isinstance(node.names, cst.ImportStar) else [_dotted(alias.name) for alias in node.names]
    if isinstance(node, cst.Import):
        yield from ((name, 0) for name in names)
        return
    module, level = _dotted(node.module) if node.module is not None else "", len(node.relative)
    yield module, level
    yield from ((f"{module}.{name}".strip("."), level) for name in names)


def _dotted(node: cst.BaseExpression) -> str:
    return f"{_dotted(node.value)}.{node.attr.value}" if isinstance(node, cst.Attribute) else getattr(node, "value", "")


def _read(path: str) -> bytes:
    try:
        return read_bytes(path)
    except SourceError:
        return b""
