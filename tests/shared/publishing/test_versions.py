"""What publishing reads: the affected days, however much is stored, as the embedded engine reports it."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from shared import periods
from shared.publishing import versions
from shared.publishing.affected_days import AffectedDays, Delivery
from shared.warehouse import opening
from shared.warehouse.duckdb import tsql
from shared.warehouse.engine import Statement, bindable
from shared.warehouse.extents import Extent
from tests.builders import warehouse as building

FIRST, DAYS, POINTS = date(2023, 1, 1), 1_000, 40
LAST = FIRST + timedelta(days=DAYS - 1)
STORED = DAYS * POINTS * 24
IDS = ("707057500000000003", "707057500000000003")
NOW = datetime(2026, 4, 1, tzinfo=UTC)
DELIVERY = Delivery("of today", "today.csv", NOW, periods.start_of(FIRST), periods.market_day(LAST).end, 2)


@pytest.fixture
def stored(warehouse_url: str) -> Path:
    """A warehouse to which years came in one file, by metering point and time; one more delivery waits."""
    warehouse = opening.open_warehouse(building.settings(warehouse_url))
    with warehouse.transaction() as session:
        session.run(
            Statement(
                """
                INSERT INTO metering.interval_value (metering_point_id, direction, start_utc, resolution,
                                                     quantity, quality, batch_id, received_at)
                SELECT CAST(707057500000000000 + p.position AS varchar(18)), 'consumption',
                       DATEADD(hour, h.position, m.start_utc), 'PT1H', 1, 'measured', 'a history',
                       CAST(? AS datetime2(6))
                FROM metering.market_day AS m
                CROSS JOIN metering.position AS p
                CROSS JOIN metering.position AS h
                WHERE m.delivery_date >= ? AND m.delivery_date <= ? AND p.position < ? AND h.position < 24
                """,
                (NOW - timedelta(days=1), FIRST, LAST, POINTS),
                "history",
            )
        )
        session.run(
            Statement(
                "INSERT INTO metering.delivery (batch_id, source, received_at, first_start_utc, "
                "last_start_utc, interval_values) "
                "SELECT batch_id, 'history', received_at, MIN(start_utc), MAX(start_utc), COUNT(*) "
                "FROM metering.interval_value GROUP BY batch_id, received_at",
                (),
                "delivery",
            )
        )
    warehouse.close()
    return Path(warehouse_url.removeprefix("duckdb:"))


def _days(first: date, last: date) -> Extent:
    return Extent(first, last + timedelta(days=1), *IDS)


def values_read(path: Path, days: Sequence[Extent]) -> int:
    """How many stored rows the engine looks at to publish an hour of the first day and one of the last."""
    statement = versions.insert_new(
        DELIVERY, AffectedDays(list(days), list(days), 0), sequence=1, published_at=NOW, received_until=NOW
    )
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET threads = 1")
        for day in (FIRST, LAST):
            connection.execute(
                "INSERT INTO publishing_day VALUES (1, ?, 'consumption', ?, 'PT1H', 60, 0)",
                ["707057500000000003", day],
            )
        ((_, plan),) = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {tsql.translate(statement.sql)}",
            [bindable(value) for value in statement.parameters],
        ).fetchall()
    return sum(int(rows) for rows in re.findall(r'"rows_scanned": (\d+)', plan))


def test_publishing_an_hour_of_years_ago_with_one_of_today_does_not_read_the_years_between(
    stored: Path,
) -> None:
    assert values_read(stored, [_days(FIRST, FIRST), _days(LAST, LAST)]) < STORED / 2


def test_a_span_of_years_reads_all_of_them(stored: Path) -> None:
    assert values_read(stored, [_days(FIRST, LAST)]) > STORED
