"""The helpers that are copied out of openai 0.28, held against its source: what they take, and what they give.

Its module needs plotly, scikit-learn and more to be imported, so single functions are taken out of its text.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import sdk_envs

from oaimigrate.fixing.copied import HELPERS, Helper

FIND = "import importlib.util as u; print(u.find_spec('openai').submodule_search_locations[0])"
Function = Callable[..., Any]


class Embedding:
    """Stands in for `openai.Embedding`: its answer is what it was asked."""

    @staticmethod
    def create(**options: Any) -> Any:
        rows = [{"embedding": (text, options["engine"])} for text in options["input"]]
        return type("Answer", (dict,), {"data": rows})(data=rows)

    @staticmethod
    async def acreate(**options: Any) -> Any:
        return Embedding.create(**options)


class Numpy:
    """Stands in for numpy, which the environments do without: dot, norm and argsort of lists."""

    class linalg:
        @staticmethod
        def norm(a: list[float]) -> float:
            return sum(x * x for x in a) ** 0.5

    @staticmethod
    def dot(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    @staticmethod
    def argsort(a: list[float]) -> list[int]:
        return sorted(range(len(a)), key=a.__getitem__)


@pytest.fixture(scope="module")
def old() -> dict[str, ast.AST]:
    """The functions of `openai.embeddings_utils`, without decorators and annotations."""
    found = subprocess.run([sdk_envs.python(sdk_envs.OLD), "-c", FIND], capture_output=True, text=True, check=True)
    with open(f"{found.stdout.strip()}/embeddings_utils.py", encoding="utf-8") as file:
        tree = ast.parse(file.read())
    functions = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for function in functions:
        function.decorator_list.clear()
    return {f.name: f for f in functions}


def made(text: str, name: str) -> Function:
    space: dict[str, Any] = {"openai": type("openai", (), {"Embedding": Embedding}), "np": Numpy}
    exec(f"from __future__ import annotations\n{text}", space)
    function: Function = space[name]
    return function


def text_of(name: str, helper: Helper) -> str:
    lines = "".join(f"\n    {line}" for line in helper.lines)
    return f"{'async ' * helper.asynchronous}def {name}({', '.join(helper.parameters)}):{lines}"


def given(function: Function, *arguments: Any) -> Any:
    answer = function(*arguments)
    if not inspect.iscoroutine(answer):
        return answer
    with pytest.raises(StopIteration) as end:
        answer.send(None)
    return end.value.value


@pytest.mark.parametrize("name", HELPERS)
def test_a_copy_takes_and_gives_what_the_old_function_did(old: dict[str, ast.AST], name: str) -> None:
    helper = HELPERS[name]
    function, copy = made(ast.unparse(old[name]), name), made(text_of(name, helper), name)
    kinds = inspect.signature(function).parameters.values()
    assert tuple(p.name for p in kinds if p.kind is not p.VAR_KEYWORD) == helper.parameters
    assert inspect.iscoroutinefunction(function) == helper.asynchronous
    values = {"a": [3.0, 4.0], "b": [1.0, 2.0], "distances": [0.3, 0.1, 0.2], "engine": "m"}
    values |= {"text": "a\nb", "list_of_text": ["a\nb", "c"]}
    arguments = [values[p] for p in helper.parameters]
    assert given(copy, *arguments) == given(function, *arguments)
