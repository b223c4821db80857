"""OAI401: `choices[0]` of a stream's chunk, taken without a check that there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from oaimigrate.analysis.calls import asks_for_usage, constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import ancestors, bindings_of, source_of, within
from oaimigrate.analysis.guards import Subject, end_index, guarded, path_of, sifted
from oaimigrate.analysis.kinds import Doubt, Function, ListOf, Model
from oaimigrate.analysis.reach import (
    at_openai,
    constructions,
    has_own_fields,
    is_local,
    is_openai,
    may_be_local,
    request_behind,
)
from oaimigrate.analysis.scopes import Binding
from oaimigrate.analysis.steps import argument, literal
from oaimigrate.analysis.unguarded import GATEWAYS
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.registry import Rule

rule = Rule("OAI401")

Loop = cst.For | cst.CompFor
Chain = list[tuple[cst.CSTNode, cst.CSTNode]]  # suites from the outside in, each with one of its lines


@dataclass(frozen=True, slots=True)
class Access:
    """One `chunk.choices[0]`: the list, the chunk's path, and the loop that binds the chunk (None: `next(stream)`)."""

    node: cst.Subscript
    index: str
    holder: str
    loop: Loop | None
    stream: cst.BaseExpression | None
    doubt: Doubt | None


@rule.on(cst.For, cst.CompFor)
def loop(node: Loop, file: FileContext) -> Iterator[Diagnostic]:
    """`for chunk in stream: … chunk.choices[0] …`, reported once for a loop."""
    value = file.kind(node.target) if isinstance(node.target, cst.Name) else None
    if value is None or value.kind != Model("ChatCompletionChunk") or sifted(file, node.iter, ".choices"):
        return
    if file.is_test or has_own_fields(file, node) or _always_sends_choices(file, node.iter):
        return
    found = [a for a in _accesses(file) if a.loop is node]
    open_ones = [a for a in found if not _guarded(file, a)]
    if open_ones:
        yield _finding(file, open_ones)


def _always_sends_choices(file: FileContext, stream: cst.BaseExpression) -> bool:
    """Whether no usage was asked for, of a server that is not known to send such chunks unasked."""
    bindings = bindings_of(file, stream) if isinstance(stream, cst.Name) else []
    values = [b.value for b in bindings if b.how == "assign" and b.value is not None and path_of(b.value) != "None"]
    if len(bindings) > 1 and len(values) > 1:
        return all(_always_sends_choices(file, value) for value in values)
    reached = request_behind(file, stream)
    if reached is None:  # whatever is asked, it is asked here
        built = [c for c in file.nodes(cst.Call) if constructed(file, c)]
        if "include_usage" in file.text:
            return bool(built) and all(is_local(file, c) for c in built)
        return bool(built) and all(_is_known(file, c) for c in built)
    home, call = reached.file, reached.call
    if call.argument("stream_options") is not None or (call.open_ended and "include_usage" in home.text):
        return False
    func = call.node.func
    if may_be_local(home, func) or at_openai(home, func):
        return True
    found = constructions(home, func)
    if None in found:  # what callers bring is like what is built here
        found = [(home, c) for c in home.nodes(cst.Call) if constructed(home, c)]
    return bool(found) and all(c is not None and _is_known(*c) for c in found)


def _is_known(file: FileContext, construction: cst.Call) -> bool:
    """Whether a server is OpenAI's, or its address stands in the code: whoever wrote it has seen what it sends."""
    if is_openai(file, construction):
        return True
    address = argument(construction, "base_url")
    text = literal(source_of(file, address)) if address is not None else None
    if text is None or "Azure" in (constructed(file, construction) or ""):
        return False
    return "azure" not in text and not any(f"//{host}/" in f"{text}/" for host in GATEWAYS)


@rule.on(cst.Subscript)
def single(node: cst.Subscript, file: FileContext) -> Iterator[Diagnostic]:
    """`next(stream).choices[0]`, or a chunk that a loop hands to a function."""
    access = _access(file, node)
    if access is None or access.loop is not None or _guarded(file, access):
        return
    if access.stream is not None and _always_sends_choices(file, access.stream):
        return
    same = (a for a in _accesses(file) if a.holder == access.holder and file.scope(a.node) is file.scope(node))
    if not access.holder or next(same).node is node:
        yield _finding(file, [access])


def _accesses(file: FileContext) -> list[Access]:
    found = (_access(file, node) for node in file.nodes(cst.Subscript))
    return [access for access in found if access is not None]


def _access(file: FileContext, node: cst.Subscript) -> Access | None:
    index = end_index(node)
    if not index:
        return None
    value = file.kind(node.value)
    if value.kind != ListOf(Model("ChunkChoice")):
        return None
    choices = node.value
    if isinstance(choices, cst.Name):  # `choices = chunk.choices`
        bindings = bindings_of(file, choices)
        if len(bindings) != 1 or not isinstance(bindings[0].value, cst.Attribute) or bindings[0].path:
            return None
        choices = bindings[0].value
    if not isinstance(choices, cst.Attribute):
        return None  # `chunk["choices"]` is OAI103's, and becomes an attribute
    origin = _origin(file, choices.value)
    return Access(node, index, path_of(choices.value), *origin, value.doubt) if origin is not None else None


def _origin(file: FileContext, chunk: cst.BaseExpression) -> tuple[Loop | None, cst.BaseExpression | None] | None:
    """The loop that binds a chunk and the stream it comes from; None where neither can be seen."""
    for _ in range(4):
        if isinstance(chunk, cst.Await):
            chunk = chunk.expression
        if isinstance(chunk, cst.Call):
            if path_of(chunk.func) in ("next", "anext") and len(chunk.args) == 1:
                return None, chunk.args[0].value
            return None
        if not isinstance(chunk, cst.Name):
            return None
        bindings = bindings_of(file, chunk)
        if len(bindings) != 1:
            return None
        binding = bindings[0]
        if binding.how == "for" and not binding.path:
            return _loop_of(file, binding), binding.value
        if binding.how == "param":
            return _handed_over(file, binding)
        if binding.how != "assign" or binding.value is None or binding.path:
            return None
        chunk = binding.value
    return None


def _handed_over(file: FileContext, parameter: Binding) -> tuple[None, cst.BaseExpression] | None:
    """The stream whose chunks every call in this file hands to a function as they come."""
    function = parameter.scope.node
    if not isinstance(function, cst.FunctionDef) or file.is_test:
        return None
    stream: cst.BaseExpression | None = None
    for call in file.inference.index.calls(function.name.value):
        kind = file.kind(call.func).kind
        if not isinstance(kind, Function) or kind.node is not function:
            continue
        given = [a.value for a in call.args if file.kind(a.value).kind == Model("ChatCompletionChunk")]
        bindings = bindings_of(file, given[0]) if len(given) == 1 and isinstance(given[0], cst.Name) else []
        loop = _loop_of(file, bindings[0]) if len(bindings) == 1 and bindings[0].how == "for" else None
        if loop is None or sifted(file, loop.iter, ".choices") or has_own_fields(file, loop):
            return None
        holder = path_of(given[0])
        if guarded(file, call, Subject(frozenset({f"{holder}.choices", f"{holder}.usage"}), holder, loop)):
            return None
        stream = loop.iter
    return (None, stream) if stream is not None else None


def _loop_of(file: FileContext, binding: Binding) -> Loop | None:
    parent = file.parent(binding.node)
    return parent if isinstance(parent, (cst.For, cst.CompFor)) else None


def _guarded(file: FileContext, access: Access) -> bool:
    if isinstance(file.statement(access.node), cst.Assert):
        return True  # a test that asks for this very chunk
    reached = request_behind(file, access.stream) if access.stream is not None else None
    keys = {f"{access.holder}.choices", path_of(access.node.value)}
    if reached is None or not reached.call.azure:  # the first chunk of Azure has neither choices nor usage
        keys.add(f"{access.holder}.usage")
    return guarded(file, access.node, Subject(frozenset(keys - {""}), access.holder, access.loop))


def _finding(file: FileContext, found: list[Access]) -> Diagnostic:
    first = found[0]
    element = f"`choices[{first.index}]`"
    reached = request_behind(file, first.stream) if first.stream is not None else None
    severity = "error"
    if reached is not None and asks_for_usage(reached.call):
        message = f"{element} raises IndexError at the last chunk, which carries only the usage that was asked for"
    elif reached is not None and reached.call.azure:
        message = f"{element} raises IndexError at the first chunk of Azure, which carries only filter results"
    else:
        message, severity = f"{element} of a chunk may not be there", ""
    fix, notes = _fix(file, found)
    confidence = "certain" if first.doubt is None else "maybe"
    doubts = file.doubts(file.kind(first.node.value))
    message = f"{message}; skip chunks without `choices`"
    return Diagnostic(rule.code, message, file.span(first.node), fix, (*notes, *doubts), confidence, severity)


def _fix(file: FileContext, found: list[Access]) -> tuple[Fix | None, tuple[Note, ...]]:
    """`if not chunk.choices: continue` ahead of the first statement that takes a choice."""
    node = found[0].loop
    if not isinstance(node, cst.For):
        return None, (Note("not rewritten: there is no loop body in which a chunk could be skipped"),)
    chains = [_lines(file, node, access.node) for access in found]
    statement = _place([chain for chain in chains if chain is not None]) if None not in chains else None
    if statement is None:
        return None, (Note("not rewritten: the guard has no line of its own to stand on"),)
    holder = found[0].holder
    reason = _lost(file, node, statement, holder)
    if not any(chain and chain[-1][0] is file.parent(statement) for chain in chains):
        reason = "a branch of the loop that takes no choice would be skipped too"
    if reason is not None:
        return None, (Note(f"not rewritten: {reason}"),)
    start = file.span(statement).start
    line = max(file.text.rfind("\n", 0, start), file.text.rfind("\r", 0, start)) + 1
    indent = file.text[line:start]
    if indent.strip():
        return None, (Note("not rewritten: the guard has no line of its own to stand on"),)
    newline, step = file.source.newline, file.module.default_indent
    text = f"if not {holder}.choices:{newline}{indent}{step}continue{newline}{indent}"
    return Fix("Skip chunks without choices", (Edit(start, start, text),), Safety.UNSAFE), ()


def _place(chains: list[Chain]) -> cst.CSTNode | None:
    """The line that the guard goes ahead of: in the innermost suite around all uses, and of this very loop."""
    place: cst.CSTNode | None = None
    for level in zip(*chains, strict=False):
        suite, line = level[0]
        if any(other is not suite for other, _ in level):
            break
        place = line
        if any(other is not line for _, other in level):
            break
    return place


def _lines(file: FileContext, loop: cst.For, node: cst.CSTNode) -> Chain | None:
    """The suites from the loop's body down to a use, each with its line; None where `continue` could not stand."""
    found: Chain = []
    after_elif = False
    for child, parent in ancestors(file, node):
        if isinstance(parent, cst.SimpleStatementSuite):
            return None
        if isinstance(parent, (cst.FunctionDef, cst.Lambda)):
            return None
        if isinstance(parent, cst.IndentedBlock):
            found.append((parent, child))
        if isinstance(parent, (cst.For, cst.While)) and parent is not loop and child is parent.body:
            found.clear()  # `continue` would belong to the inner loop
        if isinstance(parent, cst.If) and child is parent.orelse and isinstance(child, cst.If) and not found:
            after_elif = True  # the guard would have to stand between two tests
        if parent is loop:
            return found[::-1] if child is loop.body and not after_elif else None
    return None


def _lost(file: FileContext, loop: cst.For, statement: cst.CSTNode, holder: str) -> str | None:
    """Why chunks without choices must still reach the rest of the loop, if they must."""
    after = file.span(statement).start
    for node in within(loop.body, functions=False):
        if path_of(node) == f"{holder}.usage" and file.span(node).start >= after:
            return f"the loop reads `{holder}.usage` after it; put that first"
    return None
