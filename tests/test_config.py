"""Selectors become codes; what they cannot mean is said in one line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from oaimigrate.config import Config, ConfigError, resolve, split_selectors

RULES = {
    code: SimpleNamespace(code=code, name=name, default=default)
    for code, name, default in [
        ("OAI101", "removed-resource-call", True),
        ("OAI102", "dict-style-read", True),
        ("OAI301", "unguarded-choices", False),
        ("OAI601", "sync-call-in-async", True),
    ]
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "OAI101 OAI102 OAI601"),
        ({"select": []}, ""),
        ({"select": [], "extend_select": ["OAI301"]}, "OAI301"),
        ({"select": ["OAI1"]}, "OAI101 OAI102"),
        ({"select": ["oai101"]}, "OAI101"),
        ({"select": ["ALL"]}, "OAI101 OAI102 OAI301 OAI601"),
        ({"select": ["all"], "ignore": ["OAI1"]}, "OAI301 OAI601"),
        ({"select": ["OAI"]}, "OAI101 OAI102 OAI301 OAI601"),
        ({"select": ["unguarded-choices"]}, "OAI301"),
        ({"extend_select": ["OAI301"]}, "OAI101 OAI102 OAI301 OAI601"),
        ({"ignore": ["OAI1"]}, "OAI601"),
        ({"ignore": ["OAI1"], "extend_select": ["OAI101"]}, "OAI101 OAI601"),
        ({"select": ["OAI1"], "ignore": ["OAI1"]}, ""),
        ({"select": ["OAI101"], "ignore": ["ALL"]}, "OAI101"),
    ],
)
def test_the_narrower_selector_wins(options: dict[str, list[str]], expected: str) -> None:
    assert resolve(RULES, **options) == frozenset(expected.split())


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("OAI9", "unknown rule `OAI9`; `oaimigrate rules` lists them"),
        ("OAI1O1", "unknown rule `OAI1O1`; did you mean `OAI101`?"),
        ("oai6Ol", "unknown rule `oai6Ol`; did you mean `OAI601`?"),
        ("dict-style-reads", "unknown rule `dict-style-reads`; did you mean `dict-style-read`?"),
        ("O", "unknown rule `O`; did you mean `OAI101`?"),
    ],
)
def test_an_unknown_selector_is_an_error_with_a_hint(selector: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(RULES, select=[selector])
    assert str(caught.value) == message


def test_several_selectors_in_one_value() -> None:
    assert split_selectors(["OAI1,OAI2", "OAI3 OAI4", ","]) == ("OAI1", "OAI2", "OAI3", "OAI4")


def test_reports_of_the_tool_cannot_be_switched_off() -> None:
    assert Config(select=frozenset()).enables("OAI001")
    assert not Config(select=frozenset()).enables("OAI101")
