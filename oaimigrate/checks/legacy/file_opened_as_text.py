"""OAI114: an upload that is text: a file opened without "b", a `StringIO`, a string. The SDK takes bytes only."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from oaimigrate.analysis.file import FileContext
from oaimigrate.analysis.flow import bindings_of
from oaimigrate.analysis.kinds import External, Member, Symbol
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Diagnostic, Edit, Fix, Note, Safety
from oaimigrate.fixing import edits as build
from oaimigrate.registry import Rule

rule = Rule("OAI114")

UPLOADS = {
    "files.create": ("file",),
    "audio.transcriptions.create": ("file",),
    "audio.translations.create": ("file",),
    "images.edit": ("image", "mask"),
    "images.create_variation": ("image",),
    "uploads.parts.create": ("data",),
    "containers.files.create": ("file",),
}
TEXT_MODES = ("r", "rt", "tr")


@rule.on(cst.Call)
def upload(node: cst.Call, file: FileContext) -> Iterator[Diagnostic]:
    """`client.files.create(file=open("train.jsonl"), …)`."""
    for name, value in _uploaded(file, node):
        yield from _text(file, name, value)


def _uploaded(file: FileContext, node: cst.Call) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The arguments of a call that are sent as files, with their names."""
    kind = file.kind(node.func).kind
    row = file.api.methods.get(kind.path) if isinstance(kind, Symbol) else None
    path = kind.path if isinstance(kind, Member) else row[0].new if row is not None else ""
    wanted = UPLOADS.get(path, ())
    names = row[0].positional if row is not None else ()
    position = 0
    for item in node.args if wanted else ():
        name = item.keyword.value if item.keyword is not None else ""
        if not name and not item.star:
            name = names[position] if position < len(names) else ""
            position += 1
        if name in wanted:
            yield name, item.value


def _text(file: FileContext, name: str, value: cst.BaseExpression) -> Iterator[Diagnostic]:
    named = isinstance(value, cst.Tuple) and len(value.elements) > 1  # `("train.jsonl", open(…))` takes a string, too
    if isinstance(value, cst.Tuple) and named:
        value = value.elements[1].value
    where = file.span(value)
    source = _source(file, value)
    if isinstance(source, cst.Call) and file.kind(source.func).kind == External("io.StringIO"):
        message = f"`{name}=` takes no text since openai 1.0: `StringIO` raises TypeError"
        yield Diagnostic(rule.code, message, where, None, (Note("write `io.BytesIO(text.encode())`"),))
    elif isinstance(source, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
        if not named and not (isinstance(source, cst.SimpleString) and "b" in source.prefix.lower()):
            message = f"`{name}=` takes no text since openai 1.0: a string raises RuntimeError"
            note = Note("pass `text.encode()` for the contents, or `pathlib.Path(name)` for a file")
            yield Diagnostic(rule.code, message, where, None, (note,))
    elif isinstance(source, cst.Call) and _opens_text(file, source):
        message = f'`{name}=` takes no text since openai 1.0: a file opened without "b" raises TypeError'
        fix = _binary(file, source) if source is value or _used_once(file, value) else None
        why = 'not rewritten: the file is used in other ways too, or opened with an encoding; open it with "rb"'
        yield Diagnostic(rule.code, message, where, fix, () if fix else (Note(why),))


def _source(file: FileContext, node: cst.BaseExpression) -> cst.BaseExpression:
    """The `open(…)` behind a name that `=` or `with` binds once."""
    if not isinstance(node, cst.Name):
        return node
    found = bindings_of(file, node)
    single = len(found) == 1 and found[0].how in ("assign", "with") and not found[0].path
    return found[0].value if single and found[0].value is not None else node


def _opens_text(file: FileContext, call: cst.Call) -> bool:
    builtin = (
        isinstance(call.func, cst.Name) and call.func.value == "open" and file.scope(call).owner_of("open") is None
    )
    if not builtin or not call.args or any(a.star for a in call.args):
        return False
    mode = _mode(call)
    return mode is None or literal(mode.value) in TEXT_MODES


def _mode(call: cst.Call) -> cst.Arg | None:
    given = [a for a in call.args if a.keyword is None]
    return given[1] if len(given) > 1 else next((a for a in call.args if a.keyword and a.keyword.value == "mode"), None)


def _binary(file: FileContext, call: cst.Call) -> Fix | None:
    """The same file, opened as bytes; a file that is opened with an encoding is for a reader."""
    mode = _mode(call)
    if any(a.keyword is not None and a.keyword.value != "mode" for a in call.args):
        return None
    if mode is None:
        end = build.item_span(file, call.args[0]).end
        edit = Edit(end, end, ', "rb"')
    elif isinstance(mode.value, cst.SimpleString):
        edit = build.replace(file, mode.value, f"{mode.value.quote}rb{mode.value.quote}")
    else:
        return None
    return Fix('Open it with "rb"', (edit,), Safety.UNSAFE)


def _used_once(file: FileContext, name: cst.BaseExpression) -> bool:
    """Whether nothing else reads the file that a name holds."""
    assert isinstance(name, cst.Name)
    owner = file.scope(name).owner_of(name.value)
    uses = [n for n in file.nodes(cst.Name) if n.value == name.value and file.scope(n).owner_of(n.value) is owner]
    return all(
        n is name or isinstance(file.parent(n), (cst.AssignTarget, cst.AsName)) or _is_close(file, n) for n in uses
    )


def _is_close(file: FileContext, node: cst.CSTNode) -> bool:
    parent = file.parent(node)
    return isinstance(parent, cst.Attribute) and parent.attr.value == "close"
