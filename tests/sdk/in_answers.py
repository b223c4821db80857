"""Runs inside any SDK: makes answers of the API into objects, and prints what expressions with `r` give.

The argument is a JSON object by model: the `data` of the answer, the path of its class (`cls`, unused in 0.28) and the
`reads`, {name: expression}.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import openai


def answer(data: dict[str, Any], cls: str) -> Any:
    """The object that the SDK itself makes of the JSON."""
    if openai.VERSION.startswith("0."):
        return openai.util.convert_to_openai_object(data)
    module, _, name = cls.rpartition(".")
    made: Any = importlib.import_module("openai._models")
    return made.construct_type(type_=getattr(importlib.import_module(module), name), value=data)


def shown(value: Any) -> Any:
    """A form that JSON and both worlds share: views become lists, models become what the API sent."""
    if isinstance(value, openai.BaseModel if hasattr(openai, "BaseModel") else ()):
        return value.to_dict()
    if isinstance(value, dict):
        return {k: shown(v) for k, v in value.items()}
    if isinstance(value, (str, int, float, type(None))):
        return value
    return [shown(v) for v in value]


def given(expression: str, r: Any) -> Any:
    try:
        return shown(eval(expression, {"r": r}))
    except Exception as failed:
        return {"raises": type(failed).__name__}


def main() -> None:
    found = {}
    for model, row in json.loads(sys.argv[1]).items():
        r = answer(row["data"], row["cls"])
        found[model] = {name: given(expression, r) for name, expression in row["reads"].items()}
    print(json.dumps(found))


main()
