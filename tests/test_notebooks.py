"""Notebooks: cells in, findings by cell out, and a file in which only the lines that change change."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from command import Done, oaimigrate
from hypothesis import given, settings
from hypothesis import strategies as st

from oaimigrate.notebooks import cells, magics
from oaimigrate.notebooks.source import NotebookSource

Run = Callable[..., Done]

SETUP = "%pip install openai==0.28.1 -q\nimport openai\nopenai.api_key = 'k'  # mine"
ASK = "# ask\nreply = openai.ChatCompletion.create(\n    engine='gpt', messages=[]\n)"
READ = "reply['choices'][0]['message']['content']"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: oaimigrate(monkeypatch, *arguments, **options)


def cell(text: str, **more: object) -> dict[str, object]:
    lines = text.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": lines} | more


def notebook(*texts: str, **metadata: object) -> dict[str, object]:
    title = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# openai.Model.list()"]}
    found = [title, *(cell(text) | {"id": f"c{number}"} for number, text in enumerate(texts))]
    return {"cells": found, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def dumped(content: object, indent: int | None = 1) -> str:
    return json.dumps(content, indent=indent, ensure_ascii=False) + "\n"


def sources(text: str) -> list[str]:
    return ["".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code"]


def changed_lines(before: str, after: str) -> list[str]:
    old = before.split("\n")
    return [line.strip() for line in after.split("\n") if line not in old]


def test_findings_say_their_cell(run: Run, tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(dumped(notebook(SETUP, ASK, READ)))
    lines = run("check", "--format", "concise", "--ignore", "OAI3").text.splitlines()
    assert [line.split(" ")[:3] for line in lines if "n.ipynb" in line] == [
        ["n.ipynb:cell", "2:1:14:", "OAI110"],
        ["n.ipynb:cell", "2:3:1:", "OAI102"],
        ["n.ipynb:cell", "3:2:9:", "OAI101"],
        ["n.ipynb:cell", "4:1:6:", "OAI103"],
        ["n.ipynb:cell", "4:1:20:", "OAI103"],
        ["n.ipynb:cell", "4:1:31:", "OAI103"],
    ]
    found = json.loads(run("check", "--format", "json", "--select", "OAI101").out)
    assert [(f["cell"], f["location"], f["end_location"]) for f in found] == [
        (3, {"row": 2, "column": 9}, {"row": 2, "column": 37})
    ]
    assert {edit["cell"] for edit in found[0]["fix"]["edits"]} == {2, 3}


@pytest.mark.parametrize("format_", ["github", "gitlab", "pylint", "azure", "junit", "sarif", "rdjson"])
def test_programs_are_told_the_row_of_the_file(run: Run, tmp_path: Path, format_: str) -> None:
    text = dumped(notebook(SETUP, ASK))
    (tmp_path / "n.ipynb").write_text(text)
    report = run("check", "--select", "OAI101", "--format", format_).text
    row = next(n for n, line in enumerate(text.split("\n"), 1) if "ChatCompletion" in line)
    place = {
        "github": f"line={row},endLine={row},col=14,endColumn=42",
        "gitlab": f'"line": {row},\n          "column": 14',
        "pylint": f"n.ipynb:{row}: [OAI101]",
        "azure": f"linenumber={row};columnnumber=14",
        "junit": f'line="{row}" column="14"',
        "sarif": f'"startLine": {row},\n                  "startColumn": 14',
        "rdjson": f'"line": {row},\n            "column": 14',
    }
    assert place[format_] in report
    assert '"fixes"' not in report


def test_the_excerpt_is_that_of_the_cell(run: Run, tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(dumped(notebook(SETUP, ASK)))
    text = run("check", "--select", "OAI110,OAI101").text
    assert (
        " --> n.ipynb:cell 2:1:14\n  |\n1 | %pip install openai==0.28.1 -q\n  |              ^^^^^^^^^^^^^^\n" in text
    )
    assert " --> n.ipynb:cell 3:2:9\n  |\n1 | # ask\n2 | reply = openai.ChatCompletion.create(\n" in text


@pytest.mark.parametrize("indent", [1, 2, None])
def test_only_changed_lines_are_written(run: Run, tmp_path: Path, indent: int | None) -> None:
    content = notebook(SETUP, ASK, READ)
    content["cells"][1] |= {"outputs": [{"output_type": "stream", "name": "x", "text": ["openai.api_key\n"]}]}
    file = tmp_path / "n.ipynb"
    file.write_text(before := dumped(content, indent))
    assert run("migrate", "--allow-dirty").code == 0
    after = file.read_text()
    assert sources(after) == [
        "%pip install \"openai>=3,<4\" -q\nimport openai\nclient = openai.OpenAI(api_key='k')  # mine",
        "# ask\nreply = client.chat.completions.create(\n    model='gpt', messages=[]\n)",
        "reply.choices[0].message.content",
    ]
    for number, text in enumerate(sources(after), 1):
        content["cells"][number]["source"] = text.splitlines(keepends=True)
    assert after == dumped(content, indent)
    if indent:
        assert len(changed_lines(before, after)) == 5
    nbformat.validate(nbformat.reads(after, as_version=4))
    assert run("migrate", "--allow-dirty").text.startswith("Nothing to migrate")


def test_the_diff_can_be_applied(run: Run, tmp_path: Path) -> None:
    import subprocess

    file = tmp_path / "n.ipynb"
    file.write_text(dumped(notebook(SETUP, ASK, READ)))
    diff = run("migrate", "--diff").out
    subprocess.run(["git", "apply"], input=diff, check=True, cwd=tmp_path)
    assert "client.chat.completions.create" in sources(file.read_text())[1]


def test_a_source_may_be_one_string(run: Run, tmp_path: Path) -> None:
    content = notebook(SETUP, READ.replace("reply", "openai.Model.list()"))
    content["cells"][1]["source"] = "".join(content["cells"][1]["source"])
    file = tmp_path / "n.ipynb"
    file.write_text(dumped(content))
    run("migrate", "--allow-dirty")
    after = json.loads(file.read_text())
    assert after["cells"][1]["source"].startswith('%pip install "openai>=3,<4" -q\nimport openai\nclient =')


def test_an_empty_string_at_the_end_of_a_source_stays(run: Run, tmp_path: Path) -> None:
    content = notebook("import openai\nopenai.api_key = 'k'")
    content["cells"] += [cell("x") | {"source": ["print(openai.Model.list()['data'])\n", "done()\n", ""]}]  # type: ignore[operator]
    (tmp_path / "n.ipynb").write_text(dumped(content))
    run("migrate", "--allow-dirty")
    after = json.loads((tmp_path / "n.ipynb").read_text())["cells"][-1]["source"]
    assert after == ["print(client.models.list().data)\n", "done()\n", ""]


def test_escapes_stay_as_the_document_writes_them(run: Run, tmp_path: Path) -> None:
    content = notebook("import openai\nopenai.api_key = 'ä\\n😀'\nx = '\u2028é'\nopenai.Model.list()")
    file = tmp_path / "n.ipynb"
    file.write_text(before := json.dumps(content, indent=1))
    run("migrate", "--allow-dirty")
    after = file.read_text()
    assert after.isascii()
    assert len(changed_lines(before, after)) == 2
    assert "client = openai.OpenAI(api_key='\\u00e4\\\\n\\ud83d\\ude00')" in after


def test_crlf_and_a_byte_order_mark_stay(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    before = dumped(notebook(SETUP, ASK)).replace("\n", "\r\n").encode("utf-8-sig")
    file.write_bytes(before)
    run("migrate", "--allow-dirty")
    after = file.read_bytes()
    assert b"client.chat" in after
    assert after.startswith(b"\xef\xbb\xbf{\r\n")
    assert after.count(b"\n") == after.count(b"\r\n")


@pytest.mark.parametrize(
    "text",
    [
        "!ls \\\n   -la\nx = 1",
        "files = !ls\nopenai = None",
        "%time reply = f(\n  1)",
        "open?\nopen.x??\n?open\n%timeit?",
        "if True:\n    !rm 'it is",
        "%matplotlib inline",
        "x = (1\n% 2)\ny = '''\n%no\n!no\n'''",
        "%%time\nawait f()",
        '%%bash\npip install x | grep "',
        "pip install openai\ncd data\nls = 1; cd in [ls]",
        "    indented = 1\n    if indented:\n\n        pass",
        "async with f() as g:\n    pass",
        "a != b; c = d % e  # !x %y?",
        "x = 5 \\\n% 3",
        "",
        "\n\n",
    ],
)
def test_magics_parse_and_come_back(text: str) -> None:
    joined = cells.join([(1, "a = 1"), (7, text), (9, "b = 2\n")])
    ast.parse(joined)
    assert cells.split(joined) == {1: "a = 1", 7: text, 9: "b = 2\n"}


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab =%!?#'\"([{}])\\\n\t:ä😀\x0c\r"), max_size=40), max_size=4))
def test_whatever_a_cell_holds_comes_back(texts: list[str]) -> None:
    numbered = list(enumerate(texts, 1))
    joined = cells.join(numbered)
    assert cells.split(joined) == dict(numbered)
    for offset in range(len(joined) + 1):
        place = cells.place(joined, offset)
        assert (place.cell or 0) <= max(len(texts), 1)


def test_python_stays_python() -> None:
    text = "x = y % z\nprint('!', a != b)\n'''\n%time\n'''\nls = ['?']\npip = 1\n"
    assert magics.mask(text) == text


def test_the_place_in_the_file_is_known() -> None:
    text = dumped(notebook(SETUP, ASK))
    source = NotebookSource.parse(text.encode(), "n.ipynb")
    offset = source.text.index("openai.ChatCompletion")
    row, column = source.file_position(offset)
    assert text.split("\n")[row - 1][column - 1 :].startswith("openai.ChatCompletion.create(")
    assert str(source.place(offset)) == "cell 3:2:9"


def test_what_a_command_installs_is_raised(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    commands = (
        "!pip install -U 'openai<1' numpy\n!{sys.executable} -m pip install flask openai==0.28\nx = 'openai==0.28'"
    )
    shell = "%%bash\npip install openai==0.27.1; ls"
    file.write_text(dumped(notebook(commands, shell, "%conda install -y openai=0.28.1", "!pip install openai>=1.0")))
    assert run("check", "--fix", "--unsafe-fixes").code == 0
    assert sources(file.read_text()) == [
        "!pip install -U 'openai>=3,<4' numpy\n"
        "!{sys.executable} -m pip install flask \"openai>=3,<4\"\nx = 'openai==0.28'",
        '%%bash\npip install "openai>=3,<4"; ls',
        '%conda install -y "openai>=3,<4"',
        "!pip install openai>=1.0",
    ]


def test_comments_silence_a_line_of_a_cell(run: Run, tmp_path: Path) -> None:
    text = "%pip install openai==0.28  # oaimigrate: ignore[OAI110] old\nimport openai\n"
    text += "openai.Model.list()  # noqa: OAI101"
    (tmp_path / "n.ipynb").write_text(dumped(notebook(text)))
    assert run("check").code == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"openai": 1,\n "cells": [}', "n.ipynb:2:12: OAI001 this notebook is no valid JSON: expecting value"),
        ('{"cells": [], "a": "openai', "n.ipynb:1:20: OAI001 this notebook is no valid JSON: unterminated string"),
        ('["openai"]', "n.ipynb:1:1: OAI001 this file is no notebook: it holds no JSON object"),
        ('{"worksheets": ["openai"], "nbformat": 3}', "n.ipynb:1:1: OAI001 notebooks of format 3 are not read"),
        ('{"nbformat": 4, "cells": {"openai": 1}}', "n.ipynb:1:26: OAI001 this notebook has no list of cells"),
        (
            '{"nbformat": 4, "cells": ["openai"]}',
            "n.ipynb:1:27: OAI001 cell 1 of this notebook has no type or no source",
        ),
        (
            '{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1, "openai"]}]}',
            "n.ipynb:1:59: OAI001 the source of cell 1 of this notebook is no text",
        ),
        ("openai \udcff", "n.ipynb:1:8: OAI001 cannot be decoded as `utf-8`: byte 0xff"),
    ],
)
def test_a_bad_notebook_is_one_line(run: Run, tmp_path: Path, content: str, message: str) -> None:
    data = content.encode("utf-8", "surrogateescape")
    (tmp_path / "n.ipynb").write_bytes(data)
    (tmp_path / "a.py").write_text("import openai\nopenai.Model.list()\n")
    done = run("check", "--fix", "--format", "concise")
    assert done.code == 1
    assert next(line for line in done.text.splitlines() if "OAI001" in line).startswith(message)
    assert (tmp_path / "n.ipynb").read_bytes() == data
    assert "client" in (tmp_path / "a.py").read_text()


def test_a_cell_that_does_not_parse(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    file.write_text(dumped(notebook(SETUP, "Answer: it's 42", ASK)))
    done = run("check", "--fix", "--format", "concise", "--select", "OAI1")
    assert "n.ipynb:cell 3:1:11: OAI001 this cell does not parse as Python 3, so it is left out: " in done.text
    assert sources(file.read_text())[1:] == ["Answer: it's 42", ASK.replace("openai.ChatC", "client.chat.c").replace(
        "ompletion.create", "ompletions.create").replace("engine", "model")]  # fmt: skip
    file.write_text(before := dumped(notebook(SETUP, "openai.api_base = # yours", ASK)))
    done = run("check", "--fix", "--format", "concise", "--select", "OAI1")
    assert "n.ipynb:cell 3:1:19: OAI001 this cell does not parse as Python 3, so none is checked: invalid" in done.text
    assert file.read_text() == before


def test_the_place_of_a_cell_that_does_not_parse_is_right_after_a_fix(run: Run, tmp_path: Path) -> None:
    """The fix adds lines to the cells above it."""
    text = dumped(notebook("import openai", ASK, "# Answer\nit's 42", READ))
    for command in ("check", "--fix"), ("migrate", "--allow-dirty"):
        (tmp_path / "n.ipynb").write_text(text)
        assert "n.ipynb:cell 4:2" in run(*command).text, command


def test_variables_set_by_a_magic_are_seen(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    setup = "%env OPENAI_API_BASE=http://x\n%set_env OPENAI_ORGANIZATION o\n%env OPENAI_API_BASE\n%env OPENAI_API_KEY=k"
    file.write_text(dumped(notebook(setup, "import openai\nopenai.Model.list()")))
    found = run("check", "--format", "concise", "--select", "OAI111").text
    assert [line.partition(": ")[0] for line in found.splitlines() if "OAI111" in line] == [
        "n.ipynb:cell 2:1:6",
        "n.ipynb:cell 2:2:10",
    ]
    run("migrate", "--allow-dirty")
    new = setup.replace("OPENAI_API_BASE=", "OPENAI_BASE_URL=").replace("OPENAI_ORGANIZATION", "OPENAI_ORG_ID")
    assert sources(file.read_text())[0] == new


def test_programs_that_cells_write_are_reported(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    app = "%%writefile app.py\n# é\nimport openai\n\n\ndef ask():\n    r = openai.Model.list()\n    return r['data']\n"
    other = "%%writefile notes.txt\nimport openai\nopenai.Model.list()"
    file.write_text(text := dumped(notebook("import os", app, other, "%%writefile -a app.py\nfor x in")))
    shown = run("check", "--format", "concise").text.splitlines()
    assert [line.split(" `")[0] for line in shown[:-1]] == ["n.ipynb:cell 3:7:9: OAI101", "n.ipynb:cell 3:8:13: OAI103"]
    assert "note: not rewritten: this cell writes it into `app.py`" in run("check").text
    assert run("migrate", "--allow-dirty").code == 1
    assert file.read_text() == text
    assert run("check", "--add-ignore", "as it was").code == 0
    assert sources(file.read_text())[1].count("  # oaimigrate: ignore[OAI10") == 2
    assert run("check").text == "All checks passed!\n"


def test_notebooks_of_other_languages_and_without_the_sdk_are_left(run: Run, tmp_path: Path) -> None:
    (tmp_path / "r.ipynb").write_text(dumped(notebook("openai.api_key <- 1 +", kernelspec={"language": "R"})))
    (tmp_path / "m.ipynb").write_text(dumped(notebook("this is (no code")))
    assert run("check").text == "All checks passed!\n"


def test_cells_see_the_cells_above(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    ask = "async def ask():\n    return await openai.ChatCompletion.acreate(engine='g', messages=[])"
    file.write_text(dumped(notebook("import openai", ask, "reply = await ask()\nreply['choices']", "x = reply['id']")))
    run("migrate", "--allow-dirty")
    assert sources(file.read_text()) == [
        "import openai\n\nasync_client = openai.AsyncOpenAI()",
        ask.replace("openai.ChatCompletion.acreate", "async_client.chat.completions.create").replace("engine", "model"),
        "reply = await ask()\nreply.choices",
        "x = reply.id",
    ]


def test_notebooks_are_programs_of_their_own(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.ipynb").write_text(
            dumped(notebook("import openai\nopenai.api_key = 'k'", "openai.Model.list()"))
        )
    (tmp_path / "c.ipynb").write_text(dumped(notebook("import openai\nopenai.Model.list()")))
    run("migrate", "--allow-dirty")
    assert sources((tmp_path / "a.ipynb").read_text())[1] == "client.models.list()"
    assert sources((tmp_path / "c.ipynb").read_text())[0] == (
        "import openai\n\nclient = openai.OpenAI()\n\nclient.models.list()"
    )


def test_modules_that_a_notebook_imports_get_its_settings(run: Run, tmp_path: Path) -> None:
    """What a notebook sets on the `openai` module holds in the modules it imports, and in no others."""
    made = "openai.api_type: str = 'azure'\nopenai.api_key = key\nopenai.api_base = host\nopenai.api_version = 'v'"
    ask = "openai.Completion.create(engine='d', prompt='x')"
    (tmp_path / ".git").mkdir()
    (tmp_path / "book.ipynb").write_text(
        dumped(notebook("import openai\nfrom helpers import ask, host, key", made, ask))
    )
    (tmp_path / "other.ipynb").write_text(dumped(notebook("import openai\nopenai.api_key = 'k'\nopenai.Model.list()")))
    for name in ("helpers", "alone"):
        (tmp_path / f"{name}.py").write_text(f"import openai\n\n\ndef ask():\n    return {ask}\n")
    named = run("check", "--isolated", "--select", "OAI101", "--unsafe-fixes", "--diff", "helpers.py").text
    assert "+    return openai.completions.create(model='d', prompt='x')" in named
    run("migrate", "--allow-dirty")
    assert "    return openai.completions.create(" in (tmp_path / "helpers.py").read_text()
    assert "client = openai.OpenAI()" in (tmp_path / "alone.py").read_text()
    book = sources((tmp_path / "book.ipynb").read_text())
    assert book[1].splitlines()[2:] == ["openai.azure_endpoint = host", "openai.api_version = 'v'"]
    assert book[2] == "openai.completions.create(model='d', prompt='x')"
    assert sources((tmp_path / "other.ipynb").read_text())[0].endswith("client.models.list()")


def test_standard_input_may_be_a_notebook(run: Run) -> None:
    text = dumped(notebook(SETUP, ASK))
    done = run("check", "--fix", "--stdin-filename", "n.ipynb", "-", stdin=text.encode())
    assert "client.chat.completions.create" in sources(done.text)[1]


def test_comments_can_be_added(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    file.write_text(dumped(notebook("import openai", "x = openai.Model.list()\ny = 1")))
    run("check", "--add-ignore", "later")
    assert sources(file.read_text())[1] == "x = openai.Model.list()  # oaimigrate: ignore[OAI101] later\ny = 1"
    assert run("check").code == 0


def test_the_author_of_a_notebook_brings_its_text(run: Run, tmp_path: Path) -> None:
    code = "import tiktoken\ndef count(text):\n    return len(tiktoken.get_encoding('o200k_base').encode(text))\n"
    (tmp_path / "n.ipynb").write_text(dumped(notebook(code)))
    (tmp_path / "n.py").write_text(code)
    found = json.loads(run("check", "--format", "json", "--select", "OAI704").text)
    assert [d["filename"] for d in found] == ["n.py"]


def test_who_runs_a_cell_reads_its_traceback(run: Run, tmp_path: Path) -> None:
    ask = "from openai import OpenAI\nimport json\nclient = OpenAI()\n"
    ask += "reply = client.chat.completions.parse(model='gpt-4.1', messages=[], response_format=dict)\n"
    read = "json.loads(reply.choices[0].message.content)\nreply.choices[0].message.parsed.name\n"
    helper = "def show():\n" + "".join(f"    {line}\n" for line in read.splitlines())
    (tmp_path / "n.ipynb").write_text(dumped(notebook(ask, read, helper)))
    (tmp_path / "n.py").write_text(ask + read)
    found = json.loads(run("check", "--format", "json", "--select", "OAI310,OAI315").text)
    assert [(d["filename"], d.get("cell"), d["code"]) for d in found] == [
        ("n.ipynb", 4, "OAI310"),
        ("n.ipynb", 4, "OAI315"),
        ("n.py", None, "OAI310"),
        ("n.py", None, "OAI315"),
    ]
