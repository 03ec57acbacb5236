"""Warehouses to ask: some metering points with five years of hours, as packed days and as hourly rows.

The values are the same in both, and lie as they came: a publication each day. Of the packed days, as
many are out of the embedded engine's order as there ever are (shared/warehouse/duckdb/clustering.py).
"""

from datetime import date, timedelta
from pathlib import Path

import duckdb

from shared import metering
from shared.metering import MeteringPointId
from shared.settings import WarehouseSettings
from shared.warehouse import opening, schema
from shared.warehouse.duckdb import clustering
from shared.warehouse.duckdb.warehouse import Embedded
from shared.warehouse.engine import Statement

FIRST, END = date(2021, 11, 22), date(2026, 11, 22)
"""The market days stored: five years."""
_ORDERED_UNTIL = FIRST + (END - FIRST) * (1 / (1 + 0.99 * clustering.UNORDERED_SHARE))

_DAYS = """
SELECT p.id AS metering_point_id, m.delivery_date, m.start_utc,
       list_transform(range(date_diff('hour', m.start_utc, m.end_utc)),
                      lambda hour: hash(p.number, m.delivery_date, hour) % 20000) AS watt_hours
FROM market_day AS m
CROSS JOIN points AS p
WHERE m.delivery_date >= ? AND m.delivery_date < ?
ORDER BY m.delivery_date, p.number
"""
_PACKED = f"""
INSERT INTO series_day
SELECT metering_point_id, 'consumption', delivery_date, 'PT1H',
       array_to_string(list_transform(watt_hours, lambda wh: printf('%d.%03d', wh // 1000, wh % 1000)), ','),
       repeat('M', len(watt_hours)), list_sum(watt_hours) / 1000, 0,
       date_diff('day', DATE '{FIRST}', delivery_date) + 1, delivery_date + INTERVAL 30 HOUR, NULL,
       CAST(metering_point_id AS BIGINT)
FROM ({_DAYS})
"""
_IN_QUARTERS = """
UPDATE series_day
SET resolution = 'PT15M', total_kwh = length(qualities),
    quantities = array_to_string(list_transform(range(4 * length(qualities)), lambda quarter: '0.250'), ','),
    qualities = repeat('M', 4 * length(qualities))
WHERE metering_point_id = ?
"""
_HOURLY = f"""
INSERT INTO hourly_value
SELECT metering_point_id, start_utc + to_hours(hour), wh / 1000, 'measured', delivery_date + INTERVAL 30 HOUR,
       delivery_date
FROM (SELECT metering_point_id, delivery_date, start_utc, unnest(watt_hours) AS wh,
             unnest(range(len(watt_hours))) AS hour
      FROM ({_DAYS}))
"""


def metering_points(count: int) -> list[MeteringPointId]:
    """Return metering points that exist in measurements only."""
    return [metering_point(number) for number in range(count)]


def metering_point(number: int) -> MeteringPointId:
    """Return one of them."""
    payload = f"70705756{number:09d}"
    return metering.parse_metering_point_id(payload + metering.check_digit(payload))


def open_warehouse(path: Path) -> Embedded:
    """Return the embedded warehouse in a file, with its tables."""
    opened = opening.open_warehouse(WarehouseSettings(f"duckdb:{path}", timedelta(minutes=5), 8, 250_000, ""))
    assert isinstance(opened, Embedded)
    schema.apply(opened)
    return opened


def packed(path: Path, *, points: int, first: date = FIRST) -> Path:
    """Make a warehouse of packed days."""
    open_warehouse(path).close()
    _fill(path, _PACKED, points=points, first=first, end=_ORDERED_UNTIL)
    _keep_order(path)
    _fill(path, _PACKED, points=points, first=max(first, _ORDERED_UNTIL), end=END)
    return path


def in_quarters(path: Path, *, point: MeteringPointId) -> Path:
    """Turn the stored days of one metering point into quarters of an hour."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(_IN_QUARTERS, [point])
    return path


def hourly(path: Path, *, points: int, first: date = FIRST) -> Path:
    """Make a database of hourly rows, in a table `hourly_value`."""
    open_warehouse(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE hourly_value (metering_point_id VARCHAR NOT NULL, start_utc TIMESTAMP NOT NULL, "
            "quantity DECIMAL(18, 3), quality VARCHAR NOT NULL, updated_at TIMESTAMP NOT NULL, "
            "delivery_date DATE NOT NULL)"
        )
    _fill(path, _HOURLY, points=points, first=first, end=END)
    return path


def _fill(path: Path, statement: str, *, points: int, first: date, end: date) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TEMPORARY TABLE points (number BIGINT, id VARCHAR)")
        connection.execute(
            "INSERT INTO points SELECT unnest(range(?)), unnest(CAST(? AS VARCHAR[]))",
            [points, metering_points(points)],
        )
        connection.execute(statement, [first, end])


def _keep_order(path: Path) -> None:
    """Sort rows as after every publication, by inserting nothing."""
    warehouse = open_warehouse(path)
    with warehouse.transaction() as session:
        session.run(
            Statement(
                "INSERT INTO metering.series_day (metering_point_id) "
                "SELECT metering_point_id FROM metering.metering_point WHERE 1 = 0",
                (),
                "nothing",
            )
        )
    warehouse.close()
