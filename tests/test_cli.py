"""The command line as users and hooks see it: what is printed where, what is written, and the exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Done, oaimigrate

OLD = b"import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"
NEW = b"import openai\n\nclient = openai.OpenAI(api_key='k')\nr = client.models.list()\n"
UNSAFE = b"import openai\n\ntry:\n    f()\nexcept openai.OpenAIError as e:\n    print(e.user_message)\n"
MODERN = b"import openai\n\nclient = openai.OpenAI()\nr = client.models.list()\n"
PYTHON_2 = b"import openai\nprint 'x'\n"

Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments, **options: oaimigrate(monkeypatch, *arguments, **options)


def git(*arguments: str, stdin: bytes | None = None) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True, input=stdin)


def commit() -> None:
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")


def test_check_reports_and_exits_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    done = run("check")
    assert done.code == 1
    assert " --> a.py:4:5\n" in done.text
    assert done.text.endswith("Found 2 problems.\n[*] 2 fixable with `--fix`.\n")
    assert (tmp_path / "a.py").read_bytes() == OLD


def test_check_is_quiet_about_modern_code(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(MODERN)
    assert run("check") == Done(0, b"All checks passed!\n", "")
    assert run("check", "-q") == Done(0, b"", "")


def test_fix_applies_what_is_safe(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    (tmp_path / "b.py").write_bytes(UNSAFE)
    done = run("check", "--fix", "--format", "concise")
    assert done.code == 1
    assert (tmp_path / "a.py").read_bytes() == NEW
    assert (tmp_path / "b.py").read_bytes() == UNSAFE
    assert "Found 3 problems (2 fixed, 1 remaining).\n1 unsafe fix can be applied with `--unsafe-fixes`." in done.text
    assert run("check", "--fix", "--unsafe-fixes").code == 0
    assert b"e.body" in (tmp_path / "b.py").read_bytes()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--fix"], 0),
        (["--fix", "--exit-non-zero-on-fix"], 1),
        (["--diff"], 1),
        (["--diff", "--exit-zero"], 0),
        (["--exit-zero"], 0),
        (["--ignore", "OAI1"], 0),
        (["--select", "OAI6"], 0),
        (["--select", "removed-setting"], 1),
        (["--no-cache", "--target", "2", "--client-style", "module", "--force-exclude"], 1),
    ],
)
def test_exit_codes(run: Run, tmp_path: Path, options: list[str], code: int) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    assert run("check", *options).code == code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nope.py"], "error: no such file or folder: `nope.py`"),
        (
            ["check", "--select", "remove-setting"],
            "error: unknown rule `remove-setting`; did you mean `removed-setting`?",
        ),
        (["check", "--target", "4"], "error: Invalid value for '--target': '4' is not one of '1', '2', '3'."),
        (["check", "--formt", "json"], "error: No such option '--formt'."),
        (["chekc"], "error: No such command 'chekc'."),
        (["check", "-", "a.py"], "error: `-` reads standard input and stands alone"),
        (["migrate", "--safe-only", "--unsafe-fixes"], "error: `--safe-only` and `--unsafe-fixes` exclude each other"),
        (["rule"], "error: give either a rule code or `--all`"),
        (["rule", "OAI999"], "error: unknown rule `OAI999`"),
    ],
)
def test_wrong_usage_is_one_line_and_exits_2(run: Run, arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.out == b""
    assert done.err.startswith(message)
    assert done.err.count("\n") == 1


def test_no_files_is_said_plainly(run: Run) -> None:
    done = run("check")
    assert (done.code, done.err) == (0, "warning: no Python files found under the given paths\n")
    assert run("check", "--format", "json").out == b"[]\n"


def test_a_bad_file_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(PYTHON_2)
    (tmp_path / "b.py").write_bytes(b"import openai\nx = '\xe9'\n")
    (tmp_path / "c.py").write_bytes(OLD)
    (tmp_path / "d.py").write_bytes(b"import openai\n<<<<<<< HEAD\nx = 1\n=======\n>>>>>>> b\n")
    done = run("check", "--fix", "--format", "concise")
    assert done.code == 1
    lines = done.text.splitlines()
    assert [line.split(": ")[1].split(" ")[0] for line in lines[:3]] == ["OAI001"] * 3
    assert lines[1] == "b.py:2:6: OAI001 cannot be decoded as `utf-8`: byte 0xe9"
    assert lines[2].startswith("d.py:")
    assert (tmp_path / "a.py").read_bytes() == PYTHON_2
    assert (tmp_path / "c.py").read_bytes() == NEW


def test_json_has_the_shape_of_ruff_and_more(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    rows = json.loads(run("check", "--format", "json", "--select", "OAI101").out)
    assert len(rows) == 1
    assert rows[0] | {"message": "", "fix": None} == {
        "code": "OAI101",
        "name": "removed-resource-call",
        "message": "",
        "severity": "error",
        "confidence": "certain",
        "filename": "a.py",
        "cell": None,
        "location": {"row": 4, "column": 5},
        "end_location": {"row": 4, "column": 22},
        "url": None,
        "fix": None,
        "notes": rows[0]["notes"],
    }
    assert set(rows[0]["fix"]) == {"applicability", "message", "linked", "edits"}
    assert set(rows[0]["fix"]["edits"][0]) == {"content", "location", "end_location"}


def test_statistics_count_by_rule(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    lines = run("check", "--statistics").text.splitlines()
    assert lines[:2] == ["1\tOAI101\t[*] removed-resource-call", "1\tOAI102\t[*] removed-setting"]


def test_statistics_as_json_and_in_part(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(UNSAFE + b"    print(e.http_status)\n")
    assert "2\tOAI105\t[-] removed-error-attribute" in run("check", "--statistics", "b.py").text
    assert json.loads(run("check", "--statistics", "--format", "json", "b.py").out) == [
        {"code": "OAI105", "name": "removed-error-attribute", "count": 2, "fixable": False, "fixable_count": 1}
    ]
    refused = "`--statistics` is text or `json`, not `sarif`; write the findings with `--output sarif=FILE`"
    assert run("check", "--statistics", "--format", "sarif").err == f"error: {refused}\n"


def test_standard_input_is_checked_and_fixed(run: Run) -> None:
    done = run("check", "-", "--format", "concise", "--stdin-filename", "src/a.py", stdin=OLD)
    assert done.code == 1
    assert done.text.startswith("src/a.py:3:1: OAI102")
    assert run("check", "--format", "concise", "--stdin-filename", "src/a.py", stdin=OLD).text == done.text
    refused = "error: `--stdin-filename` names standard input, so no file goes with it\n"
    assert run("check", "--stdin-filename", "src/a.py", "src/a.py", stdin=OLD).err == refused
    assert run("check", "").err == "error: no such file or folder: ``\n"
    assert run("check", "-", "--format", "concise", stdin=OLD).text.startswith("-:3:1: OAI102")
    crlf = b"\xef\xbb\xbf" + OLD.replace(b"\n", b"\r\n")
    done = run("check", "--fix", "-", stdin=crlf)
    assert done.out == b"\xef\xbb\xbf" + NEW.replace(b"\n", b"\r\n")
    assert "2 fixed, 0 remaining" in done.err
    assert run("check", "--fix", "-", stdin=PYTHON_2).out == PYTHON_2
    assert run("check", "--diff", "-", stdin=OLD).out.startswith(b"--- a/-\n+++ b/-\n@@ ")


def test_an_excluded_name_for_standard_input_passes_it_through(run: Run) -> None:
    done = run("check", "--fix", "-", "--force-exclude", "--stdin-filename", ".venv/a.py", stdin=OLD)
    assert (done.code, done.out) == (0, OLD)


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("a.py", OLD),
        ("with space.py", OLD.rstrip(b"\n")),
        ("crlf.py", OLD.replace(b"\n", b"\r\n")),
        ("bom.py", b"\xef\xbb\xbf" + OLD),
        ("latin.py", b"# coding: latin-1\n# \xe9\n" + OLD + b"# \xe9"),
        ("sub/form.py", b"x = 1\n\x0c\n" + OLD),
    ],
)
def test_a_diff_goes_through_git_apply(run: Run, tmp_path: Path, name: str, before: bytes) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(before)
    commit()
    done = run("check", "--diff")
    assert path.read_bytes() == before
    assert done.err == "Would fix 2 problems.\n"
    git("-c", "core.autocrlf=false", "apply", "-", stdin=done.out)
    applied = path.read_bytes()
    path.write_bytes(before)
    assert run("check", "--fix").code == 0
    assert path.read_bytes() == applied != before


def test_migrate_writes_and_tells(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    (tmp_path / "b.py").write_bytes(b"'doc'\n" + UNSAFE)
    (tmp_path / "c.py").write_bytes(PYTHON_2)
    commit()
    done = run("migrate")
    assert done.code == 1
    assert done.text.startswith(
        "Rewrote 3 sites in 2 files.\n\n1 site to read, for the code may do something else now:\n"
    )
    assert "\n  b.py:7: OAI105 " in done.text
    assert "\n1 site left for you:\n  c.py:2: OAI001 " in done.text
    assert (tmp_path / "a.py").read_bytes() == NEW
    (tmp_path / "c.py").unlink()
    assert run("migrate", "--allow-dirty") == Done(0, b"Nothing to migrate: no files were changed.\n", "")


def test_migrate_names_the_rows_of_the_new_text(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "kept.py"
    path.write_text(
        "import openai\nask = openai.Completion.create\nerrors = openai.error.OpenAIError\n\n\ndef f(q):\n"
        "    return ask(engine='m', prompt=q)['choices'][0]['text']\n\n\ntry:\n    f('a')\n"
        "except openai.error.OpenAIError as error:\n    print(error.user_message)\n"
    )
    done = run("migrate", str(path))
    said = re.findall(r"kept\.py:(\d+): (\w+) (.*)", done.text)
    rows = path.read_text().splitlines()
    assert len(said) == 3
    for row, code, _ in said:
        wanted = {"OAI101": ("ask = client.completions.create", "return ask(model="), "OAI105": ("error.body",)}[code]
        assert any(text in rows[int(row) - 1] for text in wanted), (row, code, rows)


def test_migrate_says_once_what_holds_for_two_sites_of_a_line(run: Run, tmp_path: Path) -> None:
    ask = "await openai.Model.alist()"
    lines = [
        "import openai",
        "def use(key):",
        "    openai.api_key = key",
        "async def ask():",
        f"    return {ask}, {ask}",
    ]
    (tmp_path / "old.py").write_text("\n".join(lines) + "\n")
    done = run("migrate", "--allow-dirty", ".")
    assert done.code == 0
    assert b"2 sites to read" in done.out
    assert done.out.count(b"OAI101") == 1
    assert b"(2 times)" in done.out
    assert done.out.rstrip().endswith(b"settings that a function makes after that do not reach it")


def test_migrate_shows_without_writing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    git("init", "-q")  # not a clean tree, which matters only for writing
    done = run("migrate", "--diff")
    assert done.code == 0
    assert done.out.startswith(b"--- a/a.py\n+++ b/a.py\n")
    assert done.err == "Would rewrite 2 sites in 1 file.\n"
    assert (tmp_path / "a.py").read_bytes() == OLD


def test_migrate_applies_what_is_safe_if_asked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(UNSAFE)
    done = run("migrate", "--safe-only")
    assert done.code == 1
    assert done.text.startswith("No files were changed.\n\n1 site left for you:\n  b.py:6: OAI105 ")


def test_migrate_refuses_what_git_could_not_undo(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    (tmp_path / "notes.txt").write_text("x")
    commit()
    (tmp_path / "untracked.txt").write_text("x")  # nothing we would write
    (tmp_path / "notes.txt").write_text("changed")
    done = run("migrate")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith(f"error: the git repository `{os.path.realpath(tmp_path)}` has uncommitted changes;")
    git("checkout", "-q", ".")
    (tmp_path / "b.py").write_bytes(OLD)
    assert "error: `b.py` is not tracked by the git repository" in run("migrate").err
    (tmp_path / "b.py").unlink()
    assert run("migrate").code == 0
    again = run("migrate")  # not committed, but there is nothing to write
    assert (again.code, again.out, again.err) == (0, b"Nothing to migrate: no files were changed.\n", "")


def test_rules_are_listed_and_explained(run: Run) -> None:
    assert run("rules").text.splitlines()[0].startswith("OAI000  on ")
    assert {row["code"] for row in json.loads(run("rules", "--format", "json").out)} >= {"OAI101", "OAI601"}
    page = run("rule", "oai101").text
    assert page.startswith("# removed-resource-call (OAI101)\n")
    assert "## Cases" not in page
    assert run("rule", "removed-resource-call").text == page
    assert json.loads(run("rule", "OAI101", "--format", "json").out)["explanation"] == page
    assert page in run("rule", "--all").text


def test_colours_are_for_terminals(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    assert b"\033[" in run("check", tty=True).out
    assert b"\033[31m-r = openai" in run("check", "--diff", tty=True).out
    assert b"\033[1mremoved-resource-call (OAI101)" in run("rule", "OAI101", tty=True).out
    assert b"\033[" not in run("check").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\033[" not in run("check", tty=True).out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert b"\033[" in run("check").out


def test_an_option_decides_about_colours(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_bytes(OLD)
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\033[" in run("check", "--color", "always").out
    assert b"\033[" in run("check", "--color=always", "--diff").out
    assert b"\033[" not in run("check", tty=True).out  # what an earlier run was told is forgotten
    assert b"\033[" not in run("rules", "--color", "auto", tty=True).out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert b"\033[" not in run("check", "--color", "never", tty=True).out
    assert "\033[" not in run("check", "no.py", "--color", "never", tty=True).err
    assert b"\033[" in run("check", "--color", "auto").out
    assert run("check", "--color", "sometimes").code == 2


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.py", "x = (\n", "a.py:1:5: OAI001 this file does not parse as Python 3: '(' was never closed"),
        ("a.ipynb", '{"cells": ["a', "a.ipynb:1:12: OAI001 this notebook is no valid JSON: unterminated string"),
        ("b.ipynb", '{"cells": ["\n"]}',
         "b.ipynb:1:13: OAI001 this notebook is no valid JSON: invalid control character"),
        ("c.ipynb", '{"nbformat": 3, "worksheets": []}',
         "c.ipynb:1:1: OAI001 notebooks of format 3 are not read; save it in format 4"),
    ],
)  # fmt: skip
def test_a_named_file_that_does_not_parse_is_said(run: Run, tmp_path: Path, name: str, text: str, place: str) -> None:
    (tmp_path / name).write_text(text)
    done = run("check", "--format", "concise", name)
    assert (done.code, done.text.splitlines()[0]) == (1, place)
    # Found in a folder or named by a hook: what never says "openai" is no concern of ours.
    assert run("check").code == run("check", "--force-exclude", name).code == 0


def test_no_command_shows_the_help(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "Commands:\n  check" in done.text
    assert run("--help").code == 0
    assert "..." not in run("--help").text.partition("Commands:")[2]  # every summary is whole
    assert run("--version").text == "oaimigrate 0.1.0\n"


def test_libcst_is_not_imported_without_need(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.py").write_text("# speaks of openai\nimport os\n")
    script = (
        "import sys; from oaimigrate.cli import main; code = main(['check', *sys.argv[1:]]);"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'libcst', 'concurrent', 'multiprocessing'}), code)"
    )
    command = [sys.executable, "-c", script, *map(str, tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "All checks passed!\n[] 0\n"


def test_every_option_of_a_long_help_has_its_section(run: Run) -> None:
    """A new option goes where a user looks for it; what concerns the run alone stands at the end."""
    for command, expected in (
        ("check", {"watch", "jobs", "cache", "debug", "help"}),
        ("migrate", {"jobs", "cache", "debug", "help"}),
    ):
        shown = run(command, "--help").text
        assert [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")] == [
            title
            for title in ("Fixes:", "Rules:", "Reports:", "Old findings:", "Files and configuration:", "Other options:")
            if command == "check" or title not in ("Rules:", "Old findings:")
        ]
        others = shown.partition("Other options:")[2].partition("Exit codes:")[0]
        assert set(re.findall(r"--(?:no-)?([a-z]+)", others)) == expected
