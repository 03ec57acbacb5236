"""The environment, read once into one frozen value; every fault is named at once."""

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeVar, cast

from shared import guids

Value = TypeVar("Value")

_KEY_LENGTH = 32


class InvalidSettings(Exception):
    """The environment lacks settings or holds wrong ones; `faults` has a sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("Settings are missing or wrong:\n" + "\n".join(f"- {fault}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class WarehouseSettings:
    """Where metering data is read and how long and how much one statement may."""

    url: str = field(repr=False)
    timeout: timedelta
    pool_size: int
    max_rows: int
    odbc_driver: str


@dataclass(frozen=True)
class DeliverySettings:
    """Where delivery files arrive: a container of a storage account."""

    storage: str = field(repr=False)
    container: str


@dataclass(frozen=True)
class SeveraSettings:
    """Where Visma Severa is, who we are there, and where in it access is registered."""

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    client_ids_property: str
    metering_points_property: str
    contact_role: str


@dataclass(frozen=True)
class DirectorySettings:
    """How users registered in Severa are found in, or invited to, Entra."""

    provisioning: Literal["off", "report", "invite"]
    graph_base_url: str
    invite_redirect_url: str | None
    api_app_id: str | None


@dataclass(frozen=True)
class SyncSettings:
    """What the access sync takes as its source and how much access it may end or open by itself."""

    metering_point_source: Literal["severa", "warehouse"]
    max_revoked_share: float
    max_granted_share: float
    max_granted_per_principal: int
    allow_revocations: bool


@dataclass(frozen=True)
class TelemetrySettings:
    """Where spans and metrics go; nowhere, when neither is chosen."""

    application_insights: str | None = field(repr=False)
    """Connection string of an Application Insights resource."""
    printed: bool
    trace_percentage: float
    """How many of a hundred traces Application Insights gets; metrics count every request."""


@dataclass(frozen=True)
class SealingSettings:
    """The keys of the cursors that callers get."""

    key: bytes | None = field(repr=False)
    """Without it every question that may have a cursor is refused."""
    previous: bytes | None = field(repr=False)
    """Still opens what it has sealed."""


@dataclass(frozen=True)
class TableSettings:
    """Where access and the service's state are stored, and the identity that reads them."""

    table_storage: str = field(repr=False)
    identity_client_id: str | None
    """Client id of the app's user-assigned managed identity, for tokens of storage, warehouse and Graph."""


@dataclass(frozen=True)
class DataSettings(TableSettings):
    """What commands on metering data need, and nothing of Severa or Entra."""

    warehouse: WarehouseSettings


@dataclass(frozen=True)
class Settings(DataSettings):
    """Everything that the environment decides; what may hold a secret is left out of its `repr`."""

    gateway_principal_id: str | None
    """Object id of the gateway's managed identity; without it every data request is refused."""
    authentication_enabled: bool
    """App Service authentication is on, as the platform says; otherwise every data request is refused."""
    sealing: SealingSettings
    access_max_age: timedelta
    severa: SeveraSettings
    directory: DirectorySettings
    sync: SyncSettings
    telemetry: TelemetrySettings
    deliveries: DeliverySettings | None
    """None: nothing is taken in from storage, only published."""


class _Reader:
    """Reads one environment, and collects the faults instead of stopping at the first."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.names: list[str] = []
        self.faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """A required text, or the default."""
        value = self.optional(name) or default
        if value is None:
            self.faults.append(f"{name} is missing.")
            return ""
        return value

    def given(self, name: str) -> str:
        """A text that the platform sets and nobody chooses; empty when it is absent."""
        return self._environment.get(name, "").strip()

    def optional(self, name: str) -> str | None:
        """A text or None when it is absent or blank."""
        self.names.append(name)
        return self._environment.get(name, "").strip() or None

    def guid(self, name: str) -> str | None:
        """A GUID in lower case or None when it is absent."""
        value = self.optional(name)
        if value is not None and not guids.is_guid(value.lower()):
            self.faults.append(f"{name} must be a GUID.")
        return value.lower() if value else None

    def key(self, name: str) -> bytes | None:
        """A key of 32 bytes in base64 or None when it is absent."""
        text = self.optional(name)
        if text is None:
            return None
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            key = b""
        if len(key) != _KEY_LENGTH:
            self.faults.append(
                f"{name} must be {_KEY_LENGTH} bytes in base64: openssl rand -base64 {_KEY_LENGTH}."
            )
            return None
        return key

    def url(self, name: str, default: str | None = None) -> str:
        """An address with http or https, without the last slash."""
        value = self.text(name, default)
        if value and not value.startswith(("https://", "http://")):
            self.faults.append(f"{name} must start with https:// (or http:// locally).")
        return value.rstrip("/")

    def number(
        self, name: str, default: str, *, parse: Callable[[str], Value], low: float, high: float
    ) -> Value:
        """A number from `low` to `high`, both included."""
        text = self.text(name, default)
        try:
            value = parse(text)
            if low <= cast(float, value) <= high:
                return value
        except ValueError:
            pass  # The fault below says what is wrong, also for a text that is no number.
        self.faults.append(f"{name} must be a number from {low:g} to {high:g}, not '{text}'.")
        return parse(default)

    def choice(self, name: str, default: str | None = None, *, among: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value and value not in among:
            self.faults.append(f"{name} must be one of {', '.join(among)}, not '{value}'.")
        return value


WAREHOUSE_SCHEMES = ("fabric://", "mssql://", "duckdb:")


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read all settings.

    Raises:
        InvalidSettings: with one sentence for each missing or wrong setting.
    """
    return _checked(_read, environment)


def data_from_environment(environment: Mapping[str, str] | None = None) -> DataSettings:
    """Read what commands on metering data need; raises as `from_environment`."""
    return _checked(_read_data, environment)


def tables_from_environment(environment: Mapping[str, str] | None = None) -> TableSettings:
    """Read what commands on stored access need; raises as `from_environment`."""
    return _checked(_read_tables, environment)


def names() -> list[str]:
    """Return the names of all settings that the app reads, to compare them with those set elsewhere."""
    reader = _Reader({})
    _read(reader)
    return sorted({*reader.names, *SCHEDULES})


def _checked(read: Callable[[_Reader], Value], environment: Mapping[str, str] | None) -> Value:
    reader = _Reader(os.environ if environment is None else environment)
    settings = read(reader)
    if reader.faults:
        raise InvalidSettings(reader.faults)
    return settings


AUTHENTICATION_ENABLED = "WEBSITE_AUTH_ENABLED"
"""App Service sets it to `True` where its authentication is on."""

SCHEDULES = ("SYNC_SCHEDULE", "PUBLISH_SCHEDULE")
"""Settings that the Functions host reads itself, to schedule the timers."""


def _read(reader: _Reader) -> Settings:
    return Settings(
        sealing=SealingSettings(key=reader.key("SEALING_KEY"), previous=reader.key("SEALING_KEY_PREVIOUS")),
        authentication_enabled=reader.given(AUTHENTICATION_ENABLED).lower() == "true",
        table_storage=reader.text("TABLE_STORAGE"),
        identity_client_id=reader.guid("AZURE_CLIENT_ID"),
        warehouse=_warehouse(reader),
        gateway_principal_id=reader.guid("GATEWAY_PRINCIPAL_ID"),
        access_max_age=timedelta(
            hours=reader.number("ACCESS_MAX_AGE_HOURS", "72", parse=float, low=1, high=8760)
        ),
        severa=_severa(reader),
        directory=_directory(reader),
        sync=_sync(reader),
        telemetry=_telemetry(reader),
        deliveries=_deliveries(reader),
    )


def _read_data(reader: _Reader) -> DataSettings:
    tables = _read_tables(reader)
    return DataSettings(tables.table_storage, tables.identity_client_id, _warehouse(reader))


def _read_tables(reader: _Reader) -> TableSettings:
    return TableSettings(reader.text("TABLE_STORAGE"), reader.guid("AZURE_CLIENT_ID"))


def _warehouse(reader: _Reader) -> WarehouseSettings:
    url = reader.text("WAREHOUSE")
    if url and not url.startswith(WAREHOUSE_SCHEMES):
        reader.faults.append(
            "WAREHOUSE must be fabric://<server>/<database>, "
            "mssql://<user>:<password>@<host>:<port>/<database> or duckdb:<path>."
        )
    return WarehouseSettings(
        url=url,
        timeout=timedelta(
            seconds=reader.number("WAREHOUSE_TIMEOUT_SECONDS", "30", parse=float, low=1, high=220)
        ),
        pool_size=reader.number("WAREHOUSE_POOL_SIZE", "8", parse=int, low=1, high=100),
        # No fewer than the largest statement gives, one of /changes: the limit is for what nobody foresaw.
        max_rows=reader.number("WAREHOUSE_MAX_ROWS", "250000", parse=int, low=100_000, high=10_000_000),
        odbc_driver=reader.text("ODBC_DRIVER", "ODBC Driver 18 for SQL Server"),
    )


def _deliveries(reader: _Reader) -> DeliverySettings | None:
    storage = reader.optional("DELIVERY_STORAGE")
    container = reader.text("DELIVERY_CONTAINER", "deliveries")
    return DeliverySettings(storage, container) if storage else None


def _severa(reader: _Reader) -> SeveraSettings:
    return SeveraSettings(
        base_url=reader.url("SEVERA_BASE_URL", "https://api.severa.visma.com/rest-api"),
        client_id=reader.text("SEVERA_CLIENT_ID"),
        client_secret=reader.text("SEVERA_CLIENT_SECRET"),
        # What decides access has no default: a shell without it must not decide otherwise than the app.
        client_ids_property=reader.text("SEVERA_CLIENT_IDS_PROPERTY"),
        metering_points_property=reader.text("SEVERA_METERING_POINTS_PROPERTY"),
        contact_role=reader.text("SEVERA_CONTACT_ROLE"),
    )


def _directory(reader: _Reader) -> DirectorySettings:
    provisioning = reader.choice("ENTRA_PROVISIONING", among=("off", "report", "invite"))
    directory = DirectorySettings(
        provisioning=cast(Literal["off", "report", "invite"], provisioning),
        graph_base_url=reader.url("GRAPH_BASE_URL", "https://graph.microsoft.com/v1.0"),
        invite_redirect_url=reader.optional("ENTRA_INVITE_REDIRECT_URL"),
        api_app_id=reader.guid("ENTRA_API_APP_ID"),
    )
    if provisioning == "invite" and not (directory.invite_redirect_url and directory.api_app_id):
        reader.faults.append(
            "ENTRA_PROVISIONING=invite needs ENTRA_INVITE_REDIRECT_URL (where a guest lands) "
            "and ENTRA_API_APP_ID (the API's application id)."
        )
    return directory


def _sync(reader: _Reader) -> SyncSettings:
    source = reader.choice("METERING_POINT_SOURCE", among=("severa", "warehouse"))
    allow = reader.choice("SYNC_ALLOW_REVOCATIONS", "false", among=("true", "false"))
    return SyncSettings(
        metering_point_source=cast(Literal["severa", "warehouse"], source),
        max_revoked_share=reader.number("SYNC_MAX_REVOKED_SHARE", "0.10", parse=float, low=0, high=1),
        max_granted_share=reader.number("SYNC_MAX_GRANTED_SHARE", "0.10", parse=float, low=0, high=1),
        max_granted_per_principal=reader.number(
            "SYNC_MAX_GRANTED_PER_PRINCIPAL", "500", parse=int, low=1, high=1_000_000
        ),
        allow_revocations=allow == "true",
    )


def _telemetry(reader: _Reader) -> TelemetrySettings:
    return TelemetrySettings(
        application_insights=reader.optional("APPLICATIONINSIGHTS_CONNECTION_STRING"),
        printed=reader.choice("TELEMETRY", "off", among=("off", "console")) == "console",
        trace_percentage=reader.number("TELEMETRY_TRACE_PERCENTAGE", "100", parse=float, low=0, high=100),
    )
