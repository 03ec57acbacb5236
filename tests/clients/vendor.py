"""A vendor's world: the app and the gateway in this process, on sockets, with one clock that a test moves."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from contract import hosting, world
from local import demo, places
from local.gateway.exchange import Subscription
from local.sampledata.readings import Reading
from metering_api import Client, Credentials, SqliteStore
from shared.access.grant import Grant, Span
from shared.access.grants import Grants
from shared.deliveries import loading
from shared.metering import QUALITY_OF_LETTER, MeteringPointId
from shared.publishing import watermark
from shared.publishing.watermark import Publications
from shared.services import Services
from shared.warehouse.engine import Query
from tests.builders import gateway, queues
from tests.builders.api import Api
from tests.builders.gateway import World

VENDOR = demo.VENDOR
KEY = demo.SUBSCRIPTIONS[0].key
PRINCIPAL = world.VENDOR

Permitted = Mapping[str, tuple[Span, ...]]
"""Spans of market days by metering point."""
StoredDay = tuple[str, tuple[str, ...], tuple[str, ...]]
"""Resolution, quantities and qualities, as texts."""
Days = dict[tuple[str, str, str], StoredDay]
"""By metering point, direction and date."""


@dataclass
class Faults:
    """Stands between gateway and app: answers 503, or kills a client, at requests that a test names.

    Attributes:
        unavailable: how many of the next requests are answered 503.
        refusal: the problem that the next request is answered with.
        page: status and HTML of a proxy that the next request is answered with.
        kill: called with each request's number before the app is asked.
    """

    app: Any
    unavailable: int = 0
    refusal: Mapping[str, Any] | None = None
    page: tuple[int, str] | None = None
    kill: Callable[[int], None] = lambda number: None
    seen: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return
        self.seen.append(scope["path"])
        self.kill(len(self.seen))
        if self.unavailable:
            self.unavailable -= 1
            problem = {"code": "warehouse-unavailable", "detail": "Try again later.", "status": 503}
            await _answer(send, problem, (b"retry-after", b"7"))
        elif self.refusal:
            problem, self.refusal = dict(self.refusal), None
            await _answer(send, problem)
        elif self.page:
            (status, page), self.page = self.page, None
            place = [(b"location", b"https://sign-in.example/")] if status == 302 else []
            await _send(send, status, page, (b"content-type", b"text/html"), *place)
        else:
            await self.app(scope, receive, send)


async def _answer(send: Any, problem: Mapping[str, Any], *headers: tuple[bytes, bytes]) -> None:
    given = [(b"content-type", b"application/problem+json"), *headers]
    await _send(send, problem["status"], json.dumps(problem), *given)


async def _send(send: Any, status: int, body: str, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


@dataclass
class Vendor:
    """What a vendor and the energy company do, and the clock of both."""

    gateway: World
    services: Services
    faults: Faults
    folder: Path
    slept: list[float] = field(default_factory=list)
    files: int = 0

    @property
    def now(self) -> datetime:
        """The time of everybody."""
        return self.gateway.clock.now

    def forward(self, seconds: float) -> None:
        """Let time pass; access stays confirmed."""
        self.gateway.clock.advance(seconds=seconds)
        clock = self.services.clock
        assert isinstance(clock, world.Clock)
        clock.now = self.now

    def sleep(self, seconds: float) -> None:
        """Sleep as the client does: time passes at once, and files that wait are built."""
        self.slept.append(seconds)
        self.forward(seconds)
        self.build_files()

    def build_files(self) -> None:
        """Do the work on exports that waits."""
        queues.drain(self.services.settings.table_storage, "files", self.services.files.build)

    def catch_up(self) -> None:
        """Go on to the real time: the storage of files has no other, and refuses links of another."""
        self.forward((datetime.now(UTC) - self.now).total_seconds())
        self.confirm_access()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that `Client.from_environment` reads."""
        return {
            "METERING_API_URL": f"{self.gateway.address}/metering/v1",
            "METERING_API_KEY": KEY,
            "METERING_API_TOKEN_URL": f"{self.gateway.identity.tenant_url}/oauth2/v2.0/token",
            "METERING_API_CLIENT_ID": VENDOR.client_id,
            "METERING_API_CLIENT_SECRET": VENDOR.secret,
            "METERING_API_SCOPE": f"{demo.AUDIENCE}/.default",
            "NO_PROXY": "*",
        }

    def client(self, *, clock: Callable[[], float] | None = None, patience: float = 300.0) -> Client:
        """Return a client whose sleep moves the clock."""
        given = self.environment
        return Client(
            given["METERING_API_URL"],
            Credentials(
                key=given["METERING_API_KEY"],
                token_url=given["METERING_API_TOKEN_URL"],
                client_id=given["METERING_API_CLIENT_ID"],
                client_secret=given["METERING_API_CLIENT_SECRET"],
                scope=given["METERING_API_SCOPE"],
            ),
            patience=patience,
            sleep=self.sleep,
            clock=clock or (lambda: self.now.timestamp()),
        )

    def publish(self, readings: Sequence[Reading]) -> None:
        """Deliver and publish readings now."""
        self.files += 1
        rows = [
            (each.metering_point_id, each.direction, each.start.isoformat(), each.resolution,
             each.quantity or "", each.quality)
            for each in readings
        ]  # fmt: skip
        text = "\n".join(",".join(row) for row in [_HEADER, *rows])
        file = self.folder / f"delivery-{self.files}.csv"
        file.write_text(text + "\n", encoding="utf-8")
        loading.load(self.services.warehouse, file, now=self.now, progress=lambda rows, share: None)
        self.services.publish_readings()
        self.forward(watermark.SETTLED_AFTER.total_seconds())

    def permit(self, permitted: Permitted) -> None:
        """Let the vendor read these metering points in these spans, and no other."""
        api = Api(SimpleNamespace(services=self.services), [])
        grants = [
            Grant(PRINCIPAL, MeteringPointId(point), demo.BAKERY.number, demo.BAKERY.name, spans, "test")
            for point, spans in permitted.items()
        ]
        if grants:
            api.grant(*grants)
        else:
            for each in demo.METERING_POINTS:
                api.revoke(PRINCIPAL, each.metering_point_id)
        self.confirm_access()

    def confirm_access(self) -> None:
        """Record that access was synced now."""
        Api(SimpleNamespace(services=self.services), []).confirm_access(self.now)

    def stored(self, permitted: Permitted) -> Days:
        """Return what the warehouse has of what is permitted, by a plain reading."""
        rows = self.services.warehouse.fetch(
            Query(
                """
                SELECT metering_point_id, direction, delivery_date, resolution, quantities, qualities
                FROM metering.series_day WHERE superseded_at IS NULL
                """,
                (),
                lambda *row: row,
                "current days",
            )
        )
        return {
            (point, direction, day.isoformat()): (
                resolution,
                tuple(quantities.split(",")),
                tuple(str(QUALITY_OF_LETTER[each]) for each in qualities),
            )
            for point, direction, day, resolution, quantities, qualities in rows
            if any(span.first <= day < span.end for span in permitted.get(point, ()))
        }


_HEADER = ("metering_point_id", "direction", "start", "resolution", "quantity", "quality")


@contextmanager
def running(folder: Path, *, table_storage: str, calls_per_minute: int = 3000) -> Iterator[Vendor]:
    """Yield the demo world with the vendor's grants, behind a gateway with a limit of calls."""
    made = world.open_services(folder, table_storage=table_storage)
    seconds: Callable[[], float] = lambda: made.clock().timestamp()  # noqa: E731
    services = replace(
        made,
        grants=Grants(tables=made.tables, max_age=timedelta(days=1), clock=made.clock, monotonic=seconds),
        publications=Publications(tables=made.tables, monotonic=seconds),
    )
    host = hosting.host(services, folder)
    faults = Faults(host.asgi(follow_schedules=False))
    copied = folder / "gateway"
    copied.mkdir()
    files = replace(
        gateway.copied_files(copied, limits={"partner": (calls_per_minute, 1_000_000)}),
        openapi=places.ROOT / "infra" / "apim" / "openapi.json",
    )
    subscription = Subscription("sub-vendor", "a vendor", "partner", (KEY,), made.clock())
    with gateway.world(
        files, clock=gateway.Clock(made.clock()), subscriptions=[subscription], backend=faults
    ) as standing:
        yield Vendor(standing, services, faults, folder)
    host.pool.shutdown()
    made.warehouse.close()


def held(store: SqliteStore) -> Days:
    """Return what a store holds."""
    return {
        (day.metering_point_id, day.direction, day.date.isoformat()): (
            day.resolution,
            tuple("null" if each is None else f"{each:.3f}" for each in day.quantities),
            tuple(day.exceptions.get(place, day.quality) for place in range(len(day.quantities))),
        )
        for day in store.days()
    }
