"""Totals, peaks and completeness: `python3 dev.py bench insights [--metering-points N] [--runs N]`.

The pages of this API on packed days, and SQL on hourly rows in the same engine, which takes its answer as
rows: a month's totals and peaks, and a year's completeness by month. Both in CPU time, which other work on
the machine disturbs less.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from bench.apparatus import asking, measuring, stored
from shared import periods
from shared.api.insights import completeness, peaks, requests, totals
from shared.api.parameters import Seals
from shared.metering import Direction
from shared.publishing.watermark import DataState

MONTH = {"from": ["2026-10-01"], "to": ["2026-11-01"], "limit": ["10000"]}
YEAR = {"from": ["2025-11-22"], "to": ["2026-11-22"], "limit": ["10000"], "resolution": ["P1M"]}
_LOCAL = "start_utc AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Oslo'"
_OF_MONTH = "start_utc >= TIMESTAMP '2026-09-30 22:00' AND start_utc < TIMESTAMP '2026-10-31 23:00'"
HOURLY = {
    "total by day": f"""
        SELECT CAST({_LOCAL} AS DATE), SUM(quantity), COUNT(*) - COUNT(quantity),
               COUNT(DISTINCT metering_point_id)
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
                       ROW_NUMBER() OVER (PARTITION BY metering_point_id, CAST({_LOCAL} AS DATE)
                                          ORDER BY quantity DESC, start_utc) AS of_day
                FROM hourly_value WHERE {_OF_MONTH})
            WHERE of_day = 1)
        WHERE place <= 3""",
    "completeness": f"""
        SELECT metering_point_id, date_trunc('month', {_LOCAL}), quality, COUNT(*)
        FROM hourly_value WHERE start_utc >= TIMESTAMP '2025-11-21 23:00' GROUP BY ALL""",
}


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
        total = {
            each: requests.total(
                direction=Direction.CONSUMPTION,
                given={**MONTH, "resolution": [each]},
                state=state,
                seals=seals,
            )
            for each in ("P1D", "PT1H")
        }
        highest = requests.peaks(direction=Direction.CONSUMPTION, given=MONTH, state=state, seals=seals)
        complete = requests.complete(given=YEAR, state=state, seals=seals)
        ours: Mapping[str, Callable[[], object]] = {
            "total by day": lambda: totals.fetch(warehouse, readable=readable, request=total["P1D"]),
            "total by hour": lambda: totals.fetch(warehouse, readable=readable, request=total["PT1H"]),
            "peaks": lambda: peaks.fetch(warehouse, readable=readable, request=highest),
            "completeness": lambda: completeness.fetch(warehouse, readable=readable, request=complete),
        }
        taken = {question: _cpu_ms(ask, runs=arguments.runs) for question, ask in ours.items()}
        warehouse.close()
        with duckdb.connect(
            str(stored.hourly(folder / "hourly.duckdb", points=points, first=first))
        ) as usual:
            by_hours = {
                question: _cpu_ms(lambda sql=sql: usual.execute(sql).fetchall(), runs=arguments.runs)  # type: ignore[misc]
                for question, sql in HOURLY.items()
            }
    table = Table(title=f"{points} metering points; CPU milliseconds, median of {arguments.runs}")
    for heading in ("question", "ours", "SQL on hours", "times faster"):
        table.add_column(heading)
    for question, ms in taken.items():
        faster = by_hours[question] / ms
        table.add_row(question, f"{ms:.0f}", f"{by_hours[question]:.0f}", f"{faster:.1f}")
    Console(width=100).print(table)
    measuring.write("insights", {"ours": taken, "hourly": by_hours})


def _cpu_ms(ask: Callable[[], object], *, runs: int) -> float:
    """Return the median CPU milliseconds, all threads of the process together, after one to warm up."""
    ask()
    found = []
    for _ in range(runs):
        started = time.process_time()
        ask()
        found.append((time.process_time() - started) * 1_000)
    return statistics.median(found)


if __name__ == "__main__":
    main()
