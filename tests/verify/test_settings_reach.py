"""No setting is lost: generated programs send, once migrated, the requests that they sent on 0.28.1.

What the engine cannot carry it must leave and report; a program with such a place is not expected to run.
"""

from __future__ import annotations

from pathlib import Path

import proving
import pytest
import settings_programs
from settings_programs import Program
from warm import Warm

import oaimigrate
from oaimigrate.verify import environments, report, twins
from oaimigrate.verify.layout import LayoutError
from oaimigrate.verify.process import Command
from oaimigrate.verify.twins import Plan, Report, Verdict

PROGRAMS = [*settings_programs.programs(3)]
SDK = (environments.NEW[-1],)


def lay_out(files: dict[str, str], folder: Path) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def verified(program: Program, place: Path, warm: Warm, *, half: bool) -> Report | None:
    """The program as it was beside what the engine makes of it (or of its half-migrated form); None if all is left."""
    command = Command(("python", "main.py"), timeout=proving.TIMEOUT, hosts=settings_programs.HOSTS)
    old = lay_out(program.files, place / "old")
    folder = lay_out(program.half, place / "half") if half else old
    try:
        return twins.verify(Plan(command, folder, before=old if half else None, migrate=True, sdks=SDK), runner=warm)
    except LayoutError as error:
        if "nothing to compare" in str(error) and "OAI101" in str(error):
            return None
        raise


@pytest.mark.parametrize("half", [False, True], ids=["old", "half-migrated"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name.replace(" ", "-"))
def test_settings_reach_the_requests(program: Program, half: bool, tmp_path: Path, warm: Warm) -> None:
    found = verified(program, tmp_path, warm, half=half)
    assert found is None or found.left or found.verdict is Verdict.EQUAL, report.text(found)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name.replace(" ", "-"))
def test_little_is_left(program: Program) -> None:
    """What would make the test above say nothing: only credentials of one call, and a key that changes, may be left."""
    left = oaimigrate.fix_source(program.files["main.py"], unsafe=True, select=("OAI1",)).diagnostics
    assert not left or program.name.endswith(("with key", "with host")) or "changed later, async" in program.name
