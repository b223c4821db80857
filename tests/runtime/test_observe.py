"""Records of calls that went well, badly or unfinished; what they add up to; what they must not contain."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import logging
import threading
from types import SimpleNamespace

import openai
import pytest

from oaimigrate.runtime.observe import CallRecord, Ledger, Observer, RedactingFilter, SpikeDetector, redact

from .answers import AnswerServer
from .faults import FaultServer, script

ASK = {"model": "m", "messages": [{"role": "user", "content": "my secret plan"}]}
OTEL = importlib.util.find_spec("opentelemetry.sdk") is not None if importlib.util.find_spec("opentelemetry") else False


def sync_client(server: FaultServer) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-clientkey0123456789", base_url=server.base_url, max_retries=0, timeout=0.5)


def observer(**options: object) -> tuple[Observer, list[CallRecord]]:
    records: list[CallRecord] = []
    return Observer(records.append, **{"price": lambda model, usage: 0.25, **options}), records  # type: ignore[arg-type]


def check(record: CallRecord) -> None:
    assert str(record.request_id).startswith("req_")
    assert record.response_id == "chatcmpl-"
    assert (record.input_tokens, record.output_tokens) == (7, 4)
    assert record.server_seconds == 0.012
    assert record.finish_reasons == ("stop",)
    assert record.status == 200
    assert record.cost == 0.25
    assert record.error is None
    assert 0 < record.seconds < 5
    assert record.content == {}
    assert "secret plan" not in repr(record)


def test_a_call_and_a_stream_are_recorded() -> None:
    watch, records = observer()
    with FaultServer() as server, sync_client(server) as client:
        answer = watch.call(client.chat.completions, **ASK, tags={"user": "u1"})
        assert answer.choices[0].message.content == "echo my secret plan"
        assert answer._request_id == records[0].request_id
        text = [c.choices[0].delta.content or "" for c in watch.stream(client.chat.completions, **ASK) if c.choices]
        assert "".join(text) == "echo my secret plan"
        assert server.requests[1].body["stream_options"] == {"include_usage": True}
    for record in records:
        check(record)
    assert records[0].first_token is None
    assert records[1].first_token is not None
    assert records[1].first_token <= records[1].seconds
    assert watch.ledger.totals()["user", "u1"].cost == 0.25


def test_async_calls_and_streams_are_recorded() -> None:
    watch, records = observer()

    async def main() -> None:
        with FaultServer() as server:
            async with openai.AsyncOpenAI(api_key="k", base_url=server.base_url) as client:
                await watch.acall(client.chat.completions, **ASK)
                async with await watch.astream(client.chat.completions, **ASK) as stream:
                    assert [c async for c in stream]

    asyncio.run(main())
    assert len(records) == 2
    for record in records:
        check(record)


def test_failures_are_recorded_and_raised() -> None:
    watch, records = observer()
    with FaultServer(script("quota", "timeout", "stream_reset")) as server, sync_client(server) as client:
        with pytest.raises(openai.RateLimitError):
            watch.call(client.chat.completions, **ASK, tags={"user": "u"})
        with pytest.raises(openai.APITimeoutError):
            watch.call(client.chat.completions, **ASK, tags={"user": "u"})
        with pytest.raises(Exception) as raised:  # noqa: PT011 - raw httpx errors in 1.x and 2.x
            list(watch.stream(client.chat.completions, **ASK, tags={"user": "u"}))
    quota, timeout, broken = records
    assert (quota.error, quota.error_code, quota.status) == ("RateLimitError", "insufficient_quota", 429)
    assert str(quota.request_id).startswith("req_")
    assert (timeout.error, timeout.status) == ("APITimeoutError", None)
    assert broken.error == type(raised.value).__name__
    assert broken.first_token is not None
    assert broken.output_tokens is None
    totals = watch.ledger.totals()["user", "u"]
    assert (totals.calls, totals.errors, totals.unpriced, totals.cost) == (3, 3, 3, 0.0)


def test_a_stream_left_early_is_recorded_once() -> None:
    watch, records = observer()
    with (
        FaultServer() as server,
        sync_client(server) as client,
        watch.stream(client.chat.completions, **ASK) as stream,
    ):
        next(iter(stream))
        stream.close()
    assert len(records) == 1
    assert records[0].error is None


def test_content_is_recorded_only_when_asked_for_and_redacted() -> None:
    watch, records = observer(record_content=True)
    ask = {"model": "m", "messages": [{"role": "user", "content": "use sk-proj-0123456789abcdef"}]}
    with FaultServer() as server, sync_client(server) as client:
        watch.call(client.chat.completions, **ask)
    assert records[0].content["output"] == "echo use [redacted]"
    assert "sk-proj" not in str(records[0].content)
    assert "[redacted]" in records[0].content["input"]


def test_nothing_that_observes_can_hurt_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def bad(*args: object) -> float:
        raise ZeroDivisionError

    watch = Observer(bad, price=bad)
    with FaultServer() as server, sync_client(server) as client:
        assert watch.call(client.chat.completions, **ASK, tags={"t": "x"}).choices
    assert caplog.text.count("observing a call failed") == 2
    assert watch.ledger.totals()["t", "x"].calls == 1


def test_the_default_sink_logs_without_content(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with FaultServer() as server, sync_client(server) as client:
        Observer(record_content=True).call(client.chat.completions, **ASK)
    assert "input_tokens=7" in caplog.text
    assert "secret plan" not in caplog.text


SECRETS = [
    "Incorrect API key provided: sk-abc***************wxyz.",
    "Authorization: Bearer eyJhbGciOi.J9-_x=",
    "proxy http://me:pa55@proxy:3128 refused",
    "api-key: 0123456789abcdef0123456789abcdef",
    "{'api-key': '0123456789abcdef'}",
    "https://h/?api_key=0123456789abcdef",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_redacted(text: str) -> None:
    clean = redact(text)
    assert "[redacted]" in clean
    assert not [s for s in ("abc**", "eyJ", "pa55", "0123456789") if s in clean]
    assert redact(clean) == clean or "[redacted]" in redact(clean)


def test_ordinary_text_is_left_alone() -> None:
    text = "the risk-assessment at https://example.org/a:b asks for a task-force, 12:30"
    assert redact(text) == text


def test_the_logging_filter_redacts_arguments_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(secrets := RedactingFilter())
    logging.getLogger("x").warning("key %s of %d", "sk-0123456789abcdef", 3)
    caplog.handler.removeFilter(secrets)
    assert caplog.messages == ["key [redacted] of 3"]


def test_spikes_are_flagged_per_model() -> None:
    watch, records = observer(spikes=SpikeDetector(minimum_calls=5, floor=100))
    with FaultServer() as server, sync_client(server) as client:
        for tokens in [50] * 6 + [900, 50]:
            server.tokens = tokens
            watch.call(client.chat.completions, **ASK)
    assert [bool(r.anomalies) for r in records] == [False] * 6 + [True, False]


def test_the_ledger_is_bounded_and_thread_safe() -> None:
    ledger = Ledger(size=10)

    def work() -> None:
        for n in range(500):
            ledger.add(CallRecord("chat", "m", {"user": f"u{n}"}, cost=1.0))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    totals = ledger.totals()
    assert len(totals) == 11
    assert sum(t.calls for t in totals.values()) == 2000


@pytest.mark.skipif(not OTEL, reason="opentelemetry is not installed")
def test_spans_and_metrics_follow_the_genai_conventions() -> None:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    watch, _ = observer()
    told, _ = observer(record_content=True)
    with FaultServer(script("ok", "ok", "quota", "ok")) as server, sync_client(server) as client:
        watch.call(client.chat.completions, **ASK)
        list(watch.stream(client.chat.completions, **ASK))
        with pytest.raises(openai.RateLimitError):
            watch.call(client.chat.completions, **ASK)
        told.call(client.chat.completions, **ASK)
    good, streamed, bad, recorded = exporter.get_finished_spans()
    assert recorded.attributes is not None
    (output,) = json.loads(str(recorded.attributes["gen_ai.output.messages"]))
    assert output == {"role": "assistant", "parts": [{"type": "text", "content": "echo my secret plan"}]}
    assert "my secret plan" in str(recorded.attributes["gen_ai.input.messages"])
    provider.shutdown()  # the global provider outlives this test: it must not keep the spans of later ones
    assert good.name == streamed.name == "chat m"
    assert good.attributes is not None
    assert good.attributes["gen_ai.provider.name"] == "openai"
    assert good.attributes["gen_ai.usage.output_tokens"] == 4
    assert good.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert not [name for name in good.attributes if "messages" in name]
    assert bad.attributes is not None
    assert bad.attributes["error.type"] == "RateLimitError"
    data = reader.get_metrics_data()
    assert data is not None
    names = {m.name for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert names == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    }


def test_prices_come_from_genai_prices_where_it_is_installed() -> None:
    from oaimigrate.runtime.observe import genai_price

    usage = SimpleNamespace(prompt_tokens=1000, completion_tokens=1000)
    price = genai_price("gpt-4o-mini", usage)
    if importlib.util.find_spec("genai_prices") is None:
        assert price is None
    else:
        assert price is not None
        assert 0 < price < 0.1
        assert genai_price("no-such-model", usage) is None
        usage.prompt_tokens_details = SimpleNamespace(cached_tokens=900, audio_tokens=None)
        assert genai_price("gpt-4o-mini", usage) < price


EMBEDDINGS = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt-4o",
    "output": [],
    "usage": {
        "input_tokens": 9,
        "output_tokens": 4,
        "total_tokens": 13,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens_details": {"reasoning_tokens": 2},
    },
}


def test_embeddings_responses_and_answers_of_unknown_shape_are_recorded(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[CallRecord] = []
    watch = Observer(seen.append)
    odd = {**EMBEDDINGS, "object": "chat.completion", "choices": [7], "usage": "none"}
    with (
        AnswerServer({"raw": EMBEDDINGS}, {"raw": RESPONSE}, {"raw": odd}) as server,
        openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client,
    ):
        watch.call(client.embeddings, model="text-embedding-3-small", input="x", encoding_format="float")
        watch.call(client.responses, model="gpt-4o", input="x")
        assert watch.call(client.chat.completions, **ASK).model == "text-embedding-3-small"
    embedding, response, _ = seen
    assert (embedding.operation, embedding.input_tokens, embedding.output_tokens) == ("embeddings", 3, None)
    assert (response.operation, response.input_tokens, response.output_tokens) == ("chat", 9, 4)
    assert (response.cached_tokens, response.reasoning_tokens) == (8, 2)
    assert not [r for r in caplog.records if "observing a call" in r.message]


def test_the_logging_filter_redacts_tracebacks_too() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(RedactingFilter())
    log = logging.Logger("x")
    log.addHandler(handler)
    try:
        raise ValueError("no such key: sk-proj-0123456789abcdef")
    except ValueError:
        log.exception("failed")
    assert "Traceback" in written.getvalue()
    assert "no such key: [redacted]" in written.getvalue()
