"""Where the Python fences of a document stand."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from oaimigrate.diagnostics import Span
from oaimigrate.docs.shape import Shape
from oaimigrate.source import Source

# ```python, ~~~ py, ``` {.python}, ```{code-cell} ipython3: at the begin of a line, in a list or a quotation as well.
_FENCE = re.compile(
    r"^(?P<prefix>[ \t>]*)(?P<bullet>(?:[-*+]|\d+[.)])[ \t]+)?(?P<ticks>`{3,}|~{3,})[ \t]*"
    r"(?:(?P<directive>\{code(?:-cell|-block)?\}|\{sourcecode\})[ \t]*|\{[ \t]*\.?)?"
    r"(?P<language>python3?|py3?|ipython3?|pycon3?|python-repl|python-console|(?<=\{code-cell\})(?=\r?\n))(?![\w-])"
    r"[^\n`]*\n(?P<body>.*?)^[ \t>]*(?P=ticks)[`~]*[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_PROMPTS = re.compile(r"[ \t>]*>>> ")
_LEFT_ALONE = re.compile(r"oaimigrate[ \t]*:[ \t]*ignore\b[^\n]*\n\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fence:
    """The code between two fences; `part` tells apart what does not belong together, such as two docstrings."""

    span: Span
    shape: Shape
    part: int
    code: str  # its last newline left out


def _fence(match: re.Match[str], part: int) -> Fence | None:
    """The fence that was found; None if its lines are not of one shape."""
    body = match["body"].replace("\r\n", "\n").removesuffix("\n")
    prefix = match["prefix"] + " " * len(match["bullet"] or "")
    prompts = _PROMPTS.match(body.removeprefix(prefix)) is not None
    shapes = [Shape(prefix, prompts, match["directive"] is not None)]
    if not (prompts or match["directive"] or ">" in prefix):
        shapes.append(Shape(""))  # not indented alike, which Markdown allows
    found = ((shape, code) for shape in shapes if (code := shape.code(body)) is not None)
    span = Span(match.start("body"), match.end("body"))
    return next((Fence(span, shape, part, code) for shape, code in found), None)


def read(source: Source) -> Iterator[Fence]:
    """The fences of a Markdown file, or of the docstrings of a Python file."""
    if not source.path.endswith((".py", ".pyi")):
        yield from _between(source.text, Span(0, len(source.text)), 0)
        return
    for part, (span, raw) in enumerate(_docstrings(source)):
        for fence in _between(source.text, span, part):
            if raw or "\\" not in source.text[fence.span.start : fence.span.end]:
                yield fence


def _between(text: str, span: Span, part: int) -> Iterator[Fence]:
    for match in _FENCE.finditer(text, span.start, span.end):
        if not _LEFT_ALONE.search(text, max(span.start, match.start() - 300), match.start()):
            if (fence := _fence(match, part)) is not None:
                yield fence


def _docstrings(source: Source) -> Iterator[tuple[Span, bool]]:
    """The inside of each docstring, and whether it is a raw string."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            start = source.byte_offset(first.value.lineno, first.value.col_offset)
            end = source.byte_offset(first.value.end_lineno or 0, first.value.end_col_offset or 0)
            literal = source.text[start:end]
            prefix = literal[: len(literal) - len(literal.lstrip("rRuU"))]
            if literal[len(prefix) :].startswith(('"""', "'''")):
                yield Span(start + len(prefix) + 3, end - 3), "r" in prefix.lower()
