"""A proof is worth what it refuses: here rows of the map are deleted and falsified, and each time a proof must object.

The proofs are pure functions of the map and of what the SDKs said, so thousands of false maps cost seconds. Only what
needs other requests (a wrong target, a wrong setting) is asked of the newest SDK anew, all at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import proof_answers
import proof_calls
import proof_errors
import proof_models
import proof_names
import proof_settings
import proof_wire
import pytest
import sdk_envs

from oaimigrate.analysis.api import Api, from_toml, rulebook_dir

Facts = dict[str, Any]
Proof = Callable[[Api], Iterable[str]]
Mutant = tuple[str, Api]  # what was done, and the false map


def survivors(mutants: Iterable[Mutant], *proofs: Proof) -> list[str]:
    """The mutants that no proof objects to."""
    return [what for what, api in mutants if not any(True for proof in proofs for _ in proof(api))]


def exchange(api: Api, table: str, rows: Mapping[str, Any]) -> Api:
    """The map with another table in the place of one."""
    values: dict[str, Any] = {table: rows}
    return api._replace(**values)


def without(api: Api, table: str) -> Iterator[Mutant]:
    """The map without one row of a table, for every row."""
    rows: Mapping[str, Any] = getattr(api, table)
    for key in rows:
        yield f"{table} without {key}", exchange(api, table, {k: v for k, v in rows.items() if k != key})


def changed(api: Api, table: str, change: Callable[[Any], Iterator[tuple[str, Any]]]) -> Iterator[Mutant]:
    """The map with one row of a table changed, for every row and every change of it."""
    rows: Mapping[str, Any] = getattr(api, table)
    for key, row in rows.items():
        for what, other in change(row):
            rest = {k: v for k, v in rows.items() if k != key}
            yield f"{table}: {key}: {what}", exchange(api, table, {key: other, **rest})  # first: found sooner


def fields_changed(row: NamedTuple, **values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """The row with one field set to each of the values that it does not have."""
    for name, others in values.items():
        for other in others:
            if other != getattr(row, name):
                yield f"{name}={other!r}", row._replace(**{name: other})


@pytest.fixture(scope="session")
def names(old: Facts, new: dict[str, Facts]) -> tuple[Proof, ...]:
    """The proofs that speak of names, with their facts filled in."""
    return (
        lambda api: proof_names.module_names(api, old),
        lambda api: proof_names.removed_names(api, old),
        lambda api: proof_names.methods(api, old),
        lambda api: proof_names.answers(api, old),
        lambda api: proof_names.exceptions(api, old),
        lambda api: proof_names.settings(api, old, new),
    )


@pytest.fixture(scope="session")
def calls(new: dict[str, Facts]) -> tuple[Proof, ...]:
    return (
        lambda api: proof_calls.signatures(api, new),
        lambda api: proof_calls.results(api, new["3"]),
        lambda api: proof_calls.missing(api, new["3"]),
        proof_calls.methods,
    )


@pytest.fixture(scope="session")
def models(new: dict[str, Facts]) -> tuple[Proof, ...]:
    return (
        lambda api: proof_models.fields(api, new),
        lambda api: proof_models.missing(api, new["3"]),
        proof_models.references,
    )


@pytest.fixture(scope="session")
def errors(new: dict[str, Facts], failures: dict[str, Facts]) -> tuple[Proof, ...]:
    return (
        lambda api: proof_errors.classes(api, failures),
        lambda api: proof_errors.tree(api, new),
        lambda api: proof_errors.attributes(api, failures),
    )


@pytest.mark.parametrize(
    "table", ["methods", "errors", "error_attributes", "settings", "removed", "dict_methods", "dict_advice"]
)
def test_no_name_can_lose_its_row(api: Api, names: tuple[Proof, ...], table: str) -> None:
    assert not survivors(without(api, table), *names)


def test_no_call_can_lose_its_row(api: Api, calls: tuple[Proof, ...]) -> None:
    assert not survivors(without(api, "calls"), *reversed(calls))


def test_no_exception_can_lose_its_row(api: Api, errors: tuple[Proof, ...]) -> None:
    assert not survivors(without(api, "error_tree"), errors[1])


def test_no_model_and_no_field_can_lose_its_row(api: Api, models: tuple[Proof, ...], calls: tuple[Proof, ...]) -> None:
    assert not survivors(without(api, "models"), *models, calls[1])

    def shorter(model: Any) -> Iterator[tuple[str, Any]]:
        declared = [key for key, field in model.fields.items() if not field.extra]
        for key in declared:
            yield f"without {key}", model._replace(fields={k: f for k, f in model.fields.items() if k != key})

    # `output_text` is a property: nothing lists the properties that are worth a row
    left = survivors(changed(api, "models", shorter), models[1])
    assert left == ["models: Response: without output_text"]


def test_no_method_can_say_something_else(api: Api, names: tuple[Proof, ...], calls: tuple[Proof, ...]) -> None:
    def false(entry: Any) -> Iterator[tuple[str, Any]]:
        row, asynchronous = entry
        orders = [row.positional[1:], row.positional[::-1]]
        others = (*fields_changed(row, async_name=["", "arun"], positional=orders),)
        if row.new:
            others = (*others, *fields_changed(row, drop=[row.drop | {"stop"}], filename=["stop"]))
            types = [] if row.suffix else ["", "Page[Completion]"]  # after a suffix, only the wire tells the type
            others = (*others, *fields_changed(row, returns=types, stream=["Completion", ""]))
            others = (*others, *fields_changed(row, suffix=[""], required=[("x",)], positional_ok=[("x",)]))
            others = (*others, *_renames(row, "engine", "id", "sid", "deployment_id"))
        else:
            others = (*others, *fields_changed(row, advice=[""]))
        yield from ((what, (other, asynchronous)) for what, other in others)

    sync = api._replace(methods={k: v for k, v in api.methods.items() if not v[1]})
    everything = changed(sync, "methods", false)
    whole = ((what, api._replace(methods={**api.methods, **mutant.methods})) for what, mutant in everything)
    # The one positional list that 0.28 does not say: auto_paging_iter(*args). It takes what `list` takes.
    assert not [w for w in survivors(whole, names[2], calls[3]) if "auto_paging_iter: positional" not in w]


def _renames(row: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """The row with a renamed keyword that leads nowhere, or that is not renamed at all."""
    for name in names:
        if name in row.rename and name not in row.params[3]:
            rest = {k: v for k, v in row.rename.items() if k != name}
            yield f"{name} becomes nothing", row._replace(rename=rest)
            yield f"{name} becomes engine", row._replace(rename={**rest, name: "engine"})


def test_no_call_can_say_something_else(api: Api, calls: tuple[Proof, ...]) -> None:
    def false(call: Any) -> Iterator[tuple[str, Any]]:
        if not call.params:
            return
        for major in call.params:
            yield f"more in {major}", call._replace(params={**call.params, major: call.params[major] | {"engine"}})
            for name in call.params[major]:
                yield f"no {name} in {major}", call._replace(params={**call.params, major: call.params[major] - {name}})
        yield from fields_changed(call, positional_ok=[(), ("model",)], required=[(), ("user",)])
        yield from fields_changed(call, returns=["", "FileObject", "Page[FileObject]"], stream=["", "Completion"])

    signed = {path: call for path, call in api.calls.items() if call.params}
    assert not survivors(changed(api._replace(calls=signed), "calls", false), *calls[:2])


def test_no_field_can_say_something_else(api: Api, models: tuple[Proof, ...]) -> None:
    def false(model: Any) -> Iterator[tuple[str, Any]]:
        for key, field in model.fields.items():
            if field.extra or key == "output_text":
                continue
            others = fields_changed(
                field,
                name=["self"],
                type=["str", "object", "dict", "list[object]"],
                nullable=[not field.nullable],
                since=[1, 2, 3],
                extra=[True],
            )
            for what, other in others:
                yield f"{key} {what}", model._replace(fields={**model.fields, key: other})
        yield from fields_changed(model, cls=["openai.types.image.Image", "openai.types.nothing.Nothing"])

    assert not survivors(changed(api, "models", false), models[0])


def test_no_exception_can_say_something_else(api: Api, errors: tuple[Proof, ...]) -> None:
    def false(row: Any) -> Iterator[tuple[str, Any]]:
        pairs = [
            (name,) for name in api.error_tree if name not in ("APIResponseValidationError", "InternalServerError")
        ]
        yield from fields_changed(row, new=[*pairs, ("APIError",), ("NotFoundError", "RateLimitError")])
        yield from fields_changed(row, precision=["exact", "superset", "lossy", "dead"])
        yield from fields_changed(row, missed=[("415", "503"), ("timeout",)], extra=[("415",), ("401", "timeout")])
        if row.wide:
            yield from fields_changed(row, wide=[(), ("APIConnectionError",)])

    # A class that nothing in these answers raises is as good as none: the dead rows may name such a class.
    left = survivors(changed(api, "errors", false), errors[0])
    unraised = {"LengthFinishReasonError", "ContentFilterFinishReasonError", "InvalidWebhookSignatureError"}
    unraised |= {name for name, since in api.error_since.items() if since > 1}
    assert not [what for what in left if not ("dead" in _precision(api, what) and any(n in what for n in unraised))]

    bases = ((what, mutant) for base in ("APIStatusError", "OpenAIError") for what, mutant in _rebased(api, base))
    assert not survivors(bases, errors[1])


def _precision(api: Api, what: str) -> str:
    return api.errors[what.split(": ")[1]].precision


def _rebased(api: Api, base: str) -> Iterator[Mutant]:
    for name, other in api.error_tree.items():
        if other != base:
            yield f"{name} from {base}", api._replace(error_tree={**api.error_tree, name: base})
        yield f"{name} later", api._replace(error_since={**api.error_since, name: api.error_since[name] % 3 + 1})


def test_no_error_attribute_can_say_something_else(api: Api, errors: tuple[Proof, ...]) -> None:
    """Each row with the templates of the others, which were measured too."""
    rows = [row for row in api.error_attributes.values() if row.new]

    def false(row: Any) -> Iterator[tuple[str, Any]]:
        if row.new:
            mine = _alike(row.old)
            others = [other for other in rows if _alike(other.old) != mine]
            yield from fields_changed(row, new=[r.new for r in others], fallback=[r.fallback for r in others])
            yield from fields_changed(row, on=["api", "status"])

    left = survivors(changed(api, "error_attributes", false), errors[2])
    assert not left


def _alike(name: str) -> str:
    """Names whose values are the same by their nature."""
    same = {"_message": "message", "user_message": "message", "error.message": "message"}
    return same.get(name, name.removeprefix("error."))


def test_no_setting_can_say_something_else(api: Api, names: tuple[Proof, ...]) -> None:
    def false(row: Any) -> Iterator[tuple[str, Any]]:
        yield from fields_changed(row, option=["api_base", "proxies"], module=["api_base", "proxy"])
        yield from fields_changed(row, env=["OPENAI_ORG_ID"], new_env=["OPENAI_API_BASE", "OPENAI_ORGANIZATION"])

    assert not survivors(changed(api, "settings", false), names[5])


def test_no_name_can_be_invented(api: Api, names: tuple[Proof, ...]) -> None:
    def renamed(table: str) -> Iterator[Mutant]:
        rows: Mapping[str, Any] = getattr(api, table)
        for key, row in rows.items():
            other = f"{key}s"
            if other in rows:
                continue
            row = row._replace(path=other) if table == "removed" else row
            yield f"{table}: {other}", exchange(api, table, {**rows, other: row})

    for table in ("removed", "methods", "errors", "settings", "dict_methods", "error_attributes"):
        left = survivors(renamed(table), *names)
        assert not [what for what in left if "error." not in what]  # what was below ErrorObject is open


# Edits of the file, and the calls that then ask for something else.
WRONG_ON_THE_WIRE = {
    ("new = 'files.retrieve'", "new = 'files.delete'"): "File.retrieve []",
    ("new = 'models.delete'", "new = 'models.retrieve'"): "Model.delete []",
    ("new = 'images.edit'", "new = 'images.create_variation'"): "Image.create_edit []",
    ("new = 'audio.translations.create'", "new = 'audio.transcriptions.create'"): "Audio.translate []",
    ("filename = 'filename'", "drop = 'filename'"): "Audio.transcribe_raw []",
    ("drop = 'model'\nfilename = 'user_", "drop = 'model user_provided_filename'\nfilename = 'x"): "File.create ['user",
    ("returns = 'bytes'", "returns = 'FileObject'"): "File.download []",
    ("header = 'request_id:X-Request-Id'", "header = 'request_id:X-Request'"): "Model.list ['api_base', ",
    ("rename = 'headers:extra_headers ", "rename = 'headers:extra_query "): "Embedding.create ['api_base', ",
    ("rename = 'starting_after:after'", "rename = 'starting_after:limit'"): "FineTuningJob.list []",
}


def test_no_call_can_ask_for_something_else(wire: dict[str, list[Facts]]) -> None:
    text = (rulebook_dir() / "api.toml").read_text(encoding="utf-8")
    for right, wrong in WRONG_ON_THE_WIRE:
        assert right in text
        text = text.replace(right, wrong)
    false = from_toml(text)
    sent = sdk_envs.run("3", Path(__file__).parent / "in_wire.py", json.dumps(proof_wire.calls(false)["3"]))
    facts = {**dict.fromkeys(sdk_envs.NEW, sent), sdk_envs.OLD: wire[sdk_envs.OLD]}
    problems = list(proof_wire.requests(false, facts))
    for what in WRONG_ON_THE_WIRE.values():
        assert any(problem.startswith(f"3: {what}") for problem in problems), what


def test_no_setting_can_reach_another_place(api: Api, sent: dict[str, dict[str, Facts]]) -> None:
    """api_key and organization change places, and so do the base URL's names."""
    rows = dict(api.settings)
    rows["api_key"] = rows["api_key"]._replace(option="organization", module="organization", new_env="OPENAI_ORG_ID")
    rows["organization"] = rows["organization"]._replace(option="project", module="project", new_env="OPENAI_API_KEY")
    rows["api_base"] = rows["api_base"]._replace(option="websocket_base_url", module="azure_endpoint", new_env="")
    calls = proof_settings.calls(api._replace(settings=rows))["3"]
    answers = sdk_envs.run("3", Path(__file__).parent / "in_wire.py", json.dumps(list(calls.values())))
    now = dict(zip(calls, answers, strict=True))
    problems = list(proof_settings.places(api, {**dict.fromkeys(sdk_envs.NEW, now), sdk_envs.OLD: sent[sdk_envs.OLD]}))
    wrong = {problem.split(": ")[1] for problem in problems}
    assert wrong >= {
        f"{name} {way}" for name in ("api_key", "organization", "api_base") for way in ("client", "module")
    }
    assert wrong >= {"api_key environment", "organization environment"}


def test_no_read_of_an_answer_can_give_something_else(answers: dict[str, dict[str, Facts]]) -> None:
    """What the SDKs gave, with any one value exchanged for another."""
    for model, values in answers["3"].items():
        for name in values:
            false = {**answers, "3": {**answers["3"], model: {**values, name: "something else"}}}
            assert list(proof_answers.values(false)), (model, name)
