"""Where every node of a parsed module stands in the text: one code generation that counts characters.

LibCST's PositionProvider costs twice a parse; this costs a third of one and is asked for only when a file has
something to report. A node has two spans: the syntactic one leaves its own parentheses, indentation and leading
comments out; the whole one has its parentheses.
"""

from __future__ import annotations

import libcst as cst
from libcst._nodes.internal import CodegenState

from oaimigrate.diagnostics import Span


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
    """Character spans of the nodes of one module; `code` is what the tree generates, the text it came from."""

    def __init__(self, module: cst.Module) -> None:
        recorder = _Recorder(module)
        module._codegen(recorder)
        self._recorder = recorder
        self.code = "".join(recorder.tokens)

    def span(self, node: cst.CSTNode) -> Span:
        found = self._recorder.syntactic.get(node)
        return Span(*found) if found is not None else self.whole(node)

    def __contains__(self, node: cst.CSTNode) -> bool:
        return node in self._recorder.whole

    def whole(self, node: cst.CSTNode) -> Span:
        return Span(*self._recorder.whole[node])
