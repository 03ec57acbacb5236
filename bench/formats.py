"""What writing an answer costs, in each format: `python -m bench formats [--rounds N]`.

Pages are written from packed market days as the API writes them, and beside that as one would at first: a
row at a time with Python's `csv` and `json`. Time is the median of the rounds; memory is how much a fresh
process grew by writing one page, gzip included. Writes a table and `bench/results/formats.json`.
"""

import argparse
import csv
import gzip
import io
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta

from rich.console import Console
from rich.table import Table

from bench.apparatus import measuring
from shared import periods
from shared.api.formats import Format, Kind
from shared.api.parameters import Seals
from shared.api.series import rendering
from shared.api.series.pages import MAX_VALUES, Page
from shared.api.series.requests import Layout, SeriesRequest
from shared.files.forms.delimited import Dialect
from shared.metering import QUALITY_OF_LETTER, Direction, MeteringPointId, Resolution
from shared.periods import Period
from shared.readable import PermittedDays
from shared.series import assembly
from shared.series.assembly import Scope
from shared.warehouse.queries.series_days import DayRow

POINT = MeteringPointId("707057500000000018")
_FIRST = date(2014, 1, 1)
_NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
_MEGABYTE = 1_000_000

PAGES = {
    "a year of hours": (Resolution.PT1H, 365),
    "10 000 days of hours": (Resolution.PT1H, 10_000),
    f"{MAX_VALUES // 96} days of quarters, the largest page": (Resolution.PT15M, MAX_VALUES // 96),
    "10 000 days of quarters, if it were one page": (Resolution.PT15M, 10_000),
}


@dataclass(frozen=True)
class Written:
    """One way to write one page."""

    page: str
    way: str
    values: int
    milliseconds: float
    megabytes: float
    gzip_megabytes: float
    memory_megabytes: float


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m bench formats", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    found = []
    for page in PAGES:
        for way in WAYS:
            with multiprocessing.get_context("spawn").Pool(1) as fresh:
                found.append(fresh.apply(measure, (page, way, rounds)))
    measuring.write("formats", [asdict(each) for each in found])
    _show(found)
    return 0


def measure(page: str, way: str, rounds: int) -> Written:
    """Write a page once to measure the memory, then again and again to measure the time."""
    resolution, days = PAGES[page]
    rows = _rows(resolution, days)
    write = WAYS[way]
    before = measuring.most_memory()
    body = write(rows)
    packed = gzip.compress(body, 1)
    memory = measuring.most_memory() - before
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        write(rows)
        seconds.append(time.perf_counter() - start)
    return Written(
        page,
        way,
        values=sum(len(row.qualities) for row in rows),
        milliseconds=round(statistics.median(seconds) * 1000, 1),
        megabytes=round(len(body) / _MEGABYTE, 2),
        gzip_megabytes=round(len(packed) / _MEGABYTE, 2),
        memory_megabytes=round(memory, 1),
    )


def _rows(resolution: Resolution, days: int) -> list[DayRow]:
    """Return days as the warehouse does: ten different texts of qualities, all quantities different."""
    rows = []
    for number in range(days):
        day = _FIRST + timedelta(days=number % 4_500)
        count = len(periods.starts(day, resolution.step))
        quantities = ",".join(f"{(number * 7 + n * 13) % 9973 / 1000:.3f}" for n in range(count))
        qualities = "M" * count if number % 10 else "E" + "M" * (count - 1)
        rows.append(DayRow(POINT, day, resolution, quantities, qualities, "1.000", _NOW))
    return rows


def _ours(written: Format, layout: Layout = Layout.VALUES) -> Callable[[Sequence[DayRow]], bytes]:
    request = replace(_QUESTION, format=written, layout=layout)

    def write(rows: Sequence[DayRow]) -> bytes:
        return rendering.one(Page([assembly.assemble(rows, _SCOPE)], None), request).body

    return write


def _csv_a_row_at_a_time(rows: Sequence[DayRow]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["meteringPointId", "direction", "start", "end", "quantityKWh", "quality"])
    for row in rows:
        for start, end, quantity, quality in _values(row):
            writer.writerow([POINT, "consumption", start.isoformat(), end.isoformat(), quantity, quality])
    return text.getvalue().encode()


def _json_a_value_at_a_time(rows: Sequence[DayRow]) -> bytes:
    values = [
        {
            "start": start.isoformat(),
            "end": end.isoformat(),
            "quantity": float(quantity),
            "quality": quality,
        }
        for row in rows
        for start, end, quantity, quality in _values(row)
    ]
    return json.dumps({"meteringPointId": POINT, "values": values}).encode()


def _values(row: DayRow) -> list[tuple[datetime, datetime, str, str]]:
    step = Resolution(row.resolution).step
    return [
        (start, (start.astimezone(UTC) + step).astimezone(periods.OSLO), quantity, QUALITY_OF_LETTER[letter])
        for start, quantity, letter in zip(
            periods.starts(row.delivery_date, step), row.quantities.split(","), row.qualities, strict=True
        )
    ]


_PERIOD = Period(periods.start_of(_FIRST), periods.start_of(date(2050, 1, 1)))
_SCOPE = Scope(POINT, Direction.CONSUMPTION, _PERIOD, None, [PermittedDays(None, None)], None)
_QUESTION = SeriesRequest(
    direction=Direction.CONSUMPTION,
    is_one=True,
    named=(POINT,),
    customer_number=None,
    period=_PERIOD,
    resolution=None,
    layout=Layout.VALUES,
    as_of=_NOW,
    limit=10_000,
    is_whole=False,
    cursor=None,
    seal=Seals([bytes(32)]).of("bench"),
)
WAYS = {
    "json, values": _ours(Format(Kind.JSON)),
    "json, days": _ours(Format(Kind.JSON), Layout.DAYS),
    "csv": _ours(Format(Kind.CSV)),
    "csv, norwegian": _ours(Format(Kind.CSV, Dialect.NORWEGIAN)),
    "csv, wide": _ours(Format(Kind.CSV), Layout.WIDE),
    "ndjson, values": _ours(Format(Kind.NDJSON)),
    "xlsx": _ours(Format(Kind.XLSX)),
    "xlsx, wide": _ours(Format(Kind.XLSX), Layout.WIDE),
    "json, a value at a time": _json_a_value_at_a_time,
    "csv, a row at a time": _csv_a_row_at_a_time,
}


def _show(found: Sequence[Written]) -> None:
    table = Table("page", "way", "ms", "million values/s", "MB", "MB gzip", "MB of memory")
    for each in found:
        table.add_row(
            each.page,
            each.way,
            f"{each.milliseconds:.1f}",
            f"{each.values / each.milliseconds / 1000:.2f}",
            f"{each.megabytes:.2f}",
            f"{each.gzip_megabytes:.2f}",
            f"{each.memory_megabytes:.0f}",
        )
    Console(width=140).print(table)
