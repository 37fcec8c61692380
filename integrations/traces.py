"""Traces: one for each case, off unless an endpoint is set; the libraries are an extra, and imported only then.

A case's trace id, and the id of its root span, are made from the case's id, a keyed hash. So nothing has to be carried
through ledger and Temporal, and a case that was lost there goes on in its own trace.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from contracts.errors import ConfigurationError, ConfigurationFault
from integrations.telemetry import SPAN_KEYS

PATH = "/v1/traces"
_provider: Any = None
_tracer: Any = None
_root: ContextVar[tuple[int, int] | None] = ContextVar("root_of_a_trace", default=None)


def start(endpoint: str, process: str) -> None:
    """Send this process's spans to an OTLP collector (HTTP, `endpoint` without `/v1/traces`).

    Raises ConfigurationError where the extra `traces` is not installed.
    """
    global _provider, _tracer
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    except ModuleNotFoundError as fault:
        raise ConfigurationError(
            ConfigurationFault.PART_MISSING, f"{fault.name} is missing: install wardflow[traces]", setting="traces"
        ) from None

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return root[0] if (root := _root.get()) else super().generate_trace_id()

        def generate_span_id(self) -> int:
            return root[1] if (root := _root.get()) else super().generate_span_id()

    _provider = TracerProvider(id_generator=Ids(), resource=Resource({SERVICE_NAME: f"wardflow-{process}"}))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint.rstrip("/") + PATH)))
    _tracer = _provider.get_tracer("wardflow")


def stop() -> None:
    """Send what is not sent yet; nothing is traced any more."""
    global _provider, _tracer
    if _provider:
        _provider.shutdown()
    _provider = _tracer = None


def root(case_id: str, name: str, since: datetime, **attributes: object) -> None:
    """Tell the root of a case's trace, from that moment until now."""
    if _tracer is None:
        return
    from opentelemetry.context import Context

    token = _root.set(_ids(case_id))
    try:
        span = _tracer.start_span(
            name, Context(), start_time=int(since.timestamp() * 1e9), attributes=_allowed(attributes)
        )
    finally:
        _root.reset(token)
    span.end()


@contextmanager
def span(name: str, case_id: str = "", **attributes: object) -> Iterator[None]:
    """Tell what happens in the block, and the class of the error that ends it; in the trace of the case if one is
    named, else within the span around it."""
    if _tracer is None:
        yield
        return
    from opentelemetry import trace

    context = None
    if case_id:
        trace_id, root_id = _ids(case_id)
        known = trace.SpanContext(trace_id, root_id, True, trace.TraceFlags(trace.TraceFlags.SAMPLED))
        context = trace.set_span_in_context(trace.NonRecordingSpan(known))
    elif not trace.get_current_span().get_span_context().is_valid:
        yield
        return
    with _tracer.start_as_current_span(
        name, context, attributes=_allowed(attributes), record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except Exception as fault:
            current.set_attribute("error", type(fault).__name__)
            current.set_status(trace.StatusCode.ERROR)
            raise


def _ids(case_id: str) -> tuple[int, int]:
    return int(case_id[:32], 16), int(case_id[-16:], 16)


def _allowed(attributes: dict[str, object]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, int) else str(value) for key, value in attributes.items() if key in SPAN_KEYS
    }
