"""The analyser as a library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import oaimigrate
from oaimigrate import engine
from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.source import Source

OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"
NEW = "import openai\n\nclient = openai.OpenAI(api_key='k')\nr = client.models.list()\n"


def test_findings_have_places_and_fixes() -> None:
    result = oaimigrate.check_source(OLD)
    assert [(d.code, str(result.place(d.span.start))) for d in result.diagnostics] == [
        ("OAI102", "3:1"),
        ("OAI101", "4:5"),
    ]
    fix = result.diagnostics[1].fix
    assert fix is not None
    assert fix.safety is oaimigrate.Safety.SAFE
    assert not result.changed


def test_safe_fixes_and_unsafe_ones() -> None:
    result = oaimigrate.fix_source(OLD)
    assert (result.file_text, result.diagnostics, result.changed) == (NEW, (), True)
    unsafe = "import openai\n\ntry:\n    f()\nexcept openai.OpenAIError as e:\n    print(e.user_message)\n"
    assert not oaimigrate.fix_source(unsafe).changed
    assert "e.body" in oaimigrate.fix_source(unsafe, unsafe=True).file_text


def test_options_are_those_of_the_command_line() -> None:
    assert [d.code for d in oaimigrate.check_source(OLD, select=["removed-setting"]).diagnostics] == ["OAI102"]
    assert not oaimigrate.check_source(OLD, ignore=["OAI1"]).diagnostics
    assert "openai.models.list()" in oaimigrate.fix_source(OLD, client_style="module").file_text
    pinned = oaimigrate.fix_source("openai==0.28\n", "requirements.txt", unsafe=True, target=2)
    assert pinned.file_text == "openai>=2,<3\n"


@pytest.mark.parametrize("options", [{"select": ["OAI999"]}, {"target": 4}, {"client_style": "magic"}])
def test_an_option_that_means_nothing_is_an_error(options: dict[str, object]) -> None:
    with pytest.raises(oaimigrate.ConfigError, match="unknown"):
        oaimigrate.check_source(OLD, **options)  # type: ignore[arg-type]


def test_bytes_are_decoded_as_they_say() -> None:
    data = "# coding: latin-1\nimport openai\nopenai.api_key = 'é'\nopenai.Model.list()\n".encode("latin-1")
    assert "api_key='é'" in oaimigrate.fix_source(data).file_text
    [found] = oaimigrate.check_source(b"import openai\n\xff").diagnostics
    assert (found.code, found.message) == ("OAI001", "cannot be decoded as `utf-8`: byte 0xff")


def test_notebooks() -> None:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": OLD}
    text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    result = oaimigrate.check_source(text, "n.ipynb")
    assert [str(result.place(d.span.start)) for d in result.diagnostics] == ["cell 1:3:1", "cell 1:4:5"]
    assert oaimigrate.fix_source(text, "n.ipynb").file_text == text.replace(json.dumps(OLD), json.dumps(NEW))


def test_the_names_are_imported_when_asked_for(tmp_path: Path) -> None:
    code = (
        "import sys, oaimigrate\n"
        "assert 'libcst' not in sys.modules and 'oaimigrate.library' not in sys.modules\n"
        "from oaimigrate import *\n"
        "assert set(oaimigrate.__all__) <= set(dir(oaimigrate))\n"
        "assert check_source('x = 1').diagnostics == ()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
    with pytest.raises(AttributeError):
        oaimigrate.nothing  # noqa: B018


def test_a_byte_order_mark_in_a_text(tmp_path: Path) -> None:
    """As `open(path).read()` gives it."""
    old = "import openai\r\nopenai.Model.list()\r\n"
    for source in ("\ufeff" + old, ("\ufeff" + old).encode()):
        assert [d.code for d in oaimigrate.check_source(source).diagnostics] == ["OAI101"]
        assert oaimigrate.fix_source(source).file_text == oaimigrate.fix_source(old).file_text != old


@pytest.mark.parametrize("name", ["select", "extend_select", "ignore"])
def test_a_selector_that_is_no_list_is_refused(name: str) -> None:
    with pytest.raises(oaimigrate.ConfigError, match="lists of strings"):
        oaimigrate.check_source("x = 1", **{name: "OAI101"})  # type: ignore[arg-type]


def test_types_are_shipped(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(
        "from oaimigrate import FileResult, check_source\n\n"
        "result: FileResult = check_source('x = 1', select=['ALL'])\n"
        "row: int = result.place(0).row\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "use.py"]
    environment = {"MYPYPATH": str(Path(__file__).parents[1]), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_snippet_of_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    snippet = readme.partition("### From Python\n\n```python\n")[2].partition("```")[0]
    exec(snippet, {})
    shown = capsys.readouterr().out
    assert shown == "import openai\n\nclient = openai.OpenAI()\n\nmodels = client.models.list()\nprint(models.data)\n\n"


def test_a_byte_order_mark_that_an_editor_leaves_in_a_buffer() -> None:
    """The server hands such a text to the engine as it is, so places count the mark."""
    text = "\ufeffimport openai\nopenai.Model.list()\n"
    (found,) = engine.check_source(Source.from_text(text, "a.py"), Config()).diagnostics
    assert (found.code, text[found.span.start : found.span.end]) == ("OAI101", "openai.Model.list")
    fixed = engine.fix_source(Source.from_text(text, "a.py"), Config(), safety=Safety.UNSAFE).text
    assert fixed == "\ufeffimport openai\n\nclient = openai.OpenAI()\n\nclient.models.list()\n"
