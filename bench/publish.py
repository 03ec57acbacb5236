"""Loading and publishing a delivery: `python3 dev.py bench publish [--metering-points N] [--days N]`.

Side by side on the same files, from the CSV file to data that readers see:
- ours: every check, staged, taken in, packed and published as versioned market days (DuckDB);
- the usual way: a pydantic model for each row, upserted as hourly rows with a key (SQLite, which
  takes single rows faster than most servers do; nothing is packed or versioned);
- the limit: DuckDB reads the file without any check, stores it once and packs the days.

Two deliveries: a history, and then one more day of every metering point on top of it.
"""

import argparse
import csv
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import BaseModel, Field
from rich.console import Console
from rich.table import Table

from bench import measuring
from shared import metering, periods
from shared.settings import WarehouseSettings
from shared.warehouse import deliveries, opening, publish, schema
from shared.warehouse.intervals import HEADER

FIRST = date(2025, 1, 1)
CHUNK = 10_000


class Delivered(BaseModel):
    """A row of a delivery as most teams would model it."""

    metering_point_id: str = Field(pattern=r"^\d{18}$")
    direction: Literal["consumption", "production"]
    start: datetime
    resolution: Literal["PT15M", "PT1H"]
    quantity: Decimal | None = Field(ge=0, decimal_places=3)
    quality: str


@dataclass(frozen=True)
class Measured:
    """Seconds that each way took for one delivery."""

    delivery: str
    values: int
    ours: float
    usual: float
    limit: float


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metering-points", type=int, default=200)
    parser.add_argument("--days", type=int, default=60, help="of history")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            "a history": _file(folder / "history.csv", arguments.metering_points, range(arguments.days)),
            "one more day": _file(
                folder / "day.csv", arguments.metering_points, range(arguments.days, arguments.days + 1)
            ),
        }
        ways = (_ours(folder), _usual(folder), _limit(folder))
        measured = [_measure(name, file, ways) for name, file in files.items()]
    _show(measured)
    measuring.write("publish", [asdict(each) for each in measured])


def _file(path: Path, metering_points: int, days: Sequence[int]) -> Path:
    """A delivery of hourly values, by metering point and time, as a feed would write it."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(metering_points):
            payload = f"70705750001{number:06d}"
            id_ = payload + metering.check_digit(payload)
            for day in days:
                for start in periods.starts(FIRST + timedelta(days=day), timedelta(hours=1)):
                    quantity = f"{chance.randrange(9_000) / 1_000:.3f}"
                    writer.writerow([id_, "consumption", start.isoformat(), "PT1H", quantity, "measured"])
    return path


Way = Callable[[Path], None]


def _measure(name: str, file: Path, ways: Sequence[Way]) -> Measured:
    taken = []
    for way in ways:
        started = time.perf_counter()
        way(file)
        taken.append(time.perf_counter() - started)
    with file.open(encoding="utf-8") as lines:
        values = sum(1 for _ in lines) - 1
    return Measured(name, values, *taken)


def _ours(folder: Path) -> Way:
    settings = WarehouseSettings(
        url=f"duckdb:{folder / 'ours.duckdb'}",
        timeout=timedelta(seconds=30),
        pool_size=1,
        max_rows=250_000,
        odbc_driver="",
    )
    warehouse = opening.open_warehouse(settings)
    schema.apply(warehouse)

    def run(file: Path) -> None:
        deliveries.load(warehouse, file, now=datetime.now(UTC), progress=lambda rows, share: None)
        list(publish.pending(warehouse, clock=lambda: datetime.now(UTC)))

    return run


def _usual(folder: Path) -> Way:
    connection = sqlite3.connect(folder / "usual.db")
    connection.execute(
        "CREATE TABLE reading (metering_point_id text, direction text, start text, resolution text, "
        "quantity text, quality text, PRIMARY KEY (metering_point_id, direction, start))"
    )

    def run(file: Path) -> None:
        with connection, file.open(encoding="utf-8", newline="") as lines:
            for rows in _chunks(csv.DictReader(lines)):
                connection.executemany(
                    "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
                    "SET quantity = excluded.quantity, quality = excluded.quality",
                    rows,
                )

    return run


def _chunks(rows: Iterable[dict[str, str]]) -> Iterator[list[tuple[str, ...]]]:
    chunk: list[tuple[str, ...]] = []
    for row in rows:
        delivered = Delivered.model_validate(row)
        chunk.append(
            (
                delivered.metering_point_id,
                delivered.direction,
                delivered.start.astimezone(UTC).isoformat(),
                delivered.resolution,
                str(delivered.quantity),
                delivered.quality,
            )
        )
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _limit(folder: Path) -> Way:
    connection = duckdb.connect(str(folder / "limit.duckdb"))
    connection.execute(
        "CREATE TABLE reading (id varchar, direction varchar, start varchar, resolution varchar, "
        "quantity decimal(18, 3), quality varchar)"
    )
    connection.execute("CREATE TABLE day (id varchar, direction varchar, day varchar, quantities varchar)")

    def run(file: Path) -> None:
        connection.execute("INSERT INTO reading SELECT * FROM read_csv(?, all_varchar := true)", [str(file)])
        connection.execute(
            "INSERT INTO day SELECT id, direction, left(start, 10), string_agg(quantity, ',' ORDER BY start) "
            "FROM read_csv(?, all_varchar := true, names := ['id', 'direction', 'start', 'resolution', "
            "'quantity', 'quality']) GROUP BY ALL",
            [str(file)],
        )

    return run


def _show(measured: Sequence[Measured]) -> None:
    table = Table("delivery", "values", "ours", "values/s", "usual", "usual/ours", "limit", "ours/limit")
    for each in measured:
        table.add_row(
            each.delivery,
            f"{each.values:,}",
            f"{each.ours:.2f} s",
            f"{each.values / each.ours:,.0f}",
            f"{each.usual:.2f} s",
            f"{each.usual / each.ours:.1f}",
            f"{each.limit:.2f} s",
            f"{each.ours / each.limit:.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
