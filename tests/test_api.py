"""The map as a value: how its file is read, what holds between its rows, and that every name of 0.28 is dealt with.

Whether the rows are true is another matter: `tests/sdk` holds them against the real packages.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import name_coverage
import pytest

from oaimigrate.analysis import api as module
from oaimigrate.analysis.api import Api, from_toml, load, rulebook_dir

SMALL = """
verified = '0.28.1 1.0.0'
[defaults]
client = 'api_key'
rename = 'headers:extra_headers'
header = 'request_id:X-Request-Id'
[methods.Thing.get]
async = 'aget'
new = 'things.retrieve'
positional = 'sid filename'
rename = 'sid:thing_id'
drop = 'timeout'
filename = 'filename'
returns = 'Thing'
suffix = '.content'
[methods.Thing.old]
advice = 'delete it'
[calls]
'things.retrieve' = 'thing_id! * limit order! @2 after @3 before -> Thing|str ~ Piece'
'things.list' = '* -> Page[Thing]'
'things.delete' = 'thing_id! *'
others = '''
things.files: create delete
'''
[models.Thing]
cls = 'things.Thing'
fields = '''
id: str
self-harm/intent*: bool?
parts@2*: list[Piece]?
azure+*: dict
'''
[errors.Bad]
new = 'Worse Worst'
wide = 'AnyError'
precision = 'lossy'
missed = '415 stream'
note = 'a note'
[error_tree]
AnyError = 'Exception'
'Worse@2' = 'AnyError'
[error_attributes]
status = { new = '{e}.code', on = 'status', fallback = '', note = '' }
[settings]
base = { option = 'url', module = 'url', env = 'BASE', new_env = 'URL', advice = '' }
[kept]
'VERSION' = 'VERSION'
[removed]
'a a.b' = 'gone'
[dict_methods]
keys = '{r}.to_dict().keys()'
pop = ''
[dict_advice]
'pop clear' = 'no'
"""


@pytest.fixture(scope="module")
def small() -> Api:
    return from_toml(SMALL)


def test_a_method_takes_its_signature_from_its_call(small: Api) -> None:
    method, asynchronous = small.methods["Thing.get"]
    assert not asynchronous
    assert small.methods["Thing.aget"] == (method, True)
    assert method.params is small.calls["things.retrieve"].params
    assert (method.required, method.positional_ok) == (("thing_id", "order"), ("thing_id",))
    assert method.rename == {"headers": "extra_headers", "sid": "thing_id"}
    assert method.headers == {"request_id": "X-Request-Id"}
    assert method.drop == {"timeout"}
    assert (method.filename, method.suffix) == ("filename", ".content")
    assert small.resources == {"Thing"}


def test_a_removed_method_has_advice_and_no_signature(small: Api) -> None:
    method, _ = small.methods["Thing.old"]
    assert (method.new, method.params, method.advice) == ("", {}, "delete it")


def test_a_signature_grows_from_sdk_to_sdk(small: Api) -> None:
    call = small.calls["things.retrieve"]
    assert call.params == {
        1: {"thing_id", "limit", "order"},
        2: {"thing_id", "limit", "order", "after"},
        3: {"thing_id", "limit", "order", "after", "before"},
    }
    assert (call.returns, call.stream) == ("Thing|str", "Piece")


def test_a_call_may_take_nothing_or_give_nothing(small: Api) -> None:
    assert small.calls["things.list"].params == {1: set(), 2: set(), 3: set()}
    assert small.calls["things.list"].returns == "Page[Thing]"
    assert small.calls["things.delete"].returns == ""
    assert small.calls["things.files.delete"].params == {}


def test_marks_of_a_field_are_read(small: Api) -> None:
    fields = small.models["Thing"].fields
    assert [*fields] == ["id", "self-harm/intent", "parts", "azure"]
    assert (fields["id"].required, fields["id"].nullable, fields["id"].since) == (True, False, 1)
    assert (fields["self-harm/intent"].name, fields["self-harm/intent"].nullable) == ("self_harm_intent", True)
    assert (fields["parts"].type, fields["parts"].since, fields["parts"].required) == ("list[Piece]", 2, False)
    assert (fields["azure"].extra, fields["azure"].type) == (True, "dict")


def test_one_text_may_stand_for_several_names(small: Api) -> None:
    assert [small.removed[path].advice for path in ("a", "a.b")] == ["gone", "gone"]
    assert small.removed["VERSION"].new == "VERSION"
    assert small.dict_advice == {"pop": "no", "clear": "no"}


def test_an_error_says_where_it_differs(small: Api) -> None:
    row = small.errors["Bad"]
    assert (row.new, row.wide, row.missed, row.extra) == (("Worse", "Worst"), ("AnyError",), ("415", "stream"), ())
    assert small.error_tree == {"AnyError": "Exception", "Worse": "AnyError"}
    assert small.error_since == {"AnyError": 1, "Worse": 2}


def test_every_word_of_a_type_means_something() -> None:
    api = load()
    known = {*api.models, "str", "int", "float", "bool", "dict", "object", "list", "bytes", "Page"}
    types = [f.type for m in api.models.values() for f in m.fields.values()]
    types += [t for c in api.calls.values() for t in (c.returns, c.stream)]
    types += [t for m, _ in api.methods.values() for t in (m.returns, m.stream)]
    words = {w for t in types for w in t.replace("[", " ").replace("]", " ").replace("|", " ").split()}
    assert words <= known


def test_every_attribute_of_a_model_is_a_name_of_its_own() -> None:
    for model in load().models.values():
        names = [field.name for field in model.fields.values()]
        assert all(name.isidentifier() for name in names)
        assert len(names) == len(set(names)), model.name


def test_every_new_exception_is_in_the_tree() -> None:
    api = load()
    for row in api.errors.values():
        assert {*row.new, *row.wide} <= {*api.error_tree}
    assert {*api.error_tree.values()} - {*api.error_tree} == {"Exception", "ValueError"}


def test_advice_reads_like_a_message() -> None:
    """It follows a colon or a semicolon: no capital, no full stop, names in backticks."""
    api = load()
    texts = {m.advice for m, _ in api.methods.values()} | {r.advice for r in api.removed.values()}
    texts |= {s.advice for s in api.settings.values()} | {*api.dict_advice.values()}
    texts |= {e.note for e in api.errors.values()} | {a.note for a in api.error_attributes.values()}
    for text in texts - {""}:
        assert not text.endswith("."), text
        assert (
            text[0] == "`" or text[0].islower() or text[:2].isupper() or text[0].isdigit() or text.startswith("Azure")
        )
        assert text.count("`") % 2 == 0, text


def test_the_file_is_written_to_be_read_quickly() -> None:
    """Every run of a hook waits for it: 10 ms as it is, twice that with strings in double quotes. No clock here: the
    machines that run tests are busy."""
    text = (rulebook_dir() / "api.toml").read_text(encoding="utf-8")
    assert not [line for line in text.splitlines() if '= "' in line and "'" not in line]
    assert len(text) < 80_000


def test_reading_the_map_does_not_import_libcst() -> None:
    code = "import sys; from oaimigrate.analysis.api import load; load(); print('libcst' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_map_is_found_in_a_checkout_and_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (rulebook_dir() / "api.toml").is_file()
    shipped = tmp_path / "oaimigrate" / "_rulebook"
    shipped.mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "oaimigrate" / "analysis" / "api.py"))
    assert rulebook_dir.__wrapped__() == shipped
    shipped.rmdir()
    assert rulebook_dir.__wrapped__() == tmp_path / "rules"


def test_every_name_of_028_is_rewritten_or_reported() -> None:
    assert not [name.name for name, done in name_coverage.coverage().items() if done == "missed"]


def test_the_coverage_adds_up() -> None:
    *_, groups, last = (row.split(" | ") for row in name_coverage.table().splitlines())
    assert last[0] == "| All"
    assert int(last[-1].strip(" |")) == len(name_coverage.coverage())
    assert len(groups) == len(last)
