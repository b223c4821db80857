"""Rules about the project itself: pages, check modules and documentation agree, and modules keep to the house style."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oaimigrate import rulebook
from oaimigrate.rulebook import HEADINGS, MODERN, Page

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "oaimigrate"
MODULES = sorted(PACKAGE.rglob("*.py"))
CHECKS = {p.stem: p for p in (PACKAGE / "checks").rglob("*.py") if p.name != "__init__.py"}
PAGES = rulebook.load()
MADE_BY_ENGINE = {"OAI000", "OAI001", "OAI002", "OAI003"}
MADE_BY_MANIFESTS = {"OAI110"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
MAX_LINES = 400


def page_id(page: Page) -> str:
    return page.code


def module_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_codes_are_used_once() -> None:
    names = [p.name for p in (ROOT / "rules").glob("OAI*.md")]
    assert len(names) == len(PAGES) == len({page.name for page in PAGES.values()})


def test_every_rule_has_a_page_and_a_check_of_the_same_name() -> None:
    written = {p.name.replace("-", "_") for p in PAGES.values() if p.code not in MADE_BY_ENGINE | MADE_BY_MANIFESTS}
    assert set(CHECKS) == written


@pytest.mark.parametrize("path", CHECKS.values(), ids=module_id)
def test_a_check_module_makes_the_rule_of_its_page(path: Path) -> None:
    from oaimigrate.registry import all_rules

    code = next(p.code for p in PAGES.values() if p.name.replace("-", "_") == path.stem)
    assert code in {rule.code for rule in all_rules()}
    assert f'Rule("{code}")' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES.values(), ids=page_id)
def test_a_page_has_the_headings_in_order(page: Page) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.body, flags=re.MULTILINE | re.DOTALL)
    wanted = HEADINGS if page.code < "OAI2" else (*HEADINGS[:-1], *MODERN, HEADINGS[-1])
    assert tuple(re.findall(r"^## (.+)$", prose, re.MULTILINE)) == wanted


@pytest.mark.parametrize("page", [p for p in PAGES.values() if p.code >= "OAI2"], ids=page_id)
def test_a_page_says_whether_its_rule_is_off_by_default(page: Page) -> None:
    prose = " ".join(page.body.partition("## Cases\n")[0].split())
    assert page.default is not any(words in prose for words in ("off by default", "opt-in"))


@pytest.mark.parametrize("page", PAGES.values(), ids=page_id)
def test_a_page_shows_a_bad_and_a_good_example(page: Page) -> None:
    example = page.body.partition("## Example\n")[2].partition("## Fix safety\n")[0]
    assert [line.split()[1] for line in example.splitlines() if line.startswith("```") and line != "```"] == [
        "bad",
        "good",
    ]


@pytest.mark.parametrize("page", PAGES.values(), ids=page_id)
def test_a_page_says_what_must_not_change(page: Page) -> None:
    cases = rulebook.cases(page)
    rewritten = sum(case.rewritten for case in cases)
    assert sum(case.must_not_change for case in cases) >= rewritten // 2
    if page.code != "OAI000":
        assert any(case.must_not_change for case in cases)


@pytest.mark.parametrize("page", PAGES.values(), ids=page_id)
def test_the_heading_of_a_case_is_a_sentence_of_its_own(page: Page) -> None:
    titles = [case.title for case in rulebook.cases(page)]
    assert len(titles) == len(set(titles))
    assert all(title[0].isupper() and not title.endswith(".") for title in titles)


@pytest.mark.parametrize("page", PAGES.values(), ids=page_id)
def test_the_facts_of_a_page_agree_with_its_cases(page: Page) -> None:
    rewrites = any(case.rewritten for case in rulebook.cases(page))
    assert rewrites or page.fix == "never"
    assert (page.safety == "none") == (page.fix == "never")


def test_every_field_note_is_a_case() -> None:
    covered = {note for p in PAGES.values() for c in rulebook.cases(p) for note in c.options.get("covers", "").split()}
    assert covered >= {f"G{number}" for number in range(1, 24)}


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_a_module_is_small_and_has_a_name(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_LINES
    assert path.stem not in VAGUE
    assert "TODO" not in text


def imported(path: Path) -> set[str]:
    """The absolute names of what a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).with_suffix("").parts[: -node.level] if node.level else ()
            module = ".".join([*package, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("oaimigrate")}


@pytest.mark.parametrize("path", [p for p in MODULES if p.name != "runtime_cli.py"], ids=module_id)
def test_the_runtime_and_the_analyser_do_not_know_each_other(path: Path) -> None:
    inside = (PACKAGE / "runtime") in path.parents
    of_runtime = {name for name in imported(path) if name.startswith("oaimigrate.runtime")}
    assert not (imported(path) - of_runtime if inside else of_runtime)


def test_no_file_says_openai_then_libcst_is_not_imported(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"module{number}.py").write_text(f"import os\n\nprint(os.name, {number})\n")
    code = (
        "import sys\n"
        "from oaimigrate.cli import main\n"
        "code = main(['check', '--no-cache', '.'])\n"
        "assert code == 0, code\n"
        "print(sorted({'libcst', 'rich', 'pygls', 'openai'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_the_readme_lists_the_rules() -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README yet")
    text = readme.read_text(encoding="utf-8")
    for page in PAGES.values():
        row = next((line for line in text.splitlines() if line.startswith("|") and page.code in line), "")
        assert page.name in row
        assert page.summary.replace("|", "\\|") in row
