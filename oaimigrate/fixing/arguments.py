"""The arguments of one 0.28 call, rewritten for v1+: renamed, made keywords, dropped, moved into `extra_body` or out
of the call into the client. What cannot be carried over is a `problem`, and then nothing of the call is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from oaimigrate.analysis.api import Method
from oaimigrate.analysis.flow import bindings_of
from oaimigrate.analysis.requests import expanded
from oaimigrate.analysis.steps import literal
from oaimigrate.diagnostics import Edit, Need, Note, Safety
from oaimigrate.fixing import edits as build

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext

ALWAYS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout"})
MODELS = ("gpt-", "text-", "code-", "davinci", "curie", "babbage", "ada", "ft:", "whisper-", "dall-e")
MODEL_NAMES = ("engine", "deployment_id", "model")  # 0.28's precedence when several are given


@dataclass(slots=True)
class Arguments:
    """What becomes of a call's arguments; `options` are the ones that choose a client, by 0.28 name."""

    edits: list[Edit] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    safety: Safety = Safety.SAFE
    problem: str = ""
    changed: bool = False

    def doubt(self, text: str) -> None:
        self.safety = max(self.safety, Safety.UNSAFE)
        self.notes.append(Note(text))


def may_be_none(file: FileContext, value: cst.BaseExpression) -> bool:
    """Whether an argument may well be None: an attribute, a look-up that may find nothing, a default that is None."""
    match value:
        case cst.Attribute() | cst.Call(func=cst.Attribute(attr=cst.Name(value="get" | "getenv")), args=[_]):
            return True
        case cst.Name():
            values = (b.value for b in bindings_of(file, value))
            return any(isinstance(v, cst.Name) and v.value == "None" for v in values)
    return False


class _Rewriter:
    def __init__(self, file: FileContext, call: cst.Call, method: Method, arguments: Sequence[cst.Arg]) -> None:
        self.file = file
        self.call = call
        self.method = method
        self.arguments = arguments
        self.result = Arguments()
        self.doomed: list[cst.Arg] = []
        self.extra: list[tuple[cst.Arg, str]] = []
        self.headers: list[tuple[cst.Arg, str]] = []
        self.present: set[str] = set()
        self.given: dict[cst.Arg, str] = {}
        self.params = method.params.get(file.config.target, frozenset())

    def run(self) -> Arguments:
        names = self.names()
        if self.result.problem:
            return self.result
        model = next((n for n in MODEL_NAMES if n in names.values()), None) if "model" in self.params else None
        self.given = names
        self.present = {n for a, n in names.items() if a.keyword is not None and n not in self.method.drop}
        for argument, name in names.items():
            if name in MODEL_NAMES and name != model and model is not None:
                self.doomed.append(argument)
                self.second_choice(next(a for a, n in names.items() if n == model), model, argument, name)
            else:
                self.one(argument, name)
        self.unpacked()
        self.merge()
        self.required(set(names.values()))
        removal = build.remove_items(self.file, self.call.args, self.doomed)
        if build.loses_comment(self.file, removal):
            self.result.doubt("a comment beside a removed argument goes with it")
        self.result.edits += removal
        self.result.edits.sort()
        self.result.changed = bool(self.result.edits)
        return self.result

    def names(self) -> dict[cst.Arg, str]:
        """The 0.28 parameter that each argument supplies."""
        found: dict[cst.Arg, str] = {}
        position = 0
        for argument in self.arguments:
            if argument.star == "*" and self.method.positional[:1] == ("api_key",):
                self.result.doubt("v1+ takes no positional arguments here: check that `*` never brings any")
            elif argument.star == "*":
                self.result.problem = "positional arguments are unpacked with `*`, so their names are not known"
            elif argument.keyword is not None:
                found[argument] = argument.keyword.value
            elif not argument.star:
                if position >= len(self.method.positional):
                    self.result.problem = f"`{self.method.old}` takes no positional argument number {position + 1}"
                    return found
                found[argument] = self.method.positional[position]
                position += 1
        return found

    def one(self, argument: cst.Arg, name: str) -> None:
        method = self.method
        if name == "api_key" and argument.keyword is None and (literal(argument.value) or "").startswith(MODELS):
            self.result.problem = (
                "0.28 took the first argument for the API key, and it names a model: give it as `model=`"
            )
        elif name in method.client:
            self.doomed.append(argument)
            if not (isinstance(argument.value, cst.Name) and argument.value.value == "None"):
                self.result.options[name] = self.file.code(argument.value)
        elif name in method.drop:
            self.doomed.append(argument)
            if name == "timeout":
                self.result.notes.append(Note("`timeout=` bounded the retries of 0.28, not the request; it is dropped"))
        elif name in method.headers:
            self.headers.append((argument, method.headers[name]))
        elif name == method.filename and name:
            self.file_name(argument)
        elif name in method.rename:
            self.rename(argument, name, method.rename[name])
        elif name in self.params or name in ALWAYS:
            self.keyword(argument, name)
        elif name == "stream" and argument.keyword is not None and self.is_false(argument.value):
            self.doomed.append(argument)
        elif name == "response_model":
            self.result.problem = (
                "`response_model=` is for instructor: make the call on `instructor.from_openai(client)`"
            )
        else:
            self.extra.append((argument, name))

    @staticmethod
    def is_false(value: cst.BaseExpression) -> bool:
        return isinstance(value, cst.Name) and value.value in ("False", "None")

    def keyword(self, argument: cst.Arg, name: str) -> None:
        """Give a positional argument its name, unless v1 takes it by position too."""
        if argument.keyword is not None:
            return
        position = list(self.arguments).index(argument)
        if position < len(self.method.positional_ok) and self.method.positional_ok[position] == name:
            return
        self.result.edits.append(build.insert(build.item_span(self.file, argument).start, f"{name}="))

    def rename(self, argument: cst.Arg, old: str, new: str) -> None:
        if new in self.present and old not in MODEL_NAMES:
            self.result.problem = f"both `{old}=` and `{new}=` are given"
            return
        if argument.keyword is None:
            self.keyword(argument, new)
        else:
            self.result.edits.append(build.replace(self.file, argument.keyword, new))
        if old == "request_timeout":
            self.timeout(argument.value)

    def second_choice(self, first: cst.Arg, chosen: str, second: cst.Arg, name: str) -> None:
        """Of `engine=` and `model=` 0.28 took the first that was not None; a deployment of Azure had to be one."""
        plain = isinstance(second.value, (cst.Name, cst.Attribute, cst.SimpleString, cst.Subscript, cst.Call))
        if plain and chosen == "engine" and may_be_none(self.file, first.value):
            end = build.item_span(self.file, first).end
            self.result.edits.append(build.insert(end, f" or {self.file.code(second.value)}"))
            self.result.doubt(f"0.28 used `{name}` to choose the model where `{chosen}` was None")
        else:
            self.result.doubt(f"0.28 used `{chosen}` and not `{name}` to choose the model")

    def timeout(self, value: cst.BaseExpression) -> None:
        """`request_timeout=(connect, read)` becomes the SDK's own `Timeout`, which every version exports."""
        if isinstance(value, cst.Tuple) and len(value.elements) == 2:
            connect, read = (self.file.code(e.value) for e in value.elements)
            text, needs = self.file.symbol("Timeout")
            self.result.needs += needs
            self.result.edits.append(build.replace_whole(self.file, value, f"{text}({read}, connect={connect})"))

    def file_name(self, argument: cst.Arg) -> None:
        file_argument = next((a for a, n in self.given.items() if n == "file"), None)
        if file_argument is None:
            self.result.problem = f"`{self.method.filename}=` without `file=` in sight"
            return
        span = build.item_span(self.file, file_argument)
        value = self.file.whole(file_argument.value)
        name = self.file.code(argument.value)
        text = f"({name}, {self.file.text[value.start : value.end]})"
        keyword = "" if file_argument.keyword is not None else "file="
        self.result.edits = [e for e in self.result.edits if e.start != span.start]
        self.result.edits.append(Edit(value.start, value.end, keyword + text))
        self.doomed.append(argument)

    def unpacked(self) -> None:
        """Look into `**kwargs` where the dict is in sight; say so where it is not."""
        if not any(a.star == "**" for a in self.arguments):
            return
        dicts = expanded(self.file, self.call)
        if not all(keys.whole and not keys.shared for keys in dicts):
            self.result.doubt(
                "`**` may hold arguments of 0.28 (`engine`, `deployment_id`, `request_timeout`, `headers`, `api_key` …)"
            )
        for key, shared in [(key, keys.shared) for keys in dicts for key in keys.spelled]:
            name = key.value if isinstance(key, cst.Name) else literal(key) or ""
            new = self.method.rename.get(name)
            if name in self.method.client:
                self.result.problem = f"`**` passes `{name}`, which belongs to the client"
            elif new is not None and shared:
                self.result.doubt(f"`**` passes `{name}`, which is `{new}` now; other code gets the dict, too")
            elif new is not None:
                quote = "" if isinstance(key, cst.Name) else key.quote
                self.result.edits.append(build.replace(self.file, key, f"{quote}{new}{quote}"))
            elif name not in self.params and name not in ALWAYS:
                self.result.doubt(f"`**` passes `{name}`, which the call does not take any more")

    def merge(self) -> None:
        """Collect request headers into `extra_headers` and unknown keywords into `extra_body`."""
        for keyword, items in (("extra_headers", self.headers), ("extra_body", self.extra)):
            if not items:
                continue
            taken = {keyword} | ({"headers"} if keyword == "extra_headers" else set())
            if taken & self.present:
                self.result.problem = f"`{keyword}=` is given already and `{items[0][1]}=` would have to go into it"
                return
            pairs = ", ".join(f'"{name}": {self.file.code(a.value)}' for a, name in items)
            first = items[0][0]
            span = build.item_span(self.file, first)
            self.result.edits.append(Edit(span.start, span.end, f"{keyword}={{{pairs}}}"))
            self.doomed += [a for a, _ in items[1:]]

    def required(self, given: set[str]) -> None:
        names = {self.method.rename.get(n, n) for n in given}
        missing = [n for n in self.method.required if n not in names]
        if missing and not any(a.star == "**" for a in self.arguments):
            listed = " and ".join(f"`{n}`" for n in missing)
            self.result.doubt(f"the call gives no {listed}, which v1+ requires")


def rewrite(file: FileContext, call: cst.Call, method: Method, arguments: Sequence[cst.Arg] | None = None) -> Arguments:
    """What becomes of the arguments (all of the call's, or the ones given) that 0.28's `method` receives."""
    return _Rewriter(file, call, method, call.args if arguments is None else arguments).run()
