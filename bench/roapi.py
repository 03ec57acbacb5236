"""A year of hours over HTTP, beside roapi: `python3 dev.py bench roapi [--runs N] [--metering-points N …]`.

roapi serves a table in memory as JSON and is written in Rust: the quickest way to a read-only API of hourly
rows, without callers, access, versions or units of time. It gets the hours of some metering points as a
Parquet file, sorted by metering point, and is asked in SQL; this API answers from packed days, with the
access check. Both are processes of their own on this machine, asked over one kept connection each by a
client that costs little; the answers have the same values, which is checked. roapi is installed into an
environment of its own (bench/apparatus/roapi.txt).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import duckdb
import pyarrow.parquet
from rich.console import Console
from rich.table import Table

from bench.apparatus import measuring, stored
from local import places, venvs
from local.stack import free
from shared import periods

FIRST = date(2025, 11, 22)
REQUIREMENTS = Path(__file__).parent / "apparatus" / "roapi.txt"
QUESTIONS = {
    "a day": stored.END - timedelta(days=1),
    "a month": stored.END - timedelta(days=30),
    "a year": FIRST,
}
_STARTS_WITHIN = 60.0


@dataclass(frozen=True)
class Compared:
    """One question to both servers, in milliseconds."""

    rows: int
    question: str
    values: int
    times_faster: float
    ours_ms: float
    roapi_ms: float
    ours_bytes: int
    roapi_bytes: int


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21, help="of each way, after one to warm up")
    parser.add_argument("--metering-points", type=int, nargs="+", default=[100, 1_000])
    arguments = parser.parse_args()
    try:
        python = venvs.ready(places.STATE / "roapi", python=sys.executable, requirements=REQUIREMENTS)
    except venvs.NotMade as error:
        print(error)
        return 1
    compared: list[Compared] = []
    for points in arguments.metering_points:
        with tempfile.TemporaryDirectory() as folder:
            compared += compare(Path(folder), python.with_name("roapi"), points=points, runs=arguments.runs)
    show(compared, Console(width=130))
    measuring.write("roapi", [asdict(each) for each in compared])
    return 0


def compare(folder: Path, roapi: Path, *, points: int, runs: int) -> Iterator[Compared]:
    """Yield each question to both servers, on so many metering points with a year of hours."""
    warehouse = stored.packed(folder / "packed.duckdb", points=points, first=FIRST)
    table = _as_parquet(stored.hourly(folder / "hourly.duckdb", points=points, first=FIRST))
    rows = pyarrow.parquet.read_metadata(table).num_rows
    with _ours(warehouse, points=points) as ours, _roapi(roapi, table) as theirs:
        point = stored.metering_point(points // 2)
        for question, first in QUESTIONS.items():
            ways = {"ours": _ask_ours(ours, point, first), "roapi": _ask_roapi(theirs, point, first)}
            values = _values_of_ours(ways["ours"]())
            if values != _values_of_roapi(ways["roapi"]()):
                raise RuntimeError(f"the answers to {question} differ")
            taken = measuring.medians(ways, runs=runs)
            yield Compared(
                *(rows, question, len(values), taken["roapi"] / taken["ours"], taken["ours"], taken["roapi"]),
                *(len(ways["ours"]()), len(ways["roapi"]())),
            )


def _as_parquet(hourly: Path) -> Path:
    target = hourly.with_suffix(".parquet")
    with duckdb.connect(str(hourly), read_only=True) as connection:
        connection.execute(
            "COPY (SELECT metering_point_id, strftime(start_utc, '%Y-%m-%dT%H:%M:%SZ') AS start, "
            "CAST(quantity AS DOUBLE) AS quantity, quality FROM hourly_value ORDER BY 1, 2) "
            f"TO '{target}' (FORMAT parquet)"
        )
    return target


@contextmanager
def _server(command: Sequence[str], *, port: int, path: str) -> Iterator[HTTPConnection]:
    """Start a server, and yield a connection to it once it answers."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                until = time.monotonic() + _STARTS_WITHIN
                while not _answers(connection, path):
                    if time.monotonic() > until or process.poll() is not None:
                        raise RuntimeError(f"{command[0]} does not answer on port {port}")
                    time.sleep(0.1)
                yield connection
        finally:
            process.terminate()


def _answers(connection: HTTPConnection, path: str) -> bool:
    try:
        _ask(connection, "GET", path)
    except (HTTPException, OSError):
        connection.close()
        return False
    return True


def _ask(connection: HTTPConnection, method: str, path: str, body: str | None = None) -> bytes:
    connection.request(method, path, body)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise HTTPException(f"{path} is answered {answer.status}: {content[:200]!r}")
    return content


@contextmanager
def _ours(warehouse: Path, *, points: int) -> Iterator[HTTPConnection]:
    port = free.ports().function_host
    command = [sys.executable, "-m", "bench.apparatus.served", str(warehouse), str(points), str(port)]
    with _server(command, port=port, path="/ready") as connection:
        yield connection


@contextmanager
def _roapi(program: Path, table: Path) -> Iterator[HTTPConnection]:
    ports = free.ports()
    command = [
        *(str(program), "--table", f"hourly={table}", "--addr-http", f"127.0.0.1:{ports.gateway}"),
        *(
            "--addr-postgres",
            f"127.0.0.1:{ports.identity}",
            "--addr-flight-sql",
            f"127.0.0.1:{ports.standins}",
        ),
    ]
    with _server(command, port=ports.gateway, path="/api/schema") as connection:
        yield connection


def _ask_ours(connection: HTTPConnection, point: str, first: date) -> Callable[[], bytes]:
    path = f"/metering-points/{point}/consumption?from={first}&to={stored.END}&limit=10000"
    return lambda: _ask(connection, "GET", path)


def _ask_roapi(connection: HTTPConnection, point: str, first: date) -> Callable[[], bytes]:
    start, end = (f"{periods.start_of(day):%Y-%m-%dT%H:%M:%SZ}" for day in (first, stored.END))
    sql = (
        f"SELECT start, quantity, quality FROM hourly WHERE metering_point_id = '{point}' "
        f"AND start >= '{start}' AND start < '{end}' ORDER BY start"
    )
    return lambda: _ask(connection, "POST", "/api/sql", sql)


def _values_of_ours(body: bytes) -> list[float | None]:
    return [each["quantity"] for each in json.loads(body)["values"]]


def _values_of_roapi(body: bytes) -> list[float | None]:
    return [each["quantity"] for each in json.loads(body)]


def show(compared: Sequence[Compared], console: Console) -> None:
    """Print the ratios first."""
    table = Table(title="A metering point's hours over HTTP, beside roapi (median)")
    for heading in (
        "rows stored",
        "question",
        "values",
        "times faster",
        "ours ms",
        "roapi ms",
        "ours kB",
        "roapi kB",
    ):
        table.add_column(heading, justify="left" if heading == "question" else "right")
    for each in compared:
        table.add_row(
            *(f"{each.rows:,}", each.question, f"{each.values:,}", f"{each.times_faster:.1f}"),
            *(f"{each.ours_ms:.1f}", f"{each.roapi_ms:.1f}"),
            *(f"{each.ours_bytes / 1000:.0f}", f"{each.roapi_bytes / 1000:.0f}"),
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
