"""Text → LibCST tree. Where there is none: what is wrong and where, in the words of the Python compiler.

LibCST's parser is native code that overflows its stack on deeply nested input and takes the process with it, and its
messages list the tokens it would have liked. The compiler's own parser, at a tenth of the price, knows both better.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from typing import NamedTuple

import libcst as cst

from oaimigrate.source import Source, SourceError

_DEPTH = 1000  # the interpreter's own default: code beyond it cannot be imported either
_TOO_DEEP = "the code is nested too deeply to be read"
_PLACE = re.compile(r"error at (\d+):(\d+)")


_checked = cst.CSTNode.__post_init__


def _unchecked(node: cst.CSTNode) -> None:
    """In the place of LibCST's checks while it parses."""


class Rows(NamedTuple):
    """The row, from 1, that a statement starts on (its first decorator's); for a class, also those of its body."""

    start: int
    body: tuple[Rows, ...]


class Parsed(NamedTuple):
    """A tree and the rows of its statements, none where only LibCST's parser takes the text."""

    module: cst.Module
    rows: tuple[Rows, ...]


def parse(source: Source) -> Parsed:
    """The tree of a source; a SourceError if it does not parse as Python 3."""
    compiled = _compiled(source.text)
    refused = compiled if isinstance(compiled, SyntaxError) else None
    if refused is not None and refused.msg == _TOO_DEEP:
        raise _error(source, refused.lineno or 1, refused.offset or 1, _TOO_DEEP)
    try:
        return Parsed(_tree(source.text), _rows(compiled) if isinstance(compiled, ast.Module) else ())
    except cst.ParserSyntaxError as error:
        if refused is None:  # syntax of another version than that of this interpreter
            row, column = _place(error)
            raise _error(source, row, column, "invalid syntax") from error
        reason = refused.msg[:1].lower() + refused.msg[1:]
        raise _error(source, refused.lineno or 1, refused.offset or 1, reason) from error


def _tree(text: str) -> cst.Module:
    """LibCST's tree. Each node checks itself when it is made, a seventh of a parse's time; the parser knows better."""
    cst.CSTNode.__post_init__ = _unchecked  # type: ignore[method-assign,assignment]
    try:
        return cst.parse_module(text)
    finally:
        cst.CSTNode.__post_init__ = _checked  # type: ignore[method-assign]


def _rows(tree: ast.Module | ast.ClassDef) -> tuple[Rows, ...]:
    found = []
    for statement in tree.body:
        decorators = getattr(statement, "decorator_list", ())
        start = decorators[0].lineno if decorators else statement.lineno
        found.append(Rows(start, _rows(statement) if isinstance(statement, ast.ClassDef) else ()))
    return tuple(found)


def _compiled(text: str) -> ast.AST | SyntaxError | None:
    """The compiler's tree of the text, or why it does not take it."""
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(max(_DEPTH, _frames() + 100))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like, which are not ours to report
            return compile(text, "<source>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (RecursionError, MemoryError):
        return SyntaxError(_TOO_DEEP)
    except SyntaxError as error:
        return SyntaxError(_TOO_DEEP, error.args[1]) if "too many nested" in error.msg else error
    except ValueError:  # a lone surrogate: LibCST will say so
        return None
    finally:
        sys.setrecursionlimit(limit)


def _frames() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def _error(source: Source, row: int, column: int, reason: str) -> SourceError:
    row = min(max(row, 1), len(source.line_starts))
    position = source.position(source.offset(row, column))
    return SourceError(source.path, *position, f"this file does not parse as Python 3: {reason}")


def _place(error: cst.ParserSyntaxError) -> tuple[int, int]:
    """Where the parser stopped: its message has the end of the token, its attributes the line after it."""
    found = _PLACE.search(error.message)
    return (int(found[1]), max(int(found[2]), 1)) if found else (error.raw_line, error.raw_column + 1)
