"""Options shared by the tests: `--update-rulebook` and `--update-fixtures` write what the engine does as expected."""

from __future__ import annotations

import signal

import pytest
from expected import REPLACEMENTS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-rulebook", action="store_true", help="rewrite the expected fences of rules/*.md")
    parser.addoption("--update-fixtures", action="store_true", help="rewrite fixtures/*/after and diagnostics.txt")


def pytest_configure(config: pytest.Config) -> None:
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # as in a background job: the programs that are tested inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[REPLACEMENTS] = []
    updating = config.getoption("update_rulebook") or config.getoption("update_fixtures")
    if updating and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--update-rulebook and --update-fixtures need one process: leave -n out")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the collected fences back, last one first, so that the offsets of the others still hold."""
    for path, start, end, text in sorted(session.config.stash[REPLACEMENTS], reverse=True):
        page = path.read_text(encoding="utf-8")
        path.write_text(page[:start] + text + page[end:], encoding="utf-8", newline="\n")
