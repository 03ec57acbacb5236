"""Delivery files to measure loading with: hourly values of many metering points, as a feed writes them."""

import random
import shutil
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

from bench.apparatus import stored
from shared import periods
from shared.deliveries.interval_values.intervals import HEADER

_MOST_WATT_HOURS = 9_000
_POINTS_AT_ONCE = 10_000


def write(path: Path, *, points: int, days: Sequence[date], seed: int = 1) -> Path:
    """Write every hour of these days, by metering point and time."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_lines(points=points, days=days, seed=seed))
    return path


def write_correction(path: Path, *, points: int, day: date, share: float, also: date | None = None) -> Path:
    """Write other values for a share of a day's hours of all metering points, and an hour of another day."""
    lines = list(_lines(points=points, days=[day], seed=2))
    every = round(1 / share)
    with path.open("w", encoding="utf-8") as file:
        file.writelines([lines[0], *lines[1::every]])
        if also is not None:
            file.write(list(_lines(points=1, days=[also], seed=2))[1])
    return path


def write_quarters(path: Path, *, points: int, day: date) -> Path:
    """Write every quarter of an hour of a day, with DuckDB, some metering points at a time."""
    starts = [start.isoformat() for start in periods.starts(day, timedelta(minutes=15))]
    part = path.with_suffix(".part")
    path.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    with duckdb.connect() as connection, path.open("ab") as file:
        for first in range(0, points, _POINTS_AT_ONCE):
            numbers = range(first, min(first + _POINTS_AT_ONCE, points))
            connection.execute(
                f"COPY (SELECT id || ',consumption,' || start || ',PT15M,' || "
                f"CAST(CAST(hash(id || start) % {_MOST_WATT_HOURS} / 1000 AS DECIMAL(9, 3)) AS VARCHAR) "
                "|| ',measured' "
                "FROM (SELECT UNNEST($ids) AS id) CROSS JOIN (SELECT UNNEST($starts) AS start)) "
                f"TO '{part}' (HEADER false, QUOTE '', DELIMITER '|')",
                {"ids": [stored.metering_point(number) for number in numbers], "starts": starts},
            )
            with part.open("rb") as lines:
                shutil.copyfileobj(lines, file)
    part.unlink()
    return path


def as_parquet(path: Path) -> Path:
    """Write the same values to a Parquet file, with types."""
    target = path.with_suffix(".parquet")
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT metering_point_id, direction, CAST(start AS TIMESTAMPTZ) AS start, resolution, "
            "CAST(quantity AS DECIMAL(18, 3)) AS quantity, quality "
            f"FROM read_csv('{path}', all_varchar := true)) TO '{target}' (FORMAT parquet)"
        )
    return target


def days_from(first: date, *, count: int) -> list[date]:
    """Return days in a row."""
    return [first + timedelta(days=number) for number in range(count)]


def _lines(*, points: int, days: Sequence[date], seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    starts = [start.isoformat() for day in days for start in periods.starts(day, timedelta(hours=1))]
    yield ",".join(HEADER) + "\n"
    for number in range(points):
        id_ = stored.metering_point(number)
        for start in starts:
            watt_hours = chance.randrange(_MOST_WATT_HOURS)
            yield f"{id_},consumption,{start},PT1H,{watt_hours / 1_000:.3f},measured\n"
