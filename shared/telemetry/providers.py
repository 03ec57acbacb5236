"""Sets up OpenTelemetry's SDK; imported only if telemetry has a destination."""

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
from shared.telemetry import recording
from shared.telemetry.recording import SCOPE, Telemetry

log = logging.getLogger("metering.telemetry")


@dataclass(frozen=True)
class Destination:
    """Where spans and metrics go.

    Attributes:
        processor: receives the spans.
        reader: receives the metrics.
        sampler: decides which traces are recorded. It ignores the caller's `sampled` flag, which the
            Functions host clears on the traces that it passes on
            (https://github.com/microsoft/ApplicationInsights-dotnet/issues/2835).
        views: rename metrics or change their buckets.
    """

    processor: SpanProcessor
    reader: MetricReader
    sampler: Sampler = ALWAYS_ON
    views: tuple[View, ...] = ()


def build(*destinations: Destination) -> Telemetry:
    """Return telemetry that goes to these destinations; the last one's sampler is used.

    The Functions host kills Python without a shutdown, so what was not sent by then is lost. Elsewhere the
    SDK sends it when the process ends.

    OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES name the service.
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
    """Sends what was recorded, in a thread that is not waited for beyond the limit.

    The SDK does not keep its own limit if the ingestion endpoint or the identity does not answer. Safe to use
    from several threads: a process handles several messages of a queue at a time.
    """

    def __init__(self, send: Callable[[], None], *, limit: timedelta = limits.FLUSH) -> None:
        self._send = send
        self._limit = limit
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Send, and wait until it is done or the limit is over."""
        thread = self._sending()
        thread.join(self._limit.total_seconds())
        if thread.is_alive():
            log.warning(
                "Telemetry was not sent within %g s; the run no longer waits for it.",
                self._limit.total_seconds(),
            )

    def _sending(self) -> threading.Thread:
        """Return the thread that sends, started if none is sending."""
        with self._starting:
            # A thread that took too long may still be sending; a second one would only wait for the first.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=recording.carry(self._send), name="flush", daemon=True)
                self._thread.start()
            return self._thread
