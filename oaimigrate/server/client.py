"""What the editor at the other end can do, asked once of what it said when it connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lsprotocol import types


@dataclass(frozen=True)
class Client:
    """Abilities of the client, and the units it counts columns in."""

    encoding: str = "utf-16"
    pulls: bool = False  # asks for diagnostics; other clients are sent them
    refreshes: bool = False  # asks again when told that its diagnostics are old
    related: bool = False  # shows places that belong to a finding
    tags: bool = False
    markdown: bool = False  # in hovers
    resolves: bool = False  # asks for the edits of an action when it is chosen
    literals: bool = False  # takes code actions that are not commands
    versioned: bool = False  # takes edits for a version of a document
    watches: bool = False  # watches files for the server
    shows: bool = False  # opens a document for the server

    @classmethod
    def of(cls, capabilities: types.ClientCapabilities, encoding: str) -> Client:
        """The client that said `capabilities`."""
        publish = _at(capabilities, "text_document.publish_diagnostics")
        action = _at(capabilities, "text_document.code_action")
        formats = _at(capabilities, "text_document.hover.content_format") or ()
        return cls(
            encoding=encoding,
            pulls=_at(capabilities, "text_document.diagnostic") is not None,
            refreshes=bool(_at(capabilities, "workspace.diagnostics.refresh_support")),
            related=bool(_at(publish, "related_information")),
            tags=_at(publish, "tag_support") is not None,
            markdown=types.MarkupKind.Markdown in formats,
            resolves="edit" in (_at(action, "resolve_support.properties") or ()),
            literals=_at(action, "code_action_literal_support") is not None,
            versioned=bool(_at(capabilities, "workspace.workspace_edit.document_changes")),
            watches=bool(_at(capabilities, "workspace.did_change_watched_files.dynamic_registration")),
            shows=bool(_at(capabilities, "window.show_document.support")),
        )


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name, None)
    return value
