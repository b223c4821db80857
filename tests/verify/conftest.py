"""One set of warm interpreters for each process of the test run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from warm import Warm


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    runner = Warm()
    yield runner
    runner.close()
