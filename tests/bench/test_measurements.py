"""Every measurement runs, in a size that says nothing about speed."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.apparatus import measuring

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["series", "--metering-points", "2", "--runs", "1"],
        ["portfolio", "--metering-points", "4", "--runs", "1"],
        ["insights", "--metering-points", "4", "--runs", "1"],
        ["morning", "--metering-points", "3"],
        ["notices", "--webhooks", "20", "--metering-points", "200"],
        ["changes", "--metering-points", "1000", "--runs", "1"],
        ["publish", "--metering-points", "200", "--runs", "1", "--days", "1", "--large", "20"],
        ["files", "--metering-points", "10", "--days", "2", "--runs", "1", "--large", "20"],
        ["start", "--metering-points", "2", "--runs", "1"],
        ["gateway", "--calls", "50", "--megabytes", "2"],
        ["access", "--customers", "100", "--points-each", "10"],
        ["kit", "--metering-points", "3", "--days", "5"],
        ["clients", "--host", "stand-in", "--clients", "2", "--seconds", "2", "--days", "40"],
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_a_measurement_prints_a_table_and_keeps_its_figures(arguments: list[str], tmp_path: Path) -> None:
    assert measure(*arguments, results=tmp_path)


def test_the_memory_of_a_process_is_its_own() -> None:
    held = bytearray(400_000_000)
    held[::4096] = b"x" * len(held[::4096])  # Memory that was never written is not counted.
    ours = measuring.most_memory()
    del held

    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        theirs = fresh.apply(measuring.most_memory)

    assert ours > 400
    assert theirs < 200


def test_a_read_request_enters_at_most_24_files(tmp_path: Path) -> None:
    assert measure("entered", results=tmp_path)["files"] <= 24


def measure(*arguments: str, results: Path) -> Any:
    """Run a measurement, and return the figures that it kept."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"BENCH_RESULTS": str(results)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "┃" in done.stdout
    return json.loads((results / f"{arguments[0]}.json").read_text(encoding="utf-8"))["measured"]


def test_measurements_are_listed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert "series" in done.stdout
    assert "stored" not in done.stdout
