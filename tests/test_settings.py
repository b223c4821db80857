"""Configuration as users write it: what is read, what wins, and what is said about mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command import Done, oaimigrate

from oaimigrate.settings.keys import KEYS, problems, schema

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "oaimigrate/settings/oaimigrate.schema.json"
OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"

Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return lambda *arguments, **options: oaimigrate(monkeypatch, *arguments, **options)


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def codes(done: Done) -> list[str]:
    assert done.code in (0, 1), done.err
    return [
        line.split(" ")[0].split(":")[0] + " " + line.split(" ")[1]
        for line in done.text.splitlines()
        if ": OAI" in line
    ]


def test_the_nearest_file_wins(run: Run) -> None:
    write(dict.fromkeys(("a.py", "one/a.py", "two/a.py", "two/deep/a.py"), OLD))
    write({
        "pyproject.toml": '[tool.oaimigrate]\nselect = ["OAI101"]\n',
        "one/pyproject.toml": "[project]\nname = 'oaimigrate-plugin'\n",
        "two/oaimigrate.toml": 'select = ["OAI102"]\n',
        "two/pyproject.toml": '[tool.oaimigrate]\nselect = ["OAI3"]\n',
    })  # fmt: skip
    expected = ["a.py OAI101", "one/a.py OAI101", "two/a.py OAI102", "two/deep/a.py OAI102"]
    assert codes(run("check", "--format", "concise")) == expected
    assert codes(run("check", "--format", "concise", "-j", "2", *(e.split()[0] for e in expected))) == expected
    assert len(codes(run("check", "--format", "concise", "--isolated"))) == 8
    named = run("check", "--format", "concise", "--config", "two/oaimigrate.toml")
    assert {code.split()[1] for code in codes(named)} == {"OAI102"}


@pytest.mark.parametrize(
    ("configuration", "options", "expected"),
    [
        ('select = ["OAI1"]\nignore = ["OAI102"]', [], ["OAI101"]),
        ('select = ["OAI1"]\nignore = ["OAI102"]', ["--select", "OAI102"], ["OAI102"]),
        ('ignore = ["OAI102"]', ["--ignore", "OAI101"], []),
        ('ignore = ["OAI1"]', ["--extend-select", "removed-setting"], ["OAI102"]),
        ('select = ["OAI101"]', ["--config", 'select = ["OAI102"]'], ["OAI102"]),
        ("select = []", [], []),  # as in Ruff: none, and not the default ones
        ("select = []", ["--extend-select", "OAI101"], ["OAI101"]),
        ("", ["--config", "select = []"], []),
        ('per-file-ignores = { "src/*" = ["OAI101"] }', [], ["OAI102"]),
        ('per-file-ignores = { "a.py" = ["OAI1"] }', [], []),
        ('per-file-ignores = { "b.py" = ["OAI1"] }', [], ["OAI102", "OAI101"]),
        ('[per-file-ignores]\n"src/" = ["removed-setting"]', ["--extend-per-file-ignores", "a.py:OAI101"], []),
        ("", ["--per-file-ignores", "*.py:OAI101,OAI103"], ["OAI102"]),
        ("", ["--per-file-ignores", "b.py:OAI102, a.py:OAI101,OAI103"], ["OAI102"]),
        ('exclude = ["src"]', [], []),
        ('extend-exclude = ["a.*"]', [], []),
        ('extend-exclude = ["/a.py"]', [], ["OAI102", "OAI101"]),
        ('extend-exclude = ["src"]', ["--exclude", "other"], []),
        ('exclude = ["src"]', ["--exclude", "other"], ["OAI102", "OAI101"]),
    ],
)
def test_what_runs_where(run: Run, configuration: str, options: list[str], expected: list[str]) -> None:
    write({"src/a.py": OLD, "oaimigrate.toml": configuration})
    assert [c.split()[1] for c in codes(run("check", "--format", "concise", *options))] == expected


def test_own_excludes_take_the_place_of_the_default_ones(run: Run) -> None:
    write({"venv/a.py": OLD, "build/a.py": OLD, "gen/a.py": OLD})
    assert {c.split("/")[0] for c in codes(run("check", "--format", "concise"))} == {"gen"}
    assert {c.split("/")[0] for c in codes(run("check", "--format", "concise", "--exclude", "gen/"))} == {
        "venv",
        "build",
    }
    write({"oaimigrate.toml": 'extend-exclude = ["gen/"]\n'})
    assert codes(run("check", "--format", "concise")) == []
    assert len(codes(run("check", "--format", "concise", "gen/a.py"))) == 2
    assert codes(run("check", "--format", "concise", "gen/a.py", "--force-exclude")) == []
    write({"oaimigrate.toml": 'extend-exclude = ["gen/"]\nforce-exclude = true\n'})
    assert codes(run("check", "--format", "concise", "gen/a.py")) == []
    assert len(codes(run("check", "--format", "concise", "gen/a.py", "--no-force-exclude"))) == 2
    assert run("check", "--fix", "-", "--stdin-filename", "gen/a.py", stdin=OLD.encode()).out == OLD.encode()


def test_a_folder_may_exclude_more_than_those_above(run: Run) -> None:
    write({"lib/old/a.py": OLD, "lib/b.py": OLD, "old/a.py": OLD, "lib/oaimigrate.toml": 'extend-exclude = ["old"]\n'})
    assert {c.split()[0] for c in codes(run("check", "--format", "concise"))} == {"lib/b.py", "old/a.py"}


def test_what_may_be_fixed(run: Run) -> None:
    write({"a.py": OLD, "oaimigrate.toml": 'unfixable = ["OAI102"]\n'})
    run("check", "--fix")
    assert Path("a.py").read_text() == OLD  # the two fixes are linked
    unsafe = "import openai\n\ntry:\n    f()\nexcept openai.OpenAIError as e:\n    print(e.user_message)\n"
    write({"a.py": unsafe, "oaimigrate.toml": 'extend-safe-fixes = ["OAI105"]\n'})
    assert run("check", "--fix").code == 0
    assert "e.body" in Path("a.py").read_text()
    write({"a.py": OLD, "oaimigrate.toml": 'extend-unsafe-fixes = ["OAI1"]\n'})
    run("check", "--fix")
    assert Path("a.py").read_text() == OLD
    assert run("check", "--fix", "--unsafe-fixes", "--fixable", "OAI3").code == 1
    assert Path("a.py").read_text() == OLD
    assert run("check", "--fix", "--unsafe-fixes").code == 0


def test_how_code_is_written(run: Run) -> None:
    write({"a.py": OLD, "oaimigrate.toml": 'client-name = "oai"\n'})
    run("check", "--fix")
    assert Path("a.py").read_text() == "import openai\n\noai = openai.OpenAI(api_key='k')\nr = oai.models.list()\n"
    write({"a.py": OLD, "oaimigrate.toml": 'client-style = "module"\ntarget = 1\n'})
    run("check", "--fix", "a.py")
    assert Path("a.py").read_text() == "import openai\n\nopenai.api_key = 'k'\nr = openai.models.list()\n"
    write({"a.py": OLD})
    run("migrate", "--allow-dirty", "--client-style", "instance")
    assert "client = openai.OpenAI" in Path("a.py").read_text()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "oaimigrate.toml",
            "\nselct = []\n",
            ":2: unknown key `selct`; did you mean `select`?",
        ),
        (
            "oaimigrate.toml",
            "per_file_ignores = {}",
            ":1: unknown key `per_file_ignores`; did you mean `per-file-ignores`?",
        ),
        (
            "oaimigrate.toml",
            "zzz = 1",
            ":1: unknown key `zzz`; `oaimigrate config` lists them",
        ),
        (
            "pyproject.toml",
            '[project]\nselect = 1\n[tool.oaimigrate]\n# c\nselect = "OAI1"',
            ":5: `select` takes a list of strings",
        ),
        (
            "pyproject.toml",
            "[tool.oaimigrate.per-file-ignores]\n'a' = []\n'b' = 'OAI1'",
            ":3: `per-file-ignores` takes a list of rules for each pattern",
        ),
        (
            "pyproject.toml",
            "tool.oaimigrate = 3",
            ":1: `tool.oaimigrate` is not a table",
        ),
        (
            "pyproject.toml",
            "[tool.oaimigrate]\nx = ",
            ":2: not TOML: invalid value",
        ),
        (
            "oaimigrate.toml",
            "target = '1'",
            ":1: `target` takes one of 1, 2, 3",
        ),
        (
            "oaimigrate.toml",
            "target = true",
            ":1: `target` takes one of 1, 2, 3",
        ),
        (
            "oaimigrate.toml",
            "client-style = 'x'",
            ':1: `client-style` takes one of "instance", "module", "lazy"',
        ),
        (
            "oaimigrate.toml",
            "client-name = 'class'",
            ":1: `client-name` takes a name of Python",
        ),
        (
            "oaimigrate.toml",
            "force-exclude = 1",
            ":1: `force-exclude` takes true or false",
        ),
        (
            "oaimigrate.toml",
            "x = 1\nignore = ['OAI1', 'removed-settings']",
            ":1: unknown key `x`; `oaimigrate config` lists them",
        ),
        (
            "oaimigrate.toml",
            "\nignore = ['OAI1', 'removed-settings']",
            ":2: unknown rule `removed-settings`; did you mean `removed-setting`?",
        ),
        (
            "oaimigrate.toml",
            "[per-file-ignores]\n'a' = ['zzz']",
            ":1: unknown rule `zzz`; `oaimigrate rules` lists them",
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place(run: Run, name: str, text: str, message: str) -> None:
    write({"a.py": OLD, name: text})
    done = run("check")
    assert (done.code, done.out, done.err) == (2, b"", f"error: {name}{message}\n")


def test_a_file_that_is_not_utf_8(run: Run) -> None:
    Path("oaimigrate.toml").write_bytes(b"select = []\n# \xe9\n")
    assert run("check").err == "error: oaimigrate.toml:2: not UTF-8: byte 0xe9\n"


BASE = """
select = ["OAI101", "OAI102"]
ignore = ["OAI102"]
extend-exclude = ["/skipped.py", "old/"]
client-name = "oai"
baseline = "known.json"

[per-file-ignores]
"/quiet.py" = ["OAI101"]
"""


def test_a_file_extends_another(run: Run, tmp_path: Path) -> None:
    write(dict.fromkeys(("app/a.py", "app/skipped.py", "app/old/a.py", "app/new/a.py", "app/quiet.py"), OLD))
    write({"base.toml": BASE, "app/oaimigrate.toml": 'extend = "../base.toml"\nextend-exclude = ["new/"]\n'})
    (tmp_path / "known.json").write_text('{"version": 1, "files": {"app/quiet.py": {"OAI101": 1}}}')
    concise = ("check", "--format", "concise")
    # Patterns with a slash at their beginning are relative to the file that they stand in, here to the folder above.
    assert codes(run(*concise)) == ["app/a.py OAI101", "app/quiet.py OAI101", "app/skipped.py OAI101"]
    assert b"oai = openai.OpenAI(api_key='k')" in run("check", "--select", "OAI1", "--diff", "app/a.py").out
    shown = json.loads(run("config", "app", "--format", "json").text)["settings"]
    assert shown["client-name"] == {"value": "oai", "origin": "base.toml:5"}
    assert shown["extend-exclude"]["value"] == ["/skipped.py", "old/", "new/"]
    assert shown["extend-exclude"]["origin"] == "base.toml:4, app/oaimigrate.toml:2"


@pytest.mark.parametrize(
    ("base", "own", "expected"),
    [
        ('select = ["OAI101", "OAI102"]\n', "", ["OAI101", "OAI102"]),
        ('select = ["OAI101", "OAI102"]\n', 'select = ["OAI102"]\n', ["OAI102"]),
        ('ignore = ["OAI102"]\n', 'select = ["OAI1"]\n', ["OAI101"]),
        ('ignore = ["OAI102"]\n', 'select = ["OAI1"]\nignore = ["OAI101"]\n', ["OAI102"]),
        ('select = ["OAI1"]\n', 'ignore = ["OAI101"]\n', ["OAI102"]),
        ('select = ["OAI101"]\n', 'extend-select = ["OAI102"]\n', ["OAI101", "OAI102"]),
        ('extend = "deep/pyproject.toml"\n', 'extend-select = ["OAI102"]\n', ["OAI101", "OAI102"]),
        ('select = ["OAI101"]\nexclude = ["/a.py"]\n', 'exclude = ["b.py"]\n', ["OAI101"]),
        ('[per-file-ignores]\n"/a.py" = ["OAI101"]\n', 'select = ["OAI1"]\n', ["OAI102"]),
        (
            '[per-file-ignores]\n"/a.py" = ["OAI101"]\n',
            'select = ["OAI1"]\nper-file-ignores = {}\n',
            ["OAI101", "OAI102"],
        ),
    ],
)
def test_what_an_extended_file_leaves(run: Run, base: str, own: str, expected: list[str]) -> None:
    write({"a.py": OLD, "base.toml": base, "oaimigrate.toml": 'extend = "base.toml"\n' + own})
    write({"deep/pyproject.toml": '[tool.oaimigrate]\nselect = ["OAI101"]\n'})
    assert sorted(codes(run("check", "--format", "concise"))) == [f"a.py {code}" for code in expected]
    added = run("check", "--format", "concise", "--unfixable", "OAI101", "--config", 'extend="deep/pyproject.toml"')
    assert added.code in (0, 1), added.err


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (None, "`extend`: base.toml: cannot be read: no such file or directory"),
        ("selct = []\n", "base.toml:1: unknown key `selct`; did you mean `select`?"),
        ('select = ["OAI1O1"]\n', "unknown rule `OAI1O1`; did you mean `OAI101`?"),
        ('extend = "oaimigrate.toml"\n', "`extend` leads back to a file that it comes from"),
    ],
)
def test_a_mistake_in_an_extended_file(run: Run, base: str | None, message: str) -> None:
    write({"a.py": OLD, "oaimigrate.toml": '\nextend = "base.toml"\n'})
    if base is not None:
        write({"base.toml": base})
    done = run("check")
    assert (done.code, done.out, done.err.count("\n")) == (2, b"", 1)
    assert done.err.startswith("error: oaimigrate.toml:2: " if base is None else "error: ")
    assert message in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--config", "no.toml"], "no.toml: cannot be read: no such file or directory"),
        (["--config", "pyproject.toml"], "pyproject.toml: there is no table `[tool.oaimigrate]`"),
        (["--config", "selct=[]"], "`--config selct=[]`: unknown key `selct`; did you mean `select`?"),
        (["--config", "select=["], "`--config select=[`:1: not TOML: invalid value"),
        (["--config", "pyproject.toml", "--isolated"], "`--isolated` and a file in `--config` exclude each other"),
        (["--per-file-ignores", "a.py"], "`--per-file-ignores` takes PATTERN:CODES, not `a.py`"),
        (["--unfixable", "zzz"], "--unfixable: unknown rule `zzz`; `oaimigrate rules` lists them"),
    ],
)
def test_a_wrong_option_is_one_line(run: Run, options: list[str], message: str) -> None:
    write({"pyproject.toml": "[project]\n"})
    done = run("check", *options)
    assert done.code == 2
    assert done.err.splitlines() == [f"error: {message}"]


def test_config_shows_what_applies_and_why(run: Run) -> None:
    write({"src/a.py": OLD, "src/gen.py": OLD})
    write({"pyproject.toml": '[tool.oaimigrate]\nextend-exclude = ["gen.py"]\nignore = ["OAI102"]\n'})
    text = run("config", "src/gen.py", "--config", "client-style='lazy'").text
    assert text.startswith("Configuration: pyproject.toml\nsrc/gen.py: left out by `exclude` or `extend-exclude`")
    lines = {line.split("  ")[0]: line.rpartition("# ")[2] for line in text.splitlines() if "  # " in line}
    assert lines['ignore = ["OAI102"]'] == "pyproject.toml:3"
    assert lines['client-style = "lazy"'] == "--config"
    assert lines["force-exclude = false"] == "default"
    assert set(KEYS) == {line.split(" = ")[0] for line in lines}
    found = json.loads(run("config", "src/a.py", "--format", "json").out)
    assert found["checked"] is True
    assert found["settings"]["ignore"] == {"value": ["OAI102"], "origin": "pyproject.toml:3"}
    assert "OAI102" not in found["rules"]
    assert "a folder in which a run looks at 2 files" in run("config").text  # src/a.py and the requirements
    Path("alone").mkdir()
    assert "a folder in which a run looks at 0 files" in run("config", "alone").text
    assert run("config", "nope").err == "error: no such file or folder: `nope`\n"


def test_config_shows_what_options_select(run: Run) -> None:
    write({"oaimigrate.toml": 'extend-select = ["OAI3"]\nignore = ["OAI102"]\n'})

    def shown(*options: str) -> tuple[dict[str, str], str]:
        text = run("config", *options).text
        rows = (line.split("  # ") for line in text.splitlines() if "  # " in line)
        return {left.strip(): why for left, why in rows}, text.partition("Rules that run")[2].partition("\n")[0]

    rows, rules = shown("--select", "OAI101,OAI102", "--ignore", "OAI102")
    assert rows['select = ["OAI101", "OAI102"]'] == "--select"
    assert rows['ignore = ["OAI102"]'] == "--ignore"
    assert rows["extend-select = []"] == "default"
    assert rules == " (3): OAI000, OAI001, OAI101"  # the reports of the tool itself are never selected away
    rows, rules = shown("--ignore", "OAI101")
    assert rows['ignore = ["OAI102", "OAI101"]'] == "oaimigrate.toml:2, --ignore"
    assert rows['extend-select = ["OAI3"]'] == "oaimigrate.toml:1"
    assert "OAI101" not in rules


def test_the_schema_is_shipped(run: Run, request: pytest.FixtureRequest) -> None:
    text = run("config", "--schema").text
    if request.config.getoption("update_rulebook"):
        SHIPPED.write_text(text, encoding="utf-8")
    assert SHIPPED.read_text(encoding="utf-8") == text
    jsonschema.Draft7Validator.check_schema(json.loads(text))


GOOD: list[dict[str, Any]] = [
    {},
    {"select": ["OAI1"], "per-file-ignores": {"a": ["OAI1"]}, "force-exclude": True, "target": 1},
    {"client-style": "lazy", "client-name": "oai", "baseline": "b.json", "exclude": []},
]
BAD: list[dict[str, Any]] = [
    {"selct": []},
    {"select": "OAI1"},
    {"select": [1]},
    {"per-file-ignores": {"a": "OAI1"}},
    {"per-file-ignores": ["a"]},
    {"force-exclude": 1},
    {"target": "1"},
    {"client-style": "x"},
    {"client-name": "a b"},
    {"client-name": ""},
    {"baseline": ""},
]


@pytest.mark.parametrize("values", GOOD + BAD, ids=str)
def test_the_schema_and_the_program_agree(values: dict[str, Any]) -> None:
    good = values in GOOD
    assert jsonschema.Draft7Validator(schema()).is_valid(values) is good
    assert (not list(problems(values))) is good


def test_init_writes_files_that_their_programs_take(run: Run, tmp_path: Path) -> None:
    write({"pyproject.toml": "[project]\nname = 'x'\nversion = '1'"})
    done = run("init", "--pre-commit", "--github", "--gitlab")
    assert done.text.splitlines() == [
        "pyproject.toml: got a table `[tool.oaimigrate]`",
        ".pre-commit-config.yaml: written",
        ".github/workflows/oaimigrate.yml: written",
        ".gitlab-ci.yml: written",
    ]
    assert tomllib.loads(Path("pyproject.toml").read_text())["project"] == {"name": "x", "version": "1"}
    assert run("check").code == 0
    for builtin, name in (
        ("vendor.github-workflows", ".github/workflows/oaimigrate.yml"),
        ("vendor.gitlab-ci", ".gitlab-ci.yml"),
    ):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", builtin, name]
        checked = subprocess.run(command, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout
    command = [sys.executable, "-m", "pre_commit", "validate-config", ".pre-commit-config.yaml"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    again = run("init", "--gitlab").text
    assert again.startswith(
        "pyproject.toml: has a configuration already and was left alone\n.gitlab-ci.yml: is there already"
    )
    (tmp_path / "new").mkdir()
    assert run("init", "new").text == "new/oaimigrate.toml: written\n"
    assert not list(problems(tomllib.loads(Path("new/oaimigrate.toml").read_text())))


def test_init_leaves_what_is_there(run: Run) -> None:
    there = {
        ".pre-commit-config.yaml": "repos: []\n",
        ".github/workflows/oaimigrate.yml": "on: push\n",
        ".gitlab-ci.yml": "x: {script: []}\n",
        "pyproject.toml": "[tool.ruff\n",
    }
    write(there)
    done = run("init", "--pre-commit", "--github", "--gitlab")
    assert (done.code, done.err.splitlines()) == (
        2,
        ["error: pyproject.toml:1:11: not TOML: expected ']' at the end of a table declaration"],
    )
    there["pyproject.toml"] = "[tool.ruff]\nline-length = 1"
    write(there)
    done = run("init", "--pre-commit", "--github", "--gitlab")
    assert (done.code, done.text.count("is there already and was left alone; add")) == (0, 3)
    text = Path("pyproject.toml").read_text()
    assert text.startswith(there.pop("pyproject.toml"))
    assert set(tomllib.loads(text)["tool"]) == {"ruff", "oaimigrate"}
    assert {name: Path(name).read_text() for name in there} == there


def test_a_table_in_the_wrong_file_is_said(run: Run) -> None:
    write({"a.py": OLD, "oaimigrate.toml": "[tool.oaimigrate]\nselect = []\n"})
    message = "unknown key `tool`; the table `[tool.oaimigrate]` is for pyproject.toml"
    assert run("check").err == f"error: oaimigrate.toml:1: {message}\n"


def test_init_where_nothing_can_be_written(run: Run) -> None:
    write({"oaimigrate.toml": "", ".github": "a file"})
    done = run("init", "--github")
    assert done.code == 2
    assert done.err.startswith("error: `.github/workflows/oaimigrate.yml` cannot be written: ")
