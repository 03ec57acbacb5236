"""Files in each form beside pandas: `python3 dev.py bench files [--metering-points N] [--days N] [--runs N]`.

The same rows, written from packed market days by the forms, and by pandas from a frame that is ready: making
that frame is a line of its own. Time is that of the processor, all threads together. Then 100 000 metering
points × a day: how much memory a fresh process needs while it writes the file (series come and go one by
one), and how long two processes take until it is in a blob, each with half of it as a part. Writes tables
and `bench/results/files.json`.
"""

import argparse
import io
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
from azure.storage.blob import BlobServiceClient
from rich.console import Console
from rich.table import Table

from bench.apparatus import measuring, stored
from local.azurite import emulator
from local.stack import free, parts
from local.stack.supervision import Supervisor
from shared import periods
from shared.files.forms import table
from shared.files.forms.about import About
from shared.files.forms.form import Form
from shared.metering import QUALITY_OF_LETTER, Direction, Resolution
from shared.periods import ONE_DAY, Period
from shared.readable import PermittedDays
from shared.series.assembly import Scope, Series, Values

FORMS: Mapping[str, Mapping[str, str]] = {
    "csv": {"format": "csv"},
    "ndjson": {"format": "ndjson"},
    "gs2": {"format": "gs2"},
    "parquet": {"format": "parquet"},
    "xlsx": {"format": "xlsx"},
    "xlsx, wide": {"format": "xlsx", "layout": "wide"},
}
_SLOW = ("xlsx",)
"""Forms for people: a tenth of the rows."""
_IN_BLOBS = ("csv", "gs2", "parquet")
_FIRST = date(2026, 1, 1)
_ABOUT = About(name="bench", as_of=datetime(2026, 11, 22, 6, tzinfo=UTC))
_PERIOD = Period(periods.start_of(_FIRST), periods.start_of(date(2027, 1, 1)))
_MEGABYTE = 1_000_000
_CONTAINER = "bench"
_BLOCK = 4 * 1024 * 1024


@dataclass(frozen=True)
class Compared:
    """Millions of values a second of one form, and of pandas; None where pandas has no such form."""

    form: str
    values: int
    megabytes: float
    ours: float
    pandas: float | None
    pandas_with_frame: float | None


@dataclass(frozen=True)
class Large:
    """A file of many metering points × a day: memory beyond that of the imports, and seconds to the blob."""

    form: str
    values: int
    megabytes: float
    memory_megabytes: float
    blob_seconds: float | None


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m bench files", description=__doc__)
    parser.add_argument("--metering-points", type=int, default=400, help="each with so many --days")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--large", type=int, default=100_000, help="metering points × a day")
    arguments = parser.parse_args()
    compared = [
        compare(
            name, points=_fewer(name, arguments.metering_points), days=arguments.days, runs=arguments.runs
        )
        for name in FORMS
    ]
    _show_compared(compared)
    found = large(arguments.large)
    _show_large(found)
    measuring.write("files", {"compared": [*map(asdict, compared)], "large": [*map(asdict, found)]})
    return 0


def _fewer(name: str, points: int) -> int:
    return max(1, points // 10) if name.startswith(_SLOW) else points


def compare(name: str, *, points: int, days: int, runs: int) -> Compared:
    """Write the same rows in a form and by pandas, in turns."""
    series = list(_series(range(points), days=days))
    values = sum(len(run.qualities) for each in series for run in each.parts if isinstance(run, Values))
    frame = _frame(series)
    by_pandas = _PANDAS.get(name)
    ways: dict[str, Callable[[], object]] = {"ours": lambda: _bytes(name, series)}
    if by_pandas:
        ways |= {"pandas": lambda: by_pandas(frame), "frame": lambda: _frame(series)}
    taken = _processor_seconds(ways, runs=runs)
    return Compared(
        name,
        values=values,
        megabytes=round(_bytes(name, series) / _MEGABYTE, 1),
        ours=_speed(values, taken["ours"]),
        pandas=_speed(values, taken["pandas"]) if by_pandas else None,
        pandas_with_frame=_speed(values, taken["pandas"] + taken["frame"]) if by_pandas else None,
    )


def large(points: int) -> list[Large]:
    """Write a day of so many metering points in each form that streams."""
    blobs = _to_blobs(points)
    found = []
    for name in FORMS:
        if name.startswith(_SLOW):
            continue  # More than a sheet holds.
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            values, size, memory = fresh.apply(_memory, (name, points))
        found.append(Large(name, values, round(size / _MEGABYTE, 1), memory, blobs.get(name)))
    return found


def _memory(name: str, points: int) -> tuple[int, int, float]:
    """Write a file piece by piece; return its values, its bytes and how many megabytes the process grew."""
    _bytes(name, _series(range(1), days=1))  # What a form imports is not counted.
    before = measuring.most_memory()
    file = table.write(_series(range(points), days=1), form=_form(name), about=_ABOUT)
    size = sum(map(len, file.pieces))
    return file.counts.values, size, round(measuring.most_memory() - before, 1)


def _to_blobs(points: int) -> dict[str, float]:
    """Return the seconds from packed days to blobs in the storage emulator, by two processes at once."""
    endpoints = emulator.Endpoints(*free.numbers(3))
    connection = emulator.connection_string(endpoints)
    halves = [range(points // 2), range(points // 2, points)]
    taken = {}
    with tempfile.TemporaryDirectory() as state, Supervisor(state=Path(state)) as supervisor:
        supervisor.start_ready(parts.azurite(endpoints, data=None))
        with BlobServiceClient.from_connection_string(connection) as service:
            service.create_container(_CONTAINER)
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            for name in _IN_BLOBS:
                pool.starmap(_upload, [(name, range(each, each + 1), connection) for each in range(2)])
                started = time.perf_counter()
                pool.starmap(_upload, [(name, half, connection) for half in halves])
                taken[name] = round(time.perf_counter() - started, 1)
    return taken


def _upload(name: str, points: range, connection: str) -> None:
    """Write one part into a blob while it is made."""
    file = table.write(_series(points, days=1), form=_form(name), about=_ABOUT)
    with BlobServiceClient.from_connection_string(connection) as service:
        blob = service.get_blob_client(_CONTAINER, f"{name}-{points.start}-{points.stop}")
        blob.upload_blob(_blocks(file.pieces), overwrite=True)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces joined to megabytes: the client copies all that waits for a block with each piece."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _processor_seconds(ways: Mapping[str, Callable[[], object]], *, runs: int) -> dict[str, float]:
    """Return the median processor seconds of each way, in turns; a first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for count in range(runs + 1):
        for name, way in ways.items():
            started = time.process_time()
            way()
            if count:
                taken[name].append(time.process_time() - started)
    return {name: statistics.median(each) for name, each in taken.items()}


def _speed(values: int, seconds: float) -> float:
    return round(values / seconds / 1e6, 3)


def _bytes(name: str, series: Iterable[Series]) -> int:
    return sum(map(len, table.write(series, form=_form(name), about=_ABOUT).pieces))


def _form(name: str) -> Form:
    return Form.model_validate(FORMS[name], strict=False)


def _series(points: Iterable[int], *, days: int) -> Iterator[Series]:
    """Yield series as they are assembled from the warehouse's rows; few of the texts are equal."""
    for point in points:
        runs = [_run(point, _FIRST + number * ONE_DAY) for number in range(days)]
        metering_point_id = stored.metering_point(point)
        scope = Scope(
            metering_point_id, Direction.CONSUMPTION, _PERIOD, None, [PermittedDays(None, None)], None
        )
        yield Series(scope, runs)


def _run(point: int, day: date) -> Values:
    count = len(periods.starts(day, Resolution.PT1H.step))
    first = point * 7 + day.toordinal() * 31
    quantities = ",".join([_QUANTITIES[(first + hour * 13) % len(_QUANTITIES)] for hour in range(count)])
    qualities = "M" * count if point % 10 else "E" + "M" * (count - 1)
    return Values(day, Resolution.PT1H, 0, quantities, qualities, _ABOUT.as_of)


_QUANTITIES = [f"{number / 1000:.3f}" for number in range(9_973)]


def _frame(series: Iterable[Series]) -> pd.DataFrame:
    """Return a row for each value, as pandas users have them: a list for each column, then the types."""
    points: list[str] = []
    starts: list[datetime] = []
    quantities: list[str] = []
    qualities: list[str] = []
    step = timedelta(hours=1)
    for each in series:
        for run in each.parts:
            if isinstance(run, Values):
                points += [each.scope.metering_point_id] * len(run.qualities)
                starts += [run.start + hour * step for hour in range(len(run.qualities))]
                quantities += run.quantities.split(",")
                qualities += [QUALITY_OF_LETTER[letter] for letter in run.qualities]
    start = pd.Series(pd.to_datetime(pd.Series(starts), utc=True)).dt.tz_convert("Europe/Oslo")
    return pd.DataFrame(
        {
            "meteringPointId": points,
            "direction": "consumption",
            "start": start,
            "end": start + step,
            "quantityKWh": pd.to_numeric(pd.Series(quantities)),
            "quality": qualities,
        }
    )


def _excel(frame: pd.DataFrame) -> object:
    local = frame.assign(start=frame["start"].dt.tz_localize(None), end=frame["end"].dt.tz_localize(None))
    return local.to_excel(io.BytesIO(), index=False, engine="xlsxwriter")


_PANDAS: Mapping[str, Callable[[pd.DataFrame], object]] = {
    "csv": lambda frame: frame.to_csv(io.BytesIO(), index=False, float_format="%.3f"),
    "ndjson": lambda frame: frame.to_json(io.BytesIO(), orient="records", lines=True, date_format="iso"),
    "parquet": lambda frame: frame.to_parquet(io.BytesIO(), compression="zstd", index=False),
    "xlsx": _excel,
}
"""Pandas cannot write GS2."""


def _show_compared(compared: Iterable[Compared]) -> None:
    table_of = Table(title="Million values a second of processor time")
    for heading in ("form", "ours", "pandas", "pandas, with its frame", "values", "MB"):
        table_of.add_column(heading, justify="left" if heading == "form" else "right")
    for each in compared:
        table_of.add_row(
            each.form,
            f"{each.ours:.2f}",
            _shown(each.pandas),
            _shown(each.pandas_with_frame),
            f"{each.values:,}",
            f"{each.megabytes:.1f}",
        )
    Console(width=120).print(table_of)


def _show_large(found: Iterable[Large]) -> None:
    table_of = Table(title="Many metering points × a day")
    for heading in ("form", "values", "MB", "MB of memory", "seconds to blobs"):
        table_of.add_column(heading, justify="left" if heading == "form" else "right")
    for each in found:
        table_of.add_row(
            each.form,
            f"{each.values:,}",
            f"{each.megabytes:.1f}",
            f"{each.memory_megabytes:.0f}",
            "" if each.blob_seconds is None else f"{each.blob_seconds:.1f}",
        )
    Console(width=120).print(table_of)


def _shown(speed: float | None) -> str:
    return "" if speed is None else f"{speed:.2f}"
