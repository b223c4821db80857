"""Runs inside the environment of an SDK from 1 on: prints its client's methods, its models and its names, as JSON.

The classes to describe come as an argument, so that the script knows nothing of the map.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys
import types
import typing
from functools import cached_property
from pathlib import Path
from typing import Any

import openai
import pydantic

ROOT = Path(openai.__file__).parent
OPTIONS = {"extra_headers", "extra_query", "extra_body", "timeout"}


def calls(resource: object, path: str = "") -> dict[str, Any]:
    """The public methods of a client's resources, by dotted path."""
    found: dict[str, Any] = {}
    for name in dir(type(resource)):
        if name.startswith(("_", "with_")):
            continue
        member = inspect.getattr_static(type(resource), name)
        if isinstance(member, (cached_property, property)):
            below = getattr(resource, name)
            if type(below).__module__.startswith("openai.resources"):
                found |= calls(below, f"{path}{name}.")
        elif inspect.isfunction(member) and path:
            found[path + name] = describe(member)
    return found


def describe(function: Any) -> dict[str, Any]:
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1:]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    variants = _variants(function)
    if variants:
        needed = [p.name for p in parameters if all(p.name in v for v in variants)]
    return {
        "positional": [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD],
        "keywords": [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in OPTIONS],
        "options": sorted(OPTIONS & set(signature.parameters)),
        "required": needed,
        "returns": str(signature.return_annotation).strip("'"),
    }


def _variants(function: Any) -> list[list[str]]:
    """Overloads are checked by a decorator at run time; its closure holds what each of them requires."""
    while function is not None:
        for cell in function.__closure__ or ():
            content = cell.cell_contents
            if isinstance(content, tuple) and content and all(isinstance(v, (list, tuple)) for v in content):
                return [list(v) for v in content]
        function = getattr(function, "__wrapped__", None)
    return []


def model(path: str) -> Any:
    """The fields of a model by JSON key, as attribute and type; None when this SDK has no such class."""
    module, _, name = path.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None
    fields = {f.alias or n: [n, expression(f.annotation)] for n, f in cls.model_fields.items()}
    properties = [n for n in dir(cls) if not n.startswith("_") and isinstance(inspect.getattr_static(cls, n), property)]
    inherited = set(dir(pydantic.BaseModel))
    return {"fields": fields, "properties": sorted(set(properties) - inherited)}


def expression(annotation: Any) -> list[str]:
    """The alternatives of an annotation: "str", "dict", "list[...]", "None", or the path of a model."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return expression(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return sorted({e for a in arguments for e in expression(a)})
    if origin is typing.Literal:
        return sorted({type(a).__name__ for a in arguments})
    if origin is list:
        return [f"list[{'|'.join(expression(arguments[0]))}]"]
    if origin is dict:
        return ["dict"]
    if annotation is type(None):
        return ["None"]
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return [f"{annotation.__module__}.{annotation.__qualname__}"]
    return [getattr(annotation, "__name__", str(annotation))]


def exceptions() -> dict[str, Any]:
    """Every exception that `openai` exports, with its base and where an instance carries what."""
    return {
        name: value.__bases__[0].__name__
        for name, value in vars(openai).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }


def environment() -> list[str]:
    """Names of environment variables that the package reads: strings in the place of a key."""
    names: set[str] = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("environ.get", "getenv")):
                names |= {str(a.value) for a in node.args[:1] if isinstance(a, ast.Constant)}
    return sorted(names)


def main() -> None:
    sync, asynchronous = openai.OpenAI(api_key="x"), openai.AsyncOpenAI(api_key="x")
    azure = inspect.signature(openai.AzureOpenAI.__init__).parameters
    print(
        json.dumps(
            {
                "version": openai.VERSION,
                "calls": calls(sync),
                "async_calls": calls(asynchronous),
                "models": {path: model(path) for path in sys.argv[1].split()},
                "names": sorted(n for n in dir(openai) if not n.startswith("_") or n == "__version__"),
                "settings": sorted(n for n in openai.__annotations__ if not n.startswith("_")),
                "client": sorted(n for n in dir(sync) if not n.startswith("_")),
                "client_options": sorted({*inspect.signature(openai.OpenAI.__init__).parameters, *azure} - {"self"}),
                "exceptions": exceptions(),
                "environment": environment(),
                "binary_content": sorted(n for n in dir(openai.HttpxBinaryResponseContent) if not n.startswith("_")),
            }
        )
    )


main()
