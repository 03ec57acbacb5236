"""Where telemetry goes, as the settings say: to Application Insights, to the console, or nowhere."""

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
    """Telemetry to every place that is chosen. The SDK and the exporter are imported only for those.

    Args:
        credential: signs in to Application Insights, where the environment demands a sign-in.
        limit: of Application Insights' ingestion endpoint.
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

    return providers.recording(*destinations)
