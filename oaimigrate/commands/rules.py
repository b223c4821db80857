"""`oaimigrate rule` and `oaimigrate rules`: the rule book."""

from __future__ import annotations

import sys

from oaimigrate import rulebook
from oaimigrate.commands import write
from oaimigrate.config import unknown_rule
from oaimigrate.reporters import rules as pages
from oaimigrate.reporters.colour import paint_for


def explain(code: str | None, format_: str) -> int:
    """Print the page of one rule, or of all of them."""
    book = rulebook.load()
    chosen = list(book.values()) if code is None else [_find(code, book)]
    if format_ == "json":
        objects = [pages.as_json(rule) for rule in chosen]
        write(pages.dump(objects if code is None else objects[0]))
    else:
        paint = paint_for(sys.stdout)
        write("\n".join(pages.page(rule, paint).rstrip("\n") + "\n" for rule in chosen))
    return 0


def listing(format_: str) -> int:
    """Print one line for each rule."""
    book = rulebook.load().values()
    if format_ == "json":
        write(pages.dump([pages.as_json(rule) for rule in book]))
    elif format_ == "markdown":
        write(pages.markdown_table(book))
    else:
        write(pages.listing(book, paint_for(sys.stdout)))
    return 0


def _find(code: str, book: dict[str, rulebook.Page]) -> rulebook.Page:
    for rule in book.values():
        if code.upper() == rule.code or code == rule.name:
            return rule
    raise unknown_rule(code, book)
