"""The whole folder once more on each supported line of the SDK: 1.109.1, 2.54.0 and the newest 3.x."""

from __future__ import annotations

import os
import subprocess

import pytest

from .conftest import INNER, newest_sdk_is_here
from .sdk_environments import ROOT, SDKS, environment


@pytest.mark.parametrize("name", sorted(SDKS))
def test_runtime_modules_work_with_the_sdk(name: str) -> None:
    if os.environ.get(INNER):
        pytest.skip("already inside an environment")
    if name == "openai-3" and newest_sdk_is_here():
        pytest.skip("the newest SDK is tested by this very run")
    command = [str(environment(name)), "-m", "pytest", "tests/runtime", "-q", "-p", "no:cacheprovider"]
    command += ["--confcutdir=tests/runtime", "--tb=short"]  # the project's own conftest needs the analyser's packages
    inner = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "OPENAI_", "AZURE_"))}
    run = subprocess.run(command, cwd=ROOT, env={**inner, INNER: name}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
