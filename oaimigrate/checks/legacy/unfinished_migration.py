"""OAI112: what `openai migrate` commented out and left to do: settings that no client got, calls that are gone.

It wrote "The 'openai.api_base' option isn't read in the client API …" above a setting, and "The resource 'Engine' has
been deprecated" above a call, and made comments of both.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from oaimigrate.analysis.calls import constructed
from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.kinds import Client
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Need, Note, Safety, Span
from oaimigrate.fixing import edits as build
from oaimigrate.fixing.construction import line_start
from oaimigrate.registry import Rule
from oaimigrate.suppress import comments_of

rule = Rule("OAI112")

OPTION = re.compile(r"# [A-Z]+: The 'openai\.(?P<name>\w+)' option isn't read in the client API")
EXAMPLE = re.compile(r"e\.g\. '\w*OpenAI\(\w+=(?P<value>.*)\)'\s*$")
RESOURCE = re.compile(r"# [A-Z]+: The resource '(?P<name>\w+)' has been deprecated")
CALL = re.compile(r"\bopenai\.(?P<path>[A-Z]\w+\.\w+)")
LONGEST = 40  # lines of a commented-out statement


@dataclass(frozen=True, slots=True)
class Comment:
    """A line that holds nothing but a comment."""

    row: int
    span: Span
    text: str


@rule.on(cst.Module)
def markers(node: cst.Module, file: FileContext) -> Iterator[Diagnostic]:
    """Every marker of the file; the comments are read only where there is one."""
    if not OPTION.search(file.text) and not RESOURCE.search(file.text):
        return
    found, _ = comments_of(file.source)
    alone = [
        Comment(row, span, file.text[span.start : span.end])
        for row, span in found
        if not file.text[line_start(file, span.start) : span.start].strip()
    ]
    for index, comment in enumerate(alone):
        following = _following(alone, index)
        if option := OPTION.match(comment.text):
            yield from _option(file, comment, option["name"], following)
        elif resource := RESOURCE.match(comment.text):
            yield _resource(file, comment, resource["name"], following)


def _following(comments: list[Comment], index: int) -> list[Comment]:
    """The comments on the rows below one, without a gap."""
    block = comments[index + 1 : index + 1 + LONGEST]
    return [c for offset, c in enumerate(block, 1) if c.row == comments[index].row + offset]


# -- settings ---------------------------------------------------------------------------------------------------------


def _option(file: FileContext, comment: Comment, name: str, following: list[Comment]) -> Iterator[Diagnostic]:
    """A setting: silent where every client of the file has it by now."""
    row = file.api.settings.get(name)
    clients = [c for c in file.nodes(cst.Call) if constructed(file, c) is not None]
    lacking = [c for c in clients if not _has(file, c, name)]
    if row is None or (clients and not lacking):
        return
    option = _argument_name(file, lacking[0] if lacking else None, name)
    what = f"no client here is given `{option}=`" if option else "no client takes it"
    message = f"`openai migrate` made a comment of `openai.{name}`, and {what}"
    fix, reason = _carried(file, comment, name, option, following, lacking)
    notes = [Note(f"not rewritten: {reason}")] if reason else []
    notes += [Note(row.advice)] if not option and row.advice else []
    yield Diagnostic(rule.code, message, comment.span, fix, tuple(notes))


def _has(file: FileContext, client: cst.Call, name: str) -> bool:
    wanted = {name, file.api.settings[name].option, *(("azure_endpoint", "base_url") if name == "api_base" else ())}
    return any(a.star or (a.keyword is not None and a.keyword.value in wanted) for a in client.args)


def _argument_name(file: FileContext, client: cst.Call | None, name: str) -> str:
    azure = client is not None and "Azure" in (constructed(file, client) or "")
    if name == "api_base" and azure:
        return "azure_endpoint"
    return "" if name == "api_version" and not azure else file.api.settings[name].option


def _carried(
    file: FileContext, comment: Comment, name: str, option: str, following: list[Comment], clients: list[cst.Call]
) -> tuple[Fix | None, str]:
    """The setting as an argument of the only client, in place of the comments; else why not."""
    value, last = _value(comment, name, following)
    if not option:
        return None, ""
    if len(clients) != 1:
        return None, "the client is not built in this file" if not clients else "there are several clients"
    values = {_value(c, name, _after(file, c))[0] for c in _markers_of(file, name)}
    if value is None or len(values) > 1:
        return None, "its value is not known" if value is None else "it had several values"
    client = clients[0]
    if not _known_at(file, value, client):
        return None, "its value is made of names that the client does not know"
    needs: tuple[Need, ...] = ()
    if option == "http_client":
        kind = "DefaultAsyncHttpxClient" if "Async" in (constructed(file, client) or "") else "DefaultHttpxClient"
        symbol, wanted = file.symbol(kind)
        value, needs = f"{symbol}(proxy={value})", tuple(wanted)
    edits = (_lines(file, comment, last), build.add_arguments(file, client, [f"{option}={value}"]))
    return Fix(f"Pass `{option}=` to the client", tuple(sorted(edits)), Safety.UNSAFE, needs), ""


def _markers_of(file: FileContext, name: str) -> list[Comment]:
    found, _ = comments_of(file.source)
    comments = [Comment(row, span, file.text[span.start : span.end]) for row, span in found]
    return [c for c in comments if (m := OPTION.match(c.text)) and m["name"] == name]


def _after(file: FileContext, comment: Comment) -> list[Comment]:
    found, _ = comments_of(file.source)
    comments = [Comment(row, span, file.text[span.start : span.end]) for row, span in found]
    return _following(comments, next(i for i, c in enumerate(comments) if c.row == comment.row))


def _value(comment: Comment, name: str, following: list[Comment]) -> tuple[str | None, Comment]:
    """The value that the setting had, and the last comment that speaks of it."""
    start = f"openai.{name} = "
    for count, code in _statements(following):
        if code.startswith(start):
            return code.removeprefix(start).strip(), following[count - 1]
        break
    example = EXAMPLE.search(comment.text)
    value = example["value"] if example else None
    return (value if value and _parses(f"x = {value}") else None), comment


def _known_at(file: FileContext, value: str, client: cst.Call) -> bool:
    """Whether every name of a value is bound where the client is built, before it."""
    scope, here = file.scope(client), file.tree.orders[client]
    for node in ast.walk(ast.parse(value, mode="eval")):
        if isinstance(node, ast.Name):
            owner = scope.owner_of(node.id)
            if owner is None or min(b.order for b in owner.names[node.id]) > here:
                return False
    return True


# -- calls ------------------------------------------------------------------------------------------------------------


def _resource(file: FileContext, comment: Comment, name: str, following: list[Comment]) -> Diagnostic:
    message = f"`openai migrate` made a comment of a call of `openai.{name}`, which the code around it relies on"
    for count, code in _statements(following):
        call = CALL.search(code)
        row = file.api.methods.get(call["path"]) if call is not None else None
        if call is None or row is None:
            break
        if not row[0].new:
            return Diagnostic(rule.code, message, comment.span, None, (Note(row[0].advice),))
        fix = _restored(file, comment, following[count - 1], code, call, row[0].new)
        notes = () if fix else (Note(f"not rewritten: write `client.{row[0].new}` there"),)
        return Diagnostic(rule.code, message, comment.span, fix, notes)
    return Diagnostic(rule.code, message, comment.span, None, (Note("not rewritten: the call is not there any more"),))


def _restored(
    file: FileContext, comment: Comment, last: Comment, code: str, call: re.Match[str], new: str
) -> Fix | None:
    """The call as it was, where another rule rewrites it, or on the client that the file has."""
    held = file.plan.existing.get(False)
    client = _client_at(file, comment) or (held.text if held is not None and not held.needs else "")
    if client:
        code = code[: call.start()] + f"{client}.{new}" + code[call.end() :]
    elif file.module_name != "openai":
        return None
    start = line_start(file, comment.span.start)
    indent = file.text[start : comment.span.start]
    newline = file.source.newline
    lines = newline.join(indent + line if line.strip() else line for line in code.splitlines())
    edit = Edit(start, last.span.end, lines)
    if not _parses(file.text[: edit.start] + lines + file.text[edit.end :]):
        return None
    return Fix("Make the call again", (edit,), Safety.UNSAFE)


def _client_at(file: FileContext, comment: Comment) -> str:
    """The client of the function that a comment stands in, or of its class."""
    around = [f for f in file.nodes(cst.FunctionDef) if (s := file.span(f)).start < comment.span.start < s.end]
    for function in reversed(around):
        scope = file.tree.scope_of_node[function]
        owner = scope.parent
        held = [(name, bindings) for name, bindings in scope.names.items()]
        if owner is not None and owner.kind == "class" and function.params.params:
            receiver = function.params.params[0].name.value
            held += [(f"{receiver}.{name}", found) for name, found in file.tree.attributes.get(owner, {}).items()]
        for name, bindings in held:
            kinds = {file.inference.binding(b).kind for b in bindings}
            if kinds == {Client(False)} or kinds == {Client(False, True)}:
                return name
    return ""


# -- comments as code -------------------------------------------------------------------------------------------------


def _statements(comments: list[Comment]) -> Iterator[tuple[int, str]]:
    """The first statement that the comments spell, and how many of them it takes."""
    lines = []
    for count, comment in enumerate(comments, 1):
        lines.append(comment.text.lstrip("#").removeprefix(" "))
        code = textwrap.dedent("\n".join(lines))
        if code.strip() and _parses(code):
            yield count, code
            return


def _parses(code: str) -> bool:
    try:
        ast.parse(code.removeprefix("\ufeff"))
    except (SyntaxError, ValueError):
        return False
    return True


def _lines(file: FileContext, first: Comment, last: Comment) -> Edit:
    """Delete the rows from one comment to another."""
    end = last.span.end
    newline = file.source.newline
    end += len(newline) if file.text.startswith(newline, end) else 0
    start = line_start(file, first.span.start)
    if file.text[:start].endswith(newline * 2) and file.text.startswith(newline, end):
        end += len(newline)  # they stood between blank lines: one of them is enough
    return Edit(start, end, "")
