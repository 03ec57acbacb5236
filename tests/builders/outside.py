"""The function app among real services, one of which misbehaves: an app of its own for each measurement."""

import importlib.util
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken

from local import demo, places
from local.functionhost.functions import TimerFunction
from shared import limits, services, settings, tables
from shared.access.grant import Grant, Span
from shared.access.grants import Grants
from shared.deliveries import container as containers
from shared.limits import Patience
from shared.metering import MeteringPointId
from shared.publishing import announce
from shared.publishing.watermark import Publication, Publications
from shared.settings import DeliverySettings
from shared.warehouse import opening, schema
from tests.builders import api as building
from tests.builders import standins
from tests.builders import warehouse as delivering
from tests.builders.api import Api
from tests.builders.container import Outside
from tests.builders.warehouse import HOUSE, Clock, Deliverer
from tests.doubles import certificates, faulty
from tests.doubles import identity as identities
from tests.doubles.faulty import Fault, Faulty
from tests.doubles.identity import Identity
from tests.doubles.tds.server import Server

Service = Literal["tables", "blobs", "token", "warehouse", "severa", "graph", "ingestion"]
CALLER = "app:5a5e0000-0000-4000-8000-0000000000d1"
DAY = date(2026, 3, 29)
CONTAINER = "deliveries"
QUESTIONS = {
    "one": f"/v1/metering-points/{HOUSE}/consumption?date={DAY}",
    "many": f"/v1/consumption?date={DAY}",
    "point": f"/v1/metering-points/{HOUSE}",
    "points": "/v1/metering-points",
    "customers": "/v1/customers",
    "changes": "/v1/changes?since=2026-01-01T00:00:00Z",
    "status": "/v1/status",
    "health": "/v1/health",
}
TIMERS = {"sync": "sync_access", "publish": "publish_readings"}
FAILURES = frozenset(
    {
        *("TablesUnavailable", "ContainerUnavailable", "DirectoryUnavailable", "SeveraUnavailable"),
        *("DeliveryStays", "WarehouseLost", "WarehouseTimeout", "WarehouseUnavailable"),
    }
)
"""How a run of a timer ends that could not do its work for a while."""


class FixedToken:
    """Signs in to Graph, whose stand-in takes any token."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return the same token each time."""
        return AccessToken("t", int(time.time()) + 3600)


@dataclass(frozen=True)
class Measured:
    """What one thing that was asked of the app came to while a service misbehaved.

    Attributes:
        seconds: until it had ended.
        outcome: the status of an answer, or how a timer's run ended.
        retry_after: as callers got it.
        small_seconds: the slowest answer meanwhile that needed nothing of the service.
        before: what was stored; `after` is what is stored now.
        recovered: the outcome when the service was well again.
    """

    service: Service
    fault: Fault
    trigger: str
    seconds: float
    outcome: str
    retry_after: str | None
    small_seconds: float
    before: object
    after: object
    recovered: str


@dataclass(frozen=True)
class Shared:
    """What all measurements share.

    Attributes:
        warehouse: a file with one published day.
        publication: of that day.
        identity: stands before the endpoint of the managed identity, which the environment names.
        ingestion_port: of an endpoint that takes telemetry.
    """

    warehouse: Path
    publication: Publication
    certificate: Path
    token: str
    identity: Faulty
    ingestion_port: int
    timeout_seconds: int
    within: Patience


@contextmanager
def shared(
    folder: Path, *, table_storage: str, ingestion_port: int, timeout_seconds: int, within: Patience
) -> Iterator[Shared]:
    """Yield one published day in a warehouse, and the identity that this process has meanwhile."""
    path = folder / "template.duckdb"
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    publications = Publications(tables=storage)
    warehouse = opening.open_warehouse(delivering.settings(f"duckdb:{path}"))
    schema.apply(warehouse)
    Deliverer(warehouse, folder, Clock(datetime.now(UTC))).load(_day("1"))
    announce.publish_pending(warehouse, publications=publications, clock=lambda: datetime.now(UTC))
    warehouse.close()
    publication = publications.stored()
    assert publication is not None
    identity = Identity()
    certificate = certificates.write(folder)
    with (
        pytest.MonkeyPatch.context() as setting,
        identities.serving(identity) as endpoint,
        Faulty(urlsplit(endpoint).port) as before_identity,
    ):
        address = f"http://127.0.0.1:{before_identity.port}/token"
        ours = {"SSL_CERT_FILE": str(certificate), "IDENTITY_ENDPOINT": address, "IDENTITY_HEADER": "unused"}
        # The app's module opens what the environment names when it is loaded; it gets other services then.
        for name, value in {
            **ours,
            **_needed(table_storage),
            "WAREHOUSE": "mssql://a:b@127.0.0.1:1/c",
        }.items():
            setting.setenv(name, value)
        yield Shared(
            path,
            publication,
            certificate,
            identity.token,
            before_identity,
            ingestion_port,
            timeout_seconds,
            within,
        )


@dataclass(frozen=True)
class World:
    """The real services of one measurement, and one of them that can misbehave."""

    api: Api
    before: Faulty
    """Stands before the service."""
    table_storage: str
    warehouse_url: str

    def stored(self) -> object:
        """Return what decides answers: grants, watermark, what is published; and that no delivery is lost.

        A delivery waits or has been loaded, so that both together are as many as have come.
        """
        storage = tables.open_tables(self.table_storage, credential=None)
        warehouse = opening.open_warehouse(delivering.settings(self.warehouse_url))
        try:
            return (
                [
                    (each["PartitionKey"], each["RowKey"])
                    for each in storage.everything(tables.ACCESS_GRANTS, select=("PartitionKey", "RowKey"))
                ],
                Publications(tables=storage).stored(),
                delivering.count(warehouse, "series_day"),
                delivering.count(warehouse, "publication"),
                delivering.count(warehouse, "delivery") + len(_container(self.table_storage).list_files()),
            )
        finally:
            warehouse.close()


@contextmanager
def world(folder: Path, service: Service, *, table_storage: str, of: Shared) -> Iterator[World]:
    """Yield an app with empty caches among services of its own, with one caller and a waiting delivery."""
    copied = folder / "served.duckdb"
    shutil.copy(of.warehouse, copied)
    with (
        ExitStack() as stack,
        Server(copied, certificate=of.certificate, token=of.token) as server,
        standins.running(time.monotonic) as doubles,
    ):
        port = {
            "tables": faulty.endpoint_port(table_storage, "Table"),
            "blobs": faulty.endpoint_port(table_storage, "Blob"),
            "warehouse": server.port,
            "ingestion": of.ingestion_port,
            "severa": urlsplit(doubles.url).port,
            "graph": urlsplit(doubles.url).port,
        }
        before = of.identity if service == "token" else stack.enter_context(Faulty(port[service]))
        environment = _environment(
            service, before.port, table_storage=table_storage, server=server, doubles=doubles
        )
        _fill(table_storage, of.publication)
        made = services.start(
            settings.from_environment({**environment, "WAREHOUSE_TIMEOUT_SECONDS": str(of.timeout_seconds)}),
            clock=lambda: datetime.now(UTC),
            within=_within(service, of.within),
        )
        stack.callback(made.warehouse.close)
        stack.callback(made.telemetry.close)
        if service != "token":
            made = replace(made, credential=FixedToken())
        prepared = replace(made, tables=tables.open_tables(table_storage, credential=None))
        _api(prepared).grant(
            Grant(CALLER, MeteringPointId(HOUSE), 1, "Customer 1", (Span(None, None),), "test")
        )
        yield World(_api(_unknowing(made)), before, table_storage, server.url)


def measure(
    folder: Path, service: Service, fault: Fault, trigger: str, *, table_storage: str, of: Shared
) -> Measured:
    """Ask one thing while a service misbehaves, small questions meanwhile, and again when it is well."""
    with world(folder, service, table_storage=table_storage, of=of) as here:
        stored = here.stored()
        small = _small(here.api, service)
        with here.before.misbehaving(fault), ThreadPoolExecutor(1) as beside:
            running = beside.submit(_timed, lambda: _ask(here.api, trigger))
            slowest = 0.0
            while not running.done():
                slowest = max(slowest, *(_timed(each)[0] for each in small))
                time.sleep(0.4)
            seconds, (outcome, retry_after) = running.result()
        return Measured(
            *(service, fault, trigger, seconds, outcome, retry_after, slowest, stored, here.stored()),
            recovered=_recovered(here.api, trigger),
        )


def _within(service: Service, scaled: Patience) -> Patience:
    """Return the app's own limits but for the service that misbehaves.

    On a busy machine the services that are well take longer than a scaled limit now and then.
    """
    return (
        limits.USUAL
        if service == "warehouse"
        else replace(limits.USUAL, **{service: getattr(scaled, service)})
    )


def _needed(table_storage: str) -> dict[str, str]:
    return {
        "ODBC_DRIVER": delivering.odbc_driver(),
        "TABLE_STORAGE": table_storage,
        "GATEWAY_PRINCIPAL_ID": building.GATEWAY,
        "WEBSITE_AUTH_ENABLED": "True",
        "SEALING_KEY": demo.SEALING_KEY,
        "SEVERA_CLIENT_ID": demo.SEVERA_CLIENT_ID,
        "SEVERA_CLIENT_SECRET": demo.SEVERA_CLIENT_SECRET,
        **demo.ACCESS_SETTINGS,
        "METERING_POINT_SOURCE": "severa",
    }


def _environment(
    service: Service, port: int, *, table_storage: str, server: Server, doubles: standins.Service
) -> dict[str, str]:
    """Return the settings of an app one of whose services is behind `port`."""
    here = {"severa": doubles.url, "graph": doubles.url} | {service: f"http://127.0.0.1:{port}"}
    warehouse = {"warehouse": f"mssql://sa:password@127.0.0.1:{port}/metering"}
    warehouse["token"] = f"fabric://127.0.0.1:{server.port}/metering"
    key = "5a5e0000-0000-4000-8000-000000000001"
    telemetry = f"InstrumentationKey={key};IngestionEndpoint={here.get('ingestion')}/"
    return {
        **_needed(table_storage),
        "WAREHOUSE": warehouse.get(service, server.url),
        "TABLE_STORAGE": faulty.with_port(table_storage, "Table", port)
        if service == "tables"
        else table_storage,
        "DELIVERY_STORAGE": faulty.with_port(table_storage, "Blob", port)
        if service == "blobs"
        else table_storage,
        "DELIVERY_CONTAINER": CONTAINER,
        "SEVERA_BASE_URL": f"{here['severa']}/severa/rest-api",
        "GRAPH_BASE_URL": f"{here['graph']}/graph/v1.0",
        **({"APPLICATIONINSIGHTS_CONNECTION_STRING": telemetry} if service == "ingestion" else {}),
    }


def _fill(table_storage: str, publication: Publication) -> None:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    Publications(tables=storage).write(publication, clock=lambda: publication.published_at)
    _container(table_storage).create_missing()
    Outside(DeliverySettings(table_storage, CONTAINER)).put_lines("values.csv", _day("2"))


def _container(table_storage: str) -> containers.Container:
    return containers.open_container(DeliverySettings(table_storage, CONTAINER), credential=None)


def _day(kwh: str) -> list[list[str]]:
    return [list(each) for each in delivering.values(HOUSE, DAY, [kwh] * 23)]


def _api(made: services.Services) -> Api:
    """Load the app's module once more, so that measurements that run at once do not share it."""
    spec = importlib.util.spec_from_file_location("function_app_alone", places.ROOT / "function_app.py")
    if spec is None or spec.loader is None:
        raise AssertionError("function_app.py is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.services = made  # type: ignore[attr-defined]  # What a module has is known when it runs.
    return Api(module, building.indexed(module.app))


def _unknowing(made: services.Services) -> services.Services:
    """Return the services without what they have read so far."""
    return replace(
        made,
        grants=Grants(tables=made.tables, max_age=made.settings.access_max_age, clock=made.clock),
        publications=Publications(tables=made.tables),
    )


def _ask(api: Api, trigger: str) -> tuple[str, str | None]:
    if trigger in QUESTIONS:
        answer = api.get_url(QUESTIONS[trigger], principal=CALLER)
        return str(answer.status), answer.headers.get("Retry-After")
    (timer,) = (
        each for each in api.indexed if isinstance(each, TimerFunction) and each.name == TIMERS[trigger]
    )
    try:
        timer.call(None, building.context(timer.name))
    except Exception as error:
        return type(error).__name__, None
    return "done", None


def _small(api: Api, service: Service) -> list[Callable[[], object]]:
    """Return what needs nothing of the service: refusals; status and 304 where the tables are well."""

    def refused() -> None:
        answer = api.send(
            "GET", QUESTIONS["one"], principal=CALLER, headers={"x-ms-client-principal-id": "-"}
        )
        assert answer.status == 401

    if service == "tables":
        return [refused]
    etag = api.get_url(QUESTIONS["customers"], principal=CALLER).headers["ETag"]

    def unchanged() -> None:
        answer = api.get_url(QUESTIONS["customers"], principal=CALLER, headers={"if-none-match": etag})
        assert answer.status == 304

    def status() -> None:
        assert api.get_url(QUESTIONS["status"], principal=CALLER).status == 200

    return [refused, unchanged, status]


def _recovered(api: Api, trigger: str) -> str:
    """Return the answer once the service works again, within the time that the app may hold back."""
    until = time.monotonic() + 15
    while (outcome := _ask(api, trigger)[0]) in FAILURES | {"500", "503"} and time.monotonic() < until:
        time.sleep(0.5)
    return outcome


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.monotonic()
    found = call()
    return time.monotonic() - started, found
