"""Files may have any name: one finding is one line, and what programs read still leads to the file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from command import Done, oaimigrate

OLD = b"import openai\n\nopenai.api_key = 'k'\nmodels = openai.Model.list()\n"
SHOWN = {
    b"new\nline.py": "new\\nline.py",
    b"re\rturn.py": "re\\rturn.py",
    b"ta\tb.py": "ta\\tb.py",
    b"es\x1b[31mcape.py": "es\\x1b[31mcape.py",
    "line\u2028end.py".encode(): "line\\u2028end.py",
    b"not\xffutf.py": "not\\xffutf.py",
    b"co:lon.py": "co:lon.py",
    b"per%cent.py": "per%cent.py",
    b"semi;x]y,z.py": "semi;x]y,z.py",
    b"ti`ck|bar.py": "ti`ck|bar.py",
    b'quo"te\\slash.py': 'quo"te\\slash.py',
    "grüße  two.py".encode(): "grüße  two.py",
    b"-dash.py": "-dash.py",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if sys.platform == "win32" or sys.platform == "darwin":
        pytest.skip("the file system takes no such names")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in SHOWN:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(OLD)
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "GITHUB_STEP_SUMMARY", "GITHUB_SHA", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def check(monkeypatch: pytest.MonkeyPatch, format_: str) -> Done:
    done = oaimigrate(monkeypatch, "check", "--select", "OAI101", "--format", format_, "--quiet")
    assert done.code == 1, done.err
    return done


@pytest.mark.parametrize(
    ("format_", "line"),
    [
        ("concise", r"(.*):4:10: OAI101 .*"),
        ("pylint", r"(.*):4: \[OAI101\] .*"),
        ("grouped", r"(.*):|  4:10 OAI101 .*|"),
        ("full", r"  --> (.*):4:10|OAI101 .*|fix: .*|\d* *\|.*|"),
        ("github", r"::error title=.*::(.*):4:10: OAI101 .*|GitHub shows 10 .*"),
        ("azure", r"##vso\[task.logissue type=error;sourcepath=[^;\]]*;[^\]]*;\].*"),
        ("markdown", r"\| `+(?: |)(.*):4:10(?: |)`+ \| OAI101 .*|\| .*|.*in 13 files|"),
    ],
)
def test_a_finding_is_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch, format_: str, line: str) -> None:
    ends = "\r\n|\r|\n" if format_ in ("github", "azure") else "[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]"
    lines = re.split(ends, check(monkeypatch, format_).text)
    found = [re.fullmatch(line, text) for text in lines[:-1]]
    assert None not in found, lines
    if format_ != "azure":
        names = {match[1] for match in found if match and match[1]}
        unescaped = {"github": lambda n: n.replace("%25", "%"), "markdown": lambda n: n.replace("\\|", "|")}
        assert {unescaped.get(format_, str)(name) for name in names} == set(SHOWN.values())


def test_programs_are_told_the_name_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = json.loads(check(monkeypatch, "json").out)
    assert {os.fsencode(row["filename"]) for row in rows} == set(SHOWN)
    results = json.loads(check(monkeypatch, "sarif").out)["runs"][0]["results"]
    places = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results]
    assert {unquote_to_bytes(uri) for uri in places} == set(SHOWN)
    suites = {suite.get("name") for suite in xml.fromstring(check(monkeypatch, "junit").out)}
    assert {os.fsdecode(name) for name in SHOWN} - suites == {"es\x1b[31mcape.py", "not\udcffutf.py"}  # XML cannot
    assert len(json.loads(check(monkeypatch, "gitlab").out)) == len(SHOWN)


def test_git_applies_the_diff(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patch = oaimigrate(monkeypatch, "migrate", "--diff").out
    subprocess.run(["git", "apply"], cwd=folder, input=patch, check=True)
    texts = {os.fsencode(path.name): path.read_bytes() for path in folder.glob("*.py")}
    assert set(texts) == set(SHOWN)
    assert all(b"client.models.list()" in text for text in texts.values())
