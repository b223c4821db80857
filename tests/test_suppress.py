"""A comment silences its line, the codes it names, and nothing else."""

from __future__ import annotations

import pytest

from oaimigrate.diagnostics import Diagnostic, Span
from oaimigrate.source import Source
from oaimigrate.suppress import suppressions


def silenced(text: str, code: str = "OAI101", target: str = "openai.X()") -> bool:
    source = Source.from_text(text, "x.py")
    start = text.index(target)
    return suppressions(source).covers(Diagnostic(code, "", Span(start, start + len(target))), source)


@pytest.mark.parametrize(
    "comment",
    [
        "# oaimigrate: ignore",
        "# oaimigrate: ignore reason",
        "# oaimigrate: ignore[OAI101]",
        "# oaimigrate: ignore[OAI1] we pin 0.28",
        "#oaimigrate:ignore[ OAI601 , OAI101 ]",
        "# type: ignore # oaimigrate: ignore[OAI101]",
        "# noqa",
        "# NOQA",
        "# noqa: OAI101",
        "# noqa:E501,OAI101 because",
        "# noqa: E501 OAI1",
        "# pragma: no cover  # noqa",
    ],
)
def test_a_directive_silences_its_line(comment: str) -> None:
    assert silenced(f"x = openai.X()  {comment}\n")
    assert not silenced(f"x = openai.X()\ny = 1  {comment}\n")
    assert not silenced(f"y = 1  {comment}\nx = openai.X()\n")


@pytest.mark.parametrize(
    "comment",
    [
        "# oaimigrate: ignore[OAI102]",
        "# oaimigrate: ignore[]",
        "# oaimigrate: ignored",
        "# oaimigrate: check",
        "# noqa: E501",
        "# noqa: because I say so",
        "# noqa:",
        "# noqality",
        "# ruff: noqa",
        "# see # 5 noqa",
    ],
)
def test_other_comments_silence_nothing(comment: str) -> None:
    assert not silenced(f"x = openai.X()  {comment}\n")


def test_a_directive_in_a_string_is_no_directive() -> None:
    assert not silenced('x = openai.X(), "# noqa"\n')
    assert not silenced('x = openai.X(), """\n# oaimigrate: ignore\n"""\n')


def test_a_finding_is_silenced_on_its_first_and_its_last_row() -> None:
    call = "openai.X(\n    a,\n)"
    assert silenced("openai.X(  # noqa\n    a,\n)\n", target="openai.X(  # noqa\n    a,\n)")
    assert silenced(f"{call}  # noqa\n", target=call)
    assert not silenced("openai.X(\n    a,  # noqa\n)\n", target="openai.X(\n    a,  # noqa\n)")


def test_a_comment_speaks_for_the_rows_that_it_closes() -> None:
    assert silenced('x = openai.X(), """\ntext\n"""  # noqa: OAI101\n')
    assert silenced("x = openai.X() + \\\n    1 + \\\n    2  # noqa: OAI101\n")
    assert silenced('x = openai.X(), f"""\n{a}\n{b}\n"""  # noqa: OAI101\n')
    assert not silenced("x = openai.X(  # c \\\n )\ny = 1  # noqa: OAI101\n", target="openai.X(")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_newline_is_counted(newline: str) -> None:
    assert silenced(newline.join(["a = 1\x0c", "b = '\u2028'", "x = openai.X()  # noqa", "y = 1"]))
    assert not silenced(newline.join(["a = 1  # noqa\x0c", "b = '\u2028'  # noqa", "x = openai.X()", "y = 1  # noqa"]))


def test_a_file_that_does_not_tokenize_keeps_what_stands_before() -> None:
    assert silenced("x = openai.X()  # noqa\ny = '''\n")


@pytest.mark.parametrize("code", ["OAI000", "OAI001"])
def test_that_a_file_was_not_looked_at_cannot_be_silenced(code: str) -> None:
    assert not silenced("x = openai.X()  # noqa\n", code=code)
