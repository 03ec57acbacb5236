"""A warehouse with a history of published deliveries of a day each: made in SQL, since loading takes long."""

from datetime import date, timedelta
from pathlib import Path

import duckdb

from bench.apparatus import stored

_HOURS = """
SELECT p.id AS metering_point_id, m.delivery_date, m.start_utc + to_hours(hour) AS start_utc,
       CAST(hash(p.number, m.delivery_date, hour) % 9000 AS DECIMAL(18, 3)) / 1000 AS quantity
FROM market_day AS m
CROSS JOIN points AS p
CROSS JOIN range(25) AS hours(hour)
WHERE m.delivery_date >= $first AND m.delivery_date < $end
  AND hour < date_diff('hour', m.start_utc, m.end_utc)
"""
_RECEIVED = "CAST(delivery_date AS TIMESTAMP) + INTERVAL 30 HOUR"
_SEQUENCE = "date_diff('day', CAST($first AS DATE), delivery_date) + 1"
_STATEMENTS = (
    f"INSERT INTO interval_value SELECT metering_point_id, 'consumption', start_utc, 'PT1H', quantity, "
    f"'measured', CAST(delivery_date AS VARCHAR), {_RECEIVED} FROM ({_HOURS}) ORDER BY delivery_date",
    "INSERT INTO delivery "
    "(batch_id, source, received_at, first_start_utc, last_start_utc, interval_values) "
    "SELECT batch_id, 'history', received_at, MIN(start_utc), MAX(start_utc), COUNT(*) "
    "FROM interval_value GROUP BY batch_id, received_at",
    f"INSERT INTO series_day SELECT metering_point_id, 'consumption', delivery_date, 'PT1H', "
    f"string_agg(quantity, ',' ORDER BY start_utc), repeat('M', COUNT(*)), SUM(quantity), 0, {_SEQUENCE}, "
    f"{_RECEIVED}, NULL, CAST(metering_point_id AS BIGINT) FROM ({_HOURS}) GROUP BY ALL "
    "ORDER BY delivery_date",
    'INSERT INTO publication (sequence, published_at, batch_id, "days", "values", first_day, last_day) '
    f"SELECT {_SEQUENCE}, {_RECEIVED}, CAST(delivery_date AS VARCHAR), COUNT(*), "
    f"SUM(LEN(qualities)), delivery_date, delivery_date FROM series_day GROUP BY delivery_date",
)


def make(path: Path, *, points: int, first: date, days: int) -> Path:
    """Make a warehouse in which each metering point has every hour of these days."""
    stored.open_warehouse(path).close()
    with duckdb.connect(str(path), config={"memory_limit": "4GB"}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("CREATE TEMPORARY TABLE points (number BIGINT, id VARCHAR)")
        connection.execute(
            "INSERT INTO points SELECT unnest(range(?)), unnest(CAST(? AS VARCHAR[]))",
            [points, stored.metering_points(points)],
        )
        bounds = {"first": first, "end": first + timedelta(days=days)}
        for statement in _STATEMENTS:
            used = {name: value for name, value in bounds.items() if f"${name}" in statement}
            connection.execute(statement, used)
    return path
