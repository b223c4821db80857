"""One verification from end to end: lay out, make environments, run both sides, compare.

Every run gets a fresh copy of its side at the same path, so that what one run writes is not there for the next and
paths in the output agree. The old side runs twice: a program that does not agree with itself cannot be compared with
another.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from oaimigrate.verify import environments, layout, requirements
from oaimigrate.verify.compare import Difference, Run, difference
from oaimigrate.verify.environments import Environment
from oaimigrate.verify.hook import STOPPED
from oaimigrate.verify.process import Command, Ended, run
from oaimigrate.verify.replies import Reply
from oaimigrate.verify.server import RecordingServer

Runner = Callable[[Command, Environment, Path, Path, str], Ended]


class Verdict(Enum):
    """What can be said of a migrated program; the value is the exit status."""

    EQUAL = 0
    DIFFERENT = 1
    UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Twin:
    """The result for one SDK of the new side. `reason` is one line where the verdict is UNKNOWN."""

    sdk: str
    verdict: Verdict
    reason: str = ""
    difference: Difference | None = None
    errors: str = ""  # the end of what the new side wrote to standard error, where it differs


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found. `reason` says why there is no twin at all."""

    command: tuple[str, ...]
    origin: str = ""
    target: str = ""
    old_sdk: str = environments.OLD
    twins: tuple[Twin, ...] = ()
    requests: int = 0
    left: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    reason: str = ""
    errors: str = ""

    @property
    def verdict(self) -> Verdict:
        found = {twin.verdict for twin in self.twins}
        if Verdict.DIFFERENT in found:
            return Verdict.DIFFERENT
        return Verdict.EQUAL if found == {Verdict.EQUAL} else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be verified."""

    command: Command
    folder: Path
    before: Path | None = None
    paths: tuple[str, ...] = ()
    migrate: bool | None = None
    sdks: tuple[str, ...] = environments.NEW
    requirements: Path | None = None
    packages: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = field(default=())


def verify(plan: Plan, *, say: Callable[[str], None] = lambda text: None, runner: Runner = run) -> Report:
    """Verify a migration; raises LayoutError or EnvironmentFailed where it cannot begin."""
    # resolved, because a program sees its own folder so: on some systems the temporary folder is a link
    with tempfile.TemporaryDirectory(prefix="oaimigrate-verify-") as scratch, RecordingServer() as server:
        place = Path(scratch).resolve()
        laid = layout.lay_out(plan.folder, place, before=plan.before, paths=plan.paths, migrate=plan.migrate)
        wanted = requirements.of_project(laid.before / laid.inside, plan.requirements)
        others = (*wanted.others, *_packages(plan, wanted.others))

        def environment(sdk: str) -> Environment:
            say(f"environment with openai {sdk}")
            return environments.ensure(sdk, others, wanted.extras)

        def once(env: Environment, side: Path) -> Run:
            say(f"running on openai {env.version}")
            program = place / "program"
            shutil.rmtree(program, ignore_errors=True)
            shutil.copytree(side, program, symlinks=True)
            server.begin(plan.replies)
            ended = runner(plan.command, env, program, laid.inside, server.url)
            return Run(ended, server.requests())

        old_env = environment(environments.OLD)
        new_envs = [environment(sdk) for sdk in plan.sdks]
        old = once(old_env, laid.before)
        shared = {"origin": laid.origin, "target": laid.target, "left": laid.left, "skipped": wanted.skipped}
        reason = _unusable(old, plan.command) or _unstable(old, once(old_env, laid.before), plan.command.words)
        if reason:
            return Report(plan.command.words, reason=reason, errors=_tail(old.ended.errors), **shared)  # type: ignore[arg-type]
        twins = [_twin(env.version, old, once(env, laid.after), plan.command) for env in new_envs]
        return Report(plan.command.words, twins=tuple(twins), requests=len(old.requests), **shared)  # type: ignore[arg-type]


def _packages(plan: Plan, others: Sequence[str]) -> tuple[str, ...]:
    """What the command line adds: --with, and pytest where the command is pytest and the project does not name it."""
    tested = _is_pytest(plan.command.words)
    named = any(re.match(r"pytest\b(?!-)", text) for text in (*others, *plan.packages))
    return (*plan.packages, *(("pytest",) if tested and not named else ()))


def _is_pytest(words: Sequence[str]) -> bool:
    return Path(words[0]).name in ("pytest", "py.test") or tuple(words[1:3]) == ("-m", "pytest")


def _twin(sdk: str, old: Run, new: Run, command: Command) -> Twin:
    if new.ended.host:
        place = f" ({new.ended.host_source})" if new.ended.host_source else ""
        where = f"the migrated program wants to reach {new.ended.host}{place}, which the old one does not"
        return Twin(sdk, Verdict.DIFFERENT, where, difference(old, new, command.words), _tail(new.ended.errors))
    if new.ended.status is None:
        reason = f"the migrated program was still running after {command.timeout:g} s, the old one was not"
        return Twin(sdk, Verdict.DIFFERENT, reason, difference(old, new, command.words), _tail(new.ended.errors))
    missing = _missing_package(new.ended)
    if missing and not _missing_package(old.ended):
        return Twin(sdk, Verdict.UNKNOWN, _missing(missing, "the migrated program"), errors=_tail(new.ended.errors))
    found = difference(old, new, command.words)
    if found is None:
        return Twin(sdk, Verdict.EQUAL)
    return Twin(sdk, Verdict.DIFFERENT, "", found, _tail(new.ended.errors))


def _unusable(old: Run, command: Command) -> str:
    """Why the old side says nothing about the new one; nothing if it does."""
    ended = old.ended
    if ended.host:
        place = f" ({ended.host_source})" if ended.host_source else ""
        return (
            f"the program wants to reach {ended.host}{place} and was stopped; only the OpenAI API is answered here"
            f" (if that host is an OpenAI-compatible API, add --host {ended.host})"
        )
    if ended.status is None:
        if ended.ports:
            return (
                f"the program serves on port {ended.ports[0]} and was still running after {command.timeout:g} s;"
                " give a command that ends, such as its tests"
            )
        return f"the program was still running after {command.timeout:g} s on openai {environments.OLD} (--timeout)"
    if missing := _missing_package(ended):
        return _missing(missing, "the program")
    if ended.status and "Address already in use" in ended.errors:
        return "the program wants to serve on a port that is taken"
    if ended.status == 127 and not ended.output:
        return _last_line(ended.errors) or "the command was not found"
    if ended.status not in (0, None) and not old.requests and ended.status != STOPPED:
        return (
            f"the program fails on openai {environments.OLD} already, before its first request, with exit status"
            f" {ended.status}: {_last_line(ended.errors)}"
        )
    if ended.status and _is_pytest(command.words):
        return f"the tests do not pass on openai {environments.OLD} already: {_last_line(ended.output)}"
    failures = any(request.outcome == "drop" or request.outcome >= "400" for request in old.requests)
    if ended.status and (name := _uncaught(ended.errors, of_sdk=not failures)):
        return f"the program fails on openai {environments.OLD} already: {name}"
    if not old.requests and not _is_pytest(command.words):
        return (
            "the program asks the API for nothing, so nothing of the migration was tried; give arguments that make it"
        )
    return ""


def _unstable(first: Run, second: Run, words: Sequence[str]) -> str:
    found = difference(first, second, words)
    if found is None:
        return ""
    return (
        "the old program does not do the same twice, so it cannot be compared;"
        f" {found.what}: first {found.old!r}, then {found.new!r}"
    )


def _missing_package(ended: Ended) -> str:
    found = re.findall(r"(?m)^(?:E\s+)?ModuleNotFoundError: No module named '([\w.]+)'", ended.errors + ended.output)
    return found[-1] if found and ended.status else ""


def _missing(name: str, who: str) -> str:
    return f"{who} needs the package that provides `{name}`; name it in the requirements, or add --with PACKAGE"


def _uncaught(errors: str, *, of_sdk: bool) -> str:
    """The exception that ended a program. The SDK's own are no failure where the server failed: they answer to it."""
    last = _last_line(errors)
    if "Traceback (most recent call last)" not in errors:
        return ""
    return last if of_sdk or not re.match(r"openai\.|requests\.|aiohttp\.|tenacity\.", last) else ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _tail(text: str, lines: int = 12) -> str:
    return "\n".join(text.splitlines()[-lines:])
