"""Old findings: comments written for them, and a baseline that allows them and nothing new."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Done, oaimigrate

OLD = "import openai\n\nr = openai.Model.list()\n"

Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    Path("a.py").write_text(OLD)
    Path("src").mkdir()
    Path("src/b.py").write_text(OLD)
    return lambda *arguments, **options: oaimigrate(monkeypatch, "check", "--format", "concise", *arguments, **options)


def test_a_baseline_stops_new_findings(run: Run) -> None:
    done = run("--baseline", "known.json", "--write-baseline")
    assert (done.code, done.text) == (0, "All checks passed!\n")
    assert done.err == "note: `known.json` allows 2 problems now\n"
    known = json.loads(Path("known.json").read_text())
    assert known == {"version": 1, "files": {"a.py": {"OAI101": 1}, "src/b.py": {"OAI101": 1}}}
    assert (run("--baseline", "known.json").code, run().code) == (0, 1)
    Path("a.py").write_text(OLD + "openai.Model.list()\n")
    done = run("--baseline", "known.json")
    assert done.code == 1
    assert [line.split(" ")[0] for line in done.text.splitlines()[:2]] == ["a.py:3:5:", "a.py:4:1:"]
    assert "b.py" not in done.text
    Path("a.py").write_text("import openai\nprint 'x'\n")
    done = run("--baseline", "known.json")
    assert done.text.startswith("a.py:2:1: OAI001")
    assert done.err == ""


def test_a_baseline_only_goes_down(run: Run) -> None:
    Path("a.py").write_text(OLD + "openai.Model.list()\n")
    run("--baseline", "known.json", "--write-baseline")
    Path("a.py").write_text(OLD)
    note = "note: `known.json` allows 1 problem more than there are; `--prune-baseline` lowers it\n"
    assert run("--baseline", "known.json").err == note
    assert run("--baseline", "known.json", "src/b.py").err == ""  # a.py was not looked at
    assert run("--baseline", "known.json", "--prune-baseline", "src/b.py").err == ""
    assert run("--baseline", "known.json", "--prune-baseline", "--select", "OAI6").err == ""  # nor did the rule run
    before = Path("known.json").read_text()
    run("--baseline", "known.json", "--write-baseline", "--select", "OAI6")
    assert Path("known.json").read_text() == before
    done = run("--baseline", "known.json", "--prune-baseline")
    assert (done.code, done.err) == (0, "note: `known.json` allows 2 problems now\n")
    Path("src/b.py").unlink()
    run("--baseline", "known.json", "--prune-baseline")
    assert json.loads(Path("known.json").read_text())["files"] == {"a.py": {"OAI101": 1}}


def test_a_renamed_file_keeps_what_it_was_allowed(run: Run) -> None:
    two = OLD + "openai.Model.list()\n"
    Path("a.py").write_text(two)
    run("--baseline", "known.json", "--write-baseline")
    Path("a.py").rename("renamed.py")
    Path("src/b.py").rename("b.py")
    assert (run("--baseline", "known.json").code, run("--baseline", "known.json").err) == (0, "")
    assert run("--baseline", "known.json", "renamed.py").code == 0  # as a hook names it
    Path("c.py").write_text(OLD)
    assert run("--baseline", "known.json").text.startswith("c.py:3:5: OAI101")  # nothing is left for it
    Path("renamed.py").write_text(OLD)
    Path("b.py").write_text(two)
    done = run("--baseline", "known.json")
    assert [line.split(" ")[0] for line in done.text.splitlines()[:-2]] == [
        "b.py:3:5:",
        "b.py:4:1:",
        "c.py:3:5:",
        "renamed.py:3:5:",
    ]


def test_pruning_writes_the_new_name(run: Run) -> None:
    run("--baseline", "known.json", "--write-baseline")
    Path("a.py").rename("renamed.py")
    done = run("--baseline", "known.json", "--prune-baseline")
    assert (done.code, done.err) == (0, "note: `known.json` allows 2 problems now\n")
    assert list(json.loads(Path("known.json").read_text())["files"]) == ["renamed.py", "src/b.py"]


def test_the_configuration_may_name_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("oaimigrate.toml").write_text('baseline = "known.json"\n')
    assert run("--write-baseline").code == 0
    assert run().code == 0
    monkeypatch.chdir(tmp_path / "src")
    assert run("b.py").code == 0
    assert run("-", "--stdin-filename", "b.py", stdin=OLD.encode()).code == 0
    assert run("-", "--stdin-filename", "c.py", stdin=OLD.encode()).code == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no baseline `known.json`; `--write-baseline` makes it"),
        ("{\n", "known.json:2:1: not JSON: expecting property name enclosed in double quotes"),
        ('{"files', "known.json:1:2: not JSON: unterminated string"),
        ("[]", "known.json:1: not a baseline: it holds `version` and `files`"),
        ('{"version": 2, "files": {}}', "known.json:1: version 2 is not known; this is 1"),
        (
            '{"version": 1,\n"files": {\n"a.py": {"OAI101": -1}}}',
            "known.json:3: `a.py` takes rules and how often each is allowed",
        ),
    ],
)
def test_a_broken_baseline_is_one_line(run: Run, text: str | None, message: str) -> None:
    if text is not None:
        Path("known.json").write_text(text)
    done = run("--baseline", "known.json")
    assert (done.code, done.out, done.err) == (2, b"", f"error: {message}\n")


def test_a_baseline_is_wanted_to_write_it(run: Run) -> None:
    assert run("--write-baseline").err == "error: `--write-baseline` and `--prune-baseline` need `--baseline FILE`\n"


def test_findings_are_silenced_with_a_reason(run: Run) -> None:
    Path("a.py").write_bytes(
        b"import openai\r\n\r\nr = openai.Model.list()  # type: ignore \r\n"
        b"openai.Completion.create(engine='x')['choices']  # oaimigrate: ignore[OAI103] old\r\n"
        b"s = openai.Model.list(), '''\r\ntext\r\n'''\r\n"
        b"t = openai.Model.list() + \\\r\n  1"
    )
    done = run("--add-ignore", "pinned to 0.28", "--select", "OAI101,OAI103")
    assert (done.code, done.text) == (0, "All checks passed!\n")
    assert done.err == "note: 5 problems silenced with a comment\n"
    assert Path("a.py").read_bytes() == (
        b"import openai\r\n\r\n"
        b"r = openai.Model.list()  # type: ignore  # oaimigrate: ignore[OAI101] pinned to 0.28\r\n"
        b"openai.Completion.create(engine='x')['choices']  # oaimigrate: ignore[OAI103, OAI101] old\r\n"
        b"s = openai.Model.list(), '''\r\ntext\r\n'''  # oaimigrate: ignore[OAI101] pinned to 0.28\r\n"
        b"t = openai.Model.list() + \\\r\n  1  # oaimigrate: ignore[OAI101] pinned to 0.28"
    )
    assert run("--select", "OAI101,OAI103,OAI002,OAI003").code == 0


def test_what_no_comment_silences_is_left(run: Run) -> None:
    Path("src/b.py").write_text("import openai\nprint 'x'\n")
    done = run("--add-ignore", "later")
    assert done.code == 1
    assert done.text.startswith("src/b.py:2:1: OAI001")
    assert Path("src/b.py").read_text() == "import openai\nprint 'x'\n"
    assert run("--add-ignore", "a # b").err == "error: the reason of `--add-ignore` is one line without `#`\n"
    assert run("--add-ignore", "x", "--fix").code == 2
