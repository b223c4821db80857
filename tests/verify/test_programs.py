"""Every program, migrated by the engine, does on the newer SDKs what it did on 0.28.1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import proving
import pytest
from warm import Warm

from oaimigrate.verify import report
from oaimigrate.verify.twins import Verdict


def _programs() -> list[Any]:
    known = [(name, proving.known_difference(name)) for name in proving.names()]
    return [pytest.param(name, marks=pytest.mark.xfail(reason=why) if why else ()) for name, why in known]


@pytest.mark.parametrize("name", _programs())
def test_equal(name: str, tmp_path: Path, warm: Warm) -> None:
    found = proving.prove(name, tmp_path / "project", warm)
    assert found.verdict is Verdict.EQUAL, report.text(found)
    assert len(found.twins) == 3
    assert found.left == ()


def test_there_are_programs_enough() -> None:
    assert len([name for name in proving.names() if not proving.known_difference(name)]) >= 40
