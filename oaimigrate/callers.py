"""The files that may pass a response to one that is named: found from bytes, against the direction of imports.

A named file without anything that looks like a read of a response, a client or an error is not asked about: most are
such files, and looking at whoever imports them would cost as much as looking at the whole project.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from oaimigrate.consumers import Module, importers, imports

_READS = re.compile(
    rb"""[\["'.](?:choices|usage|(?:total|prompt|completion)_tokens|finish_reason|embeddings?|b64_json|logprobs|top_logprobs"""
    rb"""|function_call|tool_calls|delta|completions|responses|ChatCompletion|Completion|http_status|user_message|json_body"""
    rb"""|to_dict_recursive)\b"""
    rb"""|(?:\[|\bget\()[ \t]*["'](?:message|content|text|data|id|model|url|role|error|code|param|type|status)["']"""
    rb"""|\bjson\.dumps?\(|\bdict\("""
)


def reads(data: bytes) -> bool:
    """Whether a file has functions and something in it that is done with responses, clients or errors of the SDK."""
    return b"def " in data and _READS.search(data) is not None


def callers(asked: Iterable[str], paths: Iterable[str], read: Callable[[str], bytes], hops: int) -> set[str]:
    """Those of `paths` that import one of `asked` which reads something, or import such a file, and so on."""
    near = [path for path in asked if path.endswith(".py") and reads(read(path))]
    wanted: dict[str, frozenset[Module]] = {}
    found: set[str] = set(near)
    for _ in range(hops if near else 0):
        wanted = wanted or {path: imports(path, read(path)) for path in paths}
        near = [path for path in importers(near, wanted) if path not in found]
        found.update(near)
    return found
