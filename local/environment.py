"""The local stack's settings: one place for the stack itself, the commands and the settings sample."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local import demo, places
from local.azurite import emulator
from local.ports import Ports, address
from shared import settings

DECISIVE = ("WAREHOUSE", "TABLE_STORAGE")
"""With one of these set, a command works on those services and takes nothing from the local stack."""

HEALTH_PATH = "/v1/health"

_DEFAULTS = {
    "WAREHOUSE_TIMEOUT_SECONDS": "30",
    "WAREHOUSE_POOL_SIZE": "8",
    "WAREHOUSE_MAX_ROWS": "250000",
    "ODBC_DRIVER": "ODBC Driver 18 for SQL Server",
    "ACCESS_MAX_AGE_HOURS": "72",
    "DELIVERY_CONTAINER": "deliveries",
    "DELIVERY_COPY_ABOVE_MB": "500",
    "FEED_NOT_TAKEN_DAYS": "3",
    "SYNC_MAX_GRANTED_PER_PRINCIPAL": "500",
    "SYNC_MAX_GRANTED_SHARE": "0.10",
    "SYNC_MAX_REVOKED_SHARE": "0.10",
    "SYNC_ALLOW_REVOCATIONS": "false",
    "TELEMETRY": "off",
    "TELEMETRY_TRACE_PERCENTAGE": "100",
}
"""What the app does without these settings, so that the sample shows all there is to set."""

_INHERITED_CREDENTIALS = ("AZURE_", "IDENTITY_", "MSI_")


class UnreadableSettingsFile(Exception):
    """local.settings.json cannot be read; the message says why."""


@dataclass(frozen=True)
class Configured:
    """App settings that are not the local stack's, and what they are of."""

    source: str
    values: Mapping[str, str]


def stack(ports: Ports, *, state: Path = places.STATE) -> dict[str, str]:
    """Return the app settings of the function app in the local stack."""
    identity, standins = address(ports.identity), address(ports.standins)
    return {
        "WAREHOUSE": f"duckdb:{state / 'metering.duckdb'}",
        "TABLE_STORAGE": emulator.connection_string(azurite_endpoints(ports)),
        "DELIVERY_STORAGE": emulator.connection_string(azurite_endpoints(ports)),
        "OUTBOX_STORAGE": emulator.connection_string(azurite_endpoints(ports)),
        "QUEUE_STORAGE": emulator.connection_string(azurite_endpoints(ports)),
        "GATEWAY_PRINCIPAL_ID": demo.GATEWAY_PRINCIPAL_ID,
        "SEALING_KEY": demo.SEALING_KEY,
        "SFTP_KEY": demo.SFTP_KEY,
        "SEVERA_BASE_URL": f"{standins}/severa/rest-api",
        "SEVERA_CLIENT_ID": demo.SEVERA_CLIENT_ID,
        "SEVERA_CLIENT_SECRET": demo.SEVERA_CLIENT_SECRET,
        **demo.ACCESS_SETTINGS,
        "GRAPH_BASE_URL": f"{standins}/graph/v1.0",
        "SYNC_SCHEDULE": "0 5 * * * *",
        "PUBLISH_SCHEDULE": "0 */5 * * * *",
        "AZURE_CLIENT_ID": demo.FUNCTION_CLIENT_ID,
        # As in Azure (infra/modules/function-app.bicep): small questions find a thread beside large answers.
        "PYTHON_THREADPOOL_THREAD_COUNT": "20",
        # A receiver on a laptop has no public address.
        "WEBHOOK_ALLOW_LOOPBACK": "true",
        # App Service gives these two to an app that has an identity.
        "IDENTITY_ENDPOINT": f"{identity}/msi/token",
        "IDENTITY_HEADER": demo.FUNCTION_IDENTITY_HEADER,
    }


def of_host(ports: Ports) -> dict[str, str]:
    """Return the settings that the host itself reads, beside the app's."""
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": emulator.connection_string(azurite_endpoints(ports)),
        # The connection of the queue triggers; in Azure it is addresses and an identity.
        "OUTBOX": emulator.connection_string(azurite_endpoints(ports)),
        # As in Azure (infra/modules/function-app.bicep): `/` is not a page of Microsoft's.
        "AzureWebJobsDisableHomepage": "true",
    }


def sample() -> dict[str, str]:
    """Return the values of local.settings.sample.json: every setting, for the usual ports."""
    local = stack(Ports(), state=Path(places.STATE.name))
    host = {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": local["TABLE_STORAGE"],
        "OUTBOX": local["TABLE_STORAGE"],
    }
    unset = dict.fromkeys(settings.names(), "")
    return {**host, **unset, **_DEFAULTS, **local}


def azurite_endpoints(ports: Ports) -> emulator.Endpoints:
    """Return where the stack's Azurite listens."""
    return emulator.Endpoints(blob=ports.azurite_blob, queue=ports.azurite_queue, table=ports.azurite_table)


def issuer(ports: Ports) -> str:
    """Return the demo tenant's issuer, as its tokens and its OpenID configuration name it."""
    return f"{address(ports.identity)}/{demo.TENANT_ID}/v2.0"


def configured(
    inherited: Mapping[str, str] = os.environ, *, settings_file: Path | None = None
) -> Configured | None:
    """Return the app settings to add to the environment; None where neither it nor the file has any.

    The two are not mixed with each other or with the local stack's, so that a command never reads one system
    and writes another.

    Raises:
        UnreadableSettingsFile: the file is not JSON, or has no settings in `Values`.
    """
    named = [name for name in DECISIVE if inherited.get(name)]
    if named:
        return Configured(" and ".join(named), {})
    file = settings_file or places.ROOT / "local.settings.json"
    if not file.exists():
        return None
    try:
        values = json.loads(file.read_text(encoding="utf-8"))["Values"]
        return Configured(file.name, {str(name): str(value) for name, value in values.items()})
    except ValueError as error:
        raise UnreadableSettingsFile(f"{file} is not JSON (it may not have comments): {error}.") from error
    except (LookupError, TypeError, AttributeError) as error:
        raise UnreadableSettingsFile(f"{file} has no object 'Values' with the settings.") from error


def without_settings(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment without app settings and Azure sign-in: the stack must not reach real systems."""
    known = set(settings.names())
    return {
        name: value
        for name, value in inherited.items()
        if name not in known and not name.startswith(_INHERITED_CREDENTIALS)
    }
