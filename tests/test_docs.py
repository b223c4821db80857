"""`check --docs`: code fences of Markdown files and of docstrings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Done, oaimigrate

Run = Callable[..., Done]

GUIDE = """# Guide

openai.ChatCompletion.create in a sentence stays.

```python title="setup"
import openai
openai.api_key = "k"
```

Then ask; `é` counts once:

1. First

   ```py
   # é
   reply = openai.ChatCompletion.create(engine="g", messages=[])
   if reply:
       print(reply["choices"][0]["message"]["content"])
   ```

A piece is left alone, and so are other languages:

```python
reply = openai.ChatCompletion.create(
    ...
```

```text
openai.Model.list()
```

<!-- oaimigrate: ignore, what it was -->
```python
openai.Model.list()
```

Another program:

~~~python
import openai
print(openai.Model.list()["data"])
~~~
"""

FIXED = """# Guide

openai.ChatCompletion.create in a sentence stays.

```python title="setup"
import openai
client = openai.OpenAI(api_key="k")
```

Then ask; `é` counts once:

1. First

   ```py
   # é
   reply = client.chat.completions.create(model="g", messages=[])
   if reply:
       print(reply.choices[0].message.content)
   ```

A piece is left alone, and so are other languages:

```python
reply = openai.ChatCompletion.create(
    ...
```

```text
openai.Model.list()
```

<!-- oaimigrate: ignore, what it was -->
```python
openai.Model.list()
```

Another program:

~~~python
import openai

client = openai.OpenAI()

print(client.models.list().data)
~~~
"""

MODULE = '''"""Asks.

```python
import openai
openai.Model.list()
```
"""
import openai


def ask():
    """Ask.

    ```python
    import openai
    print(openai.Model.list()["data"])
    ```
    """
    return openai.Model.list()


class A:
    """A string with an escape stays: \\n

    ```python
    import openai; openai.Model.list(); "\\n"
    ```
    """
'''

MODULE_FIXED = '''"""Asks.

```python
import openai

client = openai.OpenAI()

client.models.list()
```
"""
import openai

client = openai.OpenAI()


def ask():
    """Ask.

    ```python
    import openai

    client = openai.OpenAI()

    print(client.models.list().data)
    ```
    """
    return client.models.list()


class A:
    """A string with an escape stays: \\n

    ```python
    import openai; openai.Model.list(); "\\n"
    ```
    """
'''


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: oaimigrate(monkeypatch, *arguments, **options)


def test_markdown_is_read_when_asked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(GUIDE)
    (tmp_path / "a.py").write_text("")
    assert run("check").code == 0
    done = run("check", "--docs", "--format", "concise", "--select", "OAI1")
    lines = GUIDE.split("\n")
    found = [line.split(" ")[:2] for line in done.text.splitlines() if line.startswith("guide.md")]
    row = lines.index('   reply = openai.ChatCompletion.create(engine="g", messages=[])') + 1
    assert found == [
        ["guide.md:7:1:", "OAI102"],
        [f"guide.md:{row}:12:", "OAI101"],
        *([f"guide.md:{row + 2}:{column}:", "OAI103"] for column in (19, 33, 44)),
        [f"guide.md:{len(lines) - 2}:7:", "OAI101"],
        [f"guide.md:{len(lines) - 2}:26:", "OAI103"],
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markdown_is_fixed(run: Run, tmp_path: Path, newline: str) -> None:
    file = tmp_path / "guide.md"
    file.write_bytes(GUIDE.replace("\n", newline).encode())
    assert run("check", "--docs", "--fix", "--select", "OAI1").code == 0
    assert file.read_bytes().decode() == FIXED.replace("\n", newline)
    assert run("check", "--docs", "--select", "OAI1").code == 0


PIECE = "import openai\nr = openai.Model.list()\n"
PIECE_FIXED = "import openai\nclient = openai.OpenAI(api_key=KEY)\nr = client.models.list()\n"
SHAPES = {
    "options": ('```python title="a.py" hl_lines="1 2"\n', "", "```\n"),
    "pandoc": ("``` {.python .numberLines #id}\n", "", "```\n"),
    "quarto": ("```{python}\n#| label: x\n", "", "```\n"),
    "quarto with options": ("```{python echo=FALSE}\n", "", "```\n"),
    "directive": ("```{code-block} python\n:linenos:\n:caption: A: b\n\n", "", "```\n"),
    "cell": ("```{code-cell} ipython3\n---\ntags: [hide]\n---\n", "", "```\n"),
    "cell without language": ("```{code-cell}\n:tags: [x]\n\n", "", "```\n"),
    "cell in a list": ("- A list\n\n  ```{code-cell} python\n  :tags: [x]\n\n", "  ", "  ```\n"),
    "quotation": ("> ~~~python\n", "> ", "> ~~~\n"),
    "right behind a bullet": ("1. ```py\n", "   ", "   ```\n"),
    "inside another fence": ("````markdown\n```python\n", "", "```\n````\n"),
    "tabs": ("-\tA list\n\n\t```python\n", "\t", "\t```\n"),
}


def shaped(shape: str, code: str) -> str:
    before, prefix, after = SHAPES[shape]
    return before + "".join(f"{prefix}{line}\n" for line in code.splitlines()) + after


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_fences_come_in_many_shapes(run: Run, tmp_path: Path, shape: str, newline: str) -> None:
    file = tmp_path / "guide.md"
    old = PIECE.replace("r =", "openai.api_key = KEY\nr =")
    file.write_bytes(shaped(shape, old).replace("\n", newline).encode())
    done = run("check", "--docs", "--format", "concise")
    row = shaped(shape, old).split("\n").index(SHAPES[shape][1] + "r = openai.Model.list()") + 1
    assert f"guide.md:{row}:{len(SHAPES[shape][1]) + 5}: OAI101" in done.text
    assert run("migrate", "--docs", "--allow-dirty").code == 0
    assert file.read_bytes().decode() == shaped(shape, PIECE_FIXED).replace("\n", newline)


SESSION = """```pycon
>>> import openai
>>> # ask
>>> def ask():
...     # once
...     return openai.ChatCompletion.create(model=M,
...         messages=[])
...
>>> ask()["choices"]
[]

>>> @decorated
... class A: pass
```
"""


def test_sessions_keep_prompts_and_output(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "guide.md"
    file.write_text(SESSION)
    fixed = SESSION.replace('ask()["choices"]', "ask().choices").replace(
        "openai.ChatCompletion", "client.chat.completions"
    )
    fixed = fixed.replace("import openai\n", "import openai\n>>> client = openai.OpenAI()\n")
    assert "guide.md:6:16: OAI101" in run("check", "--docs", "--format", "concise").text
    assert {len(row["fix"]["edits"]) for row in json.loads(run("check", "--docs", "--format", "json").out)} == {0, 1}
    assert run("migrate", "--docs", "--allow-dirty").code == 0
    assert file.read_text() == fixed
    assert run("migrate", "--docs", "--allow-dirty").text.startswith("Nothing to migrate")


@pytest.mark.parametrize(
    "body", [">>> import openai\n>>>openai.Model.list()\n", "> import openai\nopenai.Model.list()\n"]
)
def test_lines_that_do_not_belong_leave_a_fence_alone(run: Run, tmp_path: Path, body: str) -> None:
    (tmp_path / "guide.md").write_text(f"{body[:2].replace('>>', '')}```python\n{body}```\n")
    assert run("check", "--docs").code == 0


def test_a_blank_line_may_follow_the_comment(run: Run, tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(f"<!-- oaimigrate: ignore -->\n\n```python\n{PIECE}```\n")
    assert run("check", "--docs").code == 0


def test_the_edits_of_a_fix_are_places_of_the_document(run: Run, tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(GUIDE)
    found = json.loads(run("check", "--docs", "--select", "OAI101", "--format", "json").out)
    lines = GUIDE.split("\n")
    for finding in found:
        row, start, end = (finding["location"]["row"], finding["location"]["column"], finding["end_location"]["column"])
        assert lines[row - 1][start - 1 : end - 1].startswith("openai.")


def test_docstrings_are_fixed_with_the_code_around_them(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(MODULE)
    assert run("check", "--docs", "--format", "concise").text.count("OAI101") == 3
    assert run("check", "--docs", "--fix", "--unsafe-fixes").code == 0
    assert file.read_text() == MODULE_FIXED


def test_docstrings_of_a_module_without_the_sdk(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('"""Asks.\n\n```python\nimport openai\nopenai.Model.list()\n```\n"""\n')
    assert run("check").code == 0
    assert "a.py:5:1: OAI101" in run("check", "--docs", "--format", "concise").text


def test_a_document_that_is_named_without_the_option(run: Run, tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(GUIDE)
    message = "OAI001 this file is no Python; `--docs` reads the fences of Markdown\n"
    assert message in run("check", "guide.md", "--format", "concise").text
    assert message in run("check", "--stdin-filename", "guide.md", "--format", "concise", stdin=GUIDE.encode()).text


def test_standard_input_may_be_markdown(run: Run) -> None:
    done = run("check", "--docs", "--fix", "--select", "OAI1", "--stdin-filename", "x.md", "-", stdin=GUIDE.encode())
    assert done.text == FIXED


def test_migrate_rewrites_documentation_when_asked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(GUIDE)
    (tmp_path / "a.py").write_text('"""Ask.\n\n```python\nimport openai\nopenai.Model.list()\n```\n"""\n')
    assert run("migrate", "--allow-dirty").text.startswith("Nothing to migrate")
    assert run("migrate", "--docs", "--diff").out.count(b"+++ b/") == 2
    assert (tmp_path / "guide.md").read_text() == GUIDE
    done = run("migrate", "--docs", "--allow-dirty")
    assert (done.code, done.text.splitlines()[0].endswith("in 2 files.")) == (0, True)
    assert (tmp_path / "guide.md").read_text() == FIXED
    assert "openai.models.list()" in (tmp_path / "a.py").read_text().replace("client", "openai")
    assert run("migrate", "--docs", "--allow-dirty").text.startswith("Nothing to migrate")
