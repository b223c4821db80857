"""Where every node of a parsed module stands in the text: one code generation that counts characters.

LibCST's PositionProvider costs twice a parse; this costs a third of one and is asked for only when a file has
something to report. A node has two spans: the syntactic one leaves its own parentheses, indentation and leading
comments out; the whole one has its parentheses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import libcst as cst
from libcst._nodes.internal import CodegenState

from oaimigrate.diagnostics import Span


class _Recorder(CodegenState):
    """A code generator state that notes the character offset at which each node begins and ends."""

    def __init__(self, module: cst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.offset = 0
        self.whole: dict[cst.CSTNode, list[int]] = {}
        self.syntactic: dict[cst.CSTNode, Span] = {}

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
        self.whole[node] = [self.offset, -1]

    def after_codegen(self, node: cst.CSTNode) -> None:
        self.whole[node][1] = self.offset

    @contextmanager
    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Iterator[None]:
        start = self.offset
        yield
        if start_node is not None:
            start = self.whole[start_node][0]
        end = self.offset
        if end_node is not None:
            end = self.syntactic[end_node].end if end_node in self.syntactic else self.whole[end_node][1]
        self.syntactic[node] = Span(start, end)


class Positions:
    """Character spans of the nodes of one module; `code` is what the tree generates, the text it came from."""

    def __init__(self, module: cst.Module) -> None:
        recorder = _Recorder(module)
        module._codegen(recorder)
        self._recorder = recorder
        self.code = "".join(recorder.tokens)

    def span(self, node: cst.CSTNode) -> Span:
        found = self._recorder.syntactic.get(node)
        return found if found is not None else self.whole(node)

    def __contains__(self, node: cst.CSTNode) -> bool:
        return node in self._recorder.whole

    def whole(self, node: cst.CSTNode) -> Span:
        start, end = self._recorder.whole[node]
        return Span(start, end)
