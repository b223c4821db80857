"""What makes a method abstract is asked of bytes, of the compiler's tree and of LibCST's, each a finer sieve.

What the tree calls abstract must pass the two before it, or a file is never looked at.
"""

from __future__ import annotations

import itertools
import textwrap

import libcst as cst
import pytest

from oaimigrate import callers
from oaimigrate.analysis import overrides
from oaimigrate.analysis.file import FileContext
from oaimigrate.config import Config
from oaimigrate.consumers import may_be_filled_in
from oaimigrate.project import Project
from oaimigrate.source import Source

BASES = ["", "(ABC)", "(Protocol)", "(typing.Protocol)", "(Generic[T], Protocol)"]
DECORATORS = ["", "@abstractmethod", "@abc.abstractmethod", "@property\n@abstractmethod", "@staticmethod"]
SIGNATURES = [
    "(self)",
    "(self, messages, **options)",
    "(self, messages: list[dict[str, str]], limit: int = (1)) -> dict[str, Any]",
    "(\n    self,\n    messages: list,\n) -> str",
    "(cls)",
    "(self, /, kind=len('a: b'))",
]
BODIES = [
    " ...",
    " pass  # filled in below",
    "\n    pass",
    "\n    ...  # nothing",
    '\n    """What it asks."""',
    '\n    """What it asks.\n\n    And more."""\n    ...',
    "\n    'What it asks.'\n    pass",
    "\n    r'''What it asks.'''\n    # and a comment\n    pass",
    "\n    # a comment\n    pass",
    "\n    raise NotImplementedError",
    '\n    """What it asks."""\n    raise NotImplementedError("ask")',
    " raise NotImplementedError()",
    "\n    pass; ...",
]
OPEN_BODIES = [
    "\n    return self.client.create(messages=[])",
    "\n    raise ValueError('no')",
    "\n    x = 1\n    ...",
    '\n    """What it asks."""\n\n    # and a comment\n\n    return self.client.create(messages=[])',
]


def abstract_in_tree(text: str) -> bool:
    file = FileContext(Source.from_text(text, "base.py"), Config(), Project())
    [method] = file.nodes(cst.FunctionDef)
    return overrides.is_abstract(file.inference, method)


def texts(bodies: list[str]) -> list[str]:
    every = itertools.product(BASES, DECORATORS, ("def", "async def"), SIGNATURES, bodies)
    found = []
    for base, decorator, keyword, signature, body in every:
        method = f"{decorator}\n" * bool(decorator) + f"{keyword} ask{signature}:{body}\n"
        found.append(f"class Base{base}:\n{textwrap.indent(method, '    ')}")
    return found


def test_what_is_abstract_passes_the_sieves_before() -> None:
    missed = []
    for text in texts(BODIES):
        assert abstract_in_tree(text), text
        for data in (text.encode(), text.replace("\n", "\r\n").encode()):
            if callers.abstract(data) != {"Base"} or not may_be_filled_in(data):
                missed.append(data.decode())
    assert not missed, f"{len(missed)} of {len(texts(BODIES))}\n" + "\n".join(missed[:20])


@pytest.mark.parametrize("body", OPEN_BODIES)
def test_what_does_something_is_not_abstract_by_its_body(body: str) -> None:
    plain = f"class Base:\n    def ask(self):{textwrap.indent(body, '    ')}\n"
    assert not abstract_in_tree(plain)
    assert callers.abstract(plain.encode()) == frozenset()
    assert not may_be_filled_in(plain.encode())
