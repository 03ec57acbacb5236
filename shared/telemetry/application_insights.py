"""Application Insights: the only importer of its exporter.

The Functions host reports requests, log lines and exceptions there already; from here go the spans below a
request and the metrics. With APPLICATIONINSIGHTS_AUTHENTICATION_STRING, which the host reads too, the
exporter signs in as the app.
"""

import os
from collections.abc import Sequence
from typing import Any

from azure.core.credentials import TokenCredential

from shared import limits
from shared.limits import Limit
from shared.outside import azure_transport

# The exporter reads these from the environment only. It shall not report on itself to Microsoft's resources,
# nor take settings from there, nor send a metric with every batch of spans.
for _switch in (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
):
    os.environ.setdefault(_switch, "true")

from azure.monitor.opentelemetry.exporter import (  # noqa: E402
    ApplicationInsightsSampler,
    AzureMonitorMetricExporter,
    AzureMonitorTraceExporter,
)
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: E402
from opentelemetry.sdk.metrics.view import View  # noqa: E402
from opentelemetry.sdk.trace import ReadableSpan  # noqa: E402
from opentelemetry.sdk.trace.export import (  # noqa: E402
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: E402
from opentelemetry.trace import SpanKind  # noqa: E402

from shared.telemetry.providers import Destination  # noqa: E402

EXPORT_SECONDS = 60
"""How often metrics are sent: Azure Monitor keeps one value of each a minute."""


VIEWS = (
    # By its own name the exporter would turn it into the standard metric of requests, which the host counts
    # already, and drop the route.
    View(instrument_name="http.server.request.duration", name="metering.request.duration"),
)


class BelowTheHost(SpanExporter):
    """Passes server spans on as internal ones, since the host has reported the request that they serve."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        return self._exporter.export([_internal(span) for span in spans])

    def shutdown(self) -> None:
        """Give back what it holds."""
        self._exporter.shutdown()


def destination(
    connection_string: str,
    *,
    trace_percentage: float,
    credential: TokenCredential | None = None,
    limit: Limit = limits.INGESTION,
) -> Destination:
    """Sends spans in batches and metrics every minute, each from a thread of its own.

    What cannot be sent is lost: the disk of an instance goes with it.

    Args:
        connection_string: of the Application Insights resource.
        trace_percentage: the share of the traces that is kept, chosen by their ids as Application Insights'
            own libraries choose; metrics count all of them.
        limit: of each sending.
        credential: signs in, where APPLICATIONINSIGHTS_AUTHENTICATION_STRING demands it.
    """
    signs_in = bool(os.environ.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING"))
    options: dict[str, Any] = {
        "connection_string": connection_string,
        "credential": credential if signs_in else None,
        "disable_offline_storage": True,
        **azure_transport.options(limit),
    }
    spans = AzureMonitorTraceExporter(**options)
    metrics = AzureMonitorMetricExporter(**options)
    return Destination(
        processor=BatchSpanProcessor(BelowTheHost(spans)),
        reader=PeriodicExportingMetricReader(metrics, export_interval_millis=EXPORT_SECONDS * 1000),
        sampler=ALWAYS_ON if trace_percentage == 100 else ApplicationInsightsSampler(trace_percentage / 100),
        views=VIEWS,
    )


def _internal(span: ReadableSpan) -> ReadableSpan:
    if span.kind is not SpanKind.SERVER:
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=SpanKind.INTERNAL,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
