"""Application Insights: the only importer of its exporter.

The Functions host already reports requests, log lines and exceptions. The app sends the spans below a
request, and metrics. If APPLICATIONINSIGHTS_AUTHENTICATION_STRING is set, which the host reads too, the
exporter signs in with the app's identity.
"""

import os
from collections.abc import Sequence
from typing import Any

from azure.core.credentials import TokenCredential

from shared import limits
from shared.limits import Limit
from shared.outside import transports

# The exporter reads these from the environment only. They stop it from reporting on itself to Microsoft, from
# reading its settings there, and from sending a metric with every batch of spans.
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
"""How often metrics are sent: Azure Monitor keeps one value per metric and minute."""

VIEWS = (
    # Under its own name, the exporter would make it the standard metric of requests, which the host already
    # reports, and drop the route.
    View(instrument_name="http.server.request.duration", name="metering.request.duration"),
)


class BelowTheHost(SpanExporter):
    """Exports server spans as internal ones, since the host has already reported the request."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        return self._exporter.export([_internal(span) for span in spans])

    def shutdown(self) -> None:
        """Release the exporter's resources."""
        self._exporter.shutdown()


def destination(
    connection_string: str,
    *,
    trace_percentage: float,
    credential: TokenCredential | None = None,
    limit: Limit = limits.INGESTION,
) -> Destination:
    """Return a destination that sends spans in batches and metrics every minute, each in its own thread.

    What cannot be sent is lost: nothing is stored on the instance's disk, which does not outlive the
    instance.

    Args:
        connection_string: of the Application Insights resource.
        trace_percentage: the share of traces that is kept, chosen by trace id as Application Insights' own
            libraries do. Metrics count all requests.
        credential: used if APPLICATIONINSIGHTS_AUTHENTICATION_STRING is set.
        limit: of one request to the ingestion endpoint.
    """
    signs_in = bool(os.environ.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING"))
    options: dict[str, Any] = {
        "connection_string": connection_string,
        "credential": credential if signs_in else None,
        "disable_offline_storage": True,
        **transports.azure_options(limit),
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
