"""Telemetry that is kept in memory."""

from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.telemetry import providers
from shared.telemetry.providers import Destination
from shared.telemetry.recording import Telemetry


@dataclass
class Recorded:
    """What was recorded by its `telemetry`."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    telemetry: Telemetry = field(init=False)

    def __post_init__(self) -> None:
        self.telemetry = providers.build(Destination(SimpleSpanProcessor(self.exporter), self.reader))

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans, in the order of their ends."""
        return list(self.exporter.get_finished_spans())

    def metrics(self) -> dict[str, Any]:
        """Return the metrics by name, as the SDK gives them."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Return the attributes of each series of a metric, with its value or how many values there were."""
        return [
            (dict(point.attributes), getattr(point, "value", None) or getattr(point, "count", None))
            for point in self.metrics()[name].data.data_points
        ]
