"""Totals, peaks and completeness: `python3 dev.py bench insights [--metering-points N] [--runs N]`.

The pages of this API on packed days, and SQL on hourly rows in the same engine, whose answers are read as
rows: a month's totals and peaks, and a year's completeness by month, each with all its pages. Both are asked
for the same metering points, which the caller may read, and both report what is missing.

Of each, the time on the clock, and that of the processor, which other work on the machine disturbs less.
Hourly rows are of one version and need no parsing: to sum a column is what an engine of columns does best.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import duckdb
from rich.console import Console
from rich.table import Table

from bench.apparatus import asking, measuring, stored
from shared import periods
from shared.api.insights import completeness, peaks, requests, totals
from shared.api.parameters import Seals
from shared.metering import Direction
from shared.publishing.watermark import DataState
from shared.readable import Readable
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import series_days

Given = Mapping[str, list[str]]


class Page(Protocol):
    """A page of any of the answers."""

    @property
    def next_cursor(self) -> str | None:
        """Return the cursor of the next page; None on the last."""
        ...


MONTH = {"from": ["2026-10-01"], "to": ["2026-11-01"], "limit": ["10000"]}
YEAR = {"from": ["2025-11-22"], "to": ["2026-11-22"], "limit": ["10000"], "resolution": ["P1M"]}
_READABLE = """
    (SELECT UNNEST(FROM_JSON(?, '[{"metering_point_id": "TEXT", "first_day": "DATE", "last_day": "DATE"}]'),
                   recursive := TRUE)) AS permitted
    JOIN hourly_value AS h
      ON h.metering_point_id = permitted.metering_point_id
     AND h.delivery_date >= permitted.first_day AND h.delivery_date < permitted.last_day"""
_OF_MONTH = "h.delivery_date >= DATE '2026-10-01' AND h.delivery_date < DATE '2026-11-01'"
HOURLY = {
    "total by day": f"""
        SELECT h.delivery_date, SUM(h.quantity), COUNT(*) - COUNT(h.quantity),
               COUNT(DISTINCT h.metering_point_id)
        FROM {_READABLE} WHERE {_OF_MONTH} GROUP BY 1 ORDER BY 1""",
    "total by hour": f"""
        SELECT h.start_utc, SUM(h.quantity), COUNT(*) - COUNT(h.quantity), COUNT(*)
        FROM {_READABLE} WHERE {_OF_MONTH} GROUP BY 1 ORDER BY 1""",
    "peaks": f"""
        SELECT metering_point_id, start_utc, quantity, hours FROM (
            SELECT *, ROW_NUMBER() OVER (PARTITION BY metering_point_id
                                         ORDER BY quantity DESC, start_utc) AS place,
                   SUM(of_day_known) OVER (PARTITION BY metering_point_id) AS hours
            FROM (
                SELECT h.metering_point_id, h.start_utc, h.quantity,
                       COUNT(h.quantity) OVER (PARTITION BY h.metering_point_id, h.delivery_date)
                           AS of_day_known,
                       ROW_NUMBER() OVER (PARTITION BY h.metering_point_id, h.delivery_date
                                          ORDER BY h.quantity DESC, h.start_utc) AS of_day
                FROM {_READABLE} WHERE {_OF_MONTH})
            WHERE of_day = 1)
        WHERE place <= 3""",
    "completeness": f"""
        SELECT h.metering_point_id, YEAR(h.delivery_date), MONTH(h.delivery_date), h.quality, COUNT(*)
        FROM {_READABLE} WHERE h.delivery_date >= DATE '2025-11-22' GROUP BY ALL""",
}
"""In SQL, with the market day of each hour stored as well, so that no row's time has to be converted."""


@dataclass(frozen=True)
class Taken:
    """The medians of some runs, in milliseconds."""

    clock: float
    processor: float


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--metering-points", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, points = Path(name), arguments.metering_points
        first = stored.END - timedelta(days=365)
        warehouse = stored.open_warehouse(stored.packed(folder / "packed.duckdb", points=points, first=first))
        readable = asking.Permitted(stored.metering_points(points)).portfolio(f"app:{asking.CALLER}")
        end = periods.start_of(date(2026, 11, 22))
        state, seals = DataState(end + timedelta(days=9), end + timedelta(days=9), end), Seals([b"0" * 64])
        asks = _asks(warehouse, readable, state=state, seals=seals)
        with duckdb.connect(
            str(stored.hourly(folder / "hourly.duckdb", points=points, first=first))
        ) as usual:
            ways: dict[str, Callable[[], object]] = {}
            permitted = series_days.permitted_rows(
                readable, first_day=periods.FIRST_DAY, last_day=periods.END_DAY, after=None
            )
            for question, ask in asks.items():
                ways[f"ours: {question}"] = partial(_walk, ask)
                ways[f"hourly: {question}"] = partial(_all_rows, usual, HOURLY[question], str(permitted.rows))
            taken = _measure(ways, runs=arguments.runs)
        warehouse.close()
    ours = {question: taken[f"ours: {question}"] for question in asks}
    by_hours = {question: taken[f"hourly: {question}"] for question in asks}
    table = Table(title=f"{points} metering points; milliseconds, median of {arguments.runs}")
    for heading in ("question", "ours", "processor", "SQL on hours", "processor", "times faster"):
        table.add_column(heading)
    for question, each in ours.items():
        usual_way = by_hours[question]
        table.add_row(
            question,
            *(f"{each.clock:.0f}", f"{each.processor:.0f}"),
            *(f"{usual_way.clock:.0f}", f"{usual_way.processor:.0f}"),
            f"{usual_way.processor / each.processor:.1f}",
        )
    Console(width=100).print(table)
    measuring.write(
        "insights",
        {
            side: {question: asdict(each) for question, each in measured.items()}
            for side, measured in (("ours", ours), ("hourly", by_hours))
        },
    )


def _asks(
    warehouse: Warehouse, readable: Readable, *, state: DataState, seals: Seals
) -> Mapping[str, Callable[[Given], Page]]:
    """Return for each question what answers one page of it; `given` has the cursor."""

    def total(given: Given, *, resolution: str) -> Page:
        request = requests.total(
            direction=Direction.CONSUMPTION,
            given={**MONTH, "resolution": [resolution], **given},
            state=state,
            seals=seals,
        )
        return totals.fetch(warehouse, readable=readable, request=request)

    def highest(given: Given) -> Page:
        request = requests.peaks(
            direction=Direction.CONSUMPTION, given={**MONTH, **given}, state=state, seals=seals
        )
        return peaks.fetch(warehouse, readable=readable, request=request)

    def complete(given: Given) -> Page:
        request = requests.complete(given={**YEAR, **given}, state=state, seals=seals)
        return completeness.fetch(warehouse, readable=readable, request=request)

    return {
        "total by day": partial(total, resolution="P1D"),
        "total by hour": partial(total, resolution="PT1H"),
        "peaks": highest,
        "completeness": complete,
    }


def _walk(ask: Callable[[Given], Page]) -> None:
    """Read all pages of an answer."""
    cursor: str | None = None
    while True:
        cursor = ask({} if cursor is None else {"cursor": [cursor]}).next_cursor
        if cursor is None:
            return


def _all_rows(connection: duckdb.DuckDBPyConnection, sql: str, permitted: str) -> list[tuple[object, ...]]:
    return connection.execute(sql, [permitted]).fetchall()


def _measure(ways: Mapping[str, Callable[[], object]], *, runs: int) -> dict[str, Taken]:
    """Return how long each way takes; processor time is of all threads of the process together.

    The ways take turns; a first round warms up and is not counted.
    """
    found: dict[str, list[Taken]] = {name: [] for name in ways}
    for count in range(runs + 1):
        for name, way in ways.items():
            clock, processor = time.perf_counter(), time.process_time()
            way()
            if count:
                found[name].append(
                    Taken((time.perf_counter() - clock) * 1_000, (time.process_time() - processor) * 1_000)
                )
    return {
        name: Taken(
            statistics.median(each.clock for each in runs_of_way),
            statistics.median(each.processor for each in runs_of_way),
        )
        for name, runs_of_way in found.items()
    }


if __name__ == "__main__":
    main()
