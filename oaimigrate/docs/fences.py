"""Where the Python fences of a document stand."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from oaimigrate.diagnostics import Span
from oaimigrate.source import Source

# ```python, ~~~ py, ``` {.python}, ```{code-cell} ipython3: at the begin of a line, in a list or a quotation as well.
_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,})[ \t]*(?:\{code-cell\}[ \t]*|\{[ \t]*\.)?"
    r"(?P<language>python3?|py3?|ipython3?)(?![\w-])[^\n`]*\n(?P<body>.*?)^[ \t]*(?P=ticks)[`~]*[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_LEFT_ALONE = re.compile(r"oaimigrate[ \t]*:[ \t]*ignore\b[^\n]*\n[ \t]*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fence:
    """The code between two fences; `part` tells apart what does not belong together, such as two docstrings."""

    span: Span
    indent: str
    part: int


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
            yield Fence(Span(match.start("body"), match.end("body")), match["indent"], part)


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
