"""What is printed: excerpts with their underline, and the diffs that git takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from oaimigrate import rulebook
from oaimigrate.config import Config
from oaimigrate.diagnostics import Diagnostic, Edit, FileResult, Fix, Note, Safety, Span
from oaimigrate.engine import check_source
from oaimigrate.reporters import Report, full, github, json, shown_path
from oaimigrate.reporters.colour import Paint
from oaimigrate.reporters.diff import unified_diff
from oaimigrate.reporters.excerpt import excerpt
from oaimigrate.source import Source


def shown(text: str, target: str) -> str:
    start = text.index(target)
    return excerpt(Source.from_text(text, "x.py"), Span(start, start + len(target)), Paint())


def lines(*rows: str) -> str:
    return "\n".join(rows)


def test_a_place_is_underlined_with_two_lines_around() -> None:
    text = "a\nb\n\nc = openai.X()\nd\ne\nf\n"
    assert shown(text, "openai.X") == lines(
        "  |", "2 | b", "3 |", "4 | c = openai.X()", "  |     ^^^^^^^^", "5 | d", "6 | e", "  |"
    )


def test_the_first_and_the_last_line_of_a_file() -> None:
    assert shown("openai.X()", "openai.X") == lines("  |", "1 | openai.X()", "  | ^^^^^^^^", "  |")
    assert shown("\n\nx\n\n\n", "x") == lines("  |", "3 | x", "  | ^", "  |")


def test_a_span_of_several_lines_is_bracketed() -> None:
    text = "a = 1\nr = f(\n  b,\n)\nc\n"
    assert shown(text, "f(\n  b,\n)") == lines(
        "  |", "1 |   a = 1", "2 | / r = f(", "3 | |   b,", "4 | | )", "  | |_^", "5 |   c", "  |"
    )


def test_a_long_span_is_shortened() -> None:
    text = "f(\n" + "".join(f"  {n},\n" for n in range(20)) + ")\n"
    out = shown(text, text.rstrip("\n"))
    assert out.splitlines()[4:7] == [" 4 | |   2,", "...", "21 | |   19,"]


def test_tabs_wide_and_combining_characters_take_their_cells() -> None:
    assert shown("\tx = '日本e\u0301' + y", "y").splitlines()[2] == "  | " + " " * (4 + 4 + 1 + 4 + 1 + 1 + 3) + "^"
    assert shown("if a:\n\tb = openai.X()\n", "openai").splitlines()[3] == "  |         ^^^^^^"


def test_control_characters_reach_no_terminal() -> None:
    assert "\033" not in shown("x = '\033[31m\u202e'; y", "y")


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "x = [" + "1, " * 200 + "openai.X(), " + "2, " * 200 + "]"
    _, line, underline, _ = shown(text, "openai.X()").split("\n")
    assert line.startswith("1 | …")
    assert line.endswith("…")
    assert line[underline.index("^") : underline.rindex("^") + 1] == "openai.X()"
    assert len(line) <= 130
    start = shown("openai.X(" + "1, " * 200 + ")", "openai.X(" + "1, " * 200 + ")").split("\n")
    assert start[1].startswith("1 | openai.X(1,")
    assert len(start[2]) <= 130


def test_a_block_says_why_and_what_can_be_done() -> None:
    text = "import openai\nx\n"
    fix = Fix("Call `y`", (Edit(14, 15, "y"),), Safety.UNSAFE)
    notes = (Note("`x` comes from here", Span(0, 6)), Note("two\nlines"), Note("elsewhere", path="b.py"))
    result = FileResult("a.py", text, (Diagnostic("OAI101", "`x` is old", Span(14, 15), fix, notes, "maybe"),))
    assert full.render(Report((result,), Paint())) == lines(
        "OAI101 `x` is old",
        "  --> a.py:2:1",
        "  |",
        "1 | import openai",
        "2 | x",
        "  | ^",
        "  |",
        "maybe: not everything that decides this could be resolved",
        "note: `x` comes from here (line 1)",
        "note: two",
        "  lines",
        "note: elsewhere (b.py)",
        "fix: Call `y` (unsafe, applied by `--fix --unsafe-fixes`)",
        "",
        "Found 1 problem.",
        "No safe fixes; 1 unsafe fix can be applied with `--fix --unsafe-fixes`.",
        "",
    )


def test_a_note_names_its_place_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("def ask():\n    create()\n", encoding="utf-8")
    source = Source.from_text("ask()\n", "a.py")
    other = str(tmp_path / "b.py")
    assert full.note_line(Note("the request", Span(15, 23), other), source) == f"the request ({shown_path(other)}:2:5)"
    assert full.note_line(Note("gone", Span(0, 1), f"{other}c"), source) == f"gone ({shown_path(other)}c)"


NO_NEWLINE = b"\\ No newline at end of file\n"
COOKIE = b"# coding: latin-1\n"


@pytest.mark.parametrize(
    ("before", "after", "hunk"),
    [
        (b"a\nb", "a\nc", b"@@ -1,2 +1,2 @@\n a\n-b\n" + NO_NEWLINE + b"+c\n" + NO_NEWLINE),
        (b"a\r\n", "b\r\n", b"@@ -1 +1 @@\n-a\r\n+b\r\n"),
        (COOKIE + b"\xe9\n", COOKIE.decode() + "x\n", b"@@ -1,2 +1,2 @@\n " + COOKIE + b"-\xe9\n+x\n"),
        (b"same\n", "same\n", b""),
    ],
)
def test_a_diff_is_in_the_bytes_of_the_file(before: bytes, after: str, hunk: bytes) -> None:
    header = b"--- a/x.py\n+++ b/x.py\n" if hunk else b""
    assert unified_diff(Source.from_bytes(before, "x.py"), after) == header + hunk


def test_a_finding_may_be_more_severe_than_its_rule() -> None:
    text = """\
import os
from openai import AzureOpenAI, OpenAI

for chunk in OpenAI(base_url=os.environ["HOST"]).chat.completions.create(model="m", messages=[], stream=True):
    print(chunk.choices[0].delta.content or "")
for chunk in AzureOpenAI().chat.completions.create(model="m", messages=[], stream=True):
    print(chunk.choices[0].delta.content or "")
"""
    report = Report((check_source(Source.from_text(text, "x.py"), Config(select=frozenset({"OAI401"}))),), Paint())
    assert [(d.code, rulebook.severity(d)) for d in report.diagnostics] == [("OAI401", "warning"), ("OAI401", "error")]
    assert [row["severity"] for row in json.rows(report)] == ["warning", "error"]
    assert github.render(report).splitlines()[0].startswith("::error ")
