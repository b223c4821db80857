"""The programs of this folder: what each of them needs, migrated by the engine and run on every SDK.

A program is `programs/NAME.py`, or a folder with a `main.py`. Comments at its top say what it needs: `# reply: {…}`
one answer of the API, `# host: NAME` a host that speaks the API, `# env: NAME=VALUE`, `# stdin: TEXT`; and `#
differs: WHY` that the engine does not migrate it rightly yet.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import sdk_envs

from oaimigrate.verify import environments, replies, twins
from oaimigrate.verify.process import Command
from oaimigrate.verify.replies import Reply
from oaimigrate.verify.twins import Plan, Report, Runner

PROGRAMS = Path(__file__).parent / "programs"
TIMEOUT = 30.0
# What the projects of these tests need beside the SDK: one list, so that they share their environments.
PACKAGES = ("tenacity==8.2.3", "backoff==2.2.1", "flask", "python-dotenv", "fastapi", "numpy", "pytest>=8")

os.environ[environments.CACHE_VARIABLE] = str(sdk_envs.CACHE.parent)  # the environments that the other tests use


def names() -> list[str]:
    return sorted({path.stem for path in PROGRAMS.iterdir() if path.suffix == ".py" or (path / "main.py").exists()})


def source(name: str) -> Path:
    """The file of a program that is run."""
    single = PROGRAMS / f"{name}.py"
    return single if single.exists() else PROGRAMS / name / "main.py"


def known_difference(name: str) -> str:
    """Why a program is known to differ after its migration; nothing if it is to be equal."""
    found = re.search(r"(?m)^# differs: (.*)$", source(name).read_text(encoding="utf-8"))
    return found.group(1) if found else ""


def place(name: str, folder: Path) -> Path:
    """Copy a program into an empty folder, as the user's own project."""
    if source(name).name == "main.py":
        shutil.copytree(PROGRAMS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        folder.mkdir()
        shutil.copy(source(name), folder / "main.py")
    return folder


def plan(folder: Path, *, before: Path | None = None, sdks: tuple[str, ...] = environments.NEW) -> Plan:
    """What is to be verified of the program in `folder`."""
    said = (folder / "main.py").read_text(encoding="utf-8")
    wanted = {key: re.findall(rf"(?m)^# {key}: (.*)$", said) for key in ("reply", "host", "env", "stdin")}
    command = Command(
        ("python", "main.py"),
        timeout=TIMEOUT,
        hosts=tuple(wanted["host"]),
        variables=dict(text.split("=", 1) for text in wanted["env"]),
        stdin="".join(f"{line}\n" for line in wanted["stdin"]).encode(),
    )
    return Plan(command, folder, before=before, migrate=before is None, sdks=sdks, replies=answers(wanted["reply"]))


def answers(lines: list[str]) -> tuple[Reply, ...]:
    return replies.read(json.dumps([json.loads(line) for line in lines]), "the program")


def prove(name: str, folder: Path, runner: Runner) -> Report:
    return twins.verify(plan(place(name, folder)), runner=runner)
