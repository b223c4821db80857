"""The map of 0.28 to 1, 2 and 3, held against the real packages. Each test prints what is not so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import proof_answers
import proof_calls
import proof_errors
import proof_models
import proof_names
import proof_settings
import proof_wire
import pytest
import sdk_envs

from oaimigrate.analysis.api import Api

Facts = dict[str, Any]


def so(problems: Iterable[str]) -> None:
    found = list(problems)
    assert not found, "\n".join(["the map is wrong:", *found])


@pytest.mark.parametrize(
    "proof",
    [
        proof_names.module_names,
        proof_names.removed_names,
        proof_names.methods,
        proof_names.answers,
        proof_names.exceptions,
    ],
)
def test_every_public_name_of_028_has_a_row(api: Api, old: Facts, proof: Callable[[Api, Facts], Iterable[str]]) -> None:
    so(proof(api, old))


def test_every_setting_leads_to_what_the_new_clients_read(api: Api, old: Facts, new: dict[str, Facts]) -> None:
    so(proof_names.settings(api, old, new))


def test_advice_names_what_is_there(api: Api, new: dict[str, Facts]) -> None:
    so(proof_names.advice(api, new["3"]))


def test_every_call_has_the_signature_that_its_row_says(api: Api, new: dict[str, Facts]) -> None:
    so(proof_calls.signatures(api, new))
    so(proof_calls.methods(api))


def test_every_call_returns_what_its_row_says(api: Api, new: dict[str, Facts]) -> None:
    so(proof_calls.results(api, new["3"]))


def test_every_field_is_what_its_row_says(api: Api, new: dict[str, Facts]) -> None:
    so(proof_models.fields(api, new))
    so(proof_models.references(api))


def test_the_newest_sdk_has_nothing_without_a_row(api: Api, new: dict[str, Facts]) -> None:
    newest = new["3"]
    if newest["version"] not in api.verified:
        pytest.skip(f"openai {newest['version']} is newer than the map, which was verified with {api.verified[-1]}")
    so(proof_calls.missing(api, newest))
    so(proof_models.missing(api, newest))


def test_the_tree_of_exceptions_is_theirs(api: Api, new: dict[str, Facts]) -> None:
    so(proof_errors.tree(api, new))


def test_the_new_classes_catch_what_the_old_ones_caught(api: Api, failures: dict[str, Facts]) -> None:
    so(proof_errors.classes(api, failures))
    so(proof_errors.foreign_bodies(failures))


def test_errors_carry_what_they_carried(api: Api, failures: dict[str, Facts]) -> None:
    so(proof_errors.attributes(api, failures))


def test_rewritten_calls_ask_the_server_for_the_same(api: Api, wire: dict[str, list[Facts]]) -> None:
    so(proof_wire.requests(api, wire))


def test_settings_reach_the_server_in_the_same_place(api: Api, sent: dict[str, dict[str, Facts]]) -> None:
    so(proof_settings.places(api, sent))


def test_answers_give_by_attribute_what_they_gave_by_key(answers: dict[str, dict[str, Facts]]) -> None:
    so(proof_answers.values(answers))


def test_the_sdks_are_the_ones_that_the_map_names(api: Api, old: Facts, new: dict[str, Facts]) -> None:
    versions = [old["version"], *(facts["version"] for facts in new.values())]
    assert versions[:3] == list(api.verified[:3])
    assert [v.partition(".")[0] for v in versions] == [str(sdk_envs.major(v)) for v in api.verified]
