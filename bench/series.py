"""The series of one metering point: `python3 dev.py bench series [--runs N]`.

Side by side, on the same engine with the same values: the route of this API (from the caller's
headers to the body, with grants and watermark at hand: no network, no compression), the way most
teams would write it (a row for each hour, a pydantic model for each row), and the limit (the packed
rows fetched, and as many bytes copied as the answer has).
"""

import argparse
import importlib
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import azure.functions as func
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from bench import measuring
from shared import metering, periods
from shared.metering import MeteringPointId
from shared.readable import Permission, Readable
from shared.warehouse import queries, schema
from shared.warehouse.engine import Query, Statement, Warehouse
from shared.warehouse.watermark import Publication

GATEWAY = "5a5e0000-0000-4000-8000-0000000000a1"
CALLER = "5a5e0000-0000-4000-8000-0000000000c1"
FIRST, YEARS = date(2021, 11, 22), 5
LAST = date(2026, 11, 22)
QUESTIONS = {
    "a day": (date(2026, 11, 21), LAST),
    "a month": (date(2026, 10, 1), date(2026, 11, 1)),
    "a year": (date(2025, 11, 22), LAST),
    "five years": (FIRST, LAST),
}


class Value(BaseModel):
    """An hour as most teams would model it."""

    start: datetime
    end: datetime
    quantity: Decimal | None
    quality: str


class Answer(BaseModel):
    """A series as most teams would model it."""

    metering_point_id: str
    direction: str
    values: list[Value]


@dataclass(frozen=True)
class Measured:
    """One question: milliseconds of each way, and how they compare."""

    question: str
    layout: str
    bytes: int
    ours_ms: float
    usual_ms: float
    limit_ms: float

    @property
    def times_faster(self) -> float:
        """How many times faster than the usual way."""
        return self.usual_ms / self.ours_ms

    @property
    def times_limit(self) -> float:
        """How many times as long as the limit."""
        return self.ours_ms / self.limit_ms


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="of each way, after one to warm up")
    parser.add_argument("--metering-points", type=int, default=20, help="stored, with five years each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, app(Path(folder)) as module:
        point = fill(module.use.warehouse, metering_points=arguments.metering_points)
        module.use = replace(module.use, grants=Permitted(point), publications=Published())
        measured = [
            measure(module, point, question=name, layout=layout, runs=arguments.runs)
            for name in QUESTIONS
            for layout in ("values", "days")
        ]
    show(measured, arguments)
    measuring.write(
        "series",
        [
            vars(each) | {"times_faster": each.times_faster, "times_limit": each.times_limit}
            for each in measured
        ],
    )


class Permitted:
    """Grants without the network: one metering point may be read."""

    def __init__(self, point: MeteringPointId) -> None:
        permission = Permission(point, 1, "Customer 1", None, None)
        self._readable = Readable(f"app:{CALLER}", (permission,), "1")

    def of(self, principal: str, *, metering_point_id: MeteringPointId) -> Readable:
        """What the caller may read."""
        if (principal, metering_point_id) != (
            self._readable.principal,
            self._readable.permissions[0].metering_point_id,
        ):
            raise RuntimeError("only one metering point of one caller is measured")
        return self._readable


class Published:
    """The watermark without the network."""

    def latest(self) -> Publication:
        """Everything is published."""
        return Publication(1, datetime(2026, 11, 22, 6, tzinfo=UTC), periods.start_of(LAST))

    def described_at(self) -> None:
        """No metering point is described."""


@contextmanager
def app(folder: Path) -> Iterator[Any]:
    """The function app on an embedded warehouse of its own."""
    os.environ.update(
        WAREHOUSE=f"duckdb:{folder / 'metering.duckdb'}",
        TABLE_STORAGE="https://unused.table.core.windows.net",
        GATEWAY_PRINCIPAL_ID=GATEWAY,
        SEVERA_CLIENT_ID="unused",
        SEVERA_CLIENT_SECRET="unused",
    )
    module = importlib.import_module("function_app")
    warehouse = module.use.warehouse
    schema.apply(warehouse)
    yield module
    warehouse.close()


def fill(warehouse: Warehouse, *, metering_points: int) -> MeteringPointId:
    """Store five years of hours, as packed days and as rows; the metering point that may be read."""
    rows = Statement(
        "CREATE TABLE metering.hourly (metering_point_id varchar(18), start_utc datetime2(0), "
        "quantity decimal(18, 3), quality varchar(15))",
        (),
        "hourly",
    )
    with warehouse.transaction() as session:
        session.run(rows)
    points = [metering_point(number) for number in range(metering_points)]
    _store_days(warehouse, points)
    return points[len(points) // 2]


def measure(module: Any, point: MeteringPointId, *, question: str, layout: str, runs: int) -> Measured:
    """One question in three ways."""
    first, end = QUESTIONS[question]
    body = ours(module, point, first=first, end=end, layout=layout)()
    ways = {
        "ours": ours(module, point, first=first, end=end, layout=layout),
        "usual": usual(module.use.warehouse, point, first=first, end=end),
        "limit": limit(module, point, first=first, end=end, size=len(body)),
    }
    taken = measuring.medians(ways, runs=runs)
    return Measured(question, layout, len(body), taken["ours"], taken["usual"], taken["limit"])


def ours(module: Any, point: str, *, first: date, end: date, layout: str) -> Callable[[], bytes]:
    """The route, as the Functions worker calls it."""
    route = module.consumption_of_one
    url = (
        f"http://127.0.0.1/v1/metering-points/{point}/consumption"
        f"?from={first}&to={end}&layout={layout}&limit=10000"
    )
    request = func.HttpRequest(
        method="GET",
        url=url,
        headers={"x-ms-client-principal-id": GATEWAY, "x-caller-type": "app", "x-caller-id": CALLER},
        route_params={"meteringPointId": point},
        body=b"",
    )

    def ask() -> bytes:
        response = route(request)
        if response.status_code != 200:
            raise RuntimeError(response.get_body().decode())
        body: bytes = response.get_body()
        return body

    return ask


def usual(warehouse: Warehouse, point: str, *, first: date, end: date) -> Callable[[], bytes]:
    """A row for each hour, a model for each row; without any check of who asks."""
    query = Query(
        """
        SELECT start_utc, quantity, quality FROM metering.hourly
        WHERE metering_point_id = ?
          AND start_utc >= CAST(? AS datetime2(0)) AND start_utc < CAST(? AS datetime2(0))
        ORDER BY start_utc
        """,
        (point, periods.start_of(first), periods.start_of(end)),
        lambda start, quantity, quality: Value(
            start=start.replace(tzinfo=UTC).astimezone(periods.OSLO),
            end=(start.replace(tzinfo=UTC) + timedelta(hours=1)).astimezone(periods.OSLO),
            quantity=quantity,
            quality=quality,
        ),
        "hourly",
    )

    def ask() -> bytes:
        values = warehouse.fetch(query)
        return (
            Answer(metering_point_id=point, direction="consumption", values=values).model_dump_json().encode()
        )

    return ask


def limit(module: Any, point: str, *, first: date, end: date, size: int) -> Callable[[], bytes]:
    """Nothing but fetching the packed rows, and copying as many bytes as the answer has."""
    readable = module.use.grants.of(f"app:{CALLER}", metering_point_id=MeteringPointId(point))
    query = queries.days(
        readable,
        direction=metering.Direction.CONSUMPTION,
        first_day=first,
        last_day=end,
        as_of=module.use.publications.latest().published_at,
        after=None,
        limit=10_001,
    )
    answer = bytearray(size)

    def ask() -> bytes:
        module.use.warehouse.fetch(query)
        return bytes(answer)

    return ask


def show(measured: Sequence[Measured], arguments: argparse.Namespace) -> None:
    """The ratios first, then the times."""
    table = Table(title=f"One metering point of {arguments.metering_points}, median of {arguments.runs}")
    for heading in (
        "question",
        "layout",
        "faster than usual",
        "of the limit",
        "ours",
        "usual",
        "limit",
        "kB",
    ):
        table.add_column(heading, justify="left" if heading in ("question", "layout") else "right")
    for each in measured:
        table.add_row(
            each.question,
            each.layout,
            f"{each.times_faster:.1f} ×",
            f"{each.times_limit:.1f} ×",
            f"{each.ours_ms:.2f} ms",
            f"{each.usual_ms:.2f} ms",
            f"{each.limit_ms:.2f} ms",
            f"{each.bytes / 1000:.0f}",
        )
    Console(width=120).print(table)


def metering_point(number: int) -> MeteringPointId:
    """A metering point that exists in measurements only."""
    payload = f"70705756{number:09d}"
    return metering.parse_metering_point_id(payload + metering.check_digit(payload))


def _store_days(warehouse: Warehouse, points: Sequence[MeteringPointId]) -> None:
    """Days in the order in which they would have been published, each a publication of its own."""
    chance = random.Random(1)
    published = datetime(2021, 11, 21, 6, tzinfo=UTC)
    days = [FIRST + timedelta(days=count) for count in range((LAST - FIRST).days)]
    with warehouse.transaction() as session:
        for sequence, day in enumerate(days, start=1):
            starts = [each.astimezone(UTC) for each in periods.starts(day, timedelta(hours=1))]
            for point in points:
                wh = [chance.randrange(20_000) for _ in starts]
                session.run(_day(point, day, wh, sequence=sequence, published_at=published))
                session.run(_hours(point, starts, wh))


def _day(point: str, day: date, wh: Sequence[int], *, sequence: int, published_at: datetime) -> Statement:
    return Statement(
        "INSERT INTO metering.series_day VALUES (?, 'consumption', ?, 'PT1H', ?, ?, ?, 0, ?, ?, NULL)",
        (
            point,
            day,
            ",".join(f"{each // 1000}.{each % 1000:03d}" for each in wh),
            "M" * len(wh),
            Decimal(sum(wh)) / 1000,
            sequence,
            published_at + timedelta(days=sequence),
        ),
        "day",
    )


def _hours(point: str, starts: Sequence[datetime], wh: Sequence[int]) -> Statement:
    places = ", ".join(["(?, ?, ?, 'measured')"] * len(wh))
    bound = [
        value
        for start, each in zip(starts, wh, strict=True)
        for value in (point, start, Decimal(each) / 1000)
    ]
    return Statement(f"INSERT INTO metering.hourly VALUES {places}", tuple(bound), "hours")


if __name__ == "__main__":
    main()
