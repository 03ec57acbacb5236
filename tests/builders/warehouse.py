"""Warehouses for tests, and what goes into them."""

import csv
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from local import odbcdriver
from shared import periods
from shared.deliveries import loading
from shared.deliveries.interval_values.intervals import HEADER
from shared.deliveries.loading import Located
from shared.deliveries.loads import Loaded
from shared.metering import MeteringPointId
from shared.publishing import affected_days, publish
from shared.publishing.publish import Published
from shared.readable import Permission, Readable
from shared.settings import WarehouseSettings
from shared.warehouse.engine import Query, Row, Session, Statement, Warehouse

HOUSE = "707057500000010017"
CABIN = "707057500000010024"
SHOP = "707057500000010031"

MORNING = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)


def settings(
    url: str, *, timeout: timedelta = timedelta(seconds=20), max_rows: int = 250_000
) -> WarehouseSettings:
    """Return settings of a warehouse, with limits that a test does not meet unless it asks for them."""
    return WarehouseSettings(
        url=url, timeout=timeout, pool_size=4, max_rows=max_rows, odbc_driver=odbc_driver()
    )


def odbc_driver() -> str:
    """Return the driver of ODBC_DRIVER or of Microsoft's wheel; its usual name without either."""
    try:
        return os.environ.get("ODBC_DRIVER") or str(odbcdriver.library())
    except odbcdriver.NotUsable:
        return "ODBC Driver 18 for SQL Server"


@dataclass
class Clock:
    """A clock that a test sets and moves."""

    now: datetime = MORNING

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        """Return the same clock as a monotonic one."""
        return (self.now - MORNING).total_seconds()

    def forward(self, **step: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(**step)
        return self.now


@dataclass
class Recorded:
    """A warehouse that remembers each statement it was given, and passes it on.

    Attributes:
        statements: the texts of each statement, by its name; one that is put together has several.
    """

    inner: Warehouse
    statements: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note(self, name: str, sql: str) -> None:
        """Remember a text."""
        self.statements[name].add(sql)

    def fetch(self, query: Query[Row]) -> list[Row]:
        self.note(query.name, query.sql)
        return self.inner.fetch(query)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.inner.transaction() as session:
            yield _RecordedSession(session, self.note)

    def define(self, batch: str) -> None:
        self.inner.define(batch)

    def close(self) -> None:
        self.inner.close()


@dataclass
class _RecordedSession:
    inner: Session
    note: Callable[[str, str], None]

    def fetch(self, query: Query[Row]) -> list[Row]:
        self.note(query.name, query.sql)
        return self.inner.fetch(query)

    def run(self, statement: Statement) -> None:
        self.note(statement.name, statement.sql)
        self.inner.run(statement)


Line = tuple[str, str, str, str, str, str]


def values(
    id_: str,
    day: date,
    quantities: Sequence[str],
    *,
    resolution: str = "PT1H",
    direction: str = "consumption",
    quality: str = "measured",
    first: int = 0,
) -> list[Line]:
    """Return lines of a delivery: a market day's intervals from position `first`; '' is a missing value."""
    step = timedelta(minutes=15 if resolution == "PT15M" else 60)
    start = periods.start_of(day) + first * step
    return [
        (
            id_,
            direction,
            (start + place * step).isoformat(),
            resolution,
            quantity,
            quality if quantity else "missing",
        )
        for place, quantity in enumerate(quantities)
    ]


def write_csv(path: Path, lines: Iterable[Sequence[str]], *, header: Sequence[str] = HEADER) -> Path:
    """Return a delivered CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(lines)
    return path


def load(warehouse: Warehouse, path: Path, *, clock: Clock) -> Loaded:
    """Load a file without reporting progress."""
    return loading.load(warehouse, path, now=clock(), progress=lambda rows, share: None)


def copy(warehouse: Warehouse, path: Path, *, clock: Clock, content: str) -> Loaded:
    """Have the warehouse read a file itself."""
    return loading.load_copied(
        warehouse,
        Located(path, str(path), content),
        now=clock(),
        arrived_at=None,
        check_unchanged=lambda: None,
    )


@dataclass
class Deliverer:
    """Delivers lines as files, and publishes them."""

    warehouse: Warehouse
    folder: Path
    clock: Clock
    files: int = 0
    values_at_once: int = affected_days.VALUES_AT_ONCE

    def file(self, lines: Iterable[Sequence[str]]) -> Path:
        """Return the lines as a CSV file of their own."""
        self.files += 1
        return write_csv(self.folder / f"delivery-{self.files}.csv", lines)

    def load(self, lines: Iterable[Sequence[str]]) -> Loaded:
        """Load lines, a minute after what was loaded before."""
        self.clock.forward(minutes=1)
        return load(self.warehouse, self.file(lines), clock=self.clock)

    def copy(self, lines: Iterable[Sequence[str]]) -> Loaded:
        """Have the warehouse read lines itself, a minute after what was loaded before."""
        self.clock.forward(minutes=1)
        return copy(self.warehouse, self.file(lines), clock=self.clock, content=f"{self.files:056x}")

    def publish(self) -> list[Published]:
        """Publish what waits, a minute later."""
        self.clock.forward(minutes=1)
        waiting = publish.publish_waiting(
            self.warehouse, clock=self.clock, values_at_once=self.values_at_once
        )
        return list(waiting)

    def deliver(self, lines: Iterable[Sequence[str]]) -> list[Published]:
        """Load and publish lines."""
        self.load(lines)
        return self.publish()


def readable(*permitted: tuple[str, date | None, date | None]) -> Readable:
    """Return what a caller with these permissions may read; all of them of one customer."""
    return Readable(
        principal="app:11111111-1111-4111-8111-111111111111",
        permissions=tuple(
            sorted(
                (
                    Permission(MeteringPointId(id_), 1001, "Fjellheim", valid_from, valid_to)
                    for id_, valid_from, valid_to in permitted
                ),
                key=lambda permission: (permission.metering_point_id, str(permission.valid_from)),
            )
        ),
        version="1",
    )


@dataclass(frozen=True)
class Stored:
    """A market day as it is stored."""

    quantities: str
    qualities: str
    total_kwh: Decimal
    missing: int
    sequence: int
    published_at: datetime
    superseded_at: datetime | None


def versions(warehouse: Warehouse, id_: str, day: date, *, direction: str = "consumption") -> list[Stored]:
    """Return all versions of a market day, the oldest first."""
    return warehouse.fetch(
        Query(
            """
            SELECT quantities, qualities, total_kwh, missing, sequence, published_at, superseded_at
            FROM metering.series_day
            WHERE metering_point_id = ? AND delivery_date = ? AND direction = ?
            ORDER BY sequence
            """,
            (id_, day, direction),
            Stored,
            "versions",
        )
    )


def count(warehouse: Warehouse, table: str) -> int:
    """Return how many rows a table has."""
    (rows,) = warehouse.fetch(Query(f"SELECT COUNT(*) FROM metering.{table}", (), int, "count"))
    return rows


def contents(warehouse: Warehouse) -> str:
    """Return everything published as text, without times of publishing, for comparing two warehouses."""
    rows = warehouse.fetch(
        Query(
            """
            SELECT metering_point_id, direction, delivery_date, resolution, quantities, qualities,
                   total_kwh, missing, sequence, CASE WHEN superseded_at IS NULL THEN 1 ELSE 0 END
            FROM metering.series_day
            ORDER BY metering_point_id, direction, delivery_date, sequence
            """,
            (),
            lambda *row: [str(value) for value in row],
            "contents",
        )
    )
    counts = {table: count(warehouse, table) for table in ("interval_value", "delivery", "publication")}
    return json.dumps([rows, counts])


def copy_of(template: Path, path: Path) -> str:
    """Return the address of an embedded warehouse that is a copy of another."""
    shutil.copy(template, path)
    return f"duckdb:{path}"


_OF_ONE_SPAN = "s.metering_point_id = ? AND s.delivery_date >= ? AND s.delivery_date < ?"


def permitted_in(query: Query[Any]) -> list[dict[str, str]]:
    """Return the readable days that a query is given: as a list, or as the bounds of a single span."""
    if _OF_ONE_SPAN not in query.sql:
        listed: list[dict[str, str]] = json.loads(str(query.parameters[0]))
        return listed
    at = query.sql[: query.sql.index(_OF_ONE_SPAN)].count("?")
    point, first, end = map(str, query.parameters[at : at + 3])
    return [{"metering_point_id": point, "first_day": first, "last_day": end}]
