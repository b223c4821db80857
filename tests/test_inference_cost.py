"""Inference stays near linear: hostile and large inputs, with a bound on the steps taken rather than on the time."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from oaimigrate import engine, runner
from oaimigrate.analysis import attributes
from oaimigrate.analysis.infer import Inference
from oaimigrate.config import Config
from oaimigrate.project import Project
from oaimigrate.source import Source

STEPS_PER_NODE = 6

CHAIN = "x = openai.ChatCompletion.create(model='m', messages=[])\n" + "x = x.f()\n" * 1000
GROWN = "x = openai.Completion.create(model='m')\n" + "if x:\n    x = [x]\n" * 300
MUTUAL = "".join(f"def f{i}(a):\n    return f{(i + 1) % 60}(a) or f{(i * 7) % 60}(a)\n" for i in range(60))
NESTED = "y = " + "(" * 150 + "openai.api_key" + ")" * 150 + "\n"
CALLS = "y = openai.Model.list()" + ".copy()" * 300 + "\n"
ATTRIBUTES = "class A:\n" + "".join(
    f"    def m{i}(self):\n        self.a{i} = self.a{i * 7 % 80}\n        return self.m{i * 3 % 80}()\n"
    for i in range(80)
)
REBOUND = "def g(x):\n" + "".join(f"    if x:\n        x = x['choices']\n    y{i} = x\n" for i in range(150)) + "g(1)\n"
ASK = """\
def ask{i}(t):
    r = openai.ChatCompletion.create(model='m', messages=t)
    s = r['choices'][0]
    return s['message']


"""
FLAGS = (
    "try:\n    from openai import OpenAI\n    NEW = True\nexcept ImportError:\n    NEW = False\n"
    + "def g(m):\n" + "    if NEW:\n        return 1\n    openai.ChatCompletion.create(messages=m)\n" * 300
)  # fmt: skip
MANAGERS = "".join(
    f"@contextlib.contextmanager\ndef c{i}():\n    with c{(i * 7 + 1) % 90}() as x:\n"
    f"        yield x['choices'] or c{i * 3 % 90}\n"
    for i in range(90)
)
BY_NAME = "x = openai\n" + "x = getattr(x, vars(x)['ChatCompletion'])\n" * 500
LOOKUPS = "d = vars(openai)\n" + "".join(f"d['k{i}'] = getattr(openai, d['k{i - 1}'])\n" for i in range(300))
COMPREHENDED = "x = " + "[y for y in " * 60 + "openai.Model.list()['data']" + "]" * 60 + "\n"
HANDED_ON = "".join(
    f"def h{i}(fn, *a, **k):\n    return h{(i + 1) % 80}(functools.partial(fn, *a), **k)\n" for i in range(80)
) + "print(h0(openai.Completion.create)['choices'])\n"  # fmt: skip
RECORDS = (
    "@dataclasses.dataclass\nclass D:\n" + "".join(f"    f{i}: object\n" for i in range(80))
    + "".join(f"def g{i}(d: D):\n    return D(f{i}=d.f{i * 7 % 80}['choices']).f{i * 3 % 80}\n" for i in range(80))
    + "d = D(openai.Completion.create(model='m'))\n"
)  # fmt: skip
QUOTED = "".join(f"x{i}: '{'list[' * 20}openai.OpenAI{']' * 20}' = x{i - 1}[0]\n" for i in range(200))
LONG = "".join(ASK.format(i=i) for i in range(850))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counted = [0]
    whole = Inference._expression

    def counting(self: Inference, node: cst.CSTNode) -> object:
        counted[0] += 1
        return whole(self, node)

    monkeypatch.setattr(Inference, "_expression", counting)
    return counted


@pytest.mark.parametrize(
    "body", [
        CHAIN, GROWN, MUTUAL, NESTED, CALLS, ATTRIBUTES, REBOUND, LONG, FLAGS, MANAGERS, BY_NAME, LOOKUPS, COMPREHENDED,
        HANDED_ON, RECORDS, QUOTED,
    ],
    ids=[
        "chain", "grown", "mutual", "nested", "calls", "attributes", "rebound", "long", "flags", "managers", "by name",
        "lookups", "comprehended", "handed on", "records", "quoted",
    ],
)  # fmt: skip
def test_steps_are_bounded_by_the_size(body: str, steps: list[int]) -> None:
    diagnostics, file = engine.analyse(
        Source.from_text("import contextlib, dataclasses, functools, openai\n\n" + body, "hostile.py"),
        Config(),
        Project(),
    )
    assert file is not None
    assert not [d for d in diagnostics if d.code.startswith("OAI0")]
    size = sum(len(nodes) for nodes in file.tree.nodes.values())
    assert steps[0] <= STEPS_PER_NODE * size, (steps[0], size)


def test_a_cycle_of_fifty_modules_ends(tmp_path: Path, steps: list[int]) -> None:
    for i in range(50):
        text = f"import openai\nfrom m{(i + 1) % 50} import ask as other\n\n\ndef ask(t):\n    return other(t)\n"
        (tmp_path / f"m{i}.py").write_text(text + "\n\nprint(ask('x')['choices'])\n")
    request = "import openai\n\n\ndef ask(t):\n    return openai.ChatCompletion.create(model='m', messages=t)\n"
    (tmp_path / "m49.py").write_text(request)
    collected = runner.collect([str(tmp_path)])
    done = runner.run(collected, Config(), jobs=1)
    assert not [d for r in done.results for d in r.diagnostics if d.code.startswith("OAI0")]
    found = {Path(r.path).stem for r in done.results if any(d.code == "OAI103" for d in r.diagnostics)}
    assert {"m48", "m47"} <= found  # followed through modules, as far as MAX_HOPS
    assert steps[0] <= 50 * 60 * STEPS_PER_NODE


def test_a_cycle_of_fifty_modules_that_pass_on_ends(tmp_path: Path, steps: list[int]) -> None:
    """Each hands what it is given to the next two; the rounds end, and each looks at a module once."""
    for i in range(50):
        near = "".join(f"from m{(i + step) % 50} import show as show{step}\n" for step in (1, 2))
        text = f"{near}\n\ndef show(r):\n    show1(r)\n    show2(r)\n    print(r['choices'])\n"
        (tmp_path / f"m{i}.py").write_text(text)
    request = "import openai\nfrom m0 import show\n\nshow(openai.ChatCompletion.create(model='m', messages=[]))\n"
    (tmp_path / "main.py").write_text(request)
    done = runner.run(runner.collect([str(tmp_path)]), Config(), jobs=1)
    assert not [d for r in done.results for d in r.diagnostics if d.code.startswith("OAI0")]
    found = {Path(r.path).stem for r in done.results if any(d.code == "OAI103" for d in r.diagnostics)}
    assert {"m0", "m1", "m2"} <= found  # as far as ROUNDS
    assert steps[0] <= 50 * 60 * STEPS_PER_NODE


def test_a_helper_that_a_thousand_calls_pass_a_response_is_joined_once(tmp_path: Path, steps: list[int]) -> None:
    (tmp_path / "show.py").write_text("".join(f"def show{i}(r):\n    print(r['choices'])\n\n\n" for i in range(100)))
    calls = "".join(f"show.show{i % 100}(r)\n" for i in range(1000))
    made = "r = openai.ChatCompletion.create(model='m', messages=[])\n"
    (tmp_path / "main.py").write_text(f"import openai\nimport show\n\n{made}{calls}")
    done = runner.run(runner.collect([str(tmp_path)]), Config(), jobs=1)
    assert sum(d.code == "OAI103" for r in done.results for d in r.diagnostics) == 100
    assert steps[0] <= 9000 * STEPS_PER_NODE


def test_what_thirty_classes_inherit_from_one_another_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten levels of three classes, each with all of the level above as its bases: three to the power of ten ways."""
    method = "    def m{l}_{k}_{i}(self):\n        return C{x}_{y}()\n"
    text = "import openai\n\n"
    for level in range(10):
        for k in range(3):
            bases = ", ".join(f"C{level - 1}_{j}" for j in range(3)) if level else "object"
            text += f"class C{level}_{k}({bases}):\n    client = openai.OpenAI()\n"
            text += "".join(method.format(l=level, k=k, i=i, x=(level * 7 + i) % 10, y=(k + i) % 3) for i in range(8))
    counted = [0]
    whole = attributes._own

    def counting(*given: object, **more: object) -> object:
        counted[0] += 1
        return whole(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(attributes, "_own", counting)
    result = engine.check_source(Source.from_text(text, "hostile.py"), Config(select=frozenset()))
    assert len(result.exports) == 30
    assert result.exports["C9_0"].words == {".client"}
    assert counted[0] <= 30 * 225 * 30  # classes, names, classes above
