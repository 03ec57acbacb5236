"""Timing things side by side: each of them in turn, again and again, in one run."""

import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(os.environ.get("BENCH_RESULTS") or Path(__file__).resolve().parents[1] / "results")


def medians(ways: Mapping[str, Callable[[], object]], *, runs: int) -> dict[str, float]:
    """Return the median milliseconds of each way.

    The ways take turns, so that whatever else the machine does falls on all of them alike; a first
    round warms up and is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for count in range(runs + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            elapsed = (time.perf_counter() - started) * 1_000
            if count:
                taken[name].append(elapsed)
    return {name: statistics.median(each) for name, each in taken.items()}


def most_memory() -> float:
    """Return the most memory that this process has had, in megabytes.

    On Linux a process inherits `ru_maxrss` from the one that started it, so it is asked only elsewhere.
    """
    found = most_memory_of(os.getpid())
    if found is not None:
        return found
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def most_memory_of(process_id: int | None) -> float | None:
    """Return the most memory that a process has had, in megabytes; None where the system does not say."""
    status = Path(f"/proc/{process_id}/status")
    if process_id is None or not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def write(name: str, content: Any) -> Path:
    """Keep what was measured, with the machine it was measured on, in bench/results or BENCH_RESULTS."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.platform(),
    }
    path.write_text(json.dumps({"machine": machine, "measured": content}, indent=2) + "\n", encoding="utf-8")
    return path
