"""Loading and publishing deliveries: `python3 dev.py bench publish [--metering-points N] [--runs N]`.

From the file to data that readers see, each time in a process of its own, side by side in one run:
- this: every check, staged, taken in, packed and published as versioned market days (DuckDB);
- the usual way: a pydantic model for each row, upserted with SQLAlchemy as hourly rows with a key, ten
  thousand at a time (SQLite, which takes rows faster than most servers do). Nothing is packed or versioned,
  and readers cannot see what changed; a fault has no line number.

Then how cost grows with what is stored and with what is delivered, how much memory a load takes, and a large
file that the app reads beside one that the warehouse reads itself (`--only-large --large 500000`: 48 million
values, which only the warehouse reads).
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.apparatus import delivered, history, loaders, measuring
from bench.apparatus.loaders import Took
from shared.deliveries import intake
from shared.periods import ONE_DAY

DAY = date(2026, 11, 20)
STORED_DAYS = (3, 30, 300)
DELIVERED_DAYS = (1, 10, 100)


@dataclass(frozen=True)
class Compared:
    """A delivery in both ways: the medians of some runs."""

    delivery: str
    values: int
    times_faster: float
    times_less_processor: float
    this: Took
    usual: Took


@dataclass(frozen=True)
class Grown:
    """One delivery on more and more stored days, or larger and larger deliveries on none.

    Growth is given in processor time, which other work on the machine affects least.
    """

    what: str
    stored_values: int
    values: int
    times_the_first: float
    this: Took


@dataclass(frozen=True)
class Held:
    """The most memory that a load has: all of it, and what reading and checking alone take."""

    file: str
    values: int
    megabytes: float
    checking_megabytes: float


@dataclass(frozen=True)
class Large:
    """A day in quarters of an hour, by who reads its file."""

    read_by: str
    values: int
    file_megabytes: float
    this: Took


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metering-points", type=int, default=20_000, help="of the day compared")
    parser.add_argument("--runs", type=int, default=3, help="of each way")
    parser.add_argument("--days", type=int, nargs="+", default=DELIVERED_DAYS, help="delivered in one file")
    parser.add_argument(
        "--large", type=int, default=20_000, metavar="N", help="metering points of a day in quarters"
    )
    parser.add_argument("--only-large", action="store_true", help="nothing but that day")
    arguments = parser.parse_args()
    if arguments.only_large:
        with tempfile.TemporaryDirectory() as name:
            show_large(compare_large(Path(name), points=arguments.large), Console(width=130))
        return
    console, tenth = Console(width=130), arguments.metering_points // 10
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compared = compare(folder, points=arguments.metering_points, runs=arguments.runs)
        show_compared(compared, console, points=arguments.metering_points, runs=arguments.runs)
        grown = [
            *grow_stored(folder, points=tenth),
            *grow_delivered(folder, points=tenth, days=arguments.days),
        ]
        show_grown(grown, console, points=tenth)
        held = list(hold(folder, points=tenth, days=arguments.days))
        show_held(held, console)
        large = list(compare_large(folder, points=arguments.large))
        show_large(large, console)
    kept = {
        "compared": [asdict(each) for each in compared],
        "grown": [asdict(each) for each in grown],
        "held": [asdict(each) for each in held],
        "large": [asdict(each) for each in large],
    }
    measuring.write("publish", kept)


def compare(folder: Path, *, points: int, runs: int) -> list[Compared]:
    """Return a day, and then a correction of a hundredth of it, in both ways; the ways take turns.

    A day of one metering point and a correction of it come first and are not counted: each way is measured in
    a process that has done such work before. The embedded engine translates each statement once.
    """
    warming = (
        delivered.write(folder / "warming.csv", points=1, days=[DAY - ONE_DAY]),
        delivered.write_correction(folder / "warming-correction.csv", points=1, day=DAY - ONE_DAY, share=0.1),
    )
    files = {
        "a day": delivered.write(folder / "day.csv", points=points, days=[DAY]),
        "a correction of 1 % of it": delivered.write_correction(
            folder / "correction.csv", points=points, day=DAY, share=0.01
        ),
    }
    taken: dict[str, list[list[Took]]] = {"ours": [], "usual": []}
    for run in range(runs):
        for way, of_way in taken.items():
            took = loaders.taken(way, folder / f"{way}-{run}.db", *warming, *files.values())
            of_way.append(took[len(warming) :])
    return [
        _compared(
            name,
            values(file),
            this=_median([run[place] for run in taken["ours"]]),
            usual=_median([run[place] for run in taken["usual"]]),
        )
        for place, (name, file) in enumerate(files.items())
    ]


def _compared(name: str, count: int, *, this: Took, usual: Took) -> Compared:
    faster = usual.seconds / this.seconds
    return Compared(name, count, faster, usual.processor_seconds / this.processor_seconds, this, usual)


def grow_stored(folder: Path, *, points: int) -> Iterator[Grown]:
    """Yield a day, and a correction that also has an hour of the first day, on more and more stored days."""
    first: dict[str, float] = {}
    for days in STORED_DAYS:
        oldest = DAY - timedelta(days=days)
        warehouse = history.make(folder / f"stored-{days}.duckdb", points=points, first=oldest, days=days)
        # The first one wakes what is done now and then, such as sorting stored days again; it is not counted.
        warming = delivered.write(folder / "one.csv", points=1, days=[oldest], seed=3)
        files = {
            "a day": delivered.write(folder / "day.csv", points=points, days=[DAY]),
            "a correction of 1 % of it and of an hour of the oldest day": delivered.write_correction(
                folder / "correction.csv", points=points, day=DAY, share=0.01, also=oldest
            ),
        }
        took = loaders.taken("ours", warehouse, warming, *files.values())[1:]
        for (what, file), each in zip(files.items(), took, strict=True):
            times = each.processor_seconds / first.setdefault(what, each.processor_seconds)
            yield Grown(what, points * days * 24, values(file), times, each)


def grow_delivered(folder: Path, *, points: int, days: Sequence[int]) -> Iterator[Grown]:
    """Deliver more and more days at once, with nothing stored."""
    first = 0.0
    for count in days:
        file = _days(folder, points=points, count=count)
        (took,) = loaders.taken("ours", folder / f"delivered-{count}.duckdb", file)
        for_each = took.processor_seconds / values(file)
        first = first or for_each
        yield Grown(f"{count} days", 0, values(file), for_each / first, took)


def hold(folder: Path, *, points: int, days: Sequence[int]) -> Iterator[Held]:
    """Yield the memory of loading more and more days, as CSV and as Parquet."""
    for count in days:
        file = _days(folder, points=points, count=count)
        for name, each in (("CSV", file), ("Parquet", delivered.as_parquet(file))):
            (took,) = loaders.taken("ours", folder / f"held-{name}-{count}.duckdb", each)
            (checking,) = loaders.taken("checked", folder / "none", each)
            yield Held(name, values(file), took.peak_megabytes, checking.peak_megabytes)


def compare_large(folder: Path, *, points: int) -> Iterator[Large]:
    """Yield a day in quarters as the app reads it, and as the warehouse reads it.

    The app never reads a file above `intake.MAX_BYTES`.
    """
    file = delivered.write_quarters(folder / "quarters.csv", points=points, day=DAY)
    ways = {"the app": "ours", "the warehouse": "copied"}
    if file.stat().st_size > intake.MAX_BYTES:
        del ways["the app"]
    for read_by, way in ways.items():
        database = folder / f"{way}-large.duckdb"
        (took,) = loaders.taken(way, database, file)
        database.unlink()
        yield Large(read_by, points * 96, file.stat().st_size / 1e6, took)


def _days(folder: Path, *, points: int, count: int) -> Path:
    path = folder / f"{count}-days.csv"
    if path.exists():
        return path
    first = DAY - timedelta(days=count - 1)
    return delivered.write(path, points=points, days=delivered.days_from(first, count=count))


def values(file: Path) -> int:
    """Return how many values a CSV file has."""
    with file.open("rb") as lines:
        return sum(1 for _ in lines) - 1


def _median(took: Sequence[Took]) -> Took:
    each = [asdict(one) for one in took]
    return Took(**{name: statistics.median(one[name] for one in each) for name in each[0]})


def show_compared(compared: Sequence[Compared], console: Console, *, points: int, runs: int) -> None:
    """Print the ratios first."""
    table = Table(title=f"A day of {points:,} metering points, median of {runs} runs")
    for heading in (
        *("delivery", "values", "times faster than the usual way", "times less processor time"),
        *("load s", "publish s", "usual s", "processor s", "usual", "most memory MB", "usual"),
    ):
        table.add_column(heading, justify="left" if heading == "delivery" else "right")
    for each in compared:
        this, usual = each.this, each.usual
        table.add_row(
            *(
                each.delivery,
                f"{each.values:,}",
                f"{each.times_faster:.1f}",
                f"{each.times_less_processor:.1f}",
            ),
            *(f"{this.load_seconds:.2f}", f"{this.publish_seconds:.2f}", f"{usual.seconds:.2f}"),
            *(f"{this.processor_seconds:.2f}", f"{usual.processor_seconds:.2f}"),
            *(f"{this.peak_megabytes:.0f}", f"{usual.peak_megabytes:.0f}"),
        )
    console.print(table)


def show_grown(grown: Sequence[Grown], console: Console, *, points: int) -> None:
    """Print how the cost of a value grows with what is stored and with what is delivered."""
    table = Table(title=f"{points:,} metering points: on more stored values, and with more delivered ones")
    for heading in (
        *("delivery", "stored values", "values"),
        "times the processor time of the first (for each value where nothing is stored)",
        *("processor s", "load s", "publish s"),
    ):
        table.add_column(heading, justify="left" if heading == "delivery" else "right")
    for each in grown:
        table.add_row(
            *(each.what, f"{each.stored_values:,}", f"{each.values:,}", f"{each.times_the_first:.2f}"),
            f"{each.this.processor_seconds:.2f}",
            *(f"{each.this.load_seconds:.2f}", f"{each.this.publish_seconds:.2f}"),
        )
    console.print(table)


def show_held(held: Sequence[Held], console: Console) -> None:
    """Print the most memory that a load takes."""
    table = Table(title="The most memory of loading and publishing one file")
    for heading in ("file", "values", "MB with the engine's", "MB of reading and checking alone"):
        table.add_column(heading, justify="left" if heading == "file" else "right")
    for each in held:
        table.add_row(
            each.file, f"{each.values:,}", f"{each.megabytes:.0f}", f"{each.checking_megabytes:.0f}"
        )
    console.print(table)


def show_large(large: Iterable[Large], console: Console) -> None:
    """Print what a large file takes."""
    table = Table(title="A large file: a day in quarters of an hour (embedded engine)")
    for heading in ("read by", "values", "file MB", "load s", "publish s", "processor s", "most memory MB"):
        table.add_column(heading, justify="left" if heading == "read by" else "right")
    for each in large:
        table.add_row(
            *(each.read_by, f"{each.values:,}", f"{each.file_megabytes:,.0f}"),
            *(f"{each.this.load_seconds:.1f}", f"{each.this.publish_seconds:.1f}"),
            *(f"{each.this.processor_seconds:.1f}", f"{each.this.peak_megabytes:,.0f}"),
        )
    console.print(table)


if __name__ == "__main__":
    main()
