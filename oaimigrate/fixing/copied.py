"""Helper functions that openai 0.28 shipped and nothing replaces: their few lines, copied to where they were imported.

Those that make requests are written as for 0.28: whoever gives the file its client rewrites them with the other calls.
Source: `openai/embeddings_utils.py` of openai 0.28.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from oaimigrate.diagnostics import Edit
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

_MODULE = "openai.embeddings_utils"
RETRIES = "the old helper tried six times, at random intervals; a client tries as often as its `max_retries` says"


class Helper(NamedTuple):
    """One function: its parameters, its lines, the module it needs besides the SDK, and whether it makes requests."""

    parameters: tuple[str, ...]
    lines: tuple[str, ...]
    module: str = ""
    requests: bool = False
    asynchronous: bool = False


def _embedding(*, asynchronous: bool = False, several: bool = False) -> Helper:
    text, given = ("list_of_text", "list_of_text") if several else ("text", "[text]")
    call = f"openai.Embedding.{'acreate' if asynchronous else 'create'}(input={given}, engine=engine)"
    call = f"(await {call})" if asynchronous else call
    clean = '[text.replace("\\n", " ") for text in list_of_text]' if several else 'text.replace("\\n", " ")'
    read = f'[item["embedding"] for item in {call}["data"]]' if several else f'{call}["data"][0]["embedding"]'
    return Helper((text, "engine"), (f"{text} = {clean}", f"return {read}"), "", True, asynchronous)


HELPERS = {
    "cosine_similarity": Helper(
        ("a", "b"), ("return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))",), "numpy as np"
    ),
    "get_embedding": _embedding(),
    "aget_embedding": _embedding(asynchronous=True),
    "get_embeddings": _embedding(several=True),
    "aget_embeddings": _embedding(asynchronous=True, several=True),
    "indices_of_nearest_neighbors_from_distances": Helper(
        ("distances",), ("return np.argsort(distances)",), "numpy as np"
    ),
}


def imported_as(file: FileContext, name: str) -> str | None:
    """The name that a file gives a helper which it imports at the top and nowhere else."""
    for local, bindings in file.tree.module_scope.names.items():
        binding = bindings[0]
        if len(bindings) == 1 and (binding.module, binding.member) == (_MODULE, name):
            return local if _line(file, binding.node) is not None else None
    return None


def problem(file: FileContext, name: str, local: str) -> str:
    """Why a helper cannot stand in the file, "" if it can: a request needs a model, and takes what is given today."""
    helper = HELPERS[name]
    if helper.module.endswith(" as np") and not _is_free(file, "np"):
        return "`np` means something else here"
    if not helper.requests:
        return ""
    if any(not _fits(helper, node, file) for node in _uses(file, local)):
        return f"`{name}` is not called with a text and an engine everywhere"
    return ""


def definitions(file: FileContext, names: set[str]) -> list[Edit]:
    """The helpers that a file imports under `names`, behind the imports that theirs stands among."""
    found: dict[int, list[str]] = {}
    for local in sorted(names):
        binding = file.tree.module_scope.names[local][0]
        line = _line(file, binding.node)
        assert line is not None
        found.setdefault(_last_import(file, line), []).append(_definition(file, binding.member, local))
    return [_insert(file, file.module.body[at], texts) for at, texts in found.items()]


def _definition(file: FileContext, name: str, local: str) -> str:
    helper = HELPERS[name]
    start = "async def" if helper.asynchronous else "def"
    lines = [f"{start} {local}({', '.join(helper.parameters)}):"]
    lines += [f"{file.module.default_indent}{line}" for line in helper.lines]
    return file.source.newline.join(lines)


def _line(file: FileContext, node: cst.CSTNode) -> int | None:
    """Where in the body of the module the line of an imported name stands, None where it stands in a block."""
    statement = file.parent(node)
    line = file.parent(statement) if statement is not None else None
    return next((i for i, statement in enumerate(file.module.body) if statement is line), None)


def _last_import(file: FileContext, line: int) -> int:
    body = file.module.body
    while line + 1 < len(body) and _only_imports(body[line + 1]):
        line += 1
    return line


def _only_imports(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(small, (cst.Import, cst.ImportFrom)) for small in statement.body
    )


def _insert(file: FileContext, line: cst.CSTNode, texts: list[str]) -> Edit:
    newline, end = file.source.newline, file.whole(line).end
    rest = file.text[end:]
    text = "".join(f"{newline * 2}{definition}{newline}" for definition in texts)
    if rest.strip():
        text += newline * max(0, 2 - (len(rest) - len(rest.lstrip("\r\n"))) // len(newline))
    return build.insert(end, text)


def _uses(file: FileContext, local: str) -> list[cst.Name]:
    names = (n for n in file.nodes(cst.Name) if n.value == local and n in file.tree.places)
    return [n for n in names if file.scope(n).owner_of(n.value) is file.tree.module_scope]


def _is_free(file: FileContext, name: str) -> bool:
    bindings = file.tree.module_scope.names.get(name, [])
    return all(b.how == "import" and b.module == "numpy" and not b.member for b in bindings)


def _fits(helper: Helper, node: cst.Name, file: FileContext) -> bool:
    """Whether a use gives a helper all that it takes, and no more: in a call, or through `.apply(helper, engine=…)`."""
    match file.parent(node):
        case cst.Call(func=func, args=args) if func is node:
            given, taken = list(args), 0
        case cst.Arg(keyword=None, star="") as argument:
            call = file.parent(argument)
            if (
                not isinstance(call, cst.Call)
                or not isinstance(call.func, cst.Attribute)
                or call.args[0] is not argument
            ):
                return False
            given, taken = list(call.args[1:]), 1
        case _:
            return False
    names = list(helper.parameters[: taken + sum(1 for a in given if a.keyword is None)])
    names += [a.keyword.value for a in given if a.keyword is not None]
    return not any(a.star for a in given) and sorted(names) == sorted(helper.parameters)
