"""What `/changes` costs as portfolios grow: `python3 dev.py bench changes [--runs N] [--metering-points N]`.

A morning on which a day of every metering point was published, and then a hundred corrections, asked
for by callers who may read some or all of the metering points. Side by side, on the same engine with
the same values: the first page of this API, from permitted days to the body; the same from one
statement that is given the whole portfolio; and the way most teams would write it (a row for each
hour, `WHERE updated_at > ?`, a join with a table of access, a pydantic model for each row). Then the
same question to ten and to a hundred times as many stored days.
"""

import argparse
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from bench.apparatus import asking, measuring, stored
from bench.apparatus.counting import Counting
from shared import periods
from shared.api import changes
from shared.api.changes import search
from shared.api.parameters import Seals
from shared.metering import MeteringPointId
from shared.publishing.remembered import Ranges
from shared.readable import AT_ONCE, Permission, Readable
from shared.settings import WarehouseSettings
from shared.warehouse import opening, schema
from shared.warehouse.engine import Query, Statement, Warehouse

_SEALS = Seals([bytes(32)])

LAST = date(2026, 11, 20)
SHARES = (0.001, 0.02, 0.2, 1.0)
LIMITS = (1_000, 10_000)
CORRECTED = 100
STORED = (1, 10, 100)
PATTERNS = 997
WHOLE = 10**9
"""More metering points than there are: everything in one statement."""


class Value(BaseModel):
    """An hour as most teams would model it."""

    metering_point_id: str
    start: datetime
    quantity: Decimal
    quality: str
    updated_at: datetime


class Answer(BaseModel):
    """Changes as most teams would model them."""

    values: list[Value]


@dataclass(frozen=True)
class Page:
    """The first page of a portfolio: milliseconds of each way, and what was asked of the warehouse."""

    published: int
    portfolio: int
    limit: int
    ours_ms: float
    whole_ms: float
    usual_ms: float
    statements: int
    parameter_bytes: int
    whole_parameter_bytes: int


@dataclass(frozen=True)
class Stored:
    """The same page with more stored days."""

    days: int
    portfolio: int
    ours_ms: float


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="of each way, after one to warm up")
    parser.add_argument("--metering-points", type=int, default=100_000)
    arguments = parser.parse_args()
    points = sorted(stored.metering_point(number) for number in range(arguments.metering_points))
    with tempfile.TemporaryDirectory() as folder:
        pages, growing = measured(Path(folder), points, runs=arguments.runs)
    show(pages, growing)
    measuring.write(
        "changes", {"pages": [asdict(each) for each in pages], "stored": [asdict(each) for each in growing]}
    )


def opened(folder: Path) -> Warehouse:
    """Return the warehouse of a folder, as a process finds it when it starts."""
    settings = WarehouseSettings(
        url=f"duckdb:{folder / 'metering.duckdb'}",
        timeout=timedelta(minutes=5),
        pool_size=1,
        max_rows=1_000_000,
        odbc_driver="unused",
    )
    warehouse = opening.open_warehouse(settings)
    schema.apply(warehouse)
    return warehouse


def measured(
    folder: Path, points: Sequence[MeteringPointId], *, runs: int
) -> tuple[list[Page], list[Stored]]:
    """Measure the pages of every portfolio, and then the same while more and more is stored."""
    portfolios = [spread(points, round(len(points) * share)) for share in SHARES]
    warehouse = opened(folder)
    make_usual_tables(warehouse, portfolios)
    latest = publish(warehouse, points, days=STORED[0], after=0)
    add_hours(warehouse, sequence=latest)
    warehouse.close()
    warehouse = opened(folder)
    pages = [
        page(warehouse, readable, len(points), limit=limit, sequence=latest, runs=runs)
        for readable in portfolios
        for limit in LIMITS
    ]
    growing = []
    for times in STORED:
        latest = publish(warehouse, points, days=times - latest, after=latest)
        warehouse.close()
        warehouse = opened(folder)
        for readable in portfolios:
            ask = ours(warehouse, readable, limit=LIMITS[-1], sequence=latest)
            taken = measuring.medians({"ours": ask}, runs=runs)
            growing.append(Stored(latest * len(points), len(readable.permissions), taken["ours"]))
    corrected = points[:: len(points) // CORRECTED][:CORRECTED]
    latest = publish(warehouse, corrected, days=1, after=latest)
    add_hours(warehouse, sequence=latest)
    pages += [
        page(warehouse, readable, CORRECTED, limit=LIMITS[-1], sequence=latest, runs=runs)
        for readable in portfolios
    ]
    warehouse.close()
    return pages, growing


def spread(points: Sequence[MeteringPointId], count: int) -> Readable:
    """Return a caller who may read some metering points, evenly spread, each from a day on."""
    permissions = tuple(
        Permission(each, 1, "Customer 1", date(2020, 1, 1), None)
        for each in points[:: len(points) // count][:count]
    )
    return Readable(f"app:{asking.CALLER}", permissions, "1")


def publish(warehouse: Warehouse, points: Sequence[MeteringPointId], *, days: int, after: int) -> int:
    """Store a publication for each day, of every metering point; return the sequence of the last one."""
    chance = random.Random(1)
    texts = [",".join(f"{chance.randrange(20_000) / 1000:.3f}" for _ in range(24)) for _ in range(PATTERNS)]
    patterns = orjson.dumps([{"number": n, "quantities": text} for n, text in enumerate(texts)]).decode()
    numbered = [{"number": number, "metering_point_id": each} for number, each in enumerate(points)]
    listed = orjson.dumps(numbered).decode()
    for sequence in range(after + 1, after + days + 1):
        with warehouse.transaction() as session:
            session.run(_days(listed, patterns, sequence=sequence))
            session.run(_publication(sequence, days=len(points)))
    return after + days


def page(
    warehouse: Warehouse, readable: Readable, published: int, *, limit: int, sequence: int, runs: int
) -> Page:
    """Measure the first page of the latest publication, of this many days, in three ways."""
    counts = []
    for at_once in (AT_ONCE, WHOLE):
        counting = Counting(warehouse)
        ours(counting, readable, limit=limit, sequence=sequence, at_once=at_once)()
        counts.append((counting.statements, counting.parameter_bytes))
    ways = {
        "ours": ours(warehouse, readable, limit=limit, sequence=sequence),
        "whole": ours(warehouse, readable, limit=limit, sequence=sequence, at_once=WHOLE),
        "usual": usual(warehouse, portfolio=len(readable.permissions), limit=limit, sequence=sequence),
    }
    taken = measuring.medians(ways, runs=runs)
    (statements, size), (_, whole_size) = counts
    times = (taken["ours"], taken["whole"], taken["usual"])
    return Page(published, len(readable.permissions), limit, *times, statements, size, whole_size)


def ours(
    warehouse: Any, readable: Readable, *, limit: int, sequence: int, at_once: int = AT_ONCE
) -> Callable[[], bytes]:
    """Return a call for a page of this API, from permitted days to the body."""
    request = changes.requests.ChangesRequest(
        after=search.first_of(sequence),
        since=None,
        limit=limit,
        through=sequence,
        seal=_SEALS.of("changes"),
    )

    def ask() -> bytes:
        found = changes.pages.fetch(
            warehouse, ranges=Ranges(warehouse), readable=readable, request=request, at_once=at_once
        )
        if any(row.sequence != sequence for row in found.rows) or not found.rows:
            raise RuntimeError("the page is not what was published")
        return changes.rendering.render(found, request.format, access_version="").body

    return ask


def usual(warehouse: Warehouse, *, portfolio: int, limit: int, sequence: int) -> Callable[[], bytes]:
    """Return the usual way: as many hours, by the time of their change, a row and a model for each."""
    query = Query(
        """
        SELECT h.metering_point_id, h.start_utc, h.quantity, h.quality, h.updated_at
        FROM metering.hourly AS h
        JOIN metering.access AS a ON a.metering_point_id = h.metering_point_id
        WHERE a.portfolio = ? AND h.updated_at > CAST(? AS datetime2(6))
        ORDER BY h.updated_at, h.metering_point_id, h.start_utc
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (portfolio, published_at(sequence - 1), limit * 24),
        lambda point, start, quantity, quality, updated: Value(
            metering_point_id=point,
            start=start.replace(tzinfo=UTC).astimezone(periods.OSLO),
            quantity=quantity,
            quality=quality,
            updated_at=updated,
        ),
        "hourly_changes",
    )
    return lambda: Answer(values=warehouse.fetch(query)).model_dump_json().encode()


def make_usual_tables(warehouse: Warehouse, portfolios: Sequence[Readable]) -> None:
    """Make a row for each hour, and one for each metering point that a caller may read."""
    permitted = [
        {"portfolio": len(readable.permissions), "metering_point_id": each.metering_point_id}
        for readable in portfolios
        for each in readable.permissions
    ]
    with warehouse.transaction() as session:
        session.run(
            Statement(
                "CREATE TABLE metering.hourly (metering_point_id varchar(18), start_utc datetime2(0), "
                "quantity decimal(18, 3), quality varchar(15), updated_at datetime2(6))",
                (),
                "hourly",
            )
        )
        session.run(
            Statement(
                "CREATE TABLE metering.access (portfolio int, metering_point_id varchar(18))", (), "access"
            )
        )
        session.run(
            Statement(
                "INSERT INTO metering.access SELECT p.portfolio, p.metering_point_id "
                "FROM OPENJSON(?) WITH (portfolio int, metering_point_id varchar(18)) AS p",
                (orjson.dumps(permitted).decode(),),
                "permitted",
            )
        )


def add_hours(warehouse: Warehouse, *, sequence: int) -> None:
    """Add a publication as a row for each hour."""
    hours = orjson.dumps([{"hour": hour} for hour in range(24)]).decode()
    statement = Statement(
        """
        INSERT INTO metering.hourly
        SELECT s.metering_point_id, DATEADD(HOUR, h.hour, CAST(? AS datetime2(0))),
               CAST(1.234 AS decimal(18, 3)), 'measured', s.published_at
        FROM metering.series_day AS s CROSS JOIN OPENJSON(?) WITH (hour int) AS h
        WHERE s.sequence = ?
        """,
        (periods.start_of(LAST), hours, sequence),
        "hours",
    )
    with warehouse.transaction() as session:
        session.run(statement)


def published_at(sequence: int) -> datetime:
    """Return when a publication came."""
    return datetime(2026, 6, 1, 6, tzinfo=UTC) + timedelta(days=sequence)


def _days(points: str, patterns: str, *, sequence: int) -> Statement:
    return Statement(
        f"""
        INSERT INTO metering.series_day (
            metering_point_id, direction, delivery_date, resolution, quantities, qualities,
            total_kwh, missing, sequence, published_at, superseded_at
        )
        SELECT p.metering_point_id, 'consumption', ?, 'PT1H', q.quantities, ?,
               CAST(24.0 AS decimal(18, 3)), 0, ?, CAST(? AS datetime2(6)), NULL
        FROM OPENJSON(?) WITH (number int, metering_point_id varchar(18)) AS p
        JOIN OPENJSON(?) WITH (number int, quantities varchar(2000)) AS q
          ON q.number = (p.number + 7 * {sequence}) % {PATTERNS}
        ORDER BY p.metering_point_id
        """,
        (
            LAST + timedelta(days=sequence),
            "M" * 24,
            sequence,
            published_at(sequence),
            points,
            patterns,
        ),
        "days",
    )


def _publication(sequence: int, *, days: int) -> Statement:
    return Statement(
        "INSERT INTO metering.publication VALUES (?, CAST(? AS datetime2(6)), ?, ?, ?, ?, ?)",
        (
            sequence,
            published_at(sequence),
            f"{sequence}",
            days,
            24 * days,
            *[LAST + timedelta(days=sequence)] * 2,
        ),
        "publication",
    )


def show(pages: Sequence[Page], growing: Sequence[Stored]) -> None:
    """Print the ratios first, then the times."""
    out = Console(width=150)
    table = Table(title="The first page of /changes after a publication")
    for heading in (
        "days published",
        "portfolio",
        "limit",
        "than the usual way",
        "than the whole portfolio",
        "ours",
        "whole",
        "usual",
        "statements",
        "kB given",
        "kB given, whole",
    ):
        table.add_column(heading, justify="right")
    for each in pages:
        table.add_row(
            f"{each.published:,}",
            f"{each.portfolio:,}",
            f"{each.limit:,}",
            f"{each.usual_ms / each.ours_ms:.1f} × faster",
            f"{each.whole_ms / each.ours_ms:.1f} × faster",
            f"{each.ours_ms:.0f} ms",
            f"{each.whole_ms:.0f} ms",
            f"{each.usual_ms:.0f} ms",
            str(each.statements),
            f"{each.parameter_bytes / 1000:,.0f}",
            f"{each.whole_parameter_bytes / 1000:,.0f}",
        )
    out.print(table)
    growth = Table(title=f"The same page (limit {LIMITS[-1]:,}) as more is stored")
    for heading in ("portfolio", "stored days", "times as long", "ms"):
        growth.add_column(heading, justify="right")
    first: dict[int, float] = {}
    for more in sorted(growing, key=lambda each: (each.portfolio, each.days)):
        ratio = more.ours_ms / first.setdefault(more.portfolio, more.ours_ms)
        growth.add_row(f"{more.portfolio:,}", f"{more.days:,}", f"{ratio:.2f} ×", f"{more.ours_ms:.0f}")
    out.print(growth)


if __name__ == "__main__":
    main()
