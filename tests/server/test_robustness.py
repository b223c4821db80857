"""Whatever arrives, the server lives: broken headers, broken JSON, broken parameters, and editors that go away."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from wire import OPEN, server

NEVER = {"uri": "file:///never-opened.py", "version": 1}
HOVER = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 0, "character": 0}}
OTHER = {**OPEN, "uri": "file:///b.py"}


BROKEN = {
    "a body that is no JSON": b"Content-Length: 5\r\n\r\n{oops",
    "a body that is no text": b"Content-Length: 4\r\n\r\n\xff\xfe\x00\x80",
    "a body that is a list": b"Content-Length: 2\r\n\r\n[]",
    "a body that is a number": b"Content-Length: 2\r\n\r\n42",
    "an object that is no message": b'Content-Length: 13\r\n\r\n{"hello": 13}',
    "a message of another protocol": b'Content-Length: 31\r\n\r\n{"jsonrpc": "1.0", "method": 1}\n'[:-1],
    "a length that is no number": b"Content-Length: many\r\n\r\n{}\r\n",
    "a length that is negative": b"Content-Length: -4\r\n\r\n{}\r\n",
    "a length that no memory holds": b"Content-Length: 99999999999999999999\r\n\r\n{}\r\n",
    "a body longer than announced": b'Content-Length: 10\r\n\r\n{"jsonrpc": "2.0", "id": "a", "method": "x"}',
    "headers without a body": b"\r\n\r\n\r\nX: y\r\n\r\n",
    "deep nesting": b"Content-Length: 200000\r\n\r\n" + b"[" * 200000,
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_message_is_survived(tmp_path: Path, data: bytes) -> None:
    with server(tmp_path) as wire:
        wire.raw(data)
        assert wire.codes() == ["OAI101"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/hover", {"textDocument": {}, "position": "here"}),
        ("textDocument/codeAction", {"textDocument": {"uri": OPEN["uri"]}}),
        ("textDocument/hover", None),
        ("workspace/executeCommand", {"command": "rm", "arguments": ["-rf"]}),
        ("workspace/executeCommand", {"command": "oaimigrate.explain", "arguments": []}),
        ("no/such/method", {}),
    ],
)
def test_a_wrong_request_is_answered_with_an_error(tmp_path: Path, method: str, params: object) -> None:
    with server(tmp_path) as wire:
        error = wire.ask(method, params)["error"]
        assert error["code"] in (-32602, -32601, -32603)
        assert "\n" not in error["message"]
        assert wire.codes() == ["OAI101"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/didChange", {"textDocument": NEVER, "contentChanges": []}),
        ("textDocument/didChange", {"textDocument": NEVER, "contentChanges": [{"text": "x"}]}),
        ("textDocument/didChange", {"nonsense": True}),
        ("textDocument/didClose", {"textDocument": {"uri": "file:///x.py"}}),
        ("notebookDocument/didChange", {"notebookDocument": {"uri": "file:///x.ipynb", "version": 1}, "change": {}}),
        ("$/cancelRequest", {"id": 12345}),
        ("$/unknown", {}),
        ("textDocument/didOpen", {"textDocument": {**OPEN, "uri": "untitled:Untitled-1", "text": "import openai\n"}}),
        ("textDocument/didOpen", {"textDocument": {**OPEN, "uri": "not a uri", "text": "import openai\n"}}),
        ("textDocument/didOpen", {"textDocument": {**OTHER, "text": "import openai\nx = '\ud800'\n"}}),
        ("textDocument/didOpen", {"textDocument": {**OTHER, "text": "import openai\n\0\n"}}),
        ("textDocument/didOpen", {"textDocument": {**OTHER, "text": "import openai\n" + "(" * 9000}}),
        ("workspace/didChangeWatchedFiles", {"changes": [{"uri": "file:///gone.py", "type": 3}]}),
        ("workspace/didChangeWatchedFiles", {"changes": [{"uri": "untitled:x", "type": 1}, {"uri": "%%%", "type": 2}]}),
        ("workspace/didRenameFiles", {"files": [{"oldUri": "file:///a.py", "newUri": "file:///c.py"}]}),
        (
            "textDocument/didOpen",
            {"textDocument": {**OPEN, "uri": "file:///c%3A/Users/me/a.py", "text": "import openai"}},
        ),
        (
            "textDocument/didOpen",
            {"textDocument": {**OPEN, "uri": "file:///C:/Users/me/a.py", "text": "import openai"}},
        ),
        (
            "textDocument/didOpen",
            {"textDocument": {**OPEN, "uri": "file://server/share/a.py", "text": "import openai"}},
        ),
        (
            "textDocument/didOpen",
            {"textDocument": {**OPEN, "uri": "git:/x/a.py?%7B%22ref%22%3A%22~%22%7D", "text": ""}},
        ),
        ("textDocument/didOpen", {"textDocument": {**OPEN, "uri": "file:///a%00b.py", "text": "import openai"}}),
        (
            "textDocument/didOpen",
            {"textDocument": {**OPEN, "uri": "file:///" + "x" * 5000 + ".py", "text": "import openai"}},
        ),
        ("workspace/didChangeConfiguration", {"settings": None}),
    ],
)
def test_a_wrong_notification_is_survived(tmp_path: Path, method: str, params: object) -> None:
    with server(tmp_path) as wire:
        wire.notify(method, params)
        assert wire.codes() == ["OAI101"]
        assert wire.codes("file:///b.py") is not None


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1",
        "untitled:///new/app.py",
        "vscode-vfs://github/owner/repo/app.py",
        "file:///c%3A/Users/me/a%20b.py",
        "file:///C:/Users/me/%C3%A9.py",
        "file://server/share/app.py",
        "file:///nowhere/a%23b%3F.py",
    ],
)
def test_a_document_with_any_name_is_read_typed_in_and_closed(tmp_path: Path, uri: str) -> None:
    text = "import openai\nopenai.Image.create(prompt='x')\n"
    with server(tmp_path) as wire:
        wire.notify("textDocument/didOpen", {"textDocument": {**OPEN, "uri": uri, "text": text}})
        assert wire.codes(uri) == ["OAI101"]
        place = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 5}}
        asked = {"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": []}}
        assert next(a["title"] for a in wire.ask("textDocument/codeAction", asked)["result"]).startswith("Call `client")
        change = {"range": place, "text": "x" * 5}
        wire.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]})
        assert wire.codes(uri) == []
        wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        assert wire.codes(uri) == []
        assert wire.codes() == ["OAI101"]


FAR = {"line": 2**31 - 1, "character": 2**31 - 1}
ZERO = {"line": 0, "character": 0}


@pytest.mark.parametrize("place", [(FAR, FAR), (ZERO, FAR), (FAR, ZERO), ({"line": 1, "character": 999}, ZERO)])
def test_positions_outside_of_the_text_mean_its_end(tmp_path: Path, place: tuple[object, object]) -> None:
    with server(tmp_path) as wire:
        document = {"uri": OPEN["uri"]}
        start, end = place
        asked = {"textDocument": document, "range": {"start": start, "end": end}, "context": {"diagnostics": []}}
        assert "result" in wire.ask("textDocument/codeAction", asked)
        assert "result" in wire.ask("textDocument/hover", {"textDocument": document, "position": start})
        change = {"range": {"start": start, "end": end}, "text": ""}
        wire.notify("textDocument/didChange", {"textDocument": {**document, "version": 2}, "contentChanges": [change]})
        assert isinstance(wire.codes(), list)


def test_a_position_below_zero_is_refused(tmp_path: Path) -> None:
    with server(tmp_path) as wire:
        place = {"line": -1, "character": -5}
        answer = wire.ask("textDocument/hover", {"textDocument": {"uri": OPEN["uri"]}, "position": place})
        assert "result" in answer or answer["error"]["code"] == -32602
        assert wire.codes() == ["OAI101"]


def test_a_huge_document_does_not_hold_up_the_others(tmp_path: Path) -> None:
    with server(tmp_path) as wire:
        huge = "x = 1\n" * 500_000  # three megabytes without the SDK
        wire.notify("textDocument/didOpen", {"textDocument": {**OTHER, "text": huge}})
        assert wire.codes(OTHER["uri"]) == []
        change = {"range": {"start": FAR, "end": FAR}, "text": "import openai\nopenai.Image.create()"}
        half = "y = 2\n" * 10_000
        wire.notify(
            "textDocument/didChange", {"textDocument": {**OTHER, "version": 2}, "contentChanges": [{"text": half}]}
        )
        wire.notify("textDocument/didChange", {"textDocument": {**OTHER, "version": 3}, "contentChanges": [change]})
        assert wire.codes(OTHER["uri"]) == ["OAI101"]
        assert wire.codes() == ["OAI101"]


def test_a_document_that_is_closed_while_it_is_looked_at_is_done_with(tmp_path: Path) -> None:
    with server(tmp_path) as wire:
        long = "import openai\n" + "openai.Image.create(prompt='x')\n" * 1000
        document = {"uri": "file:///long.py"}
        wire.notify("textDocument/didOpen", {"textDocument": {**OPEN, **document, "text": long}})
        wire.send(
            {"jsonrpc": "2.0", "id": "asked", "method": "textDocument/diagnostic", "params": {"textDocument": document}}
        )
        wire.notify("textDocument/didClose", {"textDocument": document})
        assert "result" in wire.answer("asked")
        assert wire.codes(document["uri"]) == []
        wire.notify("textDocument/didOpen", {"textDocument": {**OPEN, **document, "text": ""}})
        assert wire.codes(document["uri"]) == []
        assert wire.codes() == ["OAI101"]


def test_requests_before_the_first_one_are_refused(tmp_path: Path) -> None:
    with server(tmp_path, initialized=False) as wire:
        assert wire.ask("textDocument/hover", HOVER)["error"]["code"] == -32002
        assert "result" in wire.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})


def test_the_exit_code_says_whether_goodbye_was_said(tmp_path: Path) -> None:
    with server(tmp_path) as wire:
        assert wire.ask("shutdown", None)["result"] is None
        assert wire.ask("textDocument/hover", HOVER)["error"]["code"] == -32600
        wire.notify("exit", None)
        assert wire.process.wait(20) == 0
    with server(tmp_path) as wire:
        wire.notify("exit", None)
        assert wire.process.wait(20) == 1


@pytest.mark.parametrize("delay", [0.2, 1.5])
def test_goodbye_in_the_middle_of_work_is_quiet(tmp_path: Path, delay: float) -> None:
    """What an editor shows of standard error would look like a crash."""
    (tmp_path / "a.py").write_text("import openai\n" + "openai.Image.create(prompt='x')\n" * 5000)
    with (tmp_path / "errors").open("wb") as errors, server(tmp_path, errors=errors) as wire:
        for id_ in "abcdef":  # more than the process takes at once
            params = {"previousResultIds": []}
            wire.send({"jsonrpc": "2.0", "id": id_, "method": "workspace/diagnostic", "params": params})
        time.sleep(delay)  # until the process is up, or at work
        assert wire.ask("shutdown", None)["result"] is None
        wire.notify("exit", None)
        assert wire.process.wait(20) == 0
    assert (tmp_path / "errors").read_text() == ""


def test_an_editor_that_dies_takes_the_server_with_it(tmp_path: Path) -> None:
    with server(tmp_path) as wire:
        wire.codes()
        wire.input.close()
        assert wire.process.wait(20) == 1


def test_a_cancelled_request_is_answered_as_such(tmp_path: Path) -> None:
    with server(tmp_path) as wire:
        long = "import openai\n" + "openai.Image.create(prompt='x')\n" * 2000
        wire.notify("textDocument/didOpen", {"textDocument": {**OPEN, "uri": "file:///long.py", "text": long}})
        for id_ in ("first", "second"):
            params = {"textDocument": {"uri": "file:///long.py"}}
            wire.send({"jsonrpc": "2.0", "id": id_, "method": "textDocument/diagnostic", "params": params})
        wire.notify("$/cancelRequest", {"id": "second"})
        assert wire.answer("second")["error"]["code"] == -32800
        assert wire.codes() == ["OAI101"]


CRASHING = """\
import libcst as cst
from oaimigrate.__main__ import main
from oaimigrate.registry import all_rules


@next(rule for rule in all_rules() if rule.code == "OAI106").on(cst.Call)
def check(node, file):
    if "crash" in file.source.text:
        raise ZeroDivisionError("of a rule")
    yield from ()


main()
"""


def test_a_rule_that_crashes_is_a_finding_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text(CRASHING)
    with server(tmp_path, program=(str(tmp_path / "crashing.py"),)) as wire:
        assert wire.codes() == ["OAI101"]
        text = "import openai\nopenai.Image.create(prompt='crash')\n"
        wire.notify("textDocument/didOpen", {"textDocument": {**OTHER, "text": text}})
        report = wire.ask("textDocument/diagnostic", {"textDocument": {"uri": OTHER["uri"]}})
        crash = next(item for item in report["result"]["items"] if item["code"] == "OAI000")
        assert "ZeroDivisionError: of a rule" in crash["message"]
        assert "Traceback" not in crash["message"]
        action = {"textDocument": {"uri": OTHER["uri"]}, "range": crash["range"], "context": {"diagnostics": []}}
        assert "result" in wire.ask("textDocument/codeAction", action)
        assert "OAI101" in wire.codes(OTHER["uri"])
        assert wire.codes() == ["OAI101"]
