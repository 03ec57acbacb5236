"""Totals, peaks and completeness: `python3 dev.py bench insights [--metering-points N] [--runs N]`.

The pages of this API on packed days, and SQL on hourly rows in the same engine, which takes its answer as
rows: a month's totals and peaks, and a year's completeness by month, each with all its pages. In CPU time,
which other work on the machine disturbs less.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
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

Given = Mapping[str, list[str]]


class Page(Protocol):
    """A page of any of the answers."""

    @property
    def next_cursor(self) -> str | None:
        """Return the cursor of the next page; None on the last."""
        ...


MONTH = {"from": ["2026-10-01"], "to": ["2026-11-01"], "limit": ["10000"]}
YEAR = {"from": ["2025-11-22"], "to": ["2026-11-22"], "limit": ["10000"], "resolution": ["P1M"]}
_OF_MONTH = "delivery_date >= DATE '2026-10-01' AND delivery_date < DATE '2026-11-01'"
HOURLY = {
    "total by day": f"""
        SELECT delivery_date, SUM(quantity), COUNT(*) - COUNT(quantity), COUNT(DISTINCT metering_point_id)
        FROM hourly_value WHERE {_OF_MONTH} GROUP BY 1 ORDER BY 1""",
    "total by hour": f"""
        SELECT start_utc, SUM(quantity), COUNT(*) - COUNT(quantity), COUNT(*)
        FROM hourly_value WHERE {_OF_MONTH} GROUP BY 1 ORDER BY 1""",
    "peaks": f"""
        SELECT metering_point_id, start_utc, quantity FROM (
            SELECT *, ROW_NUMBER() OVER (PARTITION BY metering_point_id
                                         ORDER BY quantity DESC, start_utc) AS place
            FROM (
                SELECT metering_point_id, start_utc, quantity,
                       ROW_NUMBER() OVER (PARTITION BY metering_point_id, delivery_date
                                          ORDER BY quantity DESC, start_utc) AS of_day
                FROM hourly_value WHERE {_OF_MONTH})
            WHERE of_day = 1)
        WHERE place <= 3""",
    "completeness": """
        SELECT metering_point_id, YEAR(delivery_date), MONTH(delivery_date), quality, COUNT(*)
        FROM hourly_value WHERE delivery_date >= DATE '2025-11-22' GROUP BY ALL""",
}
"""As somebody would ask who also stored the market day of each hour: no row's time is converted."""


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
            for question, ask in asks.items():
                ways[f"ours: {question}"] = partial(_walk, ask)
                ways[f"hourly: {question}"] = partial(_all_rows, usual, HOURLY[question])
            taken = _cpu_ms(ways, runs=arguments.runs)
        warehouse.close()
    ours = {question: taken[f"ours: {question}"] for question in asks}
    by_hours = {question: taken[f"hourly: {question}"] for question in asks}
    table = Table(title=f"{points} metering points; CPU milliseconds, median of {arguments.runs}")
    for heading in ("question", "ours", "SQL on hours", "times faster"):
        table.add_column(heading)
    for question, ms in ours.items():
        faster = by_hours[question] / ms
        table.add_row(question, f"{ms:.0f}", f"{by_hours[question]:.0f}", f"{faster:.1f}")
    Console(width=100).print(table)
    measuring.write("insights", {"ours": ours, "hourly": by_hours})


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


def _all_rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return connection.execute(sql).fetchall()


def _cpu_ms(ways: Mapping[str, Callable[[], object]], *, runs: int) -> dict[str, float]:
    """Return the median CPU milliseconds of each way, all threads of the process together.

    The ways take turns; a first round warms up and is not counted.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for count in range(runs + 1):
        for name, way in ways.items():
            started = time.process_time()
            way()
            if count:
                found[name].append((time.process_time() - started) * 1_000)
    return {name: statistics.median(each) for name, each in found.items()}


if __name__ == "__main__":
    main()
