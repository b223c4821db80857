"""Where the nodes of a parsed module stand in the text: code generation that counts characters.

LibCST's PositionProvider costs twice a parse, the generation of a whole file a third of one; here only the statements
that hold something to report are generated. A node has two spans: the syntactic one leaves its own parentheses,
indentation and leading comments out; the whole one has its parentheses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
from libcst._nodes.internal import CodegenState

from oaimigrate.analysis.walk import Tree
from oaimigrate.diagnostics import Span
from oaimigrate.syntax import Rows


class _Recorder(CodegenState):
    """A code generator state that notes the character offset at which each node begins and ends."""

    def __init__(self, module: cst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.offset = 0
        self._starts: list[int] = []
        self.whole: dict[cst.CSTNode, tuple[int, int]] = {}
        self.syntactic: dict[cst.CSTNode, tuple[int, int]] = {}

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.offset += len(value)

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.add_token(token)

    def pop_trailing_newline(self) -> None:
        if self.tokens:
            self.offset -= len(self.tokens.pop())

    def before_codegen(self, node: cst.CSTNode) -> None:
        self._starts.append(self.offset)

    def after_codegen(self, node: cst.CSTNode) -> None:
        self.whole[node] = (self._starts.pop(), self.offset)

    def record_syntactic_position(  # type: ignore[override]  # it is only entered and left
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> _Recording:
        return _Recording(self, node, start_node, end_node)


class _Recording:
    """The while in which a node is generated without its parentheses. Generators would cost three times as much."""

    __slots__ = ("end_node", "node", "recorder", "start", "start_node")

    def __init__(
        self, recorder: _Recorder, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> None:
        self.recorder, self.node, self.start_node, self.end_node = recorder, node, start_node, end_node

    def __enter__(self) -> None:
        self.start = self.recorder.offset

    def __exit__(self, *error: object) -> None:
        recorder = self.recorder
        start = self.start if self.start_node is None else recorder.whole[self.start_node][0]
        end = recorder.offset
        if self.end_node is not None:
            known = recorder.syntactic.get(self.end_node)
            end = known[1] if known is not None else recorder.whole[self.end_node][1]
        recorder.syntactic[self.node] = (start, end)


class Positions:
    """Character spans of the nodes of one module.

    Only the statements that hold a node that is asked for are generated, each from the row where the compiler found it;
    a statement of a class by itself. What is generated must stand in the text at that place.
    """

    def __init__(self, tree: Tree, text: str, line_starts: Sequence[int]) -> None:
        self._tree = tree
        self._text = text
        self._line_starts = line_starts
        self._recorder = _Recorder(tree.module)
        self._starts = dict(_paired(tree.module.body, tree.rows, tree.module.default_indent))
        self._generated: set[cst.CSTNode] = set()
        self._mark = int(text.startswith("\ufeff"))  # an editor may send it; LibCST leaves it out

    def span(self, node: cst.CSTNode) -> Span:
        """Without the node's own parentheses, indentation and leading comments."""
        whole = self.whole(node)
        found = self._recorder.syntactic.get(node)
        return Span(*found) if found is not None else whole

    def whole(self, node: cst.CSTNode) -> Span:
        """With the node's own parentheses; for a statement, with its leading comments and its newline."""
        found = self._recorder.whole.get(node)
        if found is None:
            self._generate(node)
            found = self._recorder.whole[node]
        return Span(*found)

    def _generate(self, node: cst.CSTNode) -> None:
        current: cst.CSTNode | None = node
        parents = self._tree.parents
        while current is not None:
            start = self._starts.get(current)
            if start is not None and self._statement(current, *start) and node in self._recorder.whole:
                return
            current = parents.get(current)
        self._everything()

    def _statement(self, node: cst.CSTNode, row: int, indent: str) -> bool:
        """Generate one statement where it stands; False if that is not what the text has there."""
        decorators = getattr(node, "decorators", ())
        leading = len(node.leading_lines) + (len(decorators[0].leading_lines) if decorators else 0)  # type: ignore[attr-defined]
        start = self._line_starts[max(row - leading, 1) - 1] or self._mark
        recorder = self._recorder
        recorder.tokens.clear()
        recorder.indent_tokens[:] = [indent] if indent else []
        recorder.offset = start
        node._codegen(recorder)
        if self._text.startswith("".join(recorder.tokens), start):
            return True
        recorder.whole.clear()
        recorder.syntactic.clear()
        self._starts.clear()
        return False

    def _everything(self) -> None:
        recorder = self._recorder = _Recorder(self._tree.module)
        recorder.offset = self._mark
        self._tree.module._codegen(recorder)
        if "".join(recorder.tokens) != self._text[self._mark :]:
            raise ValueError("LibCST does not reproduce this file; its positions cannot be trusted")


def _paired(
    body: Sequence[cst.CSTNode], rows: Sequence[Rows], default: str, indent: str = ""
) -> Iterator[tuple[cst.CSTNode, tuple[int, str]]]:
    """Each statement with its row and indentation. The compiler counts small statements, LibCST their lines."""
    at = 0
    for node in body:
        if at >= len(rows):
            return
        yield node, (rows[at].start, indent)
        if isinstance(node, cst.ClassDef) and isinstance(node.body, cst.IndentedBlock) and not indent:
            yield from _paired(node.body.body, rows[at].body, default, node.body.indent or default)
        at += len(node.body) if isinstance(node, cst.SimpleStatementLine) else 1
