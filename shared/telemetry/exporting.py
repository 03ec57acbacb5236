"""Sends telemetry where the settings say: to Application Insights, to the console, to both or nowhere."""

import sys

from azure.core.credentials import TokenCredential

from shared import limits
from shared.limits import Limit
from shared.settings import TelemetrySettings
from shared.telemetry import recording
from shared.telemetry.recording import Telemetry


def open_telemetry(
    settings: TelemetrySettings,
    *,
    credential: TokenCredential | None = None,
    limit: Limit = limits.INGESTION,
) -> Telemetry:
    """Return telemetry that goes to every chosen destination.

    OpenTelemetry's SDK and the exporters are imported only when they are needed: they make a cold start
    slower.

    Args:
        settings: the chosen destinations.
        credential: signs in to Application Insights, if the environment requires it.
        limit: of one request to Application Insights' ingestion endpoint.
    """
    destinations = []
    if settings.printing == "console":
        from shared.telemetry import printing

        destinations.append(printing.destination(sys.stderr))
    if settings.application_insights is not None:
        from shared.telemetry import application_insights

        destinations.append(
            application_insights.destination(
                settings.application_insights,
                trace_percentage=settings.trace_percentage,
                credential=credential,
                limit=limit,
            )
        )
    if not destinations:
        return recording.off()
    from shared.telemetry import providers

    return providers.build(*destinations)
