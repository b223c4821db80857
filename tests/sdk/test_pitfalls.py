"""What rules about the modern SDK say happens, does happen: each program below is reported, and fails as its page says.

The programs run inside every SDK that the rule speaks of, against a server that answers as the API does. What stands in
`good` is what the page recommends: it is not reported, and does not fail.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sdk_envs
from pitfall import Pitfall
from pitfalls_answers import ANSWERS
from pitfalls_errors import ERRORS
from pitfalls_upgrades import UPGRADES

from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.engine import check_source, fix_source
from oaimigrate.source import Source

HERE = Path(__file__).parent


PITFALLS = [*ANSWERS, *ERRORS, *UPGRADES]


def case_id(value: object) -> str:
    return f"{value.code} {value.name}" if isinstance(value, Pitfall) else str(value)


@cache
def outcomes(sdk: str) -> dict[str, dict[str, Any]]:
    """What the programs did in one SDK, by name."""
    programs = {}
    for pitfall in PITFALLS:
        if sdk in (*pitfall.sdks, *pitfall.well):
            programs |= {f"bad {pitfall.name}": pitfall.bad, f"good {pitfall.name}": good(pitfall)}
    found: dict[str, dict[str, Any]] = sdk_envs.run(sdk, HERE / "in_pitfalls.py", json.dumps(programs))
    return found


def config(pitfall: Pitfall) -> Config:
    return Config(select=frozenset({pitfall.code}), target=pitfall.target)


def good(pitfall: Pitfall) -> str:
    if pitfall.good != "fix":
        return pitfall.good
    return fix_source(Source.from_text(pitfall.bad, "app.py"), config(pitfall), safety=Safety.UNSAFE).text


@pytest.mark.parametrize("pitfall", PITFALLS, ids=case_id)
def test_the_mistake_is_reported_and_its_answer_is_not(pitfall: Pitfall) -> None:
    found = check_source(Source.from_text(pitfall.bad, "app.py"), config(pitfall)).diagnostics
    assert {d.code for d in found} == {pitfall.code}
    assert not check_source(Source.from_text(good(pitfall), "app.py"), config(pitfall)).diagnostics


@pytest.mark.parametrize(("pitfall", "sdk"), [(p, s) for p in PITFALLS for s in p.sdks], ids=case_id)
def test_the_mistake_does_what_its_page_says(pitfall: Pitfall, sdk: str) -> None:
    bad, well = outcomes(sdk)[f"bad {pitfall.name}"], outcomes(sdk)[f"good {pitfall.name}"]
    assert bad["raised"] in (pitfall.raised.split() or [""]), bad
    if pitfall.raised and not pitfall.paths:
        assert well["raised"] == "", well
    if pitfall.paths:
        assert len(bad["paths"]) == pitfall.paths > len(well["paths"])
    if pitfall.printed:
        assert well["printed"] == pitfall.printed != bad["printed"]
    if pitfall.most:
        assert bad["most"] > pitfall.most > well["most"]
    if pitfall.connections:
        assert bad["connections"] == pitfall.connections > well["connections"]


@pytest.mark.parametrize(("pitfall", "sdk"), [(p, s) for p in PITFALLS for s in p.well], ids=case_id)
def test_the_answer_is_right_where_the_mistake_was_none(pitfall: Pitfall, sdk: str) -> None:
    bad, well = outcomes(sdk)[f"bad {pitfall.name}"], outcomes(sdk)[f"good {pitfall.name}"]
    assert bad["raised"] == well["raised"] == ""
    assert bad["printed"] == well["printed"]
    assert bad["paths"] == well["paths"]
