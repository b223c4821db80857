"""Report calls to OpenTelemetry: a client span for each and three metrics, where its API is installed.

The names are those of the GenAI semantic conventions 0.66b2, written out here because the package of constants still
renames them. The global providers decide where spans and metrics go; without one they go nowhere and cost little.
Durations are seconds. `observe` uses this for every call; it needs opentelemetry-api and nothing else.

Source: https://github.com/open-telemetry/semantic-conventions-genai and opentelemetry-semantic-conventions 0.66b2.

>>> telemetry = Telemetry.if_installed()  # None without opentelemetry-api
>>> telemetry is None or telemetry.tracer is not None
True
"""

from __future__ import annotations

import json
from typing import Any

try:
    from opentelemetry import metrics, trace
except ImportError:  # optional
    metrics = trace = None  # type: ignore[assignment]


class Telemetry:
    """A client span per call and the GenAI metrics; the global providers decide where they go."""

    @classmethod
    def if_installed(cls) -> Telemetry | None:
        return cls() if trace is not None else None

    def __init__(self) -> None:
        self.tracer, meter = trace.get_tracer(__name__), metrics.get_meter(__name__)
        self.duration = meter.create_histogram("gen_ai.client.operation.duration", "s")
        self.first = meter.create_histogram("gen_ai.client.operation.time_to_first_chunk", "s")
        self.tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}")

    def start(self, record: Any) -> Any:
        return self.tracer.start_span(f"{record.operation} {record.model}", kind=trace.SpanKind.CLIENT)

    def end(self, span: Any, record: Any) -> None:
        shared = {
            "gen_ai.operation.name": record.operation,
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": record.model,
            "gen_ai.response.model": record.response_model or record.model,
            **({"error.type": record.error} if record.error else {}),
        }
        details = {
            "gen_ai.response.id": record.response_id,
            "gen_ai.response.finish_reasons": record.finish_reasons or None,
            "gen_ai.usage.input_tokens": record.input_tokens,
            "gen_ai.usage.output_tokens": record.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": record.cached_tokens,
            "gen_ai.usage.reasoning.output_tokens": record.reasoning_tokens,
            "gen_ai.input.messages": _messages("user", record.content.get("input")),
            "gen_ai.output.messages": _messages("assistant", record.content.get("output")),
        }
        span.set_attributes({**shared, **{name: value for name, value in details.items() if value is not None}})
        if record.error:
            span.set_status(trace.StatusCode.ERROR, record.error_message)
        span.end()
        self.duration.record(record.seconds, shared)
        if record.first_token is not None:
            self.first.record(record.first_token, shared)
        for kind, count in (("input", record.input_tokens), ("output", record.output_tokens)):
            if count is not None:
                self.tokens.record(count, {**shared, "gen_ai.token.type": kind})


def _messages(role: str, text: str | None) -> str | None:
    """A recorded text in the form of the conventions: JSON, a list of messages with parts."""
    if text is None:
        return None
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False)
