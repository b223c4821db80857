"""A comment silences its line, the codes it names, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import oaimigrate

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


def test_a_comment_on_its_own_line_speaks_for_the_next_line_of_code() -> None:
    assert silenced("# oaimigrate: ignore[OAI101] reason\nx = openai.X()\n")
    assert silenced("if y:\n    # oaimigrate: ignore\n\n    # more\n    x = openai.X()\n")
    assert not silenced("# oaimigrate: ignore[OAI101]\ny = 1\nx = openai.X()\n")
    assert not silenced("# oaimigrate: ignore[OAI102]\nx = openai.X()\n")
    assert not silenced("# noqa: OAI101\nx = openai.X()\n")
    assert not silenced("x = openai.X()\n# oaimigrate: ignore\n")


def test_rules_may_be_named() -> None:
    assert silenced("x = openai.X()  # oaimigrate: ignore[removed-resource-call]\n")
    assert not silenced("x = openai.X()  # oaimigrate: ignore[removed-setting]\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# oaimigrate: disable[OAI101] reason\ny = 1\n\nx = openai.X()\n", True),
        ("# oaimigrate: disable\nx = openai.X()\n", True),
        ("# oaimigrate: disable[OAI102]\nx = openai.X()\n", False),
        ("x = openai.X()\n# oaimigrate: disable[OAI101]\n", False),
        ("# oaimigrate: disable[OAI101]\ny = 1\n# oaimigrate: enable[OAI101]\nx = openai.X()\n", False),
        ("# oaimigrate: disable[OAI101]\ny = 1\n# oaimigrate: enable\nx = openai.X()\n", False),
        ("# oaimigrate: disable[OAI101]\n# oaimigrate: enable[OAI102]\nx = openai.X()\n", True),
        ("def f():\n    # oaimigrate: disable[OAI101]\n    y = 1\n# c\n    x = openai.X()\n", True),
        ("def f():\n    # oaimigrate: disable[OAI101]\n    y = 1\nx = openai.X()\n", False),
        ("def f():\n    # oaimigrate: disable[OAI101]\n    y = '''\nz\n'''\n    x = openai.X()\n", True),
        ("x = openai.X()\n# oaimigrate: ignore-file[OAI101] reason\n", True),
        ("# oaimigrate: ignore-file\n\nx = openai.X()\n", True),
        ("# oaimigrate: ignore-file[OAI102]\nx = openai.X()\n", False),
    ],
)
def test_blocks_and_files(text: str, expected: bool) -> None:
    assert silenced(text) is expected


def test_nothing_is_said_of_a_comment_whose_module_is_not_in_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lib.py").write_text("import openai\n\n\ndef ask():\n    return openai.Completion.create()\n")
    use = "import openai\nfrom lib import ask\n\nprint(ask()['id'])  # oaimigrate: ignore[OAI103] our own model\n"
    Path("use.py").write_text(use)
    for paths in (["use.py"], ["."]):
        done = oaimigrate(monkeypatch, "check", "--select", "OAI002,OAI103", *paths)
        assert (done.code, done.text) == (0, "All checks passed!\n"), done.text
    Path("lib.py").write_text("import openai\n\n\ndef ask():\n    return {}\n")
    done = oaimigrate(monkeypatch, "check", "--select", "OAI002,OAI103", "--format", "concise")
    assert done.text.startswith("use.py:4:21: OAI002 this comment silences nothing for `OAI103`")
    assert oaimigrate(monkeypatch, "check", "--select", "OAI002", "--format", "concise").code == 0  # OAI103 did not run


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


@pytest.mark.parametrize(
    "text",
    [
        "@openai.Completion.create  # noqa: OAI101\ndef f(): ...\n",
        "class A:\n    x = [openai.Model.list() for _ in y]  # noqa: E501,OAI101 , F401\n",
        'u = f"""\n{openai.Model.list()}\n"""  # noqa: OAI101\n',
        "with open(x) as f, \\\n     g(openai.Model.list()):  # noqa:oai101\n    pass\n",
        '"""Docstring."""\n\n# oaimigrate: ignore-file[OAI101] after it\nopenai.Model.list()\n',
    ],
)
def test_comments_where_code_takes_odd_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    head, _, rest = text.rpartition('"""\n\n') if text.startswith('"') else ("", "", text)
    Path("a.py").write_text(f'{head}"""\nimport openai\n{rest}' if head else f"import openai\n{text}")
    done = oaimigrate(monkeypatch, "check", "--select", "OAI101,OAI002")
    assert (done.code, done.text) == (0, "All checks passed!\n")
    Path("a.py").write_text(Path("a.py").read_text().replace("OAI101", "OAI304").replace("oai101", "OAI304"))
    assert "OAI101" in oaimigrate(monkeypatch, "check", "--select", "OAI101").text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # noqa: F401, OAI101, E501  # pragma: no cover", "x = 1  # noqa: F401, E501  # pragma: no cover"),
        ("x = 1  # noqa:OAI101,E501", "x = 1  # noqa:E501"),
        ("x = 1  # noqa: E501,OAI101", "x = 1  # noqa: E501"),
        ("x = 1  # noqa: E501 OAI101", "x = 1  # noqa: E501"),
        ("x = 1  # noqa: OAI101", "x = 1"),
        ("x = 1  # type: ignore  # noqa:OAI101", "x = 1  # type: ignore"),
    ],
)
def test_codes_of_other_tools_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_bytes(f"import openai\r\n{before}\r\n".encode())
    assert oaimigrate(monkeypatch, "check", "--select", "OAI101,OAI002", "--fix").code == 0
    assert Path("a.py").read_bytes() == f"import openai\r\n{after}\r\n".encode()


def test_adding_comments_twice_adds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'import openai\r\ny = f"""\r\n{openai.Model.list()}\r\n"""\r\nz = 1 + \\\r\n   openai.Model.list()\r\n'
    Path("a.py").write_bytes(text.encode())
    assert oaimigrate(monkeypatch, "check", "--add-ignore", "why").code == 0
    comment = "  # oaimigrate: ignore[OAI101] why\r\n"
    once = Path("a.py").read_bytes()
    assert once.decode() == text.replace('}\r\n"""\r\n', '}\r\n"""' + comment)[:-2] + comment
    oaimigrate(monkeypatch, "check", "--add-ignore", "again")
    assert Path("a.py").read_bytes() == once
