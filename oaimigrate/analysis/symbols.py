"""Names of the SDK that stand for clients."""

from __future__ import annotations

from oaimigrate.analysis.kinds import Client

CLIENTS = {
    "OpenAI": Client(False), "Client": Client(False), "AsyncOpenAI": Client(True), "AsyncClient": Client(True),
    "AzureOpenAI": Client(False, True), "AsyncAzureOpenAI": Client(True, True),
}  # fmt: skip
