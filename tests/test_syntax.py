"""What does not parse is said in plain words, and nothing takes the process down."""

from __future__ import annotations

import libcst as cst
import pytest

from oaimigrate.source import Source, SourceError
from oaimigrate.syntax import parse


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("import openai\nprint 'x'\n", (2, 1), "missing parentheses in call to 'print'"),
        ("import openai\r<<<<<<< HEAD\rx = 1\r=======\r>>>>>>> b\r", (2, 1), "invalid syntax"),
        ("x = (1,\n", (1, 5), "'(' was never closed"),
        ("if x:\npass\n", (2, 1), "expected an indented block after 'if' statement on line 1"),
        ("x = 'é' 1\n", (1, 9), "invalid syntax"),
        ("exec 'x'", (1, 1), "missing parentheses in call to 'exec'"),
        ("", (1, 1), ""),
    ],
)
def test_what_does_not_parse_says_why(text: str, where: tuple[int, int], reason: str) -> None:
    source = Source.from_text(text, "x.py")
    if not reason:
        assert parse(source).module.code == text
        return
    with pytest.raises(SourceError) as caught:
        parse(source)
    assert (caught.value.row, caught.value.column) == where
    assert caught.value.message.startswith(f"this file does not parse as Python 3: {reason}")


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 5000 + "1" + ")" * 5000,
        "x = " + "[" * 5000 + "]" * 5000,
        "x = a" + ".b()" * 5000,
        "x = " + " + ".join(["a"] * 50000),
        "x = " + "not " * 50000 + "a",
        "x = " + "-" * 50000 + "1",
    ],
    ids=lambda text: text[4:9],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="the code is nested too deeply to be read"):
        parse(Source.from_text(text + "\n", "x.py"))


def test_warnings_of_the_compiler_are_not_ours() -> None:
    assert parse(Source.from_text("x = '\\d'\nassert (1, 2)\n", "x.py")).module.body


def test_nodes_that_others_make_are_still_checked() -> None:
    parse(Source.from_text("x = (1)\n", "m.py"))
    with pytest.raises(cst.CSTValidationError):
        cst.Name("")
