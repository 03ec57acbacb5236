"""The series of one metering point: `python3 dev.py bench series [--runs N]`.

Side by side, on the same engine with the same values: the route of this API, the way most teams would
write it (bench/apparatus/usual.py), and the limit (the packed rows fetched, and as many bytes copied as the
answer has). Then the same question with 10 and 100 times as much stored.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.apparatus import asking, comparing, measuring, stored, usual
from bench.apparatus.comparing import Compared
from shared.metering import MeteringPointId
from shared.warehouse.engine import Warehouse

QUESTIONS = {
    "a day": (date(2026, 11, 21), stored.END),
    "a month": (date(2026, 10, 1), date(2026, 11, 1)),
    "a year": (date(2025, 11, 22), stored.END),
    "five years": (stored.FIRST, stored.END),
}
TIMES = (1, 10, 100)


@dataclass(frozen=True)
class Grown:
    """One question with more and more stored: milliseconds, and how many times those of the least."""

    question: str
    times_stored: int
    times_slower: float
    ms: float


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="of each way, after one to warm up")
    parser.add_argument(
        "--metering-points", type=int, default=20, help="stored, and 10 and 100 times as many"
    )
    arguments = parser.parse_args()
    points, runs = arguments.metering_points, arguments.runs
    with tempfile.TemporaryDirectory() as name:
        folder, console = Path(name), Console(width=120)
        console.print(f"Storing five years of hours of {points} to {100 * points} metering points …")
        files = {times: stored.packed(folder / f"{times}.duckdb", points=points * times) for times in TIMES}
        service = usual.api(stored.hourly(folder / "usual.duckdb", points=points))
        module = asking.function_app(files[1])
        warehouses = {1: module.services.warehouse} | {
            times: stored.open_warehouse(files[times]) for times in TIMES if times > 1
        }
        point = stored.metering_point(points // 2)
        module.services = replace(
            module.services, grants=asking.Permitted([point]), publications=asking.Published(stored.END)
        )
        compared = list(compare(module, service, point, runs=runs))
        show_compared(
            compared, f"One metering point of {points}, five years stored; median of {runs}", console
        )
        grown = list(grow(module, warehouses, point, runs=runs))
        show_grown(grown, runs, console)
        for warehouse in warehouses.values():
            warehouse.close()
    measuring.write("series", {"compared": list(map(asdict, compared)), "grown": list(map(asdict, grown))})


def compare(module: Any, service: Any, point: MeteringPointId, *, runs: int) -> Iterator[Compared]:
    """Yield each question in each layout, in three ways."""
    readable = module.services.grants.of(f"app:{asking.CALLER}", metering_point_id=point)
    for question, (first, end) in QUESTIONS.items():
        path = f"/metering-points/{point}/consumption?{usual.period(first, end)}"
        for layout in ("values", "days"):
            yield comparing.compare(
                question,
                layout,
                ours=ask_ours(module, point, first=first, end=end, layout=layout),
                usual=usual.asking(service, path),
                packed=comparing.packed_days(module.services.warehouse, readable, first=first, end=end),
                values=comparing.hours(first, end),
                runs=runs,
            )


def grow(
    module: Any, warehouses: dict[int, Warehouse], point: MeteringPointId, *, runs: int
) -> Iterator[Grown]:
    """Yield each question with more and more stored."""
    services = module.services

    def of(times: int, ask: Callable[[], bytes]) -> Callable[[], bytes]:
        def answer() -> bytes:
            module.services = replace(services, warehouse=warehouses[times])
            return ask()

        return answer

    for question, (first, end) in QUESTIONS.items():
        ask = ask_ours(module, point, first=first, end=end, layout="values")
        if len({of(times, ask)() for times in warehouses}) != 1:
            raise RuntimeError("the same question has different answers")
        taken = measuring.medians({str(times): of(times, ask) for times in warehouses}, runs=runs)
        for times in warehouses:
            yield Grown(question, times, taken[str(times)] / taken["1"], taken[str(times)])
    module.services = services


def ask_ours(
    module: Any, point: MeteringPointId, *, first: date, end: date, layout: str
) -> Callable[[], bytes]:
    """Return the route of this API."""
    return asking.asking(
        module.consumption_of_one,
        f"/metering-points/{point}/consumption?from={first}&to={end}&layout={layout}&limit=10000",
        meteringPointId=point,
    )


def show_compared(compared: Sequence[Compared], title: str, console: Console) -> None:
    """Print the ratios first, then the times."""
    table = Table(title=title)
    for heading in ("question", "layout"):
        table.add_column(heading)
    for heading in ("faster than usual", "of the limit", "ours", "usual", "limit", "kB"):
        table.add_column(heading, justify="right")
    for each in compared:
        table.add_row(
            each.question,
            each.layout,
            f"{each.times_faster_than_usual:.1f} ×",
            f"{each.times_the_limit:.1f} ×",
            f"{each.ours_ms:.2f} ms",
            f"{each.usual_ms:.2f} ms",
            f"{each.limit_ms:.2f} ms",
            f"{each.bytes / 1000:.0f}",
        )
    console.print(table)


def show_grown(grown: Sequence[Grown], runs: int, console: Console) -> None:
    """Print the ratios first, then the times."""
    table = Table(title=f"The same question with more stored (layout=values, median of {runs})")
    table.add_column("question")
    for times in TIMES:
        table.add_column(f"{times} × stored", justify="right")
    for question in QUESTIONS:
        cells = [
            f"{each.times_slower:.2f} ×  {each.ms:.2f} ms" for each in grown if each.question == question
        ]
        table.add_row(question, *cells)
    console.print(table)


if __name__ == "__main__":
    main()
