"""One buffer in an editor: what is found, shown, offered and applied, by the abilities of several real clients."""

from __future__ import annotations

from pathlib import Path

import pytest
from editor import PROFILES, Editor, asynchronous, editing
from lsprotocol import types

from oaimigrate import engine
from oaimigrate.config import Config
from oaimigrate.diagnostics import Safety
from oaimigrate.source import Source

ENCODINGS = {"visual_studio_code": "utf-16", "neovim@0.7": "utf-16", "neovim@0.11": "utf-8", "emacs": "utf-32"}
OLD = """\
import openai

openai.api_key = "k"
r = openai.ChatCompletion.create(model="m", messages=[])
print(r["choices"][0]["message"]["content"])
"""
# Before the call stand a letter of two bytes, and one beyond the first plane: five columns are eight, nine or fourteen.
WIDE = 'import openai\nx = "é😀😀é"; openai.ChatCompletion.create(model="m", messages=[])\n'
COLUMN = {"utf-8": 4 + 15 + 1, "utf-16": 4 + 9 + 1, "utf-32": 4 + 7 + 1}


def place(line: int, start: int, end: int) -> types.Range:
    return types.Range(types.Position(line, start), types.Position(line, end))


def titled(actions: list[types.CodeAction], text: str) -> types.CodeAction:
    return next(a for a in actions if text in a.title)


def fixed(text: str, safety: Safety = Safety.SAFE) -> str:
    return engine.fix_source(Source.from_text(text, "app.py"), Config(), safety=safety).text


async def only(editor: Editor, text: str, name: str = "app.py") -> tuple[str, list[types.Diagnostic]]:
    """Open a buffer in an otherwise empty folder."""
    uri = editor.open(name, text)
    return uri, await editor.diagnostics(uri)


@pytest.mark.parametrize("profile", PROFILES)
@asynchronous
async def test_findings_arrive_as_the_client_shows_them(tmp_path: Path, profile: str) -> None:
    async with editing(tmp_path, profile) as editor:
        _, found = await only(editor, OLD)
    assert [(d.code, d.range.start.line, d.severity, d.source) for d in found] == [
        ("OAI102", 2, types.DiagnosticSeverity.Error, "oaimigrate"),
        ("OAI101", 3, types.DiagnosticSeverity.Error, "oaimigrate"),
        *[("OAI103", 4, types.DiagnosticSeverity.Error, "oaimigrate")] * 3,
    ]
    call = found[1]
    assert call.range == place(3, 4, 32)
    assert call.code_description is not None
    assert call.code_description.href.endswith("OAI101-removed-resource-call.md")
    assert Path(call.code_description.href.removeprefix("file://")).exists()
    assert list(call.tags or []) == [types.DiagnosticTag.Deprecated]
    assert found[2].tags is None


@pytest.mark.parametrize("profile", PROFILES)
@asynchronous
async def test_columns_are_counted_in_the_units_agreed_on(tmp_path: Path, profile: str) -> None:
    async with editing(tmp_path, profile) as editor:
        assert editor.encoding == ENCODINGS[profile]
        uri, found = await only(editor, WIDE)
        assert found[0].range.start == types.Position(1, COLUMN[editor.encoding])
        fix = titled(await editor.actions(uri, found[0].range), "Call")
        assert editor.applied(fix)[uri] == fixed(WIDE)


@pytest.mark.parametrize("profile", PROFILES)
@asynchronous
async def test_typing_changes_the_buffer_the_server_sees(tmp_path: Path, profile: str) -> None:
    """Each change counts on the text after the one before it, in the client's units, across all kinds of newlines."""
    text = "import openai\r\nx = '😀\u2028'\f\r\ny = 1\n"
    async with editing(tmp_path, profile) as editor:
        uri, found = await only(editor, text)
        assert found == []
        width = {"utf-8": 4, "utf-16": 2, "utf-32": 1}[editor.encoding]
        version = editor.type(
            uri,
            types.TextDocumentContentChangePartial(place(1, 5 + width, 5 + width), "é"),
            types.TextDocumentContentChangePartial(place(2, 0, 5), "openai.Image.create(prompt=x)"),
            types.TextDocumentContentChangePartial(types.Range(types.Position(3, 0), types.Position(9, 9)), "# end\n"),
        )
        [finding] = await editor.diagnostics(uri, version)
        assert (finding.code, finding.range) == ("OAI101", place(2, 0, 19))
        editor.texts[uri] = "import openai\r\nx = '😀é\u2028'\f\r\nopenai.Image.create(prompt=x)\n# end\n"
        [fix] = [a for a in await editor.actions(uri, finding.range) if a.is_preferred]
        assert fix.edit is not None


@asynchronous
async def test_pushed_findings_belong_to_the_last_version(tmp_path: Path) -> None:
    async with editing(tmp_path) as editor:
        uri, found = await only(editor, "import openai\n")
        assert found == []
        for length in range(1, len(OLD) + 1, 20):
            editor.replace(uri, OLD[:length])
        version = editor.replace(uri, OLD)
        assert len(await editor.diagnostics(uri)) == 5
        assert editor.pushed[uri].version == version


@asynchronous
async def test_a_pull_of_the_same_findings_is_answered_with_unchanged(tmp_path: Path) -> None:
    async with editing(tmp_path, "neovim@0.11") as editor:
        uri, _ = await only(editor, OLD)
        first = await editor.pull(uri)
        again = await editor.pull(uri, first.result_id)
        assert isinstance(again, types.RelatedUnchangedDocumentDiagnosticReport)
        editor.replace(uri, OLD.replace("openai.api_key", "openai.api_type"))
        assert isinstance(await editor.pull(uri, first.result_id), types.RelatedFullDocumentDiagnosticReport)


@pytest.mark.parametrize("profile", PROFILES)
@asynchronous
async def test_a_quick_fix_brings_all_that_belongs_to_it(tmp_path: Path, profile: str) -> None:
    """The call needs the client, which is built where the settings are: both change, whichever is chosen."""
    async with editing(tmp_path, profile) as editor:
        uri, found = await only(editor, OLD)
        fix = titled(await editor.actions(uri, found[1].range, "quickfix"), "Call `client.chat")
        assert (fix.kind, fix.is_preferred) == ("quickfix", True)
        assert [d.code for d in fix.diagnostics or ()] == ["OAI101"]
        after = editor.applied(fix)[uri]
    assert 'client = openai.OpenAI(api_key="k")' in after
    assert "client.chat.completions.create(" in after
    assert 'r["choices"]' in after


@asynchronous
async def test_an_unsafe_fix_says_so_and_is_not_preferred(tmp_path: Path) -> None:
    text = "import openai\n\ntry:\n    pass\nexcept openai.error.OpenAIError as e:\n    print(e.user_message)\n"
    async with editing(tmp_path) as editor:
        uri, found = await only(editor, text)
        [finding] = [d for d in found if d.code == "OAI105"]
        fix = next(a for a in await editor.actions(uri, finding.range) if "unsafe" in a.title)
        assert fix.is_preferred is False
        assert "e.user_message" not in editor.applied(fix)[uri]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", ["source.fixAll", "source.fixAll.oaimigrate"])
@asynchronous
async def test_fix_all_does_what_the_command_line_does(tmp_path: Path, profile: str, kind: str) -> None:
    async with editing(tmp_path, profile) as editor:
        uri, _ = await only(editor, OLD)
        [action] = await editor.actions(uri, None, kind)
        assert action.kind == "source.fixAll.oaimigrate"
        assert editor.applied(action)[uri] == fixed(OLD)
        editor.replace(uri, fixed(OLD))
        assert await editor.actions(uri, None, kind) == []


@asynchronous
async def test_other_kinds_of_actions_are_not_ours(tmp_path: Path) -> None:
    async with editing(tmp_path) as editor:
        uri, _ = await only(editor, OLD)
        assert await editor.actions(uri, None, "refactor") == []
        assert await editor.actions(uri, None, "source.organizeImports") == []


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("openai.Image.create(prompt='x')", "openai.Image.create(prompt='x')  # oaimigrate: ignore[OAI101]"),
        ("openai.Image.create()  # why", "openai.Image.create()  # why  # oaimigrate: ignore[OAI101]"),
        (
            "openai.Image.create(prompt='x')  # oaimigrate: ignore[OAI999] so",
            "openai.Image.create(prompt='x')  # oaimigrate: ignore[OAI999, OAI101] so",
        ),
    ],
)
@asynchronous
async def test_a_finding_is_ignored_on_its_line(tmp_path: Path, line: str, after: str) -> None:
    async with editing(tmp_path) as editor:
        uri, found = await only(editor, f"import openai\n{line}\n")
        action = titled(await editor.actions(uri, found[0].range), "Ignore OAI101")
        text = editor.applied(action)[uri]
        assert text == f"import openai\n{after}\n"
        editor.replace(uri, text)
        assert [d for d in await editor.diagnostics(uri) if d.code == "OAI101"] == []


@asynchronous
async def test_no_comment_is_offered_where_it_would_be_text(tmp_path: Path) -> None:
    text = 'import openai\nprint(openai.Image.create(prompt="x"), """\n""", 1)\n'
    async with editing(tmp_path) as editor:
        uri, found = await only(editor, text)
        assert [a.title for a in await editor.actions(uri, found[0].range) if "Ignore" in a.title] == []


@asynchronous
async def test_explain_opens_the_page_of_the_rule(tmp_path: Path) -> None:
    async with editing(tmp_path, "neovim@0.11") as editor:
        uri, found = await only(editor, OLD)
        command = titled(await editor.actions(uri, found[1].range), "Explain OAI101").command
        assert command is not None
        params = types.ExecuteCommandParams(command.command, command.arguments)
        page = await editor.client.workspace_execute_command_async(params)
        assert str(page).startswith("# removed-resource-call (OAI101)")
        [shown] = editor.client.shown_documents
        assert shown.uri.endswith("OAI101-removed-resource-call.md")


@pytest.mark.parametrize("profile", PROFILES)
@asynchronous
async def test_hover_shows_the_rule(tmp_path: Path, profile: str) -> None:
    text = OLD + "x = 1  # oaimigrate: ignore[OAI401]\n"
    async with editing(tmp_path, profile) as editor:
        uri, _ = await only(editor, text)

        async def hover(line: int, column: int) -> str:
            document = types.TextDocumentIdentifier(uri)
            found = await editor.client.text_document_hover_async(
                types.HoverParams(document, types.Position(line, column))
            )
            return found.contents.value if found else ""  # type: ignore[union-attr]

        assert "**removed-resource-call (OAI101)**" in await hover(3, 10)
        assert "Fix: Call `client.chat.completions.create`" in await hover(3, 10)
        assert (await hover(5, 30)).startswith("**unguarded-stream-choices (OAI401)**")
        assert await hover(0, 3) == ""


@asynchronous
async def test_where_an_answer_came_from_is_related_information(tmp_path: Path) -> None:
    """A client that cannot show such places gets them as text."""
    text = (
        "import json\n\nimport openai\n\n\ndef ask(prompt, cache):\n    if cache.exists():\n"
        "        reply = json.loads(cache.read_text())\n    else:\n"
        "        reply = openai.Completion.create(model='m', prompt=prompt)\n    return reply['choices']\n"
    )
    capabilities = types.ClientCapabilities()
    result = engine.check_source(Source.from_text(text, str(tmp_path / "app.py")), Config())
    [noted] = [d for d in result.diagnostics if d.code == "OAI103" and d.notes]
    async with editing(tmp_path) as editor:
        _, found = await only(editor, text)
        [finding] = [d for d in found if d.code == "OAI103"]
    async with editing(tmp_path, capabilities) as plain:
        _, found = await only(plain, text)
        [told] = [d for d in found if d.code == "OAI103"]
    place_of = (finding.related_information or ())[0]
    assert place_of.message == noted.notes[0].text
    assert (place_of.location.uri, place_of.location.range.start.line) == (Path(tmp_path / "app.py").as_uri(), 7)
    assert told.related_information is None
    assert all(note.text in told.message for note in noted.notes)


@asynchronous
async def test_requirements_and_code_that_does_not_parse(tmp_path: Path) -> None:
    async with editing(tmp_path) as editor:
        uri = editor.open("requirements.txt", "openai<1\n", language="pip-requirements")
        assert [d.code for d in await editor.diagnostics(uri)] == ["OAI110"]
        uri, found = await only(editor, "import openai\ndef broken(:\n")
        assert [(d.code, d.range.start.line) for d in found] == [("OAI001", 1)]
        assert all("Ignore" not in a.title for a in await editor.actions(uri))
