"""Text → LibCST tree. Where there is none: what is wrong and where, in the words of the Python compiler.

LibCST's parser is native code that overflows its stack on deeply nested input and takes the process with it, and its
messages list the tokens it would have liked. The compiler's own parser, at a tenth of the price, knows both better.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings

import libcst as cst

from oaimigrate.source import Source, SourceError

_DEPTH = 1000  # the interpreter's own default: code beyond it cannot be imported either
_TOO_DEEP = "the code is nested too deeply to be read"
_PLACE = re.compile(r"error at (\d+):(\d+)")


def parse(source: Source) -> cst.Module:
    """The tree of a source; a SourceError if it does not parse as Python 3."""
    refused = _refused_by_compiler(source.text)
    if refused is not None and refused.msg == _TOO_DEEP:
        raise _error(source, refused.lineno or 1, refused.offset or 1, _TOO_DEEP)
    try:
        return cst.parse_module(source.text)
    except cst.ParserSyntaxError as error:
        if refused is None:  # syntax of another version than that of this interpreter
            row, column = _place(error)
            raise _error(source, row, column, "invalid syntax") from error
        reason = refused.msg[:1].lower() + refused.msg[1:]
        raise _error(source, refused.lineno or 1, refused.offset or 1, reason) from error


def _refused_by_compiler(text: str) -> SyntaxError | None:
    """Why the compiler's parser does not take the text, if so."""
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(max(_DEPTH, _frames() + 100))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like, which are not ours to report
            compile(text, "<source>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (RecursionError, MemoryError):
        return SyntaxError(_TOO_DEEP)
    except SyntaxError as error:
        return SyntaxError(_TOO_DEEP, error.args[1]) if "too many nested" in error.msg else error
    except ValueError:  # a lone surrogate: LibCST will say so
        return None
    finally:
        sys.setrecursionlimit(limit)
    return None


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
