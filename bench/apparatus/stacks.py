"""A local stack of its own for a measurement: the parts that answer, with data that is known to the value."""

import csv
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.apparatus import stored
from local import demo, environment
from local.ports import Ports, address
from local.sampledata import deliveries
from local.stack import access_sync, clients, free, greeting, parts, storage
from local.stack.supervision import StackFailed, Supervisor
from shared import periods
from shared.metering import MeteringPointId

SYNC_SECONDS = 60
OUR_CUSTOMER = demo.CENTRE
"""Only the vendor may read what is this customer's."""


@dataclass(frozen=True)
class Running:
    """Where to ask, what is stored, and which processes to watch.

    Attributes:
        gateway: address of the gateway.
        token_url: where clients get tokens.
        points: metering points that the vendor may read, each with all hours of all days.
        last: the last of `days` market days that are stored.
        processes: process ids by the part's name.
    """

    gateway: str
    token_url: str
    points: tuple[MeteringPointId, ...]
    last: date
    days: int
    processes: dict[str, int]

    def token(self, client: demo.Client) -> str:
        """Return an access token."""
        return clients.token(self.token_url, client=client)


@contextmanager
def running(state: Path, *, metering_points: int, days: int, host: str | None = None) -> Iterator[Running]:
    """Start it on free ports. The vendor's limits of calls are out of reach, the others' are as deployed."""
    ports = free.ports()
    points = tuple(stored.metering_point(number) for number in range(metering_points))
    last = periods.day_of(datetime.now(UTC)) - timedelta(days=1)
    with Supervisor(state=state) as supervisor:
        azurite = parts.azurite(environment.azurite_endpoints(ports), data=None)
        answering = [
            parts.identity(ports),
            parts.standins(ports, state=state),
            parts.function_host(ports, state=state, host=host),
            parts.gateway_with_limits(
                ports, state=state, calls_a_minute=parts.FAR_AWAY, product=demo.SUBSCRIPTIONS[0].product
            ),
        ]
        supervisor.start_ready(azurite)
        _prepare(supervisor, ports, points, state=state, last=last, days=days)
        supervisor.start_ready(*answering)
        _sync(supervisor, ports, state=state)
        yield Running(
            gateway=address(ports.gateway),
            token_url=greeting.token_url(ports),
            points=points,
            last=last,
            days=days,
            processes={part.name: supervisor.process_id(part.name) for part in (azurite, *answering)},
        )


def _prepare(
    supervisor: Supervisor,
    ports: Ports,
    points: tuple[MeteringPointId, ...],
    *,
    state: Path,
    last: date,
    days: int,
) -> None:
    """Load the demo world and, beside it, this many more metering points."""
    app = environment.stack(ports, state=state)
    storage.create(ports, state=state)
    timeline = deliveries.timeline_until(last, days=days)
    described, supplied, values, correction = deliveries.write_first(state / "sample", timeline)
    with supplied.open("a", encoding="utf-8", newline="") as file:
        rows = ((OUR_CUSTOMER.number, point, deliveries.SUPPLIED_SINCE, "") for point in points)
        csv.writer(file, lineterminator="\n").writerows(rows)
    more = _write_hours(state / "sample" / "hours.csv", points, first=timeline.first, days=days)
    for files in ([described, supplied, values, more], [correction]):
        if supervisor.run(parts.command("load", map(str, files), settings=app)) != 0:
            raise StackFailed("The data to measure with could not be loaded.")


def _write_hours(path: Path, points: tuple[MeteringPointId, ...], *, first: date, days: int) -> Path:
    chance = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(deliveries.READING_COLUMNS) + "\n")
        for count in range(days):
            starts = periods.starts(first + timedelta(days=count), timedelta(hours=1))
            texts = [start.isoformat() for start in starts]
            file.writelines(
                f"{point},consumption,{start},PT1H,{chance.randrange(20_000) / 1000:.3f},measured\n"
                for point in points
                for start in texts
            )
    return path


def _sync(supervisor: Supervisor, ports: Ports, *, state: Path) -> None:
    """Give access, as the first start of a stack does."""
    app_settings = environment.stack(ports, state=state)
    host = address(ports.function_host)
    if not access_sync.run(supervisor, host=host, app_settings=app_settings, seconds=SYNC_SECONDS):
        raise StackFailed("The access sync was not complete.")
