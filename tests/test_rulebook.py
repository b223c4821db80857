"""Every case of every page of the rule book, as it stands and in other clothes (`variants.py`).

`pytest tests/test_rulebook.py --update-rulebook` writes what the engine does into the expected fences: read the
difference before committing it.
"""

from __future__ import annotations

import ast
import sys

import pytest
from expected import REPLACEMENTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import Outcome, run
from variants import ALL as VARIANTS
from variants import between

from oaimigrate import engine, rulebook
from oaimigrate.rulebook import Case, Page

CASES = [(page, case) for page in rulebook.load().values() for case in rulebook.cases(page)]
REWRITES = [(page, case) for page, case in CASES if case.rewritten and not case.missed and len(case.before) == 1]


def case_id(page: Page, case: Case) -> str:
    return f"{page.code}:{case.line}:{case.title.replace(' ', '-')[:60]}"


def marked(page: Page, case: Case) -> object:
    gap = pytest.mark.xfail(strict=True, reason="a known gap, listed as Missed")
    return pytest.param(page, case, id=case_id(page, case), marks=[gap] if case.missed else [])


def run_case(page: Page, case: Case, files: dict[str, bytes]) -> Outcome:
    """Run a case's files with the rules it asks for: by default the page's family for 1xx, else the page's rule."""
    family = "OAI1" if page.code.startswith("OAI1") else page.code
    return run(
        files,
        select=tuple(case.options.get("select", family).split()),
        safety=case.options.get("safety", "unsafe"),
        client_style=case.options.get("client-style", "instance"),
        target=int(case.options.get("target", "3")),
    )


def encoded(files: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


def decoded(files: dict[str, bytes]) -> dict[str, str]:
    return {name: data.decode() for name, data in files.items()}


def expected_diagnostics(case: Case) -> list[str]:
    return (case.diagnostics or "").splitlines()


def found_diagnostics(page: Page, case: Case, outcome: Outcome) -> list[str]:
    """What is reported on the text as it was, by the page's own rule; with notes, if the page writes notes."""
    several = len(case.before) > 1
    with_notes = "\n  note: " in (case.diagnostics or "")
    lines = []
    for found in outcome.diagnostics:
        if found.code == page.code:
            lines.append(f"{found.file}:{found.line}" if several else found.line)
            lines += found.notes if with_notes else ()
    return lines


@pytest.mark.parametrize(("page", "case"), [marked(*c) for c in CASES])
def test_case(page: Page, case: Case, request: pytest.FixtureRequest) -> None:
    outcome = run_case(page, case, encoded(case.before))
    assert page.code == "OAI000" or not [d.line for d in outcome.diagnostics if d.code == "OAI000"]
    if request.config.getoption("update_rulebook") and not case.missed:
        request.config.stash[REPLACEMENTS].extend(replacements(page, case, outcome))
        return
    assert decoded(outcome.files) == case.after
    if case.diagnostics is not None:
        assert found_diagnostics(page, case, outcome) == expected_diagnostics(case)
    if case.must_not_change:
        assert not found_diagnostics(page, case, outcome)


def replacements(page: Page, case: Case, outcome: Outcome) -> list[tuple[object, int, int, str]]:
    """The fences of a case that the engine would write otherwise."""
    wanted = decoded(outcome.files)
    lines = "".join(line + "\n" for line in found_diagnostics(page, case, outcome))
    new = [
        (f, wanted[f.file] if f.role == "after" else lines) for f in case.fences if f.role in ("after", "diagnostics")
    ]
    return [(page.path, f.start, f.end, text) for f, text in new if text != f.text]


@pytest.mark.parametrize(
    ("page", "case"), [pytest.param(*c, id=case_id(*c)) for c in CASES if c[1].rewritten and not c[1].missed]
)
def test_second_run_changes_nothing(page: Page, case: Case) -> None:
    after = encoded(case.after)
    assert decoded(run_case(page, case, after).files) == case.after


@pytest.mark.parametrize(("page", "case"), [pytest.param(*c, id=case_id(*c)) for c in CASES])
def test_python_of_the_page_parses(page: Page, case: Case) -> None:
    for fence in case.fences:
        if fence.language == "python":
            ast.parse(fence.text, fence.file)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("page", "case"), [pytest.param(*c, id=case_id(*c)) for c in REWRITES])
def test_variant(page: Page, case: Case, variant: str) -> None:
    if variant in case.options.get("skip", "").split():
        pytest.skip("the page says why")
    [(file, before)] = case.before.items()
    if not file.endswith(".py"):
        pytest.skip("not Python")
    dressed = VARIANTS[variant](before, case.after[file])
    if dressed is None:
        pytest.skip("the variant has nothing to say here")
    assert run_case(page, case, {file: dressed[0]}).files[file].decode("latin-1") == dressed[1].decode("latin-1")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("page", "case"), [pytest.param(*c, id=case_id(*c)) for c in CASES if c[1].must_not_change and not c[1].missed]
)
def test_variant_stays_unchanged(page: Page, case: Case, variant: str) -> None:
    for file, text in case.before.items():
        dressed = VARIANTS[variant](text, text) if file.endswith(".py") else None
        if dressed is not None and variant not in case.options.get("skip", "").split():
            outcome = run_case(page, case, {**encoded(case.before), file: dressed[0]})
            assert outcome.files[file] == dressed[0]
            assert not found_diagnostics(page, case, outcome)


# The engine raises the limit, which hypothesis does not like to see in the middle of a test.
sys.setrecursionlimit(max(sys.getrecursionlimit(), engine.RECURSION_LIMIT))

# Printable, of every width in UTF-8, and the separators that str.splitlines takes for newlines and Python does not.
COMMENT = st.text(st.sampled_from("abc#'\"\\{}[]().,; äß€…中😀\u00a0\u0085\u2028\x1c\f"), max_size=12)


@settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(choice=st.sampled_from(range(len(REWRITES))), comments=st.lists(COMMENT, min_size=1, max_size=3))
def test_comments_between_statements_stay(choice: int, comments: list[str]) -> None:
    page, case = REWRITES[choice]
    if "wide-characters" in case.options.get("skip", ""):
        return  # statements move, past what stands between them
    [(file, before)] = case.before.items()
    noise = "".join(f"# {comment}\n\n" for comment in comments)
    dressed = between(before, case.after[file], noise) if file.endswith(".py") else None
    if dressed is not None:
        assert run_case(page, case, {file: dressed[0]}).files[file].decode() == dressed[1].decode()
