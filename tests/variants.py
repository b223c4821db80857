"""The same code in other clothes: what every rewrite of the rule book must survive.

Each variant is a function from the text before and the text after to both texts dressed alike, or to None where the
variant would say nothing (no indentation to turn into tabs) or would be other code (a setting moved into a function).
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable

Pair = tuple[bytes, bytes]
Variant = Callable[[str, str], "Pair | None"]

_PREAMBLE = re.compile(
    r"(async_)?client = |def get_(async_)?client\(|(async_)?client: |load_dotenv\(|openai\.\w+ = |__all__ = "
)
_OUTER = re.compile(r"^\s*(from \S+ )?import |^\s*openai\.\w+ = |^from __future__|^\s*global ", re.MULTILINE)


def crlf(before: str, after: str) -> Pair | None:
    return _encode(before.replace("\n", "\r\n"), after.replace("\n", "\r\n"))


def cr(before: str, after: str) -> Pair | None:
    """The newline of Macs before 2001, which Python still reads."""
    return _encode(before.replace("\n", "\r"), after.replace("\n", "\r"))


def bom(before: str, after: str) -> Pair | None:
    return _encode("\ufeff" + before, "\ufeff" + after)


def latin(before: str, after: str) -> Pair | None:
    """Another encoding, whose bytes are not UTF-8."""
    head = "# -*- coding: latin-1 -*-\n# Größe: naïve café\n"
    if not (before + after).isascii():
        return None
    return (head + before).encode("latin-1"), (head + after).encode("latin-1")


def no_final_newline(before: str, after: str) -> Pair | None:
    return _encode(before.rstrip("\n"), after.rstrip("\n"))


def tabs(before: str, after: str) -> Pair | None:
    if not _has_block(before) or _has_long_string(before):
        return None
    return _encode(_tabbed(before), _tabbed(after))


def wide_characters(before: str, after: str) -> Pair | None:
    """Characters of two, three and four bytes before every statement: offsets must count none of them twice."""
    return between(before, after, "# ä € 😀 \u2028\n")


def form_feed(before: str, after: str) -> Pair | None:
    return between(before, after, "\f\n")


def look_alike(before: str, after: str) -> Pair | None:
    return between(before, after, '_unrelated = {"choices": [{"text": "x"}]}["choices"][0]["text"]\n')


def in_function(before: str, after: str) -> Pair | None:
    return _wrapped(before, after, "def wrapped():\n")


def in_if(before: str, after: str) -> Pair | None:
    return _wrapped(before, after, "if True:\n")


def in_try(before: str, after: str) -> Pair | None:
    return _wrapped(before, after, "try:\n", "finally:\n    pass\n")


ALL: dict[str, Variant] = {
    "crlf": crlf,
    "cr": cr,
    "bom": bom,
    "latin": latin,
    "no-final-newline": no_final_newline,
    "tabs": tabs,
    "wide-characters": wide_characters,
    "form-feed": form_feed,
    "look-alike": look_alike,
    "in-function": in_function,
    "in-if": in_if,
    "in-try": in_try,
}


def _encode(before: str, after: str) -> Pair:
    return before.encode(), after.encode()


def _has_block(text: str) -> bool:
    return any(t.type == tokenize.INDENT for t in tokenize.generate_tokens(io.StringIO(text).readline))


def _has_long_string(text: str) -> bool:
    nodes = ast.walk(ast.parse(text))
    return any(isinstance(n, (ast.Constant, ast.JoinedStr)) and n.end_lineno != n.lineno for n in nodes)


def _tabbed(text: str) -> str:
    return re.sub(r"^(?: {4})+", lambda m: "\t" * (len(m[0]) // 4), text, flags=re.MULTILINE)


def _body(before: str, after: str) -> tuple[int, int] | None:
    """The lines (from 0) where the statements after imports, settings and clients begin, in both texts.

    They are the same number of statements in both; None where that cannot be shown.
    """
    old, new = ast.parse(before).body, ast.parse(after).body
    count = len(old) - _leading(before, old)
    if count == 0 or count != len(new) - _leading(after, new):
        return None
    return _first_line(old[-count]), _first_line(new[-count])


def _leading(text: str, statements: list[ast.stmt]) -> int:
    """How many statements at the start of a module are its docstring, imports, settings and clients."""
    for number, statement in enumerate(statements):
        source = ast.get_source_segment(text, statement) or ""
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not docstring and not isinstance(statement, ast.Import | ast.ImportFrom) and not _PREAMBLE.match(source):
            return number
    return len(statements)


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min(n.lineno for n in (statement, *decorators)) - 1


def _split(text: str, line: int) -> tuple[str, str]:
    lines = text.split("\n")
    return "".join(part + "\n" for part in lines[:line]), "\n".join(lines[line:])


def between(before: str, after: str, noise: str) -> Pair | None:
    """Put `noise` before each statement that follows the imports, settings and clients."""
    starts = _body(before, after)
    if starts is None:
        return None
    return _encode(_noisy(before, starts[0], noise), _noisy(after, starts[1], noise))


def _noisy(text: str, start: int, noise: str) -> str:
    lines = text.split("\n")
    for line in sorted({_first_line(s) for s in ast.parse(text).body} - set(range(start)), reverse=True):
        lines.insert(line, noise.rstrip("\n"))
    return "\n".join(lines)


def _wrapped(before: str, after: str, opening: str, closing: str = "") -> Pair | None:
    """Indent what follows the imports, settings and clients under `opening`."""
    starts = _body(before, after)
    if starts is None or _has_long_string(before):
        return None
    (old_head, old), (new_head, new) = _split(before, starts[0]), _split(after, starts[1])
    if _OUTER.search(old) or "await " in _unindented(old) or "async for" in _unindented(old):
        return None
    return _encode(old_head + opening + _indented(old) + closing, new_head + opening + _indented(new) + closing)


def _unindented(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.startswith((" ", "\t")))


def _indented(text: str) -> str:
    indented = "\n".join("    " + line if line else line for line in text.split("\n"))
    return indented if indented.endswith("\n") else indented + "\n"
