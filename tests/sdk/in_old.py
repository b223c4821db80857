"""Runs inside the environment of openai 0.28: prints every public name that the package has, as JSON.

Modules are read as source, because some of them import packages that nobody has installed; classes are asked at run
time.
"""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import Any

import openai
import openai.error
from openai.api_resources.abstract import APIResource
from openai.openai_object import OpenAIObject

ROOT = Path(openai.__file__).parent


def own_names(tree: ast.Module) -> list[str]:
    """Public names that a module binds itself, and names it re-exports from another module of the package."""
    names: list[str] = []
    for node in (n for top in tree.body for n in _flat(top)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return sorted({n for n in names if not n.startswith("_")})


def _flat(node: ast.stmt) -> list[ast.stmt]:
    """A statement and, where it is a condition or a try, those in its branches."""
    if isinstance(node, (ast.If, ast.Try)):
        branches = [*node.body, *node.orelse, *getattr(node, "finalbody", [])]
        branches += [s for handler in getattr(node, "handlers", []) for s in handler.body]
        return [s for branch in branches for s in _flat(branch)]
    return [node]


def modules() -> dict[str, list[str]]:
    """Every module below `openai` but its tests, with its own public names."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "tests" in parts or parts == ("__init__",):
            continue
        name = ".".join(p for p in parts if p != "__init__")
        found[name] = own_names(ast.parse(path.read_text(encoding="utf-8")))
    return found


def environment() -> list[str]:
    """Names of the environment variables that the package reads."""
    names = set()
    for path in ROOT.rglob("*.py"):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.environ.get", "os.getenv", "environ.get"):
                names.add(ast.literal_eval(node.args[0]))
            elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
                names.add(ast.literal_eval(node.slice))
    return sorted(names)


def members(cls: type) -> dict[str, Any]:
    """Public members beyond those of a dictionary: parameters by kind, or None for a plain attribute."""
    shown: dict[str, Any] = {}
    for name in dir(cls):
        if not name.startswith("_") and not hasattr(dict, name):
            shown[name] = signature(cls, name)
    return shown


def signature(cls: type, name: str) -> Any:
    """Parameters of a method. A wrapper that takes `*args` speaks for the method that it overrides.

    `create` takes some keywords out of its `**params`: they count as keywords too.
    """
    for base in cls.__mro__:
        member = base.__dict__.get(name)
        function = getattr(member, "__func__", member)
        if not inspect.isfunction(function):
            continue
        parameters = list(inspect.signature(function).parameters.values())[1:]
        kinds = [p.kind for p in parameters]
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            return {
                "positional": [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD],
                "keywords": [p.name for p in parameters if p.kind is p.KEYWORD_ONLY] + popped(base, name),
            }
    return {"positional": None, "keywords": []} if callable(getattr(cls, name)) else None


def popped(cls: type, name: str) -> list[str]:
    """Names that the class takes out of the parameters of a request."""
    if name not in ("create", "acreate"):
        return []
    calls = [n for n in ast.walk(ast.parse(inspect.getsource(cls))) if isinstance(n, ast.Call)]
    return sorted({ast.literal_eval(c.args[0]) for c in calls if ast.unparse(c.func) == "params.pop"})


def errors() -> dict[str, Any]:
    """Every exception with the parameters of its constructor and the public attributes of an instance."""
    found = {}
    for name, cls in vars(openai.error).items():
        if isinstance(cls, type) and issubclass(cls, Exception):
            parameters = list(inspect.signature(cls.__init__).parameters)[1:]
            known = {n for n in dir(_instance(cls)) if not n.startswith("__")} - set(dir(Exception()))
            found[name] = {"parameters": parameters, "attributes": sorted(known), "base": cls.__bases__[0].__name__}
    return found


def _instance(cls: type) -> Exception:
    needed = [p for p in inspect.signature(cls).parameters.values() if p.default is p.empty]
    error = cls(*("x" for _ in needed))
    assert isinstance(error, Exception)
    return error


def main() -> None:
    dictionary = [n for n in dir(dict) if not n.startswith("_")]
    top = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    imports = [n for n in top.body if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("openai")]
    imported = [alias.name for node in imports for alias in node.names]
    resources = {n: members(c) for n, c in vars(openai).items() if isinstance(c, type) and issubclass(c, OpenAIObject)}
    instance = [n for n in vars(OpenAIObject()) if not n.startswith("_")]
    print(
        json.dumps(
            {
                "version": openai.VERSION,
                "names": sorted({"__version__", *own_names(top), *imported}),
                "modules": modules(),
                "environment": environment(),
                "resources": resources,
                "inherited": sorted(members(APIResource)),
                "object": sorted({*members(OpenAIObject), *instance, *dictionary}),
                "errors": errors(),
            }
        )
    )


main()
