"""Prints spans and metrics for people to read: one line per span, and per metric and set of attributes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import format_span_id, format_trace_id

from shared.telemetry.providers import Destination

PRINT_SECONDS = 10
"""How often metrics are printed."""


class SpanLines(SpanExporter):
    """Prints `span <kind> <name> <milliseconds> [ERROR] trace=… span=… parent=… attributes`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Print spans."""
        for span in spans:
            self._stream.write(_span(span) + "\n")
        self._stream.flush()
        return SpanExportResult.SUCCESS


class MetricLines(MetricExporter):
    """Prints `metric <name> <change since the last line> <unit> attributes`, if there was a change."""

    def __init__(self, stream: TextIO) -> None:
        delta = AggregationTemporality.DELTA
        super().__init__(preferred_temporality={Counter: delta, Histogram: delta})
        self._stream = stream

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object
    ) -> MetricExportResult:
        """Print metrics."""
        for metric in _metrics(metrics_data):
            for line in _points(metric):
                self._stream.write(line + "\n")
        self._stream.flush()
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Return True: nothing is buffered."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Do nothing: no resources are held."""


def destination(stream: TextIO) -> Destination:
    """Return a destination that prints each span when it ends, and metrics every `PRINT_SECONDS`."""
    return Destination(
        processor=SimpleSpanProcessor(SpanLines(stream)),
        reader=PeriodicExportingMetricReader(
            MetricLines(stream), export_interval_millis=PRINT_SECONDS * 1000
        ),
    )


def _span(span: ReadableSpan) -> str:
    milliseconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e6
    context = span.get_span_context()
    trace_id = format_trace_id(context.trace_id) if context else "-"
    span_id = format_span_id(context.span_id) if context else "-"
    parent = format_span_id(span.parent.span_id) if span.parent else "-"
    failed = "" if span.status.is_ok else " ERROR"
    return (
        f"span {span.kind.name} {span.name} {milliseconds:.1f} ms{failed} "
        f"trace={trace_id} span={span_id} parent={parent}{_text(span.attributes or {})}"
    )


def _metrics(data: MetricsData) -> Iterator[Metric]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            yield from scope.metrics


def _points(metric: Metric) -> Iterator[str]:
    for point in metric.data.data_points:
        if isinstance(point, HistogramDataPoint) and point.count:
            mean = f"{point.count} x {point.sum / point.count:.4g} (at most {point.max:.4g})"
            yield f"metric {metric.name} {mean} {metric.unit}{_text(point.attributes or {})}"
        elif isinstance(point, NumberDataPoint) and point.value:
            yield f"metric {metric.name} {point.value:g} {metric.unit}{_text(point.attributes or {})}"


def _text(attributes: Mapping[str, object]) -> str:
    return "".join(f" {name}={value}" for name, value in sorted(attributes.items()))
