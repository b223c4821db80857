"""Which files import which, and which of them read what others hand out, as far as bytes tell."""

from __future__ import annotations

import pytest

from oaimigrate.consumers import Consumers, holds
from oaimigrate.diagnostics import Export
from oaimigrate.imports import importers, imports, parts

ASK = {"ask": Export(frozenset(), "a response")}
MODEL = {"Model": Export(frozenset({"ask"}), "a class")}


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("from app.llm import ask", {"ask"}),
        ("from app.llm import ask as query, other", {"ask", "as", "query", "other"}),
        ("from app.llm import (\n    other,  # not (this)\n    ask,\n)", {"other", "ask"}),
        ("from app.llm import other, \\\n    ask", {"other", "ask"}),
        ("from app.llm import *", {"*"}),
        ("def f():\n    from .llm import ask", {"ask"}),
        ("from . import llm", {"."}),
        ("from app import other, llm", {"."}),
        ("import os, app.llm as model", {"."}),
        ("import app.llm\nfrom app.llm import ask", {".", "ask"}),
        ("from ..llm import ask", set()),
        ("from other.llm import ask", set()),
        ("from llm import ask", {"ask"}),
        ("import app.llm.more", set()),
        ("x = 'import app.llm'", set()),
        ("important = from_app = 1", set()),
    ],
)
def test_what_is_taken_from_a_module(text: str, taken: set[str]) -> None:
    found = imports("app/main.py", f"import os\n{text}\n".encode())
    assert found.taken(parts("app/llm.py")) == taken
    assert (parts("app/llm.py") in set(found.modules())) == bool(taken)


def test_an_absolute_import_starts_in_a_folder_above_or_beside_in_src() -> None:
    def finds(importer: str, module: str) -> bool:
        return importers([module], [(importer, imports(importer, b"from pkg.llm import ask\n"))]) == [importer]

    assert finds("a/b/c.py", "pkg/llm.py")
    assert finds("a/b/c.py", "a/pkg/llm.py")
    assert finds("a/tests/c.py", "a/src/pkg/llm.py")
    assert not finds("a/b/c.py", "other/pkg/llm.py")
    assert not finds("a/b/c.py", "a/lib/pkg/llm.py")


def test_a_notebook_imports_in_its_json() -> None:
    cell = rb'{"cells": [{"source": ["import os\n", "from llm import ask\n"]}, {"source": "x = 1\nimport other"}]}'
    found = imports("a/n.ipynb", cell)
    assert "ask" in found.taken(parts("a/llm.py"))
    assert found.taken(parts("a/other.py")) == {"."}


def readers(files: dict[str, str], exports: dict[str, dict[str, Export]]) -> list[str]:
    consumers = Consumers(lambda path: files[path].encode())
    others = [path for path in files if path not in exports]
    consumers.among(list(files))
    return sorted(path for path, _ in consumers.of(exports.items(), set(others)))


def test_only_who_takes_the_name_reads_it() -> None:
    files = {
        "app/llm.py": "",
        "app/takes.py": "from app.llm import ask\n",
        "app/whole.py": "from app import llm\nllm.ask()\n",
        "app/other.py": "from app.llm import settings\nask = 1\n",
        "app/words.py": "from app import llm\nllm.task()\n",
        "app/own.py": "from app import llm\nllm.start()\nask = print\n",
        "app/named.py": "from app import llm\ngetattr(llm, 'ask')()\n",
        "app/both.py": "from app import llm\nfrom app.llm import ask\n",
        "app/foreign.py": "from lib.llm import ask\n",
    }
    assert readers(files, {"app/llm.py": ASK}) == ["app/both.py", "app/named.py", "app/takes.py", "app/whole.py"]


def test_an_example_in_a_docstring_imports_nothing() -> None:
    texts = {
        "module.py": '"""Say:\n\n    from llm import ask\n"""\nask = 1\n',
        "nested.py": "def f():\n    '''\n    from llm import ask\n    it\\'s''' + r'\\'\n",
        "quoted.py": 'text = "it is \\"" + \'"""\'\nfrom llm import ask\nmore = \'"""\'\n',
        "comment.py": '# don\'t, and """ neither\nfrom llm import ask\n# it\'s """\n',
    }
    files = {"llm.py": "", **texts}
    assert readers(files, {"llm.py": ASK}) == ["comment.py", "quoted.py"]


def test_of_a_class_a_member_must_be_used() -> None:
    files = {
        "llm.py": "",
        "uses.py": "from llm import Model\nModel().ask()\n",
        "names.py": "from llm import Model\nModel().asked()\n",
    }
    assert readers(files, {"llm.py": MODEL}) == ["uses.py"]
    files["names.py"] = "from llm import Model\n\ndef make():\n    return Model()\n"
    files["reads.py"] = "from names import make\nmake().ask()\n"
    assert readers(files, {"llm.py": MODEL}) == ["names.py", "uses.py"]  # `names` hands it to one that uses a member


def test_packages_that_only_import_are_looked_through() -> None:
    files = {
        "pkg/llm.py": "",
        "pkg/sub/__init__.py": '"""Parts."""\nfrom ..llm import ask as query\n\n__all__ = ["query"]\n',
        "pkg/__init__.py": "from .sub import *\n",
        "main.py": "from pkg import query\n",
        "blind.py": "from pkg import ask\n",
    }
    assert readers(files, {"pkg/llm.py": ASK}) == ["main.py"]
    files["pkg/sub/__init__.py"] += 'VERSION = "1"\n\ndef about():\n    return VERSION\n'
    assert readers(files, {"pkg/llm.py": ASK}) == ["main.py"]  # it does nothing with what it hands on
    files["pkg/sub/__init__.py"] += "LAST = query()\n"
    assert readers(files, {"pkg/llm.py": ASK}) == ["pkg/sub/__init__.py"]  # its own analysis says what it hands on


@pytest.mark.parametrize(
    "use",
    [
        "from . import llm\n\ndef two():\n    return llm.ask(), llm.ask()\n",
        "from .llm import *\nCALLS = {'ask': 1}\n",
        "from .llm import *\n(",
        "from .llm import ask\nclass ask:\n    pass\n",
        "from .llm import ask\nif ask:\n    pass\n",
        "from .llm import ask as own\nrun(own)\n",
    ],
)
def test_packages_that_say_a_name_are_looked_at(use: str) -> None:
    assert "pkg/__init__.py" in readers({"pkg/llm.py": "", "pkg/__init__.py": use}, {"pkg/llm.py": ASK})


def test_a_word_is_not_a_part_of_another() -> None:
    assert all(holds(data, word) for data, word in [(b"x.ask()", "ask"), (b"x.ask()", ".ask"), (b"ask", "ask")])
    assert not any(holds(data, word) for data, word in [(b"task asked ask_", "ask"), (b"x.asks", ".ask")])
