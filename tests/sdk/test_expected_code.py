"""What the rule book and the fixtures expect is checked by mypy against the newest SDK.

The engine and the pages could agree on a mistake; the types of the SDK belong to neither. A line may be wrong only
where oaimigrate itself still reports it, and never in an example of how it should be.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import sdk_envs

from oaimigrate import engine, rulebook
from oaimigrate.config import Config
from oaimigrate.source import Source

GOOD = re.compile(r"^```python good\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIXTURES = Path(__file__).parents[2] / "fixtures"
ERROR = re.compile(r"(?P<file>[\w-]+)\.py:(?P<line>\d+): error: (?P<message>.*?)  \[(?P<kind>[\w-]+)\]")
TELLING = {"attr-defined", "call-arg", "call-overload"}
# What the SDK's types do not know and its servers or its users do.
KNOWN = re.compile(
    r'"None" has no attribute'
    r'|has no attribute "(content|prompt)_filter_results"'  # Azure answers with more fields than the model declares
    r'|argument types? .*"dict\[str, '  # unpacked keywords
    r'|"type\[\w+\]" has no attribute "(options|remote)"'  # what a decorator of Ray gives a class
)


def completed(example: str) -> str:
    """An example with what it takes for granted: the SDK, a client, a place for `await` and `continue`."""
    client = "" if "client = " in example else f"client = openai.{'Async' if 'await client' in example else ''}OpenAI()"
    text = f"try: pass\n{example}" if example.startswith("except ") else example
    head = f"import asyncio, os, openai; from openai import *; {client}\n"
    return f"{head}async def example():\n    while True:\n{textwrap.indent(text, ' ' * 8)}"


def expected() -> Iterator[tuple[str, str]]:
    """Every good example and every rewritten Python file, with a module name of its own."""
    for page in rulebook.load().values():
        for number, example in enumerate(GOOD.findall(page.body)):
            yield f"{page.code}_good_{number}", completed(example)
        for case in rulebook.cases(page):
            for file, text in case.after.items() if case.rewritten else ():
                if file.endswith(".py"):
                    yield f"{page.code}_line_{case.line}_{Path(file).stem}", text
    for path in sorted(FIXTURES.glob("*/after/**/*.py")):
        name = "_".join(path.relative_to(FIXTURES).with_suffix("").parts)
        yield name.replace("-", "_"), path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    return dict(expected())


def test_expected_code_fits_the_types_of_the_sdk(modules: dict[str, str], tmp_path: Path) -> None:
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    wrong = [
        f"{name}:{line}: {message}\n    {modules[name].splitlines()[line - 1]}"
        for name, line, message in _errors(tmp_path)
        if not _silenced(modules[name], line) and ("_good_" in name or line not in _reported(name, modules[name]))
    ]
    assert not wrong, "\n".join(wrong)


def _errors(folder: Path) -> Iterator[tuple[str, int, str]]:
    command = [sys.executable, "-m", "mypy", "--python-executable", str(sdk_envs.python(sdk_envs.NEW[-1]))]
    command += ["--config-file=", "--check-untyped-defs", "--no-strict-optional", "--ignore-missing-imports"]
    command += ["--cache-dir", str(sdk_envs.CACHE / "mypy"), str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    for found in ERROR.finditer(run.stdout):
        if found["kind"] in TELLING and not KNOWN.search(found["message"]):
            yield found["file"], int(found["line"]), found["message"]


def _silenced(text: str, line: int) -> bool:
    """Whether a comment says that a line is for 0.28 on purpose, as on the pages about such comments."""
    return "# oaimigrate:" in text.splitlines()[line - 1]


def _reported(name: str, text: str) -> set[int]:
    """The lines that oaimigrate still reports."""
    source = Source.from_text(text, f"{name}.py")
    return {source.position(d.span.start)[0] for d in engine.check_source(source, Config()).diagnostics}
