"""OpenTelemetry's SDK, set up: imported only where something is recorded."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from shared import limits
from shared.telemetry import threads
from shared.telemetry.recording import SCOPE, Telemetry

log = logging.getLogger("metering.telemetry")


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
    """Telemetry that goes to these destinations.

    The Functions host ends Python without asking it, and what was not sent by then is lost. Elsewhere the SDK
    sends it at the end.

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

    def send() -> None:
        tracers.force_flush()
        meters.force_flush()

    def close() -> None:
        tracers.shutdown()
        meters.shutdown()

    return Telemetry(
        tracer=tracers.get_tracer(SCOPE), meter=meters.get_meter(SCOPE), flush=Flush(send), close=close
    )


class Flush:
    """Sends what was recorded, in a thread that is left to itself after the limit.

    The SDK's own limit is not kept where the ingestion endpoint or the identity is silent.
    """

    def __init__(self, send: Callable[[], None], *, limit: timedelta = limits.FLUSH) -> None:
        self._send = send
        self._limit = limit
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Wait until everything is sent, for as long as the limit allows."""
        # One that was left to itself still sends; another would only wait beside it.
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=threads.carried(self._send), name="flush", daemon=True)
            self._thread.start()
        self._thread.join(self._limit.total_seconds())
        if self._thread.is_alive():
            log.warning(
                "Telemetry was not sent within %g s; the run does not wait for it any longer.",
                self._limit.total_seconds(),
            )
