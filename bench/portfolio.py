"""The series of many metering points: `python3 dev.py bench portfolio [--runs N]`.

A caller with 200 of 2 000 metering points asks for a day and for a month of all of them: the route of this
API, the way most teams would write it (bench/apparatus/usual.py), and the limit (the packed rows fetched,
and as many bytes copied as the answer has). Then the same for 2 and 20 metering points, and with a tenth
stored. Last, a caller with a hundred times as many, of which only the last has quarters of an hour, asks for
a week of quarters: how many pages and statements that takes.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.apparatus import asking, comparing, measuring, stored, usual
from bench.apparatus.comparing import Compared
from bench.apparatus.counting import Counting
from shared.metering import MeteringPointId
from shared.warehouse.engine import Warehouse

QUESTIONS = {
    "a day": (date(2026, 11, 21), stored.END),
    "a month": (date(2026, 10, 22), stored.END),
}


@dataclass(frozen=True)
class Grown:
    """A month of more and more metering points, of more and more stored ones."""

    metering_points: int
    stored: int
    ms: float
    million_values_a_second: float


@dataclass(frozen=True)
class Sparse:
    """A week of quarters of a portfolio in which one metering point has any."""

    metering_points: int
    pages: int
    empty_pages: int
    statements: int
    values: int
    ms: float


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="of each way, after one to warm up")
    parser.add_argument(
        "--metering-points", type=int, default=200, help="of the caller, of ten times as many"
    )
    arguments = parser.parse_args()
    points, runs = arguments.metering_points, arguments.runs
    with tempfile.TemporaryDirectory() as name:
        folder, console = Path(name), Console(width=130)
        console.print(f"Storing five years of hours of {points} and {10 * points} metering points …")
        module = asking.function_app(stored.packed(folder / "all.duckdb", points=10 * points))
        everything = module.services.warehouse
        tenth = stored.open_warehouse(stored.packed(folder / "tenth.duckdb", points=points))
        service = usual.api(
            stored.hourly(folder / "usual.duckdb", points=points, first=stored.END - timedelta(days=62))
        )
        compared = list(compare(module, service, stored.metering_points(points), runs=runs))
        show_compared(
            compared,
            f"{points} of {10 * points} metering points, five years stored; median of {runs}",
            console,
        )
        grown = [
            each
            for warehouse, of in ((everything, 10 * points), (tenth, points))
            for each in grow(module, warehouse, points=points, stored_points=of, runs=runs)
        ]
        show_grown(grown, runs, console)
        everything.close()
        tenth.close()
        sparse = search_sparse(module, folder / "sparse.duckdb", points=100 * points)
        show_sparse(sparse, console)
    figures = {"compared": list(map(asdict, compared)), "grown": list(map(asdict, grown))}
    measuring.write("portfolio", {**figures, "sparse": asdict(sparse)})


def compare(module: Any, service: Any, points: Sequence[MeteringPointId], *, runs: int) -> Iterator[Compared]:
    """Yield each question in each layout, in three ways."""
    warehouse = module.services.warehouse
    readable = asking.Permitted(points).portfolio(f"app:{asking.CALLER}")
    for question, (first, end) in QUESTIONS.items():
        for layout in ("days", "values"):
            yield comparing.compare(
                question,
                layout,
                ours=ask_ours(module, warehouse, points, first=first, end=end, layout=layout),
                usual=usual.asking(service, f"/consumption?{usual.period(first, end)}"),
                packed=comparing.packed_days(warehouse, readable, first=first, end=end),
                values=len(points) * comparing.hours(first, end),
                runs=runs,
            )


def grow(module: Any, warehouse: Warehouse, *, points: int, stored_points: int, runs: int) -> Iterator[Grown]:
    """Yield a month of a hundredth, a tenth and all of the metering points, in packed days."""
    first, end = QUESTIONS["a month"]
    hours = comparing.hours(first, end)
    ways = {
        str(count): ask_ours(
            module, warehouse, stored.metering_points(count), first=first, end=end, layout="days"
        )
        for count in sorted({max(1, points // 100), max(1, points // 10), points})
    }
    for count, taken in measuring.medians(ways, runs=runs).items():
        yield Grown(int(count), stored_points, taken, int(count) * hours / taken / 1_000)


def search_sparse(module: Any, path: Path, *, points: int) -> Sparse:
    """Read all pages of a week of quarters, of a portfolio in which only the last metering point has any."""
    first, portfolio = stored.END - timedelta(days=7), stored.metering_points(points)
    stored.in_quarters(stored.packed(path, points=points, first=first), point=max(portfolio))
    warehouse = stored.open_warehouse(path)
    counting = Counting(warehouse)
    module.services = replace(
        module.services,
        warehouse=counting,
        grants=asking.Permitted(portfolio),
        publications=asking.Published(stored.END),
    )
    values: list[int] = []
    cursor: str | None = ""
    started = time.perf_counter()
    while cursor is not None:
        query = f"/consumption?from={first}&to={stored.END}&resolution=PT15M"
        answer = json.loads(asking.asking(module.consumption_of_many, query + cursor)())
        values.append(sum(len(each["values"]) for each in answer["series"]))
        following = answer["nextCursor"]
        cursor = f"&cursor={following}" if following else None
    taken = 1_000 * (time.perf_counter() - started)
    warehouse.close()
    return Sparse(points, len(values), values.count(0), counting.statements, sum(values), taken)


def ask_ours(
    module: Any,
    warehouse: Warehouse,
    points: Sequence[MeteringPointId],
    *,
    first: date,
    end: date,
    layout: str,
) -> Callable[[], bytes]:
    """Return the route of this API, asked by a caller who may read these metering points."""
    services = replace(
        module.services,
        warehouse=warehouse,
        grants=asking.Permitted(points),
        publications=asking.Published(stored.END),
    )
    ask = asking.asking(
        module.consumption_of_many, f"/consumption?from={first}&to={end}&layout={layout}&limit=10000"
    )

    def answer() -> bytes:
        module.services = services
        return ask()

    if b'"nextCursor":null' not in answer():
        raise RuntimeError("the answer is not whole")
    return answer


def show_compared(compared: Sequence[Compared], title: str, console: Console) -> None:
    """Print the ratios first, then the times."""
    table = Table(title=title)
    for heading in ("question", "layout"):
        table.add_column(heading)
    for heading in (
        "faster than usual",
        "of the limit",
        "values/s",
        "ours",
        "usual",
        "limit",
        "values",
        "kB",
    ):
        table.add_column(heading, justify="right")
    for each in compared:
        table.add_row(
            each.question,
            each.layout,
            f"{each.times_faster_than_usual:.0f} ×",
            f"{each.times_the_limit:.1f} ×",
            f"{each.million_values_a_second:.1f} M",
            f"{each.ours_ms:.1f} ms",
            f"{each.usual_ms:,.0f} ms",
            f"{each.limit_ms:.1f} ms",
            f"{each.values:,}",
            f"{each.bytes / 1000:,.0f}",
        )
    console.print(table)


def show_sparse(sparse: Sparse, console: Console) -> None:
    """Print one line."""
    table = Table(title="A week of quarters of a portfolio in which one metering point has any")
    for name in asdict(sparse):
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row(*(f"{value:,.0f}" for value in asdict(sparse).values()))
    console.print(table)


def show_grown(grown: Sequence[Grown], runs: int, console: Console) -> None:
    """Print a line for each size."""
    table = Table(title=f"A month of more and more metering points (layout=days, median of {runs})")
    for heading in ("asked", "stored", "values/s", "ms"):
        table.add_column(heading, justify="right")
    for each in grown:
        table.add_row(
            f"{each.metering_points}",
            f"{each.stored:,}",
            f"{each.million_values_a_second:.1f} M",
            f"{each.ms:.2f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
