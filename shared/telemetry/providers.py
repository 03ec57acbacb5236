"""OpenTelemetry's SDK, set up: imported only where something is recorded."""

from dataclasses import dataclass

from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from shared.telemetry.recording import SCOPE, Telemetry

FLUSH_MILLISECONDS = 5_000
"""How long the end of a timer's run may wait until everything is told of."""


@dataclass(frozen=True)
class Destination:
    """Where spans and metrics go.

    Attributes:
        sampler: which traces are recorded. It does not ask the caller's flag: the Functions host marks the
            traces that it passes on as not sampled
            (https://github.com/microsoft/ApplicationInsights-dotnet/issues/2835).
        views: how metrics are named and cut.
    """

    processor: SpanProcessor
    reader: MetricReader
    sampler: Sampler = ALWAYS_ON
    views: tuple[View, ...] = ()


def recording(*destinations: Destination) -> Telemetry:
    """Telemetry that goes to these destinations; what is left is sent when Python ends.

    OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say who we are. The last destination's sampler counts.
    """
    resource = Resource({"service.name": "metering-api"}).merge(OTELResourceDetector().detect())
    tracers = TracerProvider(sampler=destinations[-1].sampler, resource=resource)
    for destination in destinations:
        tracers.add_span_processor(destination.processor)
    meters = MeterProvider(
        metric_readers=[destination.reader for destination in destinations],
        resource=resource,
        views=[view for destination in destinations for view in destination.views],
        exemplar_filter=AlwaysOffExemplarFilter(),
    )

    def flush() -> None:
        tracers.force_flush(FLUSH_MILLISECONDS)
        meters.force_flush(FLUSH_MILLISECONDS)

    def close() -> None:
        tracers.shutdown()
        meters.shutdown()

    return Telemetry(
        tracer=tracers.get_tracer(SCOPE), meter=meters.get_meter(SCOPE), flush=flush, close=close
    )
