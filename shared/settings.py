"""The environment, read once into one frozen value; every fault is named at once."""

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from shared import foreign, metering

Kind = TypeVar("Kind")

AUTHENTICATION_ENABLED = "WEBSITE_AUTH_ENABLED"
"""App Service sets it to `True` where its authentication is on."""
SCHEDULES = ("SYNC_SCHEDULE", "PUBLISH_SCHEDULE")
"""Settings that the Functions host reads itself, to schedule the timers."""
WAREHOUSE_SCHEMES = ("fabric://", "mssql://", "duckdb:")

_OPTIONAL = {"deliveries": ("DELIVERY_STORAGE",), "outbox": ("OUTBOX_STORAGE", "QUEUE_STORAGE")}
"""Groups that may be absent, by the settings that show that they are wanted."""
_CONNECTING = (
    {"accountname", "accountkey"},
    {"accountname", "sharedaccesssignature"},
    {"{service}endpoint", "sharedaccesssignature"},
)
"""What a connection string of storage names, in one of these combinations; case does not matter."""
_EMULATOR = "UseDevelopmentStorage=true"
_KEY_LENGTH = 32
_REFERENCE = "@Microsoft.KeyVault("
"""App Service leaves the reference in the setting if it cannot read the secret."""
# From the environment by the names of settings, in code by the names of fields.
_FROM_ENVIRONMENT = ConfigDict(validate_by_name=True, validate_by_alias=True)


class InvalidSettings(Exception):
    """The environment lacks settings or holds wrong ones.

    Args:
        faults: a sentence for each.
        consequence: what follows from them, for readers of the log.
    """

    def __init__(self, faults: list[str], *, consequence: str = "") -> None:
        lines = ["Settings are missing or wrong:", *(f"- {fault}" for fault in faults), consequence]
        super().__init__("\n".join(line for line in lines if line))
        self.faults = faults


def _fault(text: str) -> PydanticCustomError:
    """Return a fault whose text follows the setting's name."""
    return PydanticCustomError("setting", "{text}", {"text": text})


def _found(text: str) -> str:
    """Return what stands in a setting, without any of it: it may be a secret."""
    if text.startswith(_REFERENCE):
        return (
            "has a Key Vault reference that was not resolved: look at the secret in the vault, "
            "and at the rights of the app's identity"
        )
    return f"has a text of {foreign.counted(len(text), 'characters')}"


def _guid(text: str) -> str:
    if not metering.is_guid(text.lower()):
        raise _fault(f"must be a GUID, but {_found(text)}.")
    return text.lower()


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise _fault(f"must start with https:// (or http:// locally), but {_found(text)}.")
    return text.rstrip("/")


def _warehouse_address(text: str) -> str:
    if not text.startswith(WAREHOUSE_SCHEMES):
        raise _fault(
            "must be fabric://<server>/<database>, "
            f"mssql://<user>:<password>@<host>:<port>/<database> or duckdb:<path>, but {_found(text)}."
        )
    return text


def _storage(service: Literal["blob", "queue", "table"]) -> AfterValidator:
    """Read an endpoint, or a connection string as Azure's libraries take it."""
    combinations = [{name.format(service=service) for name in names} for names in _CONNECTING]

    def read(text: str) -> str:
        named = dict(part.partition("=")[::2] for part in text.lower().rstrip(";").split(";"))
        is_complete = all(named.values()) and any(names <= named.keys() for names in combinations)
        if not (is_complete or text.startswith("https://") or text.rstrip(";") == _EMULATOR):
            raise _fault(
                f"must be https://<account>.{service}.core.windows.net or a connection string, "
                f"but {_found(text)}."
            )
        return text

    return AfterValidator(read)


def _key(value: object) -> object:
    """Return the bytes of a key in base64."""
    if not isinstance(value, str):
        return value
    try:
        key = base64.b64decode(value, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_LENGTH:
        raise _fault(
            f"must be {_KEY_LENGTH} bytes in base64 (openssl rand -base64 {_KEY_LENGTH}), "
            f"but {_found(value)}."
        )
    return key


def _number(
    parse: Callable[[str], Any], *, low: float, high: float, word: str | None = None
) -> BeforeValidator:
    """Read a number from `low` to `high`, both included, or `word` as None; keep a value given by code."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        if value == word:
            return None
        try:
            if low <= float(value) <= high:
                return parse(value)
        except ValueError:
            pass  # The fault below says what is wrong, also for a text that is not a number.
        allowed = f"a number from {low:g} to {high:g}{f' or {word}' if word else ''}"
        raise _fault(f"must be {allowed}, not '{foreign.shown(value)}'.")

    return BeforeValidator(read)


def _hours(text: str) -> timedelta:
    return timedelta(hours=float(text))


def _days(text: str) -> timedelta:
    return timedelta(days=float(text))


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=float(text))


Guid = Annotated[str, AfterValidator(_guid)]
Address = Annotated[str, AfterValidator(_address)]
Key = Annotated[bytes, BeforeValidator(_key)]
Share = Annotated[float, _number(float, low=0, high=1)]


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class WarehouseSettings:
    """Where metering data is read, how long one statement may take, and how much it may return."""

    url: Annotated[str, AfterValidator(_warehouse_address)] = Field(validation_alias="WAREHOUSE", repr=False)
    timeout: Annotated[timedelta, _number(_seconds, low=1, high=220)] = Field(
        timedelta(seconds=30), validation_alias="WAREHOUSE_TIMEOUT_SECONDS"
    )
    pool_size: Annotated[int, _number(int, low=1, high=100)] = Field(
        8, validation_alias="WAREHOUSE_POOL_SIZE"
    )
    # At least what the largest statement returns, one of /changes: the limit only stops unforeseen results.
    max_rows: Annotated[int, _number(int, low=100_000, high=10_000_000)] = Field(
        250_000, validation_alias="WAREHOUSE_MAX_ROWS"
    )
    odbc_driver: str = Field("ODBC Driver 18 for SQL Server", validation_alias="ODBC_DRIVER")


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class DeliverySettings:
    """Where delivery files arrive: a container of a storage account."""

    storage: Annotated[str, _storage("blob")] = Field(validation_alias="DELIVERY_STORAGE", repr=False)
    container: str = Field("deliveries", validation_alias="DELIVERY_CONTAINER")
    # The app must not read larger files itself: its temporary disk is small.
    copy_above_mb: Annotated[int | None, _number(int, low=0, high=500, word="never")] = Field(
        default=500, validation_alias="DELIVERY_COPY_ABOVE_MB"
    )
    """The warehouse itself reads files larger than this; None if it reads none."""


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class OutboxSettings:
    """The storage account of outgoing files, and of the queues of work on files and notices."""

    storage: Annotated[str, _storage("blob")] = Field(validation_alias="OUTBOX_STORAGE", repr=False)
    queues: Annotated[str, _storage("queue")] = Field(validation_alias="QUEUE_STORAGE", repr=False)
    sftp_key: str | None = Field(default=None, validation_alias="SFTP_KEY", repr=False)
    """Unchecked: `sftp_seed` reads it when something is sent, so that everything else works without it."""
    feed_not_taken_after: Annotated[timedelta, _number(_days, low=1, high=35)] = Field(
        default=timedelta(days=3), validation_alias="FEED_NOT_TAKEN_DAYS"
    )
    """An alert is raised when nobody has fetched a run of a feed for this long."""


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class SftpSettings:
    """What our key pair towards customers' SFTP servers is made of."""

    key: Key = Field(validation_alias="SFTP_KEY", repr=False)


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class SeveraSettings:
    """How to reach Visma Severa, our credentials there, and the fields that decide access.

    Settings that decide access have no defaults: a command in a shell that lacks them must fail, not decide
    otherwise than the app.
    """

    client_id: str = Field(validation_alias="SEVERA_CLIENT_ID")
    client_secret: str = Field(validation_alias="SEVERA_CLIENT_SECRET", repr=False)
    client_ids_property: str = Field(validation_alias="SEVERA_CLIENT_IDS_PROPERTY")
    metering_points_property: str = Field(validation_alias="SEVERA_METERING_POINTS_PROPERTY")
    contact_role: str = Field(validation_alias="SEVERA_CONTACT_ROLE")
    base_url: Address = Field("https://api.severa.visma.com/rest-api", validation_alias="SEVERA_BASE_URL")


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class DirectorySettings:
    """How users registered in Severa are found in, or invited to, Entra."""

    provisioning: Literal["off", "report", "invite"] = Field(validation_alias="ENTRA_PROVISIONING")
    graph_base_url: Address = Field("https://graph.microsoft.com/v1.0", validation_alias="GRAPH_BASE_URL")
    invite_redirect_url: str | None = Field(None, validation_alias="ENTRA_INVITE_REDIRECT_URL")
    api_app_id: Guid | None = Field(None, validation_alias="ENTRA_API_APP_ID")

    @model_validator(mode="after")
    def _invites_somewhere(self) -> "DirectorySettings":
        if self.provisioning == "invite" and not (self.invite_redirect_url and self.api_app_id):
            raise _fault(
                "ENTRA_PROVISIONING=invite needs ENTRA_INVITE_REDIRECT_URL (where a guest lands) "
                "and ENTRA_API_APP_ID (the API's application id)."
            )
        return self


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class SyncSettings:
    """What the access sync takes as its source and how much access it may end or open by itself."""

    metering_point_source: Literal["severa", "warehouse"] = Field(validation_alias="METERING_POINT_SOURCE")
    max_revoked_share: Share = Field(0.10, validation_alias="SYNC_MAX_REVOKED_SHARE")
    max_granted_share: Share = Field(0.10, validation_alias="SYNC_MAX_GRANTED_SHARE")
    max_granted_per_principal: Annotated[int, _number(int, low=1, high=1_000_000)] = Field(
        500, validation_alias="SYNC_MAX_GRANTED_PER_PRINCIPAL"
    )
    allow_revocations: bool = Field(False, validation_alias="SYNC_ALLOW_REVOCATIONS")


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class TelemetrySettings:
    """Where spans and metrics are sent: nowhere by default."""

    application_insights: str | None = Field(
        None, validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING", repr=False
    )
    """Connection string of an Application Insights resource."""
    printing: Literal["off", "console"] = Field("off", validation_alias="TELEMETRY")
    trace_percentage: Annotated[float, _number(float, low=0, high=100)] = Field(
        100.0, validation_alias="TELEMETRY_TRACE_PERCENTAGE"
    )
    """The percentage of traces that Application Insights gets; metrics count every request."""


@dataclass(frozen=True, config=_FROM_ENVIRONMENT)
class SealingSettings:
    """The keys that seal cursors and the secrets of webhooks."""

    key: Key | None = Field(None, validation_alias="SEALING_KEY", repr=False)
    """Without it, requests that may get a cursor are refused, and so are requests on webhooks."""
    previous: Key | None = Field(None, validation_alias="SEALING_KEY_PREVIOUS", repr=False)
    """The key before `key`; it still opens what it has sealed."""


@dataclass(frozen=True, kw_only=True, config=_FROM_ENVIRONMENT)
class TableSettings:
    """Where access and the service's state are stored, and the identity that reads them."""

    table_storage: Annotated[str, _storage("table")] = Field(validation_alias="TABLE_STORAGE", repr=False)
    identity_client_id: Guid | None = Field(None, validation_alias="AZURE_CLIENT_ID")
    """Client id of the app's user-assigned managed identity, for tokens of storage, warehouse and Graph."""


@dataclass(frozen=True, kw_only=True, config=_FROM_ENVIRONMENT)
class DataSettings(TableSettings):
    """What commands on metering data need, and nothing of Severa or Entra."""

    warehouse: WarehouseSettings


@dataclass(frozen=True, kw_only=True, config=_FROM_ENVIRONMENT)
class Settings(DataSettings):
    """Everything that the environment decides; what may hold a secret is left out of its `repr`."""

    webhook_allow_loopback: bool = Field(False, validation_alias="WEBHOOK_ALLOW_LOOPBACK")
    """Notices may also go to this machine: for laptops and tests, refused with a Fabric warehouse."""
    gateway_principal_id: Guid | None = Field(None, validation_alias="GATEWAY_PRINCIPAL_ID")
    """Object id of the gateway's managed identity; without it every data request is refused."""
    authentication_enabled: bool = Field(False, validation_alias=AUTHENTICATION_ENABLED)
    """App Service authentication is on, as the platform says; otherwise every data request is refused."""
    access_max_age: Annotated[timedelta, _number(_hours, low=1, high=8760)] = Field(
        timedelta(hours=72), validation_alias="ACCESS_MAX_AGE_HOURS"
    )
    sealing: SealingSettings
    severa: SeveraSettings
    directory: DirectorySettings
    sync: SyncSettings
    telemetry: TelemetrySettings
    deliveries: DeliverySettings | None
    """None: nothing is loaded from storage, only published."""
    outbox: OutboxSettings | None
    """None: the app makes no files and queues no work."""

    @model_validator(mode="after")
    def _calls_nobody_inside(self) -> "Settings":
        if self.webhook_allow_loopback and self.warehouse.url.startswith("fabric://"):
            raise _fault("WEBHOOK_ALLOW_LOOPBACK is for laptops, and WAREHOUSE is a Fabric warehouse.")
        return self


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        InvalidSettings: with one sentence for each missing or wrong setting.
    """
    return _read(Settings, environment)


def data_from_environment(environment: Mapping[str, str] | None = None) -> DataSettings:
    """Read what commands on metering data need; raises as `from_environment`."""
    return _read(DataSettings, environment)


def tables_from_environment(environment: Mapping[str, str] | None = None) -> TableSettings:
    """Read what commands on stored access need; raises as `from_environment`."""
    return _read(TableSettings, environment)


def sftp_seed(text: str | None) -> bytes:
    """Return the 32 bytes of our key pair towards SFTP servers; raises as `from_environment`."""
    return _read(SftpSettings, {"SFTP_KEY": text or ""}).key


def names() -> list[str]:
    """Return the names of all settings that the app reads, to compare them with those set elsewhere."""
    return sorted({*_aliases(Settings), *SCHEDULES} - {AUTHENTICATION_ENABLED})


def _read(kind: type[Kind], environment: Mapping[str, str] | None) -> Kind:
    """Read one kind of settings; a blank setting counts as absent."""
    whole = os.environ if environment is None else environment
    given: dict[str, Any] = {name: text.strip() for name, text in whole.items() if text.strip()}
    groups: dict[str, Any] = dict.fromkeys(_groups(kind), given)
    for group, decisive in _OPTIONAL.items():
        if group in groups and not any(name in given for name in decisive):
            groups[group] = None
    try:
        return TypeAdapter(kind).validate_python(given | groups)
    except ValidationError as error:
        # Not chained: the text of pydantic's error quotes settings, and a log would have it.
        raise InvalidSettings([_sentence(each) for each in error.errors(include_url=False)]) from None


def _groups(kind: type) -> dict[str, type]:
    """Return the settings of a kind that are settings themselves, by their names."""
    members = {each.name: (each.type, *get_args(each.type)) for each in fields(kind)}
    return {
        name: member
        for name, types in members.items()
        for member in types
        if isinstance(member, type) and hasattr(member, "__pydantic_fields__")
    }


def _aliases(kind: type) -> Iterator[str]:
    groups = _groups(kind)
    for name, field in kind.__pydantic_fields__.items():  # type: ignore[attr-defined]  # pydantic's own.
        if name in groups:
            yield from _aliases(groups[name])
        else:
            yield field.validation_alias


def _sentence(error: Any) -> str:
    """Return a fault in our words, with the setting's name."""
    name = str(error["loc"][-1]) if error["loc"] else ""
    match error["type"]:
        case "missing":
            return f"{name} is missing."
        case "literal_error":
            return f"{name} must be one of {error['ctx']['expected']}, not '{foreign.shown(error['input'])}'."
        case "bool_parsing":
            return f"{name} must be one of true, false, not '{foreign.shown(error['input'])}'."
        case _:
            return f"{name} {error['msg']}" if name.isupper() else str(error["msg"])
