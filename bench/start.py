"""The first request of a new instance: `python3 dev.py bench start [--runs N]`.

Each run is a fresh process, on a warehouse with five years of hours. It imports the function app and answers
a day of one metering point twice, with grants and watermark at hand. Then the same with the queries of the
warm-up before the first answer, which shows what that answer waits for.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.apparatus import asking, measuring, stored

WAYS = ("cold", "warmed")


@dataclass(frozen=True)
class Stage:
    """A part of a start: milliseconds by the clock and of processor time, medians."""

    way: str
    name: str
    ms: float
    processor_ms: float


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="of each way, after one to warm up")
    parser.add_argument("--metering-points", type=int, default=20, help="stored")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        warehouse = stored.packed(Path(name) / "packed.duckdb", points=arguments.metering_points)
        found = measured(warehouse, runs=arguments.runs)
    show(found, runs=arguments.runs)
    measuring.write("start", [asdict(each) for each in found])


def measured(warehouse: Path, *, runs: int) -> list[Stage]:
    """Return the stages of each way; the ways take turns."""
    taken: dict[tuple[str, str], list[Sequence[float]]] = {}
    for run in range(runs + 1):
        for way in WAYS:
            for name, times in _start(way, warehouse).items():
                if run:  # The first run may find the files of the packages on disk only.
                    taken.setdefault((way, name), []).append(times)
    return [
        Stage(way, name, *(statistics.median(each) for each in zip(*times, strict=True)))
        for (way, name), times in taken.items()
    ]


def _start(way: str, warehouse: Path) -> dict[str, Sequence[float]]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.apparatus.started", way, stored.metering_point(0)],
        env=os.environ | asking.settings(warehouse),
        check=True,
        capture_output=True,
        text=True,
    )
    stages: dict[str, Sequence[float]] = json.loads(done.stdout.splitlines()[-1])
    return stages


def show(stages: Sequence[Stage], *, runs: int) -> None:
    """Print a line for each stage."""
    table = Table("warmed up", "stage", title=f"A new instance (median of {runs})")
    for heading in ("ms", "processor ms"):
        table.add_column(heading, justify="right")
    for each in stages:
        table.add_row(
            "yes" if each.way == "warmed" else "no", each.name, f"{each.ms:.0f}", f"{each.processor_ms:.0f}"
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
