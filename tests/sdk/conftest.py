"""What the SDKs say about themselves, asked once in their own environments; see `sdk_envs`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import proof_answers
import proof_errors
import proof_settings
import proof_wire
import pytest
import sdk_envs

from oaimigrate.analysis.api import Api, load

HERE = Path(__file__).parent
Facts = dict[str, Any]


@pytest.fixture(scope="session")
def api() -> Api:
    return load()


@pytest.fixture(scope="session")
def old() -> Facts:
    """Every public name of openai 0.28."""
    facts: Facts = sdk_envs.run(sdk_envs.OLD, HERE / "in_old.py")
    return facts


@pytest.fixture(scope="session")
def new(api: Api) -> dict[str, Facts]:
    """By SDK: calls, models, exceptions, settings, environment variables."""
    classes = " ".join(sorted(model.cls for model in api.models.values()))
    return {sdk: sdk_envs.run(sdk, HERE / "in_new.py", classes) for sdk in sdk_envs.NEW}


@pytest.fixture(scope="session")
def failures(api: Api) -> dict[str, Facts]:
    """By SDK, 0.28 included: what each way to fail raised, and what the attributes of the error were."""
    script, cases = HERE / "in_errors.py", " ".join(proof_errors.CASES)
    before, after = proof_errors.expressions(api)
    found = {sdk_envs.OLD: sdk_envs.run(sdk_envs.OLD, script, cases, json.dumps(before))}
    return found | {sdk: sdk_envs.run(sdk, script, cases, json.dumps(after)) for sdk in sdk_envs.NEW}


@pytest.fixture(scope="session")
def wire(api: Api) -> dict[str, list[Facts]]:
    """By SDK, 0.28 included: what each method of the map sent, in the order of `proof_wire.calls`."""
    return {
        sdk: sdk_envs.run(sdk, HERE / "in_wire.py", json.dumps(calls)) for sdk, calls in proof_wire.calls(api).items()
    }


@pytest.fixture(scope="session")
def sent(api: Api) -> dict[str, dict[str, Facts]]:
    """By SDK, 0.28 included, and by way to make a setting: the request of a call under that setting."""
    return {
        sdk: dict(zip(calls, sdk_envs.run(sdk, HERE / "in_wire.py", json.dumps(list(calls.values()))), strict=True))
        for sdk, calls in proof_settings.calls(api).items()
    }


@pytest.fixture(scope="session")
def answers(api: Api) -> dict[str, dict[str, Facts]]:
    """By SDK, 0.28 included, and by model: what each read of an answer gave."""
    return {
        sdk: sdk_envs.run(sdk, HERE / "in_answers.py", json.dumps(questions))
        for sdk, questions in proof_answers.questions(api).items()
    }
