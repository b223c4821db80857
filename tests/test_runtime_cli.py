"""`oaimigrate runtime list|show|copy`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from oaimigrate.runtime.catalog import names, show
from oaimigrate.runtime_cli import runtime_group


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(runtime_group, list(arguments))


def test_list_names_every_module_with_what_it_is() -> None:
    lines = invoke("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(names())
    assert all(len(line.split()) > 4 for line in lines)


def test_show_prints_the_copy() -> None:
    assert invoke("show", "context").stdout == show("context")


def test_copy_says_what_it_wrote_and_what_the_copies_use(tmp_path: Path) -> None:
    copied = invoke("copy", "tokens", str(tmp_path / "new"))
    assert copied.stdout.splitlines() == [str(tmp_path / "new" / "tokens.py"), str(tmp_path / "new" / "models.py")]
    assert copied.stderr == "uses: tiktoken (and, if installed, genai-prices)\n"


def test_copy_leaves_a_file_of_the_user_alone_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("mine")
    refused = invoke("copy", "tokens", str(tmp_path))
    assert (refused.exit_code, "`--force` replaces" in refused.stderr) == (2, True)
    assert (tmp_path / "models.py").read_text() == "mine"
    assert invoke("copy", "tokens", str(tmp_path), "--force").exit_code == 0


@pytest.mark.parametrize("command", [["show", "tokns"], ["copy", "tokns", "x"]])
def test_a_misspelt_name_is_answered_with_a_suggestion(command: list[str]) -> None:
    answer = invoke(*command)
    assert (answer.exit_code, "did you mean 'tokens'" in answer.stderr) == (2, True)


def test_copying_into_one_file_what_needs_several_is_an_error(tmp_path: Path) -> None:
    answer = invoke("copy", "context", str(tmp_path / "one.py"))
    assert (answer.exit_code, "give a folder" in answer.stderr) == (2, True)
